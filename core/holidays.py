"""The public holidays that the law fixes for every year, before anybody publishes its calendar.

《全国年节及纪念日放假办法》 as revised on 10 November 2024, in force since 1 January 2025. Which
weekend days are worked in exchange is decided year by year and cannot be known from it.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

from cnlunar import Lunar

_DAY = timedelta(days=1)
_FIXED = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
"""New Year, Labour Day, National Day."""


@lru_cache(maxsize=256)
def statutory_holidays(year: int) -> frozenset[date]:
    """The thirteen days off of a year, as civil dates: twelve where two festivals meet, as in 2028.

    Lunar dates are those of the Hong Kong Observatory's tables, which the library carries for 1901
    to 2100; Qingming is the day of the solar term.
    """
    spring_festival = _lunar_date(year, 1, 1)
    return frozenset(
        (
            *(date(year, month, day) for month, day in _FIXED),
            *(spring_festival + ahead * _DAY for ahead in range(-1, 3)),  # from its eve on
            _qingming(year),
            _lunar_date(year, 5, 5),  # Dragon Boat
            _lunar_date(year, 8, 15),  # Mid-Autumn
        )
    )


def _lunar_date(year: int, month: int, day: int) -> date:
    """When a day of a lunar month falls; an intercalary month has no holidays."""
    for on in _days(date(year, month, 20), 60):
        lunar = Lunar(_noon(on))
        if (lunar.lunarMonth, lunar.lunarDay) == (month, day) and not lunar.isLunarLeapMonth:
            return on
    raise ValueError(f"the lunar calendar of {year} is not known")


def _qingming(year: int) -> date:
    month, day = Lunar(_noon(date(year, 4, 1))).thisYearSolarTermsDic["清明"]
    return date(year, month, day)


def _days(first_on: date, count: int) -> Iterator[date]:
    return (first_on + ahead * _DAY for ahead in range(count))


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - the library's own form
