"""The billers' invoices: see docs/upstreams/billers.md."""

from core.upstream.operation import Request, json_of
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.invoices.domain import BillerInvoice, Buyer

_WEB = ("https://", "http://")


def is_web_address(url: str) -> bool:
    """Whether an address may be shown as a link."""
    return url.startswith(_WEB)


def _with_web_address(invoice: BillerInvoice) -> BillerInvoice:
    if invoice.invoice_url is not None and not is_web_address(invoice.invoice_url):
        raise ValueError("not a web address")
    return invoice


@BILLERS.operation(
    "POST", "/{kind}/invoices", answers=json_of(BillerInvoice).then(_with_web_address), safe=True
)
def apply_invoice(
    kind: UtilityKind, payment_ref: str, buyer: Buyer, request_ref: str | None = None
) -> Request:
    """Ask for the invoice of a payment. Refused with the biller's codes.

    `request_ref` names the request of another one after the first was cancelled. Repeat-safe: each
    is one request, and asking again is also how one looks at it.
    """
    body = {"payment_ref": payment_ref, "title": buyer.title, "tax_no": buyer.tax_no}
    if request_ref is not None:
        body["request_ref"] = request_ref
    return Request(path={"kind": kind}, json=body)
