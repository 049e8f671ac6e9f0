"""The billers' invoices: see docs/upstreams/billers.md."""

from core.upstream.operation import Request, json_of
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.invoices.domain import BillerInvoice, Buyer

_WEB = ("https://", "http://")


def _with_web_address(invoice: BillerInvoice) -> BillerInvoice:
    if invoice.invoice_url is not None and not invoice.invoice_url.startswith(_WEB):
        raise ValueError("not a web address")
    return invoice


@BILLERS.operation(
    "POST", "/{kind}/invoices", answers=json_of(BillerInvoice).then(_with_web_address), safe=True
)
def apply_invoice(kind: UtilityKind, payment_ref: str, buyer: Buyer) -> Request:
    """Ask for the invoice of a payment. Refused with the biller's codes.

    Repeat-safe: a payment has one request, and asking again is also how one looks at it.
    """
    body = {"payment_ref": payment_ref, "title": buyer.title, "tax_no": buyer.tax_no}
    return Request(path={"kind": kind}, json=body)
