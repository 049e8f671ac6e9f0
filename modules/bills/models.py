"""The tables of bills."""

from tortoise import fields
from tortoise.models import Model


class AccountLink(Model):
    """A citizen's link to a household's account: their own home's, or their parents'."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    kind = fields.CharField(max_length=16)
    account_no = fields.CharField(max_length=32)
    label = fields.CharField(max_length=16)
    holder_masked = fields.CharField(max_length=64)
    address_masked = fields.CharField(max_length=128)
    linked_at = fields.DatetimeField()

    class Meta:
        table = "bills_account_link"
        unique_together = (("citizen_id", "kind", "account_no"),)


class Bill(Model):
    """A bill as its biller last told it."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=16)
    bill_no = fields.CharField(max_length=64)
    account_no = fields.CharField(max_length=32)
    period = fields.CharField(max_length=16)
    total_fen = fields.BigIntField()
    status = fields.CharField(max_length=16)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "bills_bill"
        unique_together = (("kind", "bill_no"),)
