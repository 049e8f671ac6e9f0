"""Repayment schedules: principal sums to the fen, interest is rounded half up in each row.

The equal instalment is P / (v1 + v1*v2 + ...), v the discount factor of each period by its own day
count, from due day to due day by the terms: no calendar changes it. The last row takes what
rounding and moved days left. A schedule has as many rows as the terms say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from core.city import Calendar
from credit.lending.terms.days import YEAR, DueDay, due_days, fraction
from credit.lending.terms.money_terms import PPM, HolidayRule, RepaymentForm, Terms

_ONE = 10**24
"""Discount factors are whole numbers over this."""


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment."""

    number: Annotated[int, "Its number, from 1."]
    due_on: Annotated[date, "When it is paid."]
    nominal_on: Annotated[date, "Its day by the terms, before holidays move it."]
    principal_fen: Annotated[int, "The principal in it."]
    interest_fen: Annotated[int, "The interest in it."]
    balance_fen: Annotated[int, "The principal left after it."]
    is_provisional: Annotated[bool, "The working days of its year are not published yet."] = False

    @property
    def due_fen(self) -> int:
        """What is paid in all."""
        return self.principal_fen + self.interest_fen


def build(
    terms: Terms, principal_fen: int, start_on: date, calendar: Calendar | None = None
) -> list[Row]:
    """The schedule of a loan paid out on `start_on`.

    Raises ValueError for a principal of nothing and a first due day that is not after the start.
    """
    if principal_fen <= 0 or terms.first_due_on <= start_on:
        raise ValueError("a loan has a principal, and is due after it is paid out")
    days = due_days(terms, calendar)
    ends, by_terms = [interest_until(terms, day) for day in days], [day.nominal_on for day in days]
    parts = period_fractions(terms, start_on, ends)
    levelled = parts if ends == by_terms else period_fractions(terms, start_on, by_terms)
    return rows_for(terms, principal_fen, days, parts, level_amount(terms, principal_fen, levelled))


def rows_for(
    terms: Terms,
    balance_fen: int,
    days: Sequence[DueDay],
    parts: Sequence[int],
    level_fen: int,
    accrued: int = 0,
) -> list[Row]:
    """The rows that repay a balance on the given days, each after its part of a year.

    `level_fen` is the equal instalment or the equal share of principal, `accrued` the numerator of
    interest that the first row has already.
    """
    year = YEAR[terms.day_count] * PPM
    rows, left = [], balance_fen
    for number, (day, part) in enumerate(zip(days, parts, strict=True), start=1):
        interest = round_half_up(accrued + left * terms.rate_ppm * part, year)
        is_last = number == len(days)
        principal = principal_of(terms.form, left, interest, level_fen, is_last=is_last)
        accrued, left = 0, left - principal
        rows.append(
            Row(number, day.due_on, day.nominal_on, principal, interest, left, day.is_provisional)
        )
    return rows


def principal_of(
    form: RepaymentForm, left_fen: int, interest_fen: int, level_fen: int, *, is_last: bool
) -> int:
    """The principal in an instalment; the last one takes all that is left."""
    if is_last:
        return left_fen
    match form:
        case RepaymentForm.EQUAL_INSTALMENT:
            return min(max(level_fen - interest_fen, 0), left_fen)
        case RepaymentForm.EQUAL_PRINCIPAL:
            return min(level_fen, left_fen)
        case RepaymentForm.INTEREST_FIRST | RepaymentForm.BULLET:
            return 0


def level_amount(terms: Terms, balance_fen: int, parts: Sequence[int], accrued: int = 0) -> int:
    """What is the same in each row: the instalment, the share of principal, or nothing. The parts
    are those from due day to due day by the terms; `accrued` is as in `rows_for`."""
    match terms.form:
        case RepaymentForm.EQUAL_INSTALMENT:
            year = YEAR[terms.day_count] * PPM
            return equal_instalment(balance_fen, terms.rate_ppm, parts, year, accrued)
        case RepaymentForm.EQUAL_PRINCIPAL:
            return round_half_up(balance_fen, len(parts))
        case RepaymentForm.INTEREST_FIRST | RepaymentForm.BULLET:
            return 0


def period_fractions(terms: Terms, start_on: date, ends: Sequence[date]) -> list[int]:
    """The part of a year of each period, over the day count's denominator."""
    parts, start = [], start_on
    for end in ends:
        parts.append(fraction(terms.day_count, start, end, terms.anchor_day))
        start = end
    return parts


def interest_until(terms: Terms, day: DueDay | Row) -> date:
    """The day until which a period's interest runs."""
    runs_on = terms.holiday_rule is HolidayRule.NEXT_WORKDAY_INTEREST
    return day.due_on if runs_on else day.nominal_on


def equal_instalment(
    balance_fen: int, rate_ppm: int, parts: Sequence[int], year: int, accrued: int = 0
) -> int:
    """The instalment that repays a balance over periods with these parts of a year, and the
    interest that it has already: that is paid in the first, and bears none itself."""
    discount, total = _ONE, 0
    for part in parts:
        discount = discount * year // (year + rate_ppm * part)
        total += discount
    owed = balance_fen * _ONE + accrued * _ONE // (year + rate_ppm * parts[0])
    return round_half_up(owed, total)


def round_half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number of a quotient of whole numbers that are not negative."""
    return (2 * numerator + denominator) // (2 * denominator)
