"""The tables of the partner banks: who they are, what they have sent once, what was answered."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import PersonalTable, Sealed, Stays

REPLY = "credit.partner_reply"


class Bank(Model):
    """A bank that may call: its keys, or where they are, and what it may do.

    `keys` are those that were read last; with `keys_url` they are read again from there.
    """

    id = fields.CharField(max_length=64, primary_key=True)
    name_zh = fields.CharField(max_length=64)
    name_en = fields.CharField(max_length=64)
    scopes = fields.JSONField[list[str]]()
    keys = fields.JSONField[list[dict[str, Any]]]()
    keys_url = fields.CharField(max_length=512, null=True)
    keys_read_at = fields.DatetimeField(null=True)
    keys_tried_at = fields.DatetimeField(null=True)
    endpoint_id = fields.UUIDField(null=True)
    is_sandbox = fields.BooleanField()
    created_at = fields.DatetimeField()
    suspended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "credit_partner_bank"


class ProofUse(Model):
    """A proof or assertion that was used, until it could not be used again anyway."""

    use_key = fields.CharField(max_length=64, primary_key=True)
    forget_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "credit_partner_proof_use"


class Reply(Model):
    """What a bank's idempotency key stands for: a request, and its answer once there is one.

    Without an answer the request is under way until `busy_until`.
    """

    id = fields.UUIDField(primary_key=True)
    bank_id = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64)
    request_hash = fields.BinaryField()
    busy_until = fields.DatetimeField()
    status = fields.IntField(null=True)
    headers = fields.JSONField[dict[str, str]](null=True)
    body_sealed = fields.BinaryField(null=True)
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "credit_partner_reply"
        unique_together = (("bank_id", "key"),)


class OverdueReport(Model):
    """What a bank says is overdue of a loan at the end of a day.

    Whether our books bear it out is asked of them anew: what is recorded later may count for it.
    """

    id = fields.UUIDField(primary_key=True)
    bank_id = fields.CharField(max_length=64)
    loan_id = fields.UUIDField()
    day_on = fields.DateField()
    overdue_fen = fields.BigIntField()
    days_overdue = fields.IntField()
    reported_at = fields.DatetimeField()

    class Meta:
        table = "credit_partner_overdue_report"
        unique_together = (("loan_id", "day_on"),)
        indexes = (("bank_id", "day_on"),)


class ReconciliationFile(Model):
    """A bank's file of a day, the last one it sent. `lines` is JSON."""

    id = fields.UUIDField(primary_key=True)
    bank_id = fields.CharField(max_length=64)
    day_on = fields.DateField()
    lines = fields.TextField()
    received_at = fields.DatetimeField()

    class Meta:
        table = "credit_partner_reconciliation_file"
        unique_together = (("bank_id", "day_on"),)


REPLIES = PersonalTable(
    Reply,
    owner="id",  # of banks, not of people: no account has the id of one
    sealed=(Sealed("body_sealed", REPLY),),
    erased=Stays("an answer to a bank, dropped after a day"),
)

PERSONAL = PersonalData("credit", (REPLIES,))
