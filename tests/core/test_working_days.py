"""Working days of the city's calendar: shifted workdays count, holidays do not."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.city import Calendar, load_city
from tests.conftest import ROOT
from tests.core.test_holidays import PUBLISHED_2025

DAY = timedelta(days=1)
CITY = load_city(ROOT / "cities/jinan.toml").calendar
OF_2025 = Calendar(
    frozenset(
        first + DAY * n for first, last in PUBLISHED_2025 for n in range((last - first).days + 1)
    ),
    frozenset({date(2025, 9, 28), date(2025, 10, 11)}),
    frozenset({2025}),
)
"""国办发明电〔2024〕12号, its autumn."""


@pytest.mark.parametrize(
    ("calendar", "day", "count", "last_on"),
    [
        (OF_2025, date(2025, 9, 26), 3, date(2025, 9, 30)),  # a Friday; Sunday the 28th is worked
        (OF_2025, date(2025, 9, 30), 3, date(2025, 10, 11)),  # over the holidays, to a Saturday
        (CITY, date(2026, 2, 13), 1, date(2026, 2, 14)),  # a Saturday that is worked
        (CITY, date(2026, 2, 13), 3, date(2026, 2, 25)),  # over the Spring Festival
        (CITY, date(2026, 2, 15), 0, date(2026, 2, 24)),  # no term begins on a holiday
        (CITY, date(2026, 12, 30), 3, date(2027, 1, 5)),  # 2027 is not published: the law's 1 Jan
    ],
)
def test_a_term_ends_where_the_calendar_says(
    calendar: Calendar, day: date, count: int, last_on: date
) -> None:
    """chinese-calendar#77 and #129: worked weekend days, and a year that is not published."""
    assert calendar.add_working_days(day, count) == last_on


def test_a_term_into_an_unpublished_year_is_provisional() -> None:
    last_on = CITY.add_working_days(date(2026, 12, 30), 3)
    assert CITY.is_provisional(last_on)


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(DAYS, st.integers(0, 60))
def test_what_is_added_is_what_is_counted(day: date, count: int) -> None:
    last_on = CITY.add_working_days(day, count)
    assert CITY.is_working_day(last_on)
    if count:
        assert CITY.count_working_days(day, last_on) == count
        assert CITY.working_days_before(last_on, count) <= day + DAY * (
            0 if CITY.is_working_day(day) else 10
        )


@given(DAYS, st.integers(0, 40), st.integers(0, 40))
def test_days_are_counted_in_parts_as_in_one(day: date, one: int, other: int) -> None:
    middle, end = day + DAY * one, day + DAY * (one + other)
    parts = CITY.count_working_days(day, middle) + CITY.count_working_days(middle, end)
    assert parts == CITY.count_working_days(day, end)


@pytest.mark.parametrize(
    ("day", "provisional"), [(date(2018, 12, 21), False), (date(2018, 12, 28), True)]
)
def test_the_end_of_a_year_waits_for_the_next_years_calendar(day: date, provisional: bool) -> None:
    """国办发明电〔2018〕15号: New Year of 2019 took the Monday before, for a Saturday."""
    known = Calendar(frozenset(), frozenset(), frozenset({2018}))
    both = Calendar(
        frozenset({date(2018, 12, 30), date(2018, 12, 31), date(2019, 1, 1)}),
        frozenset({date(2018, 12, 29)}),
        frozenset({2018, 2019}),
    )
    last_on = known.add_working_days(day, 1)
    assert known.is_provisional(last_on) is provisional
    assert not both.is_provisional(last_on)
    assert (both.add_working_days(day, 1) != last_on) is provisional
