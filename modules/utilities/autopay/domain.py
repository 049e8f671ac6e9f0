"""What autopay may pay: the life of a consent, of a charge, and the ceilings."""

from datetime import date, datetime, timedelta
from enum import StrEnum

from core.clock import civil_date
from core.states import Edge, StateMachine
from modules.utilities.bills.domain import BillerBill, BillStatus

TEXT_VERSION = "2026-11"
CEILING_MAX_FEN = 500_000
"""The most that anybody may let autopay take for one bill; twenty times that in a month."""
MONTH_FACTOR = 20
ANNOUNCED_BEFORE = timedelta(days=1)
"""Between the announcement and the payment: time to say no."""
SIGNING_LIFE = timedelta(days=1)
TRIES_LIFE = timedelta(days=3)
"""A biller that cannot tell what is due for so long ends the charge."""

AUTOPAY = StateMachine(
    name="autopay",
    table="bills_autopay",
    column="state",
    initial=("signing",),
    edges=(
        Edge("signing", "sign", "active"),
        Edge("signing", "end", "ended"),
        Edge("active", "end", "ended"),
    ),
)
CHARGE = StateMachine(
    name="autopay charge",
    table="bills_autopay_charge",
    column="state",
    initial=("announced", "stopped"),
    edges=(
        Edge("announced", "pay", "paying"),
        Edge("announced", "stop", "stopped"),
        Edge("announced", "cancel", "cancelled"),
        Edge("stopped", "announce", "announced"),
        Edge("paying", "succeed", "paid"),
        Edge("paying", "fail", "failed"),
    ),
)


class AutopayState(StrEnum):
    """SIGNING: to be signed at the PSP. ACTIVE: bills are paid. ENDED: for good."""

    SIGNING = "signing"
    ACTIVE = "active"
    ENDED = "ended"


class ChargeState(StrEnum):
    """ANNOUNCED: will be paid at `payAt`. PAYING: under way. PAID. STOPPED: not begun, see
    `reason`. FAILED: begun and come to nothing. CANCELLED: paid otherwise, or autopay ended.
    """

    ANNOUNCED = "announced"
    PAYING = "paying"
    PAID = "paid"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"


COUNTED = ("announced", "paying", "paid")
"""Charges that count against the month's ceiling."""


def stop_reason(
    amount_fen: int, spent_fen: int, *, bill_ceiling_fen: int, month_ceiling_fen: int
) -> str | None:
    """Why an amount is not paid; None where it fits. `spent_fen` is the month's so far."""
    if amount_fen > bill_ceiling_fen:
        return "BILL_CEILING"
    return "MONTH_CEILING" if spent_fen + amount_fen > month_ceiling_fen else None


def is_tried_again(reason: str | None, month: date, now_month: date) -> bool:
    """Whether a bill that was stopped in a month is decided on anew: another month has room."""
    return reason == "MONTH_CEILING" and month < now_month


def cancel_reason(bill: BillerBill) -> str | None:
    """Why an announced bill need not be paid any more."""
    return {BillStatus.PAID: "BILL_PAID", BillStatus.WITHDRAWN: "BILL_WITHDRAWN"}.get(bill.status)


def month_of(moment: datetime) -> date:
    """The first day of the Shanghai month of a moment."""
    return civil_date(moment).replace(day=1)
