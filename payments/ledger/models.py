"""The tables of closed days. What they refuse stands in migration 0013."""

from tortoise import fields
from tortoise.models import Model


class Closing(Model):
    """A closed day: nothing is posted into it, or into any day before it, any more."""

    closed_on = fields.DateField(primary_key=True)
    closed_at = fields.DatetimeField()
    closed_by = fields.CharField(max_length=64)
    carried_at = fields.DatetimeField(null=True)
    """When the balances of the day's end were written; until then only the day is locked."""

    class Meta:
        table = "payments_closing"


class ClosingBalance(Model):
    """All that was ever posted to an account until a closed day's end; payers are one line."""

    id = fields.BigIntField(primary_key=True)
    closed_on = fields.DateField()
    code = fields.CharField(max_length=96)
    debit_fen = fields.BigIntField()
    credit_fen = fields.BigIntField()

    class Meta:
        table = "payments_closing_balance"
        unique_together = (("closed_on", "code"),)
