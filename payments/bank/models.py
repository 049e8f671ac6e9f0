"""The tables of the bank account. What they refuse stands in migration 0014."""

from tortoise import fields
from tortoise.models import Model


class Transfer(Model):
    """A payout on its way to the payee's account; its id is the payout's."""

    id = fields.UUIDField(primary_key=True)
    payee = fields.CharField(max_length=32)
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=16)
    tries = fields.IntField(default=0)
    """How often it was ordered; each order has an end-to-end number of its own."""
    order_ref = fields.CharField(max_length=35, null=True)
    """The message that ordered it last; it is told again under the same."""
    reason = fields.CharField(max_length=140, null=True)
    """Why the bank refused or returned it, as it says."""
    created_at = fields.DatetimeField()
    ordered_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_transfer"
        indexes = (("state", "id"),)


class OrderMessage(Model):
    """A message of orders as it was written: sent again, it is the same to the byte."""

    order_ref = fields.CharField(max_length=35, primary_key=True)
    body = fields.BinaryField()
    written_at = fields.DatetimeField()

    class Meta:
        table = "payments_order_message"


class BankStatement(Model):
    """A statement of the bank that was taken; statements follow one another without a gap."""

    id = fields.UUIDField(primary_key=True)
    account = fields.CharField(max_length=16)
    statement_ref = fields.CharField(max_length=64)
    booked_on = fields.DateField()
    opening_fen = fields.BigIntField()
    closing_fen = fields.BigIntField()
    entries = fields.IntField()
    taken_at = fields.DatetimeField()

    class Meta:
        table = "payments_bank_statement"
        unique_together = (("account", "statement_ref"),)


class BankEntry(Model):
    """One booking of the bank, and what it was taken for. Never changed."""

    id = fields.UUIDField(primary_key=True)
    statement_id = fields.UUIDField(db_index=True)
    account = fields.CharField(max_length=16)
    ref = fields.CharField(max_length=64)
    """The bank's own number of the booking; several may bear one."""
    booked_on = fields.DateField()
    amount_fen = fields.BigIntField()
    """Above zero: the bank credits us."""
    kind = fields.CharField(max_length=16)
    target = fields.CharField(max_length=48)
    """The PSP, or the transfer's id, that it was taken for; empty for others."""
    through_on = fields.DateField(null=True)
    """Of a PSP's settlement: the last day that it settles."""
    text = fields.CharField(max_length=140)
    journal_id = fields.UUIDField(null=True)

    class Meta:
        table = "payments_bank_entry"
