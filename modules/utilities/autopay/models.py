"""The tables of autopay."""

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import PersonalTable, Stays, Through, section


class Autopay(Model):
    """A payer's consent that the bills of a linked account are paid by themselves, and its limits.

    Never changed but for its state: other limits are another consent.
    """

    id = fields.UUIDField(primary_key=True)
    link_id = fields.UUIDField(db_index=True)
    citizen_id = fields.UUIDField(db_index=True)
    contract_id = fields.UUIDField()
    bill_ceiling_fen = fields.BigIntField()
    month_ceiling_fen = fields.BigIntField()
    text_version = fields.CharField(max_length=32)
    state = fields.CharField(max_length=16)
    agreed_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    end_reason = fields.CharField(max_length=32, null=True)
    looked_on = fields.DateField(null=True)

    class Meta:
        table = "bills_autopay"


AUTOPAYS = PersonalTable(
    Autopay,
    owner="citizen_id",
    exported=section(
        "autopay",
        *("id", "bill_ceiling_fen", "month_ceiling_fen", "text_version", "state"),
        *("agreed_at", "ended_at"),
    ),
    erased=Stays("those under which something was deducted; see personal_data.py"),
)


class AutopayCharge(Model):
    """One bill that autopay announced, pays or passed over."""

    id = fields.UUIDField(primary_key=True)
    autopay_id = fields.UUIDField()
    bill_id = fields.UUIDField(db_index=True)
    amount_fen = fields.BigIntField()
    month_on = fields.DateField()
    announced_at = fields.DatetimeField()
    pay_at = fields.DatetimeField()
    state = fields.CharField(max_length=16)
    reason = fields.CharField(max_length=32, null=True)
    intent_id = fields.UUIDField(null=True)

    class Meta:
        table = "bills_autopay_charge"
        unique_together = (("autopay_id", "bill_id"),)


CHARGES = PersonalTable(
    AutopayCharge,
    owner=Through("autopay_id", AUTOPAYS),
    exported=section(
        "autopay_charges",
        *("autopay_id", "bill_id", "amount_fen", "state", "reason", "announced_at", "pay_at"),
    ),
    erased=Stays("as long as its consent"),
)
