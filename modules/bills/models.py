"""The tables of bills."""

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import DELETED, PersonalTable, Sealed, Stays, Through, section

SPOT = "bills.outage_watch"
BUYER = "bills.invoice_buyer"


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


ACCOUNTS = PersonalTable(
    AccountLink,
    owner="citizen_id",
    exported=section(
        "accounts",
        *("kind", "account_no", "label", "holder_masked", "address_masked", "linked_at"),
    ),
    erased=DELETED,
)


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


REMINDERS = PersonalTable(
    Reminder,
    owner="citizen_id",
    exported=section("reminders", "days_before", "min_amount_fen", "sms", "created_at"),
    erased=DELETED,
)


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


REMINDED = PersonalTable(
    Reminded,
    owner="citizen_id",
    exported=section("reminded", "bill_id", "stage", "amount_fen", "sent_at"),
    erased=DELETED,
)


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


WATCHES = PersonalTable(
    OutageWatch,
    owner="citizen_id",
    exported=section(
        "watched_places", "label", "kinds", at=lambda row: orjson.loads(row["spot_sealed"])
    ),
    sealed=(Sealed("spot_sealed", SPOT),),
    erased=DELETED,
)


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


INVOICES = PersonalTable(
    BillInvoice,
    owner="citizen_id",
    exported=section(
        "invoices",
        "invoice_no",
        "state",
        payment_id="intent_id",
        title=lambda row: orjson.loads(row["buyer_sealed"])[0],
        tax_no=lambda row: orjson.loads(row["buyer_sealed"])[1],
    ),
    sealed=(Sealed("buyer_sealed", BUYER),),
    erased=DELETED,
)

PERSONAL_TABLES = (
    ACCOUNTS,
    REMINDERS,
    REMINDED,
    WATCHES,
    AUTOPAYS,
    CHARGES,
    INVOICES,
)
