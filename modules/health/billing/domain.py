"""Hospital bills and deposits: what they consist of, and the rules of paying them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from core.texts import Named

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
    """OPEN: the self-pay part is to be paid. PAID: settled. CANCELLED: by the hospital."""

    OPEN = "OPEN"
    PAID = "PAID"
    CANCELLED = "CANCELLED"


class RefundState(StrEnum):
    """RETURNING: the hospital has decided, the money is on its way. RETURNED: it is back with the
    payer. SETTLED: the hospital has it in its books too.
    """

    RETURNING = "RETURNING"
    RETURNED = "RETURNED"
    SETTLED = "SETTLED"


@dataclass(frozen=True, slots=True)
class BillItem:
    """One line of a hospital bill."""

    name_zh: str
    name_en: str
    amount_fen: Annotated[int, "What it costs."]

    @property
    def name(self) -> Annotated[Named, "What it is for."]:
        """The name in both languages."""
        return Named(self.name_zh, self.name_en)


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
    """The deposit account of an inpatient."""

    account_no: Annotated[str, "Its number, for topUpHospitalAccount."]
    patient_masked: Annotated[str, "Whose it is, masked by the hospital."]
    ward_zh: str
    ward_en: str
    deposited_fen: Annotated[int, "What has been paid in."]
    charged_fen: Annotated[int, "What treatment has cost so far."]
    balance_fen: Annotated[int, "What is left; below zero is owed."]

    @property
    def ward(self) -> Annotated[Named, "The ward."]:
        """The name in both languages."""
        return Named(self.ward_zh, self.ward_en)


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
