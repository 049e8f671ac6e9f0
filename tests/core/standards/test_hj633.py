"""The index against the published break-points and others' worked values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.standards.hj633 import (
    BREAK_POINTS,
    INDICES,
    AirCategory,
    Pollutant,
    air_index,
    category_of,
    sub_index,
)

PM2_5, PM10, SO2, NO2, CO, O3 = Pollutant
CLEAN: dict[Pollutant, float | None] = dict.fromkeys(Pollutant, 1.0)

TABLE_3 = """
IAQI  SO2/24h SO2/1h NO2/24h NO2/1h PM10/24h CO/24h CO/1h O3/1h O3/8h PM2.5/24h
0     0       0      0       0      0        0      0     0     0     0
50    50      150    40      100    50       2      5     160   100   35
100   150     500    80      200    120      4      10    200   160   60
150   475     650    180     700    250      14     35    300   215   115
200   800     800    280     1200   350      24     60    400   265   150
300   1600    -      565     2340   420      36     90    800   800   250
400   2100    -      750     3090   500      48     120   1000  -     350
500   2620    -      940     3840   600      60     150   1200  -     500
"""
"""HJ 633-2026, table 3 (Ministry of Ecology and Environment, published 25 February 2026,
mee.gov.cn/ywgz/fgbz/bz/bzwb/jcffbz/202602/W020260225366493492011.pdf). Against HJ 633-2012 the
steps of 100 are lower: PM10 120 for 150, PM2.5 60 for 75."""
REAL_TIME = {
    "SO2/1h": SO2, "NO2/1h": NO2, "PM10/24h": PM10, "CO/1h": CO, "O3/1h": O3, "PM2.5/24h": PM2_5
}  # fmt: skip
"""The columns of the real-time index: hours, but of particles the day's (4.2.3)."""


def _published() -> list[tuple[Pollutant, int, int]]:
    head, *rows = (line.split() for line in TABLE_3.strip().splitlines())
    return [
        (REAL_TIME[column], int(value), int(row[0]))
        for row in rows
        for column, value in zip(head[1:], row[1:], strict=True)
        if column in REAL_TIME and value != "-"
    ]


@pytest.mark.parametrize(("pollutant", "concentration", "index"), _published())
def test_the_published_break_points(pollutant: Pollutant, concentration: int, index: int) -> None:
    assert sub_index(pollutant, concentration) == index
    assert BREAK_POINTS[pollutant][INDICES.index(index)] == concentration


@pytest.mark.parametrize(
    ("pollutant", "concentration", "index"),
    [
        # worked values of the tests of caiyunapp/aqi-hub (src/cn.rs)
        (PM2_5, 59, 98), (PM2_5, 75, 114), (PM2_5, 600, 500), (PM10, 150, 112), (SO2, 3000, 200),
        # in whole steps, where binary fractions would carry one up too many
        (CO, 60.0, 200), (CO, 65.4, 218),
        # rounded half to even before (GB/T 8170)
        (PM2_5, 35.5, 52), (PM2_5, 60.5, 100), (CO, 5.04, 50),
    ],
)  # fmt: skip
def test_worked_values(pollutant: Pollutant, concentration: float, index: int) -> None:
    assert sub_index(pollutant, concentration) == index


@pytest.mark.parametrize("concentration", [-1, math.nan, math.inf])
def test_a_concentration_that_cannot_be_has_no_index(concentration: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        sub_index(O3, concentration)


@given(st.sampled_from(Pollutant), st.floats(0, 5000), st.floats(0, 5000))
def test_more_is_never_better(pollutant: Pollutant, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= sub_index(pollutant, low) <= sub_index(pollutant, high) <= 500


def test_the_worst_pollutant_makes_the_index_and_all_that_do_are_named() -> None:
    found = air_index(CLEAN | {PM2_5: 60, PM10: 120})
    assert (found.aqi, found.category) == (100, AirCategory.GOOD)
    assert found.primary_pollutants == [PM2_5, PM10]
    assert len(found.sub_indices) == 6 and found.missing == []


def test_clean_air_has_no_primary_pollutant() -> None:
    found = air_index(CLEAN | {PM2_5: 35})
    assert (found.aqi, found.category) == (50, AirCategory.EXCELLENT)
    assert list(found.primary_pollutants) == []


def test_while_a_pollutant_is_missing_only_bad_air_has_an_index() -> None:
    """HJ 633-2026, 5.3.1."""
    unknown = air_index(CLEAN | {PM2_5: None, PM10: 120})
    assert (unknown.aqi, unknown.category, unknown.missing) == (None, None, [PM2_5])
    bad = air_index(CLEAN | {PM2_5: None, PM10: 121})
    assert (bad.aqi, bad.category, bad.primary_pollutants) == (101, AirCategory.LIGHT, [PM10])
    assert air_index({}).aqi is None


@pytest.mark.parametrize(
    ("aqi", "category"),
    [(0, "EXCELLENT"), (50, "EXCELLENT"), (51, "GOOD"), (100, "GOOD"), (101, "LIGHT"),
     (150, "LIGHT"), (151, "MODERATE"), (200, "MODERATE"), (201, "HEAVY"), (300, "HEAVY"),
     (301, "SEVERE"), (500, "SEVERE")],
)  # fmt: skip
def test_categories(aqi: int, category: str) -> None:
    """HJ 633-2026, table 1."""
    assert category_of(aqi) is AirCategory(category)
