"""What payments tells the rest of the house."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
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
    is_part: bool = False
    """Whether it was begun as a part of what was open."""


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


@dataclass(frozen=True, slots=True)
class ShareEnded:
    """It is known what the city has of what a payee's own merchant took; 0: nothing."""

    intent_id: UUID
    amount_fen: int


class Oddity(StrEnum):
    """What people have to look at, though no statement shows it yet; the value is a case's kind.

    REFUND_REFUSED, REFUND_OVERDUE: a refund of ours does not come to its end. SECOND_CAPTURE: a PSP
    took money for a paid order once more. FOREIGN_REFUND: it returned what nobody here asked for.
    OTHER_AMOUNT, OTHER_CURRENCY, OTHER_TIME: what it says it took is not what was ordered, or not
    when. SETTLEMENT: what it paid to our bank is not what its statements come to. BANK_ENTRY: the
    bank has booked what nobody here can explain. PAYOUT_REFUSED, PAYOUT_RETURNED: a payout did not
    reach its payee. CLAIM_OVERDUE: what a payee owes us was not set off for long. SHARE_REFUSED,
    SHARE_CLOSED, SHARE_OVERDUE: the city does not get its share of a payment, for now, for good, or
    as far as is known. RETURN_REFUSED: what of a share is to go back before a refund does not.
    """

    REFUND_REFUSED = "refund_refused"
    REFUND_OVERDUE = "refund_overdue"
    SECOND_CAPTURE = "second_capture"
    FOREIGN_REFUND = "foreign_refund"
    OTHER_AMOUNT = "other_amount"
    OTHER_CURRENCY = "other_currency"
    OTHER_TIME = "other_time"
    SETTLEMENT = "settlement"
    BANK_ENTRY = "bank_entry"
    PAYOUT_REFUSED = "payout_refused"
    PAYOUT_RETURNED = "payout_returned"
    CLAIM_OVERDUE = "claim_overdue"
    SHARE_REFUSED = "share_refused"
    SHARE_CLOSED = "share_closed"
    SHARE_OVERDUE = "share_overdue"
    RETURN_REFUSED = "return_refused"


@dataclass(frozen=True, slots=True)
class OddityFound:
    """A PSP or the bank says, or does, what nothing here can follow by itself. Told again it is the
    same."""

    oddity: Oddity
    source: str
    intent_id: UUID | None
    payee: str | None
    ref: str
    """Our number: the payment's, the refund's, the payout's or the bank booking's; a claim's
    account."""
    their_ref: str | None
    our_fen: int | None
    their_fen: int | None
    found_on: date
    note: str = ""
    """What the other side says of it."""
