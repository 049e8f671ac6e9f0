"""Days of a loan: due days that keep their day of the month, and the part of a year between two.

Year fractions are whole numbers over one denominator for each day count, so that sums are exact.
"""

from calendar import isleap, monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from core.city import Calendar
from core.clock import months_between
from credit.lending.terms.money_terms import DayCount, HolidayRule, Terms

YEAR: Mapping[DayCount, int] = {
    DayCount.ACT_360: 360,
    DayCount.ACT_365: 365,
    DayCount.ACT_ACT: 365 * 366,
    DayCount.THIRTY_360: 360,
}
"""The denominators."""
_MONTH_DAYS = 30
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DueDay:
    """A due day: by the terms, and on which day it is paid. `is_provisional` while the working days
    of its year are not published."""

    nominal_on: date
    due_on: date
    is_provisional: bool


def months_later(day: date, months: int, anchor_day: int) -> date:
    """The anchor day so many months after a day's month; the last day where a month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(anchor_day, monthrange(year, month + 1)[1]))


def due_days(terms: Terms, calendar: Calendar | None) -> list[DueDay]:
    """All due days in order. Without a calendar no day is moved."""
    shifts = calendar is not None and terms.holiday_rule is not HolidayRule.SAME_DAY
    days = []
    for number in range(terms.instalments):
        nominal_on = terms.first_due_on
        if number:
            nominal_on = months_later(
                terms.first_due_on, number * terms.period_months, terms.anchor_day
            )
        due_on, provisional = nominal_on, False
        if shifts:
            assert calendar is not None
            while not calendar.is_working_day(due_on):
                due_on += _DAY
            provisional = calendar.is_provisional(due_on)
        days.append(DueDay(nominal_on, due_on, provisional))
    return days


def fraction(day_count: DayCount, start: date, end: date, anchor_day: int) -> int:
    """The part of a year from one day to another, over `YEAR[day_count]`; 0 where end is first."""
    if end <= start:
        return 0
    match day_count:
        case DayCount.ACT_360 | DayCount.ACT_365:
            return (end - start).days
        case DayCount.ACT_ACT:
            return _leap_share(end) - _leap_share(start)
        case DayCount.THIRTY_360:
            return _thirty(start, end, anchor_day)


def _leap_share(day: date) -> int:
    """A day's place in time where each year, leap or not, is 365 * 366 long."""
    per_day = 365 if isleap(day.year) else 366
    return day.year * 365 * 366 + (day - date(day.year, 1, 1)).days * per_day


def _thirty(start: date, end: date, anchor_day: int) -> int:
    months = months_between(start, end)
    anchor = anchor_day if _is_anchor(start, anchor_day) else start.day
    if months_later(start, months, anchor) > end:
        months -= 1
    rest = (end - months_later(start, months, anchor)).days
    return months * _MONTH_DAYS + min(rest, _MONTH_DAYS)


def _is_anchor(day: date, anchor_day: int) -> bool:
    return day == months_later(day, 0, anchor_day)
