"""Telling a payee that something is paid: one form for car parks, fines and fares.

The contract is docs/upstreams/payments.md: a payment is booked once by its reference and can be
asked for, so a lost answer is never guessed at.
"""

from dataclasses import dataclass

from pydantic import AwareDatetime

from core.context.app import App
from core.upstream.operation import Operation, Request, System, json_of
from kinds.payment import pass_on, payment_body
from payments.api import NotYet, Paid, Refused, Unknown

REFUSED_FOR_GOOD = frozenset(
    {
        "ALREADY_LEFT",
        "ALREADY_PAID",
        "AMOUNT_MISMATCH",
        "NO_SUCH_ORDER",
        "NO_SUCH_SESSION",
        "NO_SUCH_TRIP",
        "ORDER_WITHDRAWN",
    }
)
"""A payee's refusals that no repetition mends: the money goes back."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payee's own number for a payment. `exit_by` is a car park's: until when it lets out."""

    receipt_no: str
    exit_by: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Payee:
    """The two operations of a system that books payments for numbered things."""

    pay: Operation[[str, Paid], Receipt]
    """Book a payment of the thing with a number. Repeat-safe by the payment's reference, but not
    repeated by the client: an error must tell of one attempt."""
    find_payment: Operation[[str], Receipt | None]
    """The receipt of a payment by its reference; None where it booked nothing."""


def payee(system: System, things: str) -> Payee:
    """Declare them; `things` is what the system's addresses call what is paid for ("orders")."""

    @system.operation("POST", f"/{things}/{{no}}/payments", answers=json_of(Receipt))
    def pay(no: str, paid: Paid) -> Request:
        return Request(path={"no": no}, json=payment_body(paid))

    # any other 404 is a wrong address, which says nothing of the payment
    @system.operation(
        "GET", "/payments/{payment_ref}", answers=json_of(Receipt).or_none("NO_SUCH_PAYMENT")
    )
    def find_payment(payment_ref: str) -> Request:
        return Request(path={"payment_ref": payment_ref})

    return Payee(pay, find_payment)


async def book(app: App, payee: Payee, no: str, paid: Paid) -> Receipt | Refused | NotYet | Unknown:
    """Tell the payee of a captured payment of the thing `no`; see `kinds.payment.pass_on`."""
    return await pass_on(
        paid,
        find=lambda deadline: payee.find_payment(app, deadline, paid.payment_ref),
        book=lambda deadline: payee.pay(app, deadline, no, paid),
        final=REFUSED_FOR_GOOD,
    )
