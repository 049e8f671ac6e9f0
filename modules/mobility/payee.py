"""Telling a payee that something is paid: one form for car parks, fines and fares.

The contract is docs/upstreams/payments.md: a payment is booked once by its reference and can be
asked for, so a lost answer is never guessed at.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote

import orjson
import structlog
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from core.deadline import Deadline
from core.upstream.client import Response, Upstream, UpstreamError, UpstreamFailed, UpstreamRejected
from payments.api import NotYet, Paid, Refused, Unknown

_DEADLINE_S = 8.0

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

log = structlog.get_logger(__name__)


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

        Raises UpstreamRejected for the payee's refusals (see `refusal_code`), other UpstreamErrors
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
            if refusal_code(refusal) == "NO_SUCH_PAYMENT":
                return None
            raise
        return _receipt(answer)


async def pass_on(payee: Payee, no: str, paid: Paid) -> Receipt | Refused | NotYet | Unknown:
    """Tell the payee of a captured payment. Repeat-safe; after a lost answer it is asked first."""
    deadline = Deadline.after(_DEADLINE_S)
    if paid.attempt:
        try:
            found = await payee.find_payment(paid.payment_ref, deadline)
        except UpstreamError:
            return Unknown()
        if found is not None:
            return found
    try:
        return await payee.pay(
            no,
            payment_ref=paid.payment_ref,
            amount_fen=paid.amount_fen,
            paid_at=paid.paid_at,
            deadline=deadline,
        )
    except UpstreamRejected as refusal:
        return _judge(refusal)
    except UpstreamError as error:
        return NotYet() if error.outcome_known else Unknown()


def _judge(refusal: UpstreamRejected) -> Refused | NotYet | Unknown:
    code = refusal_code(refusal)
    if code in REFUSED_FOR_GOOD:
        return Refused(code)
    if code == "PAYMENT_REF_REUSED":
        # something was settled with this payment: no machine may send the money back
        log.error("a payment settled something else", upstream=refusal.upstream)
        return Unknown()
    return NotYet()


def refusal_code(refusal: UpstreamRejected) -> str:
    """The upstream's code in a refusal, "" where it gives none."""
    try:
        return str(orjson.loads(refusal.body)["code"])
    except (KeyError, TypeError, ValueError):
        return ""


def part(text: str) -> str:
    """A text as one part of an address."""
    return quote(text, safe="")


def _receipt(answer: Response) -> Receipt:
    try:
        return _RECEIPT.validate_json(answer.body)
    except ValidationError:
        raise UpstreamFailed(answer.upstream, answer.operation, "no receipt number") from None
