"""Household bills: what a bill is, what is open, when it can be paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from modules.utilities.accounts.domain import UtilityKind


class BillStatus(StrEnum):
    """OPEN: to be paid. PAID: settled. WITHDRAWN: taken back by the biller."""

    OPEN = "open"
    PAID = "paid"
    WITHDRAWN = "withdrawn"


REFUSED_FOR_GOOD = frozenset({"ALREADY_PAID", "BILL_WITHDRAWN", "AMOUNT_MISMATCH", "NO_SUCH_BILL"})
"""A biller's refusals of a write-off that no repetition mends."""


@dataclass(frozen=True, slots=True)
class Enquiry:
    """When a biller was asked; `turn` was drawn before, and tells which of two answers is newer."""

    at: datetime
    turn: int


@dataclass(frozen=True, slots=True)
class BillTier:
    """A part of the usage at one price."""

    upto: Annotated[int | None, "Its upper bound; null in the last tier."]
    unit_price_yuan: Annotated[str, "Yuan per unit."]
    usage: Annotated[int, "Units in this tier."]
    amount_fen: Annotated[int, "What they cost."]


@dataclass(frozen=True, slots=True)
class BillerBill:
    """A bill as its biller tells it; `total_fen` is what is open and has to be paid today.

    `least_part_fen`: the biller takes it in parts, none but the last smaller than this; None: only
    whole.
    """

    bill_no: str
    account_no: str
    period: str
    usage: int
    usage_unit: str
    previous_reading: int
    reading: int
    tiers: list[BillTier]
    amount_fen: int
    late_fee_fen: int
    total_fen: int
    due_on: date
    status: BillStatus
    paid_fen: int
    least_part_fen: int | None = None

    @property
    def is_sound(self) -> bool:
        """Whether its amounts make sense."""
        least_fen = 1 if self.least_part_fen is None else self.least_part_fen
        return self.total_fen >= 0 and self.paid_fen >= 0 and least_fen > 0


@dataclass(frozen=True, slots=True)
class BillArrears:
    """What is open on an account."""

    total_fen: Annotated[int, "All open bills together, late fees included."]
    count: Annotated[int, "How many they are."]
    overdue_fen: Annotated[int, "Those of them past their due day."]
    overdue_count: Annotated[int, "How many of them."]
    late_fee_fen: Annotated[int, "The late fees in it, as of today."]
    oldest_due_on: Annotated[date | None, "The earliest due day; null without open bills."]


@dataclass(frozen=True, slots=True)
class BillUsageMonth:
    """A month's usage."""

    period: Annotated[str, 'The month, "YYYY-MM".']
    usage: Annotated[int, "Units used."]
    usage_unit: Annotated[str, 'The unit, "m3" or "kWh" and the like.']
    amount_fen: Annotated[int, "What they cost, late fees aside."]


def arrears_of(bills: Iterable[BillerBill], today: date) -> BillArrears:
    """What is open among some bills."""
    open_ = [bill for bill in bills if bill.status is BillStatus.OPEN]
    overdue = [bill for bill in open_ if bill.due_on < today]
    return BillArrears(
        total_fen=sum(bill.total_fen for bill in open_),
        count=len(open_),
        overdue_fen=sum(bill.total_fen for bill in overdue),
        overdue_count=len(overdue),
        late_fee_fen=sum(bill.late_fee_fen for bill in open_),
        oldest_due_on=min((bill.due_on for bill in open_), default=None),
    )


def usage_by_month(bills: Iterable[BillerBill]) -> Sequence[BillUsageMonth]:
    """Usage month by month, the oldest first; a withdrawn bill was never used."""
    months: dict[str, list[BillerBill]] = {}
    for bill in bills:
        if bill.status is not BillStatus.WITHDRAWN:
            months.setdefault(bill.period, []).append(bill)
    return [
        BillUsageMonth(
            period,
            sum(bill.usage for bill in months[period]),
            months[period][0].usage_unit,
            sum(bill.amount_fen for bill in months[period]),
        )
        for period in sorted(months)
    ]


def payable_kind(kind: UtilityKind) -> str:
    """The name under which payments of this utility are known."""
    return f"bills.{kind.value}"
