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


class Reminder(Model):
    """That a citizen is reminded of a linked account's bills, and how."""

    id = fields.UUIDField(primary_key=True)
    link_id = fields.UUIDField(unique=True)
    citizen_id = fields.UUIDField(db_index=True)
    days_before = fields.SmallIntField()
    min_amount_fen = fields.BigIntField()
    sms = fields.BooleanField()
    created_at = fields.DatetimeField()
    checked_on = fields.DateField(null=True)
    """The day on which the biller was last asked and answered."""
    tried_at = fields.DatetimeField(null=True, db_index=True)

    class Meta:
        table = "bills_reminder"


class Reminded(Model):
    """That a citizen was reminded of a bill: once ahead, once overdue."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    link_id = fields.UUIDField(db_index=True)
    bill_id = fields.UUIDField()
    stage = fields.CharField(max_length=8)
    amount_fen = fields.BigIntField()
    sms = fields.BooleanField()
    sent_at = fields.DatetimeField()

    class Meta:
        table = "bills_reminded"
        unique_together = (("citizen_id", "bill_id", "stage"),)


class OutageWatch(Model):
    """A place of whose outages a citizen is told: in plain only to about a kilometre."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    label = fields.CharField(max_length=16)
    kinds = fields.CharField(max_length=32)
    cell = fields.CharField(max_length=24, db_index=True)
    spot_sealed = fields.BinaryField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "bills_outage_watch"


class OutageNotice(Model):
    """That a citizen was told of an outage, or of its end."""

    key = fields.CharField(max_length=128, primary_key=True)
    outage_ref = fields.CharField(max_length=64)
    citizen_id = fields.UUIDField(db_index=True)
    stage = fields.CharField(max_length=16)
    told_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "bills_outage_notice"
        indexes = (("outage_ref", "citizen_id"),)


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


class BillInvoice(Model):
    """A request that a biller issues the invoice of a payment; name and number are sealed."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    intent_id = fields.UUIDField(unique=True)
    kind = fields.CharField(max_length=16)
    buyer_sealed = fields.BinaryField()
    state = fields.CharField(max_length=16)
    requested_at = fields.DatetimeField()
    attempts = fields.SmallIntField(default=0)
    request_no = fields.CharField(max_length=64, null=True)
    invoice_no = fields.CharField(max_length=64, null=True)
    invoice_url = fields.CharField(max_length=512, null=True)
    issued_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=32, null=True)

    class Meta:
        table = "bills_invoice"
