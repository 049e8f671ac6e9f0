"""Monitoring: quiet on the same population, loud on another, and the one-step repair."""

import numpy as np
import pytest

from credit.engine.model import probability
from credit.engine.stability import effective_rows, sampling_noise, stability
from credit.storage.errors import InputError
from credit.training.monitor import monitor, recalibrated
from credit.training.specs.sba import SBA

from .conftest import SMALL_JINAN, jinan_data, opened, sba_artefact, sba_data


def shuffled(data, seed):
    """The same loans in another order, each under another's date."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    copy = data.where(np.ones(len(data), dtype=bool))
    return type(copy)(
        {name: values[order] for name, values in copy.columns.items()},
        copy.ids[order], copy.bad[order], copy.weight[order], copy.year, copy.day,
        copy.stratum[order],
    )  # fmt: skip


def test_a_shuffled_copy_of_the_window_is_quiet():
    data = sba_data()
    window = data.where(data.year <= 2001)
    result = monitor(sba_artefact(), SBA, shuffled(window, 1))
    assert result["psi"] < 0.02
    assert max(row["csi"] for row in result["features"]) < 0.02


def test_half_of_the_window_is_quiet(champion):
    data = jinan_data()
    window = shuffled(data.where(data.year <= 2023), 2)
    result = monitor(champion, SMALL_JINAN, window.where(np.arange(len(window)) % 2 == 0))
    assert result["psi"] < 0.02
    assert result["alarm"] == "green"


def test_later_real_loans_raise_the_alarm():
    """FY2002–04 against a window through FY2001: guarantees halved, industries got codes."""
    result = monitor(sba_artefact(), SBA, sba_data())
    assert result["rows_left_out"] == 17_396
    csi = {row["name"]: row["csi"] for row in result["features"]}
    assert csi["guaranteed_share"] >= 0.25
    assert result["alarm"] == "red"
    assert any("guaranteed_share" in reason for reason in result["alarm_reasons"])
    assert len(result["months"]) == 36


def test_a_planted_shift_is_found_in_its_month(champion):
    data = jinan_data()
    later = data.where(data.year > 2023)
    base = monitor(champion, SMALL_JINAN, later)
    worse = later.where(np.ones(len(later), dtype=bool))
    hit = worse.day >= np.quantile(worse.day, 0.7)
    worse.columns["tax_late_12m"][hit] = 4
    worse.columns["tax_grade_points"][hit] = 2
    result = monitor(champion, SMALL_JINAN, worse)
    assert result["psi"] > base["psi"] + 0.1
    assert result["alarm"] == "red"
    red = [row["month"] for row in result["months"] if row["alarm"] == "red"]
    assert red
    assert min(red) >= "2025-01"


def test_a_changed_base_rate_is_a_calibration_alarm_and_recalibration_repairs_it(champion):
    data = jinan_data()
    later = data.where(data.year > 2023)
    rng = np.random.default_rng(5)
    worse = later.where(np.ones(len(later), dtype=bool))
    worse.bad[:] = np.maximum(worse.bad, rng.random(len(worse)) < 0.10)
    before = monitor(champion, SMALL_JINAN, worse)
    assert before["alarm"] == "red"
    assert any("calibration" in reason for reason in before["alarm_reasons"])
    content = recalibrated(champion, SMALL_JINAN, worse, "0" * 64, ahead=0)
    again = opened(content)
    assert again.hash != champion.hash
    assert content["parent"] == champion.hash
    after = monitor(again, SMALL_JINAN, worse)
    assert abs(after["calibration"]["relative_gap"]) < 1e-6
    assert not any("calibration" in reason for reason in after["alarm_reasons"])
    # the ranking, the contributions and the stability of scores stay as they were
    assert after["psi"] == pytest.approx(before["psi"], abs=1e-9)
    matrix = champion.matrix(worse.inputs)
    shift = again.model.log_odds(matrix) - champion.model.log_odds(matrix)
    assert np.ptp(shift) < 1e-9
    assert probability(again.model.log_odds(matrix)).mean() == pytest.approx(worse.bad.mean())


def test_the_trend_goes_on_from_the_loans_recalibrated_on(champion):
    """By each application's own date, damped, and no further than is asked for."""
    data = jinan_data()
    later = data.where(data.year > 2023)
    content = dict(champion.content)
    content["trend"] = {**content["trend"], "yearly": 0.2}
    drifting = opened(content)
    still = opened(recalibrated(drifting, SMALL_JINAN, later, "", ahead=0)).trend
    moving = opened(recalibrated(drifting, SMALL_JINAN, later, "", ahead=2)).trend
    days = later.day.max() + 365.25 * np.arange(5)
    assert not still.shift(days).any()
    steps = np.diff(moving.shift(days))
    assert 0 < steps[0] < 0.2
    assert (np.diff(steps) <= 1e-12).all()
    assert steps[-1] == pytest.approx(0)
    assert moving.day == pytest.approx(later.day.mean())


def test_one_outcome_cannot_recalibrate(champion):
    data = jinan_data()
    good = data.where((data.year > 2023) & (data.bad == 0))
    with pytest.raises(InputError, match="one outcome"):
        recalibrated(champion, SMALL_JINAN, good, "")


def test_the_index_by_hand():
    a, b = np.array([50.0, 50.0]), np.array([25.0, 75.0])
    by_hand = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert stability(a, b) == pytest.approx(by_hand)
    assert stability(a, a) == 0
    assert np.isfinite(stability(np.array([1.0, 0.0]), np.array([0.0, 1.0])))


def test_noise_bounds_what_chance_does():
    rng = np.random.default_rng(3)
    share = np.full(10, 0.1)
    draws = [stability(share, rng.multinomial(200, share).astype(float)) for _ in range(2000)]
    bound = sampling_noise(10, 1e9, 200)
    assert np.mean(np.array(draws) > bound) < 0.07
    assert np.mean(draws) < bound < 4 * np.mean(draws)
    assert effective_rows(np.array([1.0, 1.0, 0.0])) == pytest.approx(2.0)
