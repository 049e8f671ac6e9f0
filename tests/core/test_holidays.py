"""The law's holidays: the lunar ones as they fell, and nothing that a published calendar lacks."""

from datetime import date, timedelta

import pytest

from core.city import load_city
from core.holidays import statutory_holidays
from tests.conftest import ROOT

CITIES = sorted((ROOT / "cities").glob("*.toml"))
PUBLISHED_2025 = (
    (date(2025, 1, 1), date(2025, 1, 1)),
    (date(2025, 1, 28), date(2025, 2, 4)),
    (date(2025, 4, 4), date(2025, 4, 6)),
    (date(2025, 5, 1), date(2025, 5, 5)),
    (date(2025, 5, 31), date(2025, 6, 2)),
    (date(2025, 10, 1), date(2025, 10, 8)),
)
"""国办发明电〔2024〕12号, the first calendar under the law as it is in force."""


@pytest.mark.parametrize(
    ("year", "spring_festival", "qingming", "dragon_boat", "mid_autumn"),
    [
        (2019, (2, 5), (4, 5), (6, 7), (9, 13)),
        (2020, (1, 25), (4, 4), (6, 25), (10, 1)),
        (2021, (2, 12), (4, 4), (6, 14), (9, 21)),
        (2022, (2, 1), (4, 5), (6, 3), (9, 10)),
        (2023, (1, 22), (4, 5), (6, 22), (9, 29)),
        (2024, (2, 10), (4, 4), (6, 10), (9, 17)),
        (2025, (1, 29), (4, 4), (5, 31), (10, 6)),
        (2026, (2, 17), (4, 5), (6, 19), (9, 25)),
        (2027, (2, 6), (4, 5), (6, 9), (9, 15)),
        (2028, (1, 26), (4, 4), (5, 28), (10, 3)),  # an intercalary fifth month
        (2034, (2, 19), (4, 5), (6, 20), (9, 27)),  # after an intercalary eleventh month
    ],
)
def test_lunar_holidays_fall_where_they_fell(
    year: int,
    spring_festival: tuple[int, int],
    qingming: tuple[int, int],
    dragon_boat: tuple[int, int],
    mid_autumn: tuple[int, int],
) -> None:
    first = date(year, *spring_festival)
    fixed = [(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)]
    assert statutory_holidays(year) == {
        *(first + timedelta(days=n) for n in (-1, 0, 1, 2)),
        *(date(year, *day) for day in (*fixed, qingming, dragon_boat, mid_autumn)),
    }


def test_a_published_calendar_has_them_all() -> None:
    published = {
        first + timedelta(days=n)
        for first, last in PUBLISHED_2025
        for n in range((last - first).days + 1)
    }
    assert statutory_holidays(2025) <= published
    for path in CITIES:
        calendar = load_city(path).calendar
        for year in calendar.years:
            assert statutory_holidays(year) <= calendar.holidays, (path.name, year)


def test_every_year_of_a_lifetime_has_them() -> None:
    assert {len(statutory_holidays(year)) for year in range(2025, 2100)} == {12, 13}
