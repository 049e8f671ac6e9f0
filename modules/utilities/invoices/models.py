"""The table of requested invoices."""

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

BUYER = "bills.invoice_buyer"


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


PERSONAL = PersonalData("bills", (INVOICES,))
