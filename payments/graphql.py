"""Payments in GraphQL: one payment and how it goes."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.graphql import (
    After,
    Connection,
    Fen,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    subscription,
    view,
)
from core.texts import Locale
from payments import receipts, service, settlement
from payments.domain import INTENT, STATUS, PaymentMethod, PaymentStatus, Wish, method_of
from payments.models import Intent
from payments.psp.channels import PaymentChannel

view(PaymentStatus)

PaymentId = Annotated[strawberry.ID, strawberry.argument(description="The payment's id.")]


view(PaymentMethod)
view(PaymentChannel)

Method = Annotated[
    PaymentMethod | None,
    strawberry.argument(
        description=(
            "With whom to pay; unless told, the city's own preference. While that one does not "
            "answer another takes over: the payment's `method` tells. Of a payment that is open "
            "already, with a new key: change to this one. With whom a payee cannot be paid is "
            "refused as CHANNEL_NOT_OFFERED."
        )
    ),
]
"""An optional argument of mutations that begin a payment."""


@strawberry.input(description="From where the payer pays.")
class PaymentChannelInput:
    kind: PaymentChannel = strawberry.field(description="Where the payer is.")
    openid: str | None = strawberry.field(
        default=None,
        description="Inside WeChat: the payer's openid at the page's or mini-programme's appid.",
    )


Channel = Annotated[
    PaymentChannelInput | None,
    strawberry.argument(
        description=(
            "From where the payer pays; unless told, from a browser. One that is not offered is "
            "refused as CHANNEL_NOT_OFFERED. Another than that of a payment which is open already "
            "closes that one."
        )
    ),
]
"""Goes with `Method`."""


def wish_of(method: PaymentMethod | None, channel: PaymentChannelInput | None) -> Wish:
    """What both arguments say."""
    if channel is None:
        return Wish(method)
    return Wish(method, channel.kind, channel.openid)


@strawberry.type(description="A payment of the viewer.")
class Payment:
    id: strawberry.ID = strawberry.field(description="The payment's id.")
    title: str = strawberry.field(description="What is paid for, in the viewer's language.")
    amount: Fen = strawberry.field(description="The amount.")
    part_of: Fen | None = strawberry.field(
        description="All that was open when it began, where it pays a part of that; null otherwise."
    )
    status: PaymentStatus = strawberry.field(description="How it goes.")
    method: PaymentMethod = strawberry.field(description="Whose cashier it goes through.")
    channel: PaymentChannel = strawberry.field(description="From where it is paid.")
    cashier_url: str | None = strawberry.field(
        description="Where to pay in a browser; null unless the status is AWAITING_PAYMENT."
    )
    sdk_call: str | None = strawberry.field(
        description="In an app or inside WeChat, what the SDK is called with: JSON with the "
        "parameters of WeChat Pay, Alipay's order text; null unless the status is AWAITING_PAYMENT."
    )
    expires_at: datetime = strawberry.field(description="When the cashier closes.")
    paid_at: datetime | None = strawberry.field(description="When it was paid.")
    receipt_no: str | None = strawberry.field(
        description="The receipt's number; a moment after the payee has booked the payment."
    )
    receipt_ref: str | None = strawberry.field(description="The payee's own number for it.")
    refunded: Fen = strawberry.field(description="How much has gone back.")
    reason: str | None = strawberry.field(
        description="Why it was not carried out, a stable code; null while all is well."
    )


@strawberry.type(description="The receipt of a payment that its payee has booked.")
class PaymentReceipt:
    receipt_no: str = strawberry.field(description="Its number, in a series without gaps.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    payee_ref: str = strawberry.field(description="The payee's own number for the payment.")
    psp_ref: str = strawberry.field(description="The payment's number at the PSP.")
    pdf_path: str = strawberry.field(
        description="Where the receipt is fetched as PDF, with the same Authorization header."
    )
    payment: Payment = strawberry.field(description="What was paid; refunds included.")
    note: str = strawberry.field(
        description="What it is good for; of a fine, where its fiscal e-receipt is looked up."
    )


def to_payment(intent: Intent, locale: Locale) -> Payment:
    """An intent as its payer sees it."""
    channel = PaymentChannel(intent.channel)
    cashier = intent.cashier_url if intent.state == "awaiting" else None
    in_browser = channel is PaymentChannel.BROWSER
    return Payment(
        id=strawberry.ID(str(intent.id)),
        title=intent.title_zh if locale is Locale.ZH else intent.title_en,
        amount=Fen(intent.amount_fen),
        part_of=Fen(intent.owed_fen) if intent.owed_fen and intent.is_part else None,
        status=STATUS[intent.state],
        method=method_of(intent.psp),
        channel=channel,
        cashier_url=cashier if in_browser else None,
        sdk_call=None if in_browser else cashier,
        expires_at=intent.expires_at,
        paid_at=intent.paid_at,
        receipt_no=intent.receipt_no,
        receipt_ref=intent.fulfilment_ref,
        refunded=Fen(intent.refunded_fen),
        reason=intent.refusal,
    )


async def follow_payment(call: Call, intent_id: UUID) -> AsyncGenerator[Payment]:
    """A payment now and whenever its payer would see something else, until nothing can change any
    more. Raises NotFound."""
    last = None
    async with aclosing(call.app.bus.wakes(settlement.topic(intent_id))) as wakes:
        async for _ in wakes:
            intent = await service.get_payment(call, intent_id)
            payment = to_payment(intent, call.locale)
            if payment != last:
                last = payment
                yield payment
            if intent.state in INTENT.final:
                return


@strawberry.type
class Query:
    """The query fields of payments."""

    @query(signed_in(), description="One of the viewer's payments.")
    async def payment(self, info: Info, id: PaymentId) -> Payment:
        """A payment by id; somebody else's is not found."""
        intent = await service.get_payment(info.context, parse_id(id))
        return to_payment(intent, info.context.locale)

    @query(signed_in(), description="The receipt of one of the viewer's payments.")
    async def payment_receipt(self, info: Info, payment_id: PaymentId) -> PaymentReceipt:
        """Not found until the payee has booked the payment."""
        receipt = await receipts.get_receipt(info.context, parse_id(payment_id))
        intent = receipt.payment
        return PaymentReceipt(
            receipt_no=receipt.receipt_no,
            issued_at=receipt.issued_at,
            payee_ref=intent.fulfilment_ref or "",
            psp_ref=intent.psp_ref or "",
            pdf_path=f"/receipts/{intent.id}.pdf",
            payment=to_payment(intent, info.context.locale),
            note=receipt.note(info.context.app).say(info.context.locale),
        )

    @query(signed_in(), description="The viewer's payments, newest first.")
    async def payments(self, info: Info, first: First, after: After = None) -> Connection[Payment]:
        """All payments, those that came to nothing included."""
        first = page_size(first)
        before = parse_id(after) if after else None
        call = info.context
        rows = await service.list_payments(call, first=first + 1, before=before)
        return connection(
            rows,
            first,
            lambda row: str(row.id),
            lambda row: to_payment(row, call.locale),
            after=after,
        )


@strawberry.type(description="The payment is ended, or being ended.")
class PaymentCancelled:
    payment: Payment = strawberry.field(
        description="CANCELLING until the PSP has closed its cashier; what is paid meanwhile goes "
        "back."
    )


CancelPaymentResult = Annotated[
    PaymentCancelled | Refused,
    strawberry.union("CancelPaymentResult", description="The payment, or why not."),
]


@strawberry.type
class Mutation:
    """The mutation fields of payments."""

    @mutation(signed_in(), description="End one of the viewer's payments before it is paid.")
    async def cancel_payment(
        self, info: Info, id: PaymentId, idempotency_key: IdempotencyKey
    ) -> CancelPaymentResult:
        """What it was for can be paid anew at once. Cancelling twice is cancelling once."""
        intent = await service.cancel_payment(info.context, parse_id(id))
        return PaymentCancelled(payment=to_payment(intent, info.context.locale))


@strawberry.type
class Subscription:
    """The subscription fields of payments."""

    @subscription(signed_in(), description="One of the viewer's payments: now, and at each change.")
    async def payment_changed(self, info: Info, id: PaymentId) -> AsyncIterator[Payment]:
        """The payment as it is, then after each change, whichever process made it."""
        async for payment in follow_payment(info.context, parse_id(id)):
            yield payment
