"""Fairness: final decisions, by intervals, nobody out of sight."""

import numpy as np
import pytest

from credit.engine.schema import Part
from credit.registry.evidence import finding_text
from credit.training.fairness import NOT_KNOWN, Decided, findings
from credit.training.specs.spec import Group

from .conftest import jinan_data

REGION = Group("region", ("区县", "District"), key=(Part("district"),))


def world(
    rates: dict[str | None, tuple[int, float]], granted: dict[str | None, float] | None = None
):
    """Rows of groups with (how many, share approved), and what share of the request is granted."""
    rows = sum(n for n, _ in rates.values())
    data = jinan_data().where(np.arange(len(jinan_data())) < rows)
    district, approved, share = [], [], []
    for name, (n, rate) in rates.items():
        district += [name] * n
        approved += [i < round(rate * n) for i in range(n)]
        share += [(granted or {}).get(name, 1.0)] * n
    data.columns["district"][:] = np.array(district, dtype=object)
    yes = np.array(approved)
    shares = np.where(yes, np.array(share), np.nan)
    return data, Decided(yes, ~yes, shares, np.full(rows, 0.05))


def by_value(data, decided):
    return {f.value: f for f in findings((REGION,), data, decided, 1)}


def test_intervals_decide_not_points():
    """0.71 on 114 rows is chance; on 2,000 it is a finding."""
    few = by_value(*world({"A": (114, 0.57), "B": (2_000, 0.80)}))["A"]
    assert few.ratio == pytest.approx(0.71, abs=0.01)
    assert few.blocks == (few.high < 0.80)
    close = by_value(*world({"A": (114, 0.62), "B": (2_000, 0.80)}))["A"]
    assert close.ratio < 0.80 < close.high
    assert not close.blocks
    many = by_value(*world({"A": (2_000, 0.57), "B": (2_000, 0.80)}))["A"]
    assert many.blocks


def test_a_referral_is_no_approval():
    data, decided = world({"A": (500, 0.3), "B": (500, 0.9)})
    found = by_value(data, decided)["A"]
    assert (found.approval_rate, found.refer_rate) == (pytest.approx(0.3), pytest.approx(0.7))
    assert found.blocks


def test_smaller_amounts_for_one_group_are_a_finding_too():
    found = by_value(*world({"A": (500, 0.8), "B": (500, 0.8)}, {"A": 0.5}))["A"]
    assert found.ratio == pytest.approx(1.0)
    assert found.granted_ratio == pytest.approx(0.5)
    assert found.blocks
    assert finding_text(found.plain()) == "region=A (1.00, amount 0.50)"


def test_the_few_and_the_unknown_are_shown_and_not_judged():
    found = by_value(*world({"A": (8, 0.0), "B": (500, 0.8), None: (200, 0.1)}))
    assert set(found) == {"A", "B", NOT_KNOWN}
    assert not found["A"].judged
    assert found["A"].ratio is None
    assert not found[NOT_KNOWN].blocks
    assert found[NOT_KNOWN].rows == 200


def test_nobody_approved_is_no_crash():
    found = by_value(*world({"A": (100, 0.0), "B": (100, 0.0)}))
    assert found["A"].ratio is None
    assert not found["A"].blocks
