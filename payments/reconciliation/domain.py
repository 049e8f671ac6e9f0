"""What can differ between a statement and the ledger, and the life of such a difference."""

from enum import StrEnum

from core.states import Edge, StateMachine
from payments.domain import CLOCKS_DIFFER, Side
from payments.events import Oddity

BOUNDARY = CLOCKS_DIFFER
"""How far the two sides' clocks and bookings may lie apart around midnight."""


class BreakKind(StrEnum):
    """The ways in which a statement and the ledger can differ; see payments.events.Oddity for the
    cases that no statement opens and none clears.

    MISSING_HERE: they book a payment that the ledger has not. MISSING_THERE: the reverse. AMOUNT,
    FEE, DATE: both have it, but not alike. COUPON: they settle less than was paid. DUPLICATE: they
    book it twice. REFUND: only one side has a refund. LINE: a line of theirs makes no sense.
    """

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    FEE = "fee"
    DATE = "date"
    DUPLICATE = "duplicate"
    REFUND = "refund"
    COUPON = "coupon"
    LINE = "line"


BLOCKING = {
    Side.PSP: (BreakKind.MISSING_THERE, BreakKind.AMOUNT, BreakKind.REFUND, BreakKind.LINE),
    Side.PAYEE: (
        BreakKind.MISSING_HERE,
        BreakKind.MISSING_THERE,
        BreakKind.AMOUNT,
        BreakKind.DUPLICATE,
        BreakKind.REFUND,
        BreakKind.LINE,
    ),
    Side.SHARING: (),
}
"""Differences that leave open what a payee is owed: nothing is paid out to it meanwhile."""


BLOCKING_ODDITIES = (Oddity.FOREIGN_REFUND,)
"""The payer has the money back: the payee is not to be paid it."""


class Resolution(StrEnum):
    """What a case was closed as; the posting that closes it is a CorrectionKind."""

    CORRECTED_HERE = "corrected_here"
    CORRECTED_THERE = "corrected_there"
    REFUNDED = "refunded"
    WRITTEN_OFF = "written_off"
    NO_ERROR = "no_error"


CASE = StateMachine(
    name="case",
    table="payments_case",
    column="state",
    initial=("open",),
    edges=(
        Edge("open", "take", "investigating"),
        Edge("open", "resolve", "resolved"),
        Edge("open", "vanish", "cleared"),
        Edge("investigating", "resolve", "resolved"),
        Edge("investigating", "vanish", "cleared"),
        Edge("cleared", "reappear", "open"),
        Edge("resolved", "reopen", "open"),
    ),
)
"""`cleared`: a later look at the same day shows no difference any more."""

UNSETTLED = ("open", "investigating")


class CorrectionKind(StrEnum):
    """What closes a case. WRITE_OFF: we bear or keep the difference with a PSP, or bear
    what a payee does not pay back. COST: a fee or
    coupon is a cost of ours. SUSPENSE: a PSP's money for us that no payment explains is kept apart.
    TAKE_BACK: the money never came, and its payee gives it back; or it came and the payee has not
    booked it, and it goes back to the payer. BOOK_REFUND: a refund that the PSP
    has made is booked. BANK_REFUND: a refund that the PSP refuses for good, or has not made, is
    paid from our own bank account, or by the payee whose own merchant has the money. NO_POSTING:
    nothing was wrong with the money.
    """

    WRITE_OFF = "WRITE_OFF"
    COST = "COST"
    SUSPENSE = "SUSPENSE"
    TAKE_BACK = "TAKE_BACK"
    BOOK_REFUND = "BOOK_REFUND"
    BANK_REFUND = "BANK_REFUND"
    NO_POSTING = "NO_POSTING"


CORRECTION = StateMachine(
    name="correction",
    table="payments_correction",
    column="state",
    initial=("proposed",),
    edges=(
        Edge("proposed", "approve", "approved"),
        Edge("proposed", "reject", "rejected"),
    ),
)
"""A posting that closes a case: decided by another person than its proposer."""
