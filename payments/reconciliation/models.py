"""The tables of reconciliation. Lines of statements are not kept, what came of them is."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import PersonalTable, Stays


class Statement(Model):
    """What a source's statement of a day came to; looking again replaces it."""

    id = fields.BigIntField(primary_key=True)
    source = fields.CharField(max_length=32)
    booked_on = fields.DateField()
    digest = fields.CharField(max_length=64, null=True)
    """Of the plain file, in hexadecimal, as announced; null where none is announced."""
    lines = fields.IntField()
    matched = fields.IntField()
    awaited = fields.IntField()
    their_paid_fen = fields.BigIntField()
    their_refunded_fen = fields.BigIntField()
    their_fee_fen = fields.BigIntField()
    our_paid_fen = fields.BigIntField()
    our_refunded_fen = fields.BigIntField()
    hours: fields.Field[list[list[int]]] = fields.JSONField()
    """For each hour of the day: fen paid as they tell it, and as the ledger has it."""
    reconciled_at = fields.DatetimeField()
    duration_ms = fields.IntField()

    class Meta:
        table = "payments_statement"
        unique_together = (("source", "booked_on"),)


class Crossing(Model):
    """A booking near midnight: it may stand in the statement of any of several days."""

    id = fields.BigIntField(primary_key=True)
    source = fields.CharField(max_length=32)
    is_refund = fields.BooleanField()
    ref = fields.CharField(max_length=64)
    intent_id = fields.UUIDField()
    payee = fields.CharField(max_length=32)
    amount_fen = fields.BigIntField()
    at = fields.DatetimeField()
    first_on = fields.DateField()
    last_on = fields.DateField()
    booked_on = fields.DateField(null=True)
    """The day in whose statement it was found; null as long as it is awaited."""

    class Meta:
        table = "payments_crossing"
        unique_together = (("source", "is_refund", "ref"),)
        indexes = (("source", "first_on"),)


class Case(Model):
    """A difference between a statement and the ledger; one a day, kind and booking."""

    id = fields.BigIntField(primary_key=True)
    source = fields.CharField(max_length=32)
    booked_on = fields.DateField()
    kind = fields.CharField(max_length=16)
    is_refund = fields.BooleanField()
    ref = fields.CharField(max_length=64)
    their_ref = fields.CharField(max_length=64, null=True)
    intent_id = fields.UUIDField(null=True)
    payee = fields.CharField(max_length=32, null=True)
    blocking = fields.BooleanField()
    crossing = fields.BooleanField()
    """Whether it was awaited over a midnight before it was held for missing."""
    our_fen = fields.BigIntField(null=True)
    their_fen = fields.BigIntField(null=True)
    our_at = fields.DatetimeField(null=True)
    their_at = fields.DatetimeField(null=True)
    state = fields.CharField(max_length=16)
    opened_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_case"
        unique_together = (("source", "booked_on", "kind", "is_refund", "ref"),)
        indexes = (("state", "payee"),)


class CaseNote(Model):
    """One step of a case: who, when, what, why. Never changed."""

    id = fields.BigIntField(primary_key=True)
    case_id = fields.BigIntField(db_index=True)
    at = fields.DatetimeField()
    actor = fields.CharField(max_length=64)
    event = fields.CharField(max_length=16)
    resolution = fields.CharField(max_length=16, null=True)
    note = fields.CharField(max_length=500)

    class Meta:
        table = "payments_case_note"


class Correction(Model):
    """How a case is to be closed: proposed by one member of staff, decided by another."""

    id = fields.UUIDField(primary_key=True)
    case_id = fields.BigIntField(db_index=True)
    kind = fields.CharField(max_length=16)
    our_fen = fields.BigIntField(null=True)
    their_fen = fields.BigIntField(null=True)
    """The case's figures on which it was proposed, with `our_fen`."""
    note = fields.CharField(max_length=500)
    state = fields.CharField(max_length=16)
    proposed_by = fields.UUIDField()
    proposed_at = fields.DatetimeField()
    decided_by = fields.UUIDField(null=True)
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_correction"


CORRECTIONS = PersonalTable(
    Correction,
    owner=("proposed_by", "decided_by"),
    merged=False,
    erased=Stays("which two members of staff closed a case: with the vouchers"),
)

PERSONAL = PersonalData("payments", (CORRECTIONS,))


class Payout(Model):
    """The instruction to pay a payee what it was owed for a day. Never changed."""

    id = fields.UUIDField(primary_key=True)
    payee = fields.CharField(max_length=32)
    settled_on = fields.DateField()
    payments = fields.IntField()
    fulfilled_fen = fields.BigIntField()
    reversed_fen = fields.BigIntField()
    claimed_fen = fields.BigIntField()
    fee_fen = fields.BigIntField()
    amount_fen = fields.BigIntField()
    journal_id = fields.UUIDField(null=True)
    instructed_at = fields.DatetimeField()

    class Meta:
        table = "payments_payout"
        unique_together = (("payee", "settled_on"),)
