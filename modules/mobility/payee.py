"""Telling a payee that something is paid: one form for car parks, fines and fares.

The contract is docs/upstreams/payments.md: a payment is booked once by its reference and can be
asked for, so a lost answer is never guessed at.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from urllib.parse import quote

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from core.deadline import Deadline
from core.upstream.client import Response, Upstream, UpstreamFailed, UpstreamRejected
from kinds.payment import pass_on
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


_RECEIPT = TypeAdapter(Receipt)


class Payee(Protocol):
    """Somebody who books payments for numbered things: stays, orders, trips."""

    async def pay(
        self, no: str, *, payment_ref: str, amount_fen: int, paid_at: datetime, deadline: Deadline
    ) -> Receipt:
        """Book a payment; repeat-safe by `payment_ref`.

        Raises UpstreamRejected for the payee's refusals (see its `code`), other UpstreamErrors
        where it may or may not have happened.
        """
        ...

    async def find_payment(self, payment_ref: str, deadline: Deadline) -> Receipt | None:
        """The receipt of a payment, None where it booked nothing. Raises UpstreamError."""
        ...


class PayeeDoor:
    """A payee over HTTP; `things` is what its addresses call what is paid for ("orders")."""

    def __init__(self, http: Upstream, things: str) -> None:
        self._http = http
        self._things = things

    async def pay(
        self, no: str, *, payment_ref: str, amount_fen: int, paid_at: datetime, deadline: Deadline
    ) -> Receipt:
        """See the protocol. Not repeated here: an error must tell of one attempt."""
        answer = await self._http.request(
            "POST",
            f"/{self._things}/{part(no)}/payments",
            operation="pay",
            json={
                "payment_ref": payment_ref,
                "amount_fen": amount_fen,
                "paid_at": paid_at.isoformat(),
            },
            deadline=deadline,
            safe=False,
        )
        return _receipt(answer)

    async def find_payment(self, payment_ref: str, deadline: Deadline) -> Receipt | None:
        """See the protocol."""
        try:
            answer = await self._http.request(
                "GET", f"/payments/{part(payment_ref)}", operation="find_payment", deadline=deadline
            )
        except UpstreamRejected as refusal:
            # any other 404 is a wrong address, which says nothing of the payment
            if refusal.code == "NO_SUCH_PAYMENT":
                return None
            raise
        return _receipt(answer)


async def book(payee: Payee, no: str, paid: Paid) -> Receipt | Refused | NotYet | Unknown:
    """Tell the payee of a captured payment of the thing `no`; see `kinds.payment.pass_on`."""
    pay = partial(
        payee.pay,
        no,
        payment_ref=paid.payment_ref,
        amount_fen=paid.amount_fen,
        paid_at=paid.paid_at,
    )
    return await pass_on(
        paid,
        find=partial(payee.find_payment, paid.payment_ref),
        book=lambda deadline: pay(deadline=deadline),
        final=REFUSED_FOR_GOOD,
    )


def part(text: str) -> str:
    """A text as one part of an address."""
    return quote(text, safe="")


def _receipt(answer: Response) -> Receipt:
    try:
        return _RECEIPT.validate_json(answer.body)
    except ValidationError:
        raise UpstreamFailed(answer.upstream, answer.operation, "no receipt number") from None
