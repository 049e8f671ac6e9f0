"""The tables of shares. What they refuse stands in migration 0021."""

from tortoise import fields
from tortoise.models import Model


class Share(Model):
    """The city's share of a payment; its id is the payment's, and its number at the PSP."""

    id = fields.UUIDField(primary_key=True)
    psp = fields.CharField(max_length=16)
    """The PSP at which our own merchant gets it."""
    receiver = fields.CharField(max_length=32)
    """That merchant."""
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=16)
    psp_ref = fields.CharField(max_length=64, null=True)
    reason = fields.CharField(max_length=64, default="")
    """Why there is none, in the PSP's own word."""
    attempts = fields.IntField(default=0)
    """How often it, or its release, was about to be asked for. Zero: certainly never."""
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    """When it was heard of as done."""
    due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_share"


class ShareReturn(Model):
    """What of a share goes back before a refund; its id is its number at the PSP."""

    id = fields.UUIDField(primary_key=True)
    share_id = fields.UUIDField(db_index=True)
    refund_id = fields.UUIDField()
    amount_fen = fields.BigIntField()
    state = fields.CharField(max_length=16)
    psp_ref = fields.CharField(max_length=64, null=True)
    reason = fields.CharField(max_length=64, default="")
    attempts = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    due_at = fields.DatetimeField(null=True)

    class Meta:
        table = "payments_share_return"
