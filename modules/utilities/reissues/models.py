"""The table of re-issues, the history of an invoice; what it refuses stands in migration 0007."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section
from modules.utilities.invoices.models import BUYER


class InvoiceReissue(Model):
    """That an invoice is cancelled and issued anew in another name; its id is our reference."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    invoice_id = fields.UUIDField()
    no = fields.SmallIntField(null=True)
    """The how-manieth of its invoice; null once it is refused."""
    buyer_sealed = fields.BinaryField()
    old_buyer_sealed = fields.BinaryField()
    old_invoice_no = fields.CharField(max_length=64)
    old_invoice_url = fields.CharField(max_length=512)
    old_issued_at = fields.DatetimeField(null=True)
    state = fields.CharField(max_length=16)
    requested_at = fields.DatetimeField()
    attempts = fields.SmallIntField(default=0)
    names = fields.SmallIntField(default=0)
    """How many names the biller has refused for the new one: each is a request of its own."""
    confirm_by = fields.DatetimeField(null=True)
    red_invoice_no = fields.CharField(max_length=64, null=True)
    red_invoice_url = fields.CharField(max_length=512, null=True)
    red_issued_at = fields.DatetimeField(null=True)
    reason = fields.CharField(max_length=32, null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "bills_invoice_reissue"
        unique_together = (("invoice_id", "no"),)

    @property
    def red_ref(self) -> str:
        """What the biller knows the cancelling by."""
        return self.id.hex

    @property
    def request_ref(self) -> str:
        """What the biller knows the request of the new invoice by."""
        return f"{self.id.hex}-{self.names}"


def _of(column: str, position: int) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: orjson.loads(row[column])[position]


REISSUES = PersonalTable(
    InvoiceReissue,
    owner="citizen_id",
    exported=section(
        "invoice_reissues",
        *("old_invoice_no", "red_invoice_no", "state", "requested_at", "ended_at"),
        title=_of("buyer_sealed", 0),
        tax_no=_of("buyer_sealed", 1),
        old_title=_of("old_buyer_sealed", 0),
        old_tax_no=_of("old_buyer_sealed", 1),
    ),
    sealed=(Sealed("buyer_sealed", BUYER), Sealed("old_buyer_sealed", BUYER)),
    erased=DELETED,
)


PERSONAL = PersonalData("bills", (REISSUES,))
