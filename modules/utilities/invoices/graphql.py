"""Invoices of bills in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.app import App
from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    parse_id,
    query,
    signed_in,
    view,
)
from modules.utilities.invoices import domain, service
from modules.utilities.invoices.domain import Buyer
from modules.utilities.invoices.models import BillInvoice as InvoiceRow

view(domain.InvoiceState, name="BillInvoiceState")

PaymentId = Annotated[strawberry.ID, strawberry.argument(description="The payment's id.")]
TaxNo = Annotated[
    str | None, strawberry.argument(description="A company's unified social credit code.")
]


@strawberry.type(description="The electronic invoice of a bill payment.")
class BillInvoice:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")
    state: domain.InvoiceState = strawberry.field(description="How far it is.")
    title: str = strawberry.field(description="To whom it is made out.")
    tax_no: str | None = strawberry.field(description="The company's number, where it is one.")
    invoice_no: str | None = strawberry.field(description="Its number, once issued.")
    url: str | None = strawberry.field(description="Where the biller shows it, once issued.")
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    issued_at: datetime | None = strawberry.field(description="When the biller issued it.")
    reason: str | None = strawberry.field(description="Why it was refused, a stable code.")


@strawberry.type(description="The biller is asked for the invoice.")
class BillInvoiceRequested:
    invoice: BillInvoice = strawberry.field(description="The request.")


RequestBillInvoiceResult = Annotated[
    BillInvoiceRequested | Refused, strawberry.union("RequestBillInvoiceResult")
]


@strawberry.type
class Query:
    """The query fields of invoices."""

    @query(signed_in(), description="The invoice of one of the viewer's bill payments.")
    async def bill_invoice(self, info: Info, payment_id: PaymentId) -> BillInvoice | None:
        """Null where none was asked for."""
        row = await service.find_invoice(info.context, parse_id(payment_id))
        return _invoice(info.context.app, row) if row else None


@strawberry.type
class Mutation:
    """The mutation fields of invoices."""

    @mutation(signed_in(), description="Ask the biller for the invoice of a bill payment, once.")
    async def request_bill_invoice(
        self,
        info: Info,
        payment_id: PaymentId,
        title: Annotated[
            str, strawberry.argument(description="The buyer's name, up to 100 characters.")
        ],
        idempotency_key: IdempotencyKey,
        tax_no: TaxNo = None,
    ) -> RequestBillInvoiceResult:
        """Possible once the biller has booked the payment and nothing of it went back."""
        row = await service.request_invoice(
            info.context, parse_id(payment_id), Buyer(title, tax_no), idempotency_key
        )
        return BillInvoiceRequested(invoice=_invoice(info.context.app, row))


def _invoice(app: App, row: InvoiceRow) -> BillInvoice:
    buyer = service.buyer_of(app, row)
    return BillInvoice(
        payment_id=strawberry.ID(str(row.intent_id)),
        state=domain.InvoiceState(row.state),
        title=buyer.title,
        tax_no=buyer.tax_no,
        invoice_no=row.invoice_no,
        url=row.invoice_url,
        requested_at=row.requested_at,
        issued_at=row.issued_at,
        reason=row.reason,
    )
