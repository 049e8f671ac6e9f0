"""The tables of bills."""

from tortoise import fields
from tortoise.models import Model


class Bill(Model):
    """A bill as its biller last told it."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=16)
    bill_no = fields.CharField(max_length=64)
    account_no = fields.CharField(max_length=32)
    period = fields.CharField(max_length=16)
    total_fen = fields.BigIntField()
    least_part_fen = fields.BigIntField(null=True)
    status = fields.CharField(max_length=16)
    seen_at = fields.DatetimeField()
    seen_turn = fields.BigIntField(null=True)
    """The turn drawn before its biller was asked; null where that was before there were turns."""

    class Meta:
        table = "bills_bill"
        unique_together = (("kind", "bill_no"),)
