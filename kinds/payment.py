"""A service that is paid for: what is due, how the payee is told, what happens when it has ended.

A module gives a `Payable` (what is due, how it is passed on) and the `Endings` of its kinds. The
saga between the two is payments'; the form of the payee's answer and the messages are here.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry
import structlog

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.graphql import IdempotencyKey, Info, mutation, of_service
from core.graphql import Refused as Refusals
from core.money import format_yuan
from core.people.directory import find_person
from core.queue.events import on
from core.queue.jobs import Lane
from core.rooms import ExtensionPoint
from core.texts import Text
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.operation import Operation, Request, System, json_of
from notifications import api as notifications
from notifications.api import MessageClass, Template
from payments import api as payments
from payments.api import NotYet, Paid, Refused, Unknown
from payments.events import PaymentFulfilled, PaymentRefunded, PaymentRefused, PaymentReturned

R = TypeVar("R")

Ending = PaymentFulfilled | PaymentRefused | PaymentRefunded | PaymentReturned
Values = Mapping[str, object]
Words = tuple[Text, Text]
"""Title and text of a message."""

QUOTE_LIFE = timedelta(minutes=10)
"""How long an amount that the payee named may be charged."""

_DEADLINE_S = 8.0
_TAKES_MONEY = ("PREPARING", "AWAITING_PAYMENT")

log = structlog.get_logger(__name__)


def is_fresh(seen_at: datetime, now: datetime) -> bool:
    """Whether an amount named at `seen_at` may be charged: minutes old and of the same civil day.

    Surcharges begin at midnight in Shanghai.
    """
    return now - seen_at <= QUOTE_LIFE and civil_date(seen_at) == civil_date(now)


def payment_body(paid: Paid) -> Mapping[str, object]:
    """The body in which a payee is told of a payment; see docs/upstreams/payments.md."""
    return {
        "payment_ref": paid.payment_ref,
        "amount_fen": paid.amount_fen,
        "paid_at": paid.paid_at.isoformat(),
    }


async def pass_on(
    paid: Paid,
    *,
    find: Callable[[Deadline], Awaitable[R | None]],
    book: Callable[[Deadline], Awaitable[R]],
    final: frozenset[str],
) -> R | Refused | NotYet | Unknown:
    """Tell a payee of a captured payment and judge its answer: its receipt, or why there is none.

    `book` sends the payment once, under its own number; `find` asks for an earlier sending, which
    comes first from the second attempt on, since a lost answer is never guessed at. `final` are the
    payee's codes that no repetition mends: then the money goes back. Repeat-safe.
    """
    deadline = Deadline.after(_DEADLINE_S)
    if paid.attempt:
        try:
            receipt = await find(deadline)
        except UpstreamError:
            return Unknown()
        if receipt is not None:
            return receipt
    try:
        return await book(deadline)
    except UpstreamRejected as refusal:
        return _judge(refusal, final)
    except UpstreamError as error:
        return NotYet() if error.outcome_known else Unknown()


def _judge(refusal: UpstreamRejected, final: frozenset[str]) -> Refused | NotYet | Unknown:
    if refusal.code in final:
        return Refused(refusal.code)
    if refusal.code == "PAYMENT_REF_REUSED":
        # something was settled with this payment: no machine may send the money back
        log.error("a payment settled something else", upstream=refusal.upstream)
        return Unknown()
    return NotYet()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payee's own number for a payment."""

    receipt_no: str


AnyReceipt = TypeVar("AnyReceipt", bound=Receipt)

NO_PAYMENT = "00000000-0000-0000-0000-000000000000"
"""The reference of a payment that nobody made: to ask whether a payee answers."""

REFUSED_FOR_GOOD = frozenset({"ALREADY_PAID", "AMOUNT_MISMATCH"})
"""What no repetition mends at any payee that speaks docs/upstreams/payments.md."""


@dataclass(frozen=True, slots=True)
class Payee(Generic[AnyReceipt]):
    """A system that books payments of numbered things in the form of docs/upstreams/payments.md."""

    pay: Operation[[str, Paid], AnyReceipt]
    """Book a payment of the thing with a number. Repeat-safe by the payment's reference, but not
    repeated by the client: an error must tell of one attempt."""
    find_payment: Operation[[str], AnyReceipt | None]
    """The receipt of a payment by its reference; None where it booked nothing."""
    final: frozenset[str]
    """Its refusals that no repetition mends: the money goes back."""


def payee(
    system: System, things: str, receipt: type[AnyReceipt], final: Collection[str]
) -> Payee[AnyReceipt]:
    """Declare a payee's two operations.

    `things` is what its addresses call what is paid for ("orders"), `receipt` the form of its
    answer; `final` are its own refusals for good, beside `REFUSED_FOR_GOOD`.
    """

    @system.operation("POST", f"/{things}/{{no}}/payments", answers=json_of(receipt))
    def pay(no: str, paid: Paid) -> Request:
        return Request(path={"no": no}, json=payment_body(paid))

    # any other 404 is a wrong address, which says nothing of the payment
    @system.operation(
        "GET",
        "/payments/{payment_ref}",
        answers=json_of(receipt).or_none("NO_SUCH_PAYMENT"),
        probe=(NO_PAYMENT,),
    )
    def find_payment(payment_ref: str) -> Request:
        return Request(path={"payment_ref": payment_ref})

    return Payee(pay, find_payment, REFUSED_FOR_GOOD.union(final))


async def book(
    app: App, payee: Payee[AnyReceipt], no: str, paid: Paid
) -> AnyReceipt | Refused | NotYet | Unknown:
    """Tell a payee of a captured payment of the thing `no`; see `pass_on`."""
    return await pass_on(
        paid,
        find=lambda deadline: payee.find_payment(app, deadline, paid.payment_ref),
        book=lambda deadline: payee.pay(app, deadline, no, paid),
        final=payee.final,
    )


@strawberry.type(description="The payment has begun.")
class PaymentStarted:
    payment: payments.Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


Pay = Callable[[Call, str, str, payments.Wish], Awaitable[payments.Payment]]
"""Begins to pay a bill: `pay(call, bill_no, key, wish)`."""


def pay_field(service: str, pay: Pay, *, result: str, description: str) -> Any:
    """The mutation field of a service that begins to pay a bill by the payee's number of it.

    `result` is the name of its union. How it goes on is told by `payment` and `paymentChanged`.
    """

    async def resolve(
        info: Info,
        bill_no: Annotated[str, strawberry.argument(description="The payee's number of it.")],
        idempotency_key: IdempotencyKey,
        method: payments.Method = None,
        channel: payments.Channel = None,
    ) -> Any:
        wish = payments.wish_of(method, channel)
        return PaymentStarted(payment=await pay(info.context, bill_no, idempotency_key, wish))

    answer = Annotated[PaymentStarted | Refusals, strawberry.union(result)]
    resolve.__annotations__["return"] = answer
    return mutation(of_service(service), description=description)(resolve)


async def open_cashier(call: Call, intent_id: UUID) -> payments.Payment:
    """The payment as the app shows it, its cashier opened at the PSP; outside any transaction."""
    return payments.to_payment(await payments.present(call, intent_id), call.locale)


async def find_payments(
    call: Call, intent_ids: Iterable[UUID | None]
) -> Mapping[UUID | None, payments.Payment]:
    """Those of these payments that are the viewer's, by id, in one statement."""
    known = await payments.find_payments(call, {one for one in intent_ids if one is not None})
    return {one: payments.to_payment(intent, call.locale) for one, intent in known.items()}


async def find_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The payment, where it is the viewer's."""
    return (await find_payments(call, [intent_id])).get(intent_id)


async def find_open_payment(call: Call, intent_id: UUID | None) -> payments.Payment | None:
    """The same, only while its cashier takes money."""
    payment = await find_payment(call, intent_id)
    if payment is None or payment.status not in _TAKES_MONEY:
        return None
    return payment if call.app.clock.now() < payment.expires_at else None


async def _note_nothing(_app: App, _tx: Transaction, _ending: Ending) -> None:
    """For a thing whose payee is asked anew whenever it is shown."""


@dataclass(frozen=True, slots=True)
class Endings:
    """What a paying service does when payments of its kinds have ended.

    `note(app, tx, ending)` writes its own table, in one transaction with the message to the payer,
    and returns what the message calls the thing. That is the template `<templates>paid`, `…refused`
    or `…refunded`, and `…part_paid` where a payee takes parts, filled with `amount`, of a paid one
    the payee's `ref`, and with what `note` gave. Repeat-safe: an ending may come twice.
    """

    kinds: tuple[str, ...]
    templates: str
    keys: str = ""
    """How the keys begin under which messages are sent once; `<kind>-` where nothing is given."""
    note: Callable[[App, Transaction, Ending], Awaitable[Values | None]] = _note_nothing


def ending_templates(
    prefix: str, *, paid: Words, refused: Words, refunded: Words, part_paid: Words | None = None
) -> tuple[Template, ...]:
    """The messages of a payment's endings, from a title and a text for each.

    Of a refusal the payer hears by SMS too. `part_paid` is for payees that take parts.
    """

    def template(name: str, words: Words, *, sms: bool = False) -> Template:
        return Template(f"{prefix}{name}", *words, sms=sms, about=MessageClass.MONEY)

    return (
        template("paid", paid),
        template("refused", refused, sms=True),
        template("refunded", refunded),
        *(() if part_paid is None else (template("part_paid", part_paid),)),
    )


ENDINGS = ExtensionPoint("payment endings", Endings, lambda endings: endings.kinds)


@on("payments.PaymentFulfilled", lane=Lane.CRITICAL)
async def payment_fulfilled(app: App, event: PaymentFulfilled) -> None:
    """The payee has booked the payment. Repeat-safe by the payment's id."""
    name = "part_paid" if event.is_part else "paid"
    await _end(app, event, name, event.intent_id, {"ref": event.fulfilment_ref})


@on("payments.PaymentRefused", lane=Lane.CRITICAL)
async def payment_refused(app: App, event: PaymentRefused) -> None:
    """The payee will not book it; the money goes back. Repeat-safe by the payment's id."""
    await _end(app, event, "refused", event.intent_id, {})


@on("payments.PaymentRefunded", "payments.PaymentReturned", lane=Lane.CRITICAL)
async def payment_refunded(app: App, event: PaymentRefunded | PaymentReturned) -> None:
    """The money is back with the payer. Repeat-safe by the refund's id."""
    await _end(app, event, "refunded", event.refund_id, {})


async def _end(app: App, ending: Ending, name: str, ref: UUID, values: Values) -> None:
    endings = _endings_by_kind(app).get(ending.kind)
    if endings is None:
        return
    person = await find_person(app, ending.payer_id)
    async with transaction() as tx:
        described = await endings.note(app, tx, ending) or {}
        if person is None:
            return
        await notifications.notify(
            app,
            tx,
            person=person,
            template=f"{endings.templates}{name}",
            values={"amount": format_yuan(ending.amount_fen), **values, **described},
            key=f"{endings.keys or ending.kind + '-'}{name}:{ref}",
            deep_link=f"/payments/{ending.intent_id}",
        )


def _endings_by_kind(app: App) -> Mapping[str, Endings]:
    return app.once(
        ENDINGS,
        lambda: {kind: endings for endings in app.extensions(ENDINGS) for kind in endings.kinds},
    )
