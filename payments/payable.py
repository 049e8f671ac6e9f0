"""What a paying service declares; everything else about paying is the saga's.

A module gives one `Payable` per kind to the extension point "payments.payable".
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.app import App
from core.call import Call
from core.database import Transaction

PAYABLES = "payments.payable"


@dataclass(frozen=True, slots=True)
class Quote:
    """What is due now, in fen, to whom; the titles are what the cashier and receipts show."""

    amount_fen: int
    payee: str
    title_zh: str
    title_en: str


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


def get_payable(app: App, kind: str) -> Payable:
    """The declaration of a kind. Raises KeyError for one that no manifest gives."""
    payables: dict[str, Payable] = {p.kind: p for p in app.extensions(PAYABLES)}
    return payables[kind]
