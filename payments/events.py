"""What payments tells the rest of the house."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PaymentSettled:
    """The PSP has the money. It is not passed on yet."""

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PaymentFulfilled:
    """The payee has accepted the payment; `fulfilment_ref` is its own number for it."""

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    amount_fen: int
    fulfilment_ref: str


@dataclass(frozen=True, slots=True)
class PaymentRefused:
    """What was paid cannot be passed on; the money is on its way back. `reason` is a code."""

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentReturned:
    """A PSP has returned what it took for an order that the payment had left.

    The payment itself goes on as it was: it is paid elsewhere, or not.
    """

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    refund_id: UUID
    amount_fen: int


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """The PSP has returned an amount to the payer."""

    intent_id: UUID
    payer_id: UUID
    kind: str
    subject_ref: str
    refund_id: UUID
    amount_fen: int
