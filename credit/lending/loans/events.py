"""What happens to a loan, each on the day that counts for money (its value date)."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from credit.lending.terms.money_terms import Terms


class Prepayment(StrEnum):
    """What a prepayment changes. SHORTEN: the instalment stays and there are fewer. LOWER: as many
    instalments, each smaller."""

    SHORTEN = "SHORTEN"
    LOWER = "LOWER"


@dataclass(frozen=True, slots=True)
class Disbursed:
    """The lender has paid out."""

    ref: str
    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class RateChanged:
    """The annual rate from a day on."""

    ref: str
    on: date
    rate_ppm: int


@dataclass(frozen=True, slots=True)
class Rescheduled:
    """All principal that is left, overdue too, is repaid by other terms from a day on."""

    ref: str
    on: date
    terms: Terms


@dataclass(frozen=True, slots=True)
class Charged:
    """A fee, or the lender's cost of collecting."""

    ref: str
    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Repaid:
    """A payment. `prepays` is what becomes of the part that is not due; None: it waits for what is
    due next, unless all is paid: that closes the loan. `by_psp`: a PSP has collected it for the
    bank, which did not report it."""

    ref: str
    on: date
    amount_fen: int
    prepays: Prepayment | None = None
    by_psp: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """The lender gives the loan up in its books; it stays owed."""

    ref: str
    on: date


LoanEvent: TypeAlias = Disbursed | RateChanged | Rescheduled | Charged | Repaid | WrittenOff

_ORDER = (Disbursed, RateChanged, Rescheduled, Charged, Repaid, WrittenOff)


def in_order(event: LoanEvent) -> tuple[date, int, bool, str]:
    """The place of an event among others: by its day, then by what it is, whenever it was posted.

    What is due comes before what is prepaid on the same day.
    """
    prepays = isinstance(event, Repaid) and event.prepays is not None
    return event.on, _ORDER.index(type(event)), prepays, event.ref
