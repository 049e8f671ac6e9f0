"""Re-issues of invoices in GraphQL."""

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
from modules.utilities.invoices.domain import Buyer
from modules.utilities.invoices.graphql import PaymentId, TaxNo
from modules.utilities.invoices.service import opened
from modules.utilities.reissues import domain, service
from modules.utilities.reissues.models import InvoiceReissue

view(domain.ReissueState, name="BillInvoiceReissueState")


@strawberry.type(description="That an invoice is cancelled and issued anew in another name.")
class BillInvoiceReissue:
    id: strawberry.ID = strawberry.field(description="The re-issue's id.")
    state: domain.ReissueState = strawberry.field(description="How far it is.")
    title: str = strawberry.field(description="To whom the new invoice is made out.")
    tax_no: str | None = strawberry.field(description="The company's number, where it is one.")
    old_title: str = strawberry.field(description="To whom the old one was made out.")
    old_invoice_no: str = strawberry.field(description="The old one's number.")
    old_url: str = strawberry.field(description="Where the biller shows the old one.")
    red_invoice_no: str | None = strawberry.field(
        description="The number of the red-letter invoice that cancels the old one."
    )
    red_url: str | None = strawberry.field(description="Where the biller shows that.")
    confirm_by: datetime | None = strawberry.field(
        description="Until when the old one's buyer has to confirm, where they have used it."
    )
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    ended_at: datetime | None = strawberry.field(description="When it was issued or refused.")
    reason: str | None = strawberry.field(description="Why it was refused, a stable code.")


@strawberry.type(description="The biller is asked to re-issue the invoice.")
class BillInvoiceReissueRequested:
    reissue: BillInvoiceReissue = strawberry.field(description="The request.")


ReissueBillInvoiceResult = Annotated[
    BillInvoiceReissueRequested | Refused, strawberry.union("ReissueBillInvoiceResult")
]


@strawberry.type
class Query:
    """The query fields of re-issues."""

    @query(
        signed_in(),
        description="The re-issues of the invoice of one of the viewer's bill payments, newest "
        "first: three, and what was refused.",
    )
    async def bill_invoice_reissues(
        self, info: Info, payment_id: PaymentId
    ) -> list[BillInvoiceReissue]:
        """Empty where none was asked for."""
        rows = await service.list_reissues(info.context, parse_id(payment_id))
        return [_reissue(info.context.app, row) for row in rows]


@strawberry.type
class Mutation:
    """The mutation fields of re-issues."""

    @mutation(
        signed_in(),
        description="Ask the biller to cancel the invoice of a bill payment by a red-letter one "
        "and to issue it in another name.",
    )
    async def reissue_bill_invoice(
        self,
        info: Info,
        payment_id: PaymentId,
        title: Annotated[
            str, strawberry.argument(description="The new buyer's name, up to 100 characters.")
        ],
        idempotency_key: IdempotencyKey,
        tax_no: TaxNo = None,
    ) -> ReissueBillInvoiceResult:
        """Three times at most, one at a time; its buyer confirms where they have used it."""
        row = await service.request_reissue(
            info.context, parse_id(payment_id), Buyer(title, tax_no), idempotency_key
        )
        return BillInvoiceReissueRequested(reissue=_reissue(info.context.app, row))


def _reissue(app: App, row: InvoiceReissue) -> BillInvoiceReissue:
    buyer, old = opened(app, row.buyer_sealed), opened(app, row.old_buyer_sealed)
    return BillInvoiceReissue(
        id=strawberry.ID(str(row.id)),
        state=domain.ReissueState(row.state),
        title=buyer.title,
        tax_no=buyer.tax_no,
        old_title=old.title,
        old_invoice_no=row.old_invoice_no,
        old_url=row.old_invoice_url,
        red_invoice_no=row.red_invoice_no,
        red_url=row.red_invoice_url,
        confirm_by=row.confirm_by,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
        reason=row.reason,
    )
