"""What a paying service declares; everything else about paying is the saga's.

A module has one `Payable` per kind in its rooms.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.rooms import ExtensionPoint
from payments.domain import FULFIL_WINDOW, next_look

REPOST_WAITS = tuple(timedelta(minutes=m) for m in (5, 30, 120, 360, 900))
"""Between the sendings of a DEEMED_PLUS payment: five repeats, the last after 23 h 35 min."""


@dataclass(frozen=True, slots=True)
class Parts:
    """That a payee takes what it is owed in parts, and by which answer of its.

    In the words of BBPS the payment amount is "exact down"; without `Parts` it is "exact".
    """

    owed_fen: int
    """All that is open."""
    least_fen: int
    """The least part; the last one, which leaves nothing open, may be smaller."""
    owed_at: datetime
    """When the payee was asked."""
    owed_turn: int
    """The turn drawn before it was asked: what it accepted later is not taken off `owed_fen`."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What is due now, in fen, to whom; the titles are what the cashier and receipts show."""

    amount_fen: int
    payee: str
    title_zh: str
    title_en: str
    company_id: UUID | None = None
    """The company that pays, where one does: limits and reports are then the company's."""
    parts: Parts | None = None
    """Where it may be paid in parts: then `amount_fen` is all of it until `cut` takes a part."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A captured payment that is to be passed on. `payment_ref` is what the payee knows it by."""

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    amount_fen: int
    paid_at: datetime
    attempt: int
    """0 at the first try. From 1 on an earlier try may have arrived: ask before repeating."""

    @property
    def payment_ref(self) -> str:
        """The payment's number at the payee."""
        return self.intent_id.hex


@dataclass(frozen=True, slots=True)
class Accepted:
    """The payee has booked the payment under its own number."""

    ref: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The payee will not book it, ever. `reason` is a stable code."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """The payee has certainly not booked it, and may at another try."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The payee may have booked it."""


Fulfilment = Accepted | Refused | NotYet | Unknown


class Posting(StrEnum):
    """What a payee that does not answer means for the payment, in the words of BBPS.

    REAL_TIME: it can be asked, and is asked until it is known; one that certainly has not booked
    for a day gives the money back. DEEMED: a payment whose answer was lost counts as booked; the
    settlement files tell later. DEEMED_PLUS: it is sent again five times within a day, then the
    money goes back.
    """

    REAL_TIME = "REAL_TIME"
    DEEMED = "DEEMED"
    DEEMED_PLUS = "DEEMED_PLUS"


@dataclass(frozen=True, slots=True)
class Payable:
    """One kind of thing that is paid for.

    `quote(call, tx, subject_ref)` tells what is due: it locks the module's own row in the caller's
    transaction and raises an AppError where nothing is due from this viewer. `fulfil(app, paid)`
    passes a payment on, outside any transaction; it is called until it says Accepted or Refused,
    so it must be repeat-safe by `payment_ref`.
    """

    kind: str
    quote: Callable[[Call, Transaction, str], Awaitable[Quote]]
    fulfil: Callable[[App, Paid], Awaitable[Fulfilment]]
    posting: Posting = Posting.REAL_TIME
    service: str | None = None
    """The catalogue service it belongs to, where somebody may act for others in that."""


PAYABLES = ExtensionPoint("payments.payable", Payable, key=lambda payable: payable.kind)


def judge(posting: Posting, outcome: Fulfilment, paid: Paid, now: datetime) -> Fulfilment:
    """What an attempt's outcome comes to under the payee's way of posting."""
    match posting, outcome:
        case Posting.DEEMED, Unknown():
            return Accepted(f"DEEMED-{paid.payment_ref}")
        case Posting.DEEMED_PLUS, Unknown() | NotYet() if paid.attempt >= len(REPOST_WAITS):
            return Refused("NOT_POSTED")
        case _, NotYet() if now >= paid.paid_at + FULFIL_WINDOW:
            # an earlier attempt of one that is posted again may have been booked unconfirmed
            is_reposted = posting is Posting.DEEMED_PLUS and paid.attempt > 0
            return Refused("NOT_POSTED" if is_reposted else "PAYEE_UNAVAILABLE")
    return outcome


def wait_before_next(posting: Posting, attempt: int) -> timedelta:
    """The wait after an attempt that settled nothing; `attempt` as in `Paid`."""
    if posting is Posting.DEEMED_PLUS:
        return REPOST_WAITS[min(attempt, len(REPOST_WAITS) - 1)]
    return next_look(attempt)


def get_payable(app: App, kind: str) -> Payable:
    """The declaration of a kind. Raises KeyError for one that no room holds."""
    payables = {p.kind: p for p in app.extensions(PAYABLES)}
    return payables[kind]
