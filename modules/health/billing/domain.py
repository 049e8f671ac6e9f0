"""Hospital bills and deposits: what they consist of, and the rules of paying them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MEDICAL_PAYMENT = "medical-payment"
BILL_KIND, TOP_UP_KIND = "health.bill", "health.top_up"
"""The names under which payments know them."""

TOP_UP_MIN_FEN, TOP_UP_MAX_FEN = 100, 5_000_000
"""What may be paid into a deposit at a time."""
REFUSED_FOR_GOOD = frozenset(
    "ALREADY_PAID BILL_CANCELLED AMOUNT_MISMATCH NO_SUCH_BILL NO_SUCH_ACCOUNT "
    "TOP_UP_TOO_LARGE".split()
)
"""A hospital's refusals of a payment that no repetition mends."""

_LOOK_MIN, _LOOK_MAX = timedelta(minutes=5), timedelta(days=1)
_LOOK_UNTIL = timedelta(days=180)


class BillStatus(StrEnum):
    """A bill at its hospital."""

    OPEN = "OPEN"
    PAID = "PAID"
    CANCELLED = "CANCELLED"


class RefundState(StrEnum):
    """How far a hospital's refund has come."""

    RETURNING = "RETURNING"
    RETURNED = "RETURNED"
    SETTLED = "SETTLED"


@dataclass(frozen=True, slots=True)
class BillItem:
    """One line of a bill."""

    name_zh: str
    name_en: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class HospitalBill:
    """A visit's bill. Only `self_pay_fen` is paid here: insurance settles its two parts itself."""

    bill_no: str
    department_zh: str
    department_en: str
    items: Sequence[BillItem]
    total_fen: int
    insurance_fund_fen: int
    insurance_account_fen: int
    self_pay_fen: int
    issued_at: datetime
    status: BillStatus

    @property
    def adds_up(self) -> bool:
        """Whether the parts are the whole and none is negative; else it is not to be paid."""
        parts = (self.insurance_fund_fen, self.insurance_account_fen, self.self_pay_fen)
        return min(parts) >= 0 and sum(parts) == self.total_fen


@dataclass(frozen=True, slots=True)
class InpatientAccount:
    """The deposit account of somebody who lies in a hospital."""

    account_no: str
    patient_masked: str
    ward_zh: str
    ward_en: str
    deposited_fen: int
    charged_fen: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class DecidedRefund:
    """What a hospital has decided to give back; `refund_ref` once it knows that it went back."""

    refund_no: str
    amount_fen: int
    reason: str
    decided_at: datetime
    refund_ref: str | None = None


@dataclass(frozen=True, slots=True)
class HospitalReceipt:
    """A payment in the hospital's books."""

    receipt_no: str
    amount_fen: int
    refunds: Sequence[DecidedRefund]


def next_look(paid_at: datetime, now: datetime) -> timedelta | None:
    """The wait before a hospital is asked again whether it gives something back.

    A quarter of the payment's age, so that young payments are asked for often and old ones seldom;
    None after half a year.
    """
    age = now - paid_at
    if age > _LOOK_UNTIL:
        return None
    return min(max(age / 4, _LOOK_MIN), _LOOK_MAX)


def state_of(returned_at: datetime | None, settled_at: datetime | None) -> RefundState:
    """How far a refund has come."""
    if settled_at is not None:
        return RefundState.SETTLED
    return RefundState.RETURNED if returned_at is not None else RefundState.RETURNING
