"""The billers' invoices: see docs/upstreams/billers.md."""

from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, UpstreamFailed
from modules.bills.domain import UtilityKind
from modules.bills.invoices.domain import BillerInvoice, Buyer

_INVOICE = TypeAdapter(BillerInvoice)
_WEB = ("https://", "http://")


class Invoices(Protocol):
    """What bills needs of the billers' invoicing. All methods raise UpstreamError."""

    async def apply(
        self, kind: UtilityKind, payment_ref: str, buyer: Buyer, deadline: Deadline
    ) -> BillerInvoice:
        """Ask for the invoice of a payment. Repeat-safe: a payment has one request.

        Raises UpstreamRejected for the biller's refusals (see its `code`).
        """
        ...


class InvoicesClient:
    """The billers over HTTP."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("billers", address)

    async def apply(
        self, kind: UtilityKind, payment_ref: str, buyer: Buyer, deadline: Deadline
    ) -> BillerInvoice:
        """See the protocol. Asking again is also how one looks: the request is the same."""
        answer = await self._http.request(
            "POST",
            f"/{kind.value}/invoices",
            operation="apply_invoice",
            json={"payment_ref": payment_ref, "title": buyer.title, "tax_no": buyer.tax_no},
            deadline=deadline,
            safe=True,
        )
        return _read(answer)


def _read(answer: Response) -> BillerInvoice:
    try:
        invoice = _INVOICE.validate_python(answer.json())
    except ValidationError:
        raise UpstreamFailed(answer.upstream, answer.operation, "unknown form") from None
    if invoice.invoice_url is not None and not invoice.invoice_url.startswith(_WEB):
        raise UpstreamFailed(answer.upstream, answer.operation, "not a web address")
    return invoice
