"""Base rates that a bank can retrain on in February: tiny, young and one-sided vintages."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from credit.engine.features import derive
from credit.engine.model import probability
from credit.engine.trend import Trend
from credit.storage.errors import InputError
from credit.training.calibrate import level_of
from credit.training.data import Dataset, build
from credit.training.fit import fit_window
from credit.training.metrics import calibration_bands, measure
from credit.training.monitor import monitor, recalibrated
from credit.training.provenance import Order
from credit.training.reject import with_rejects
from credit.training.train import train

from .conftest import SMALL_JINAN, history, jinan_data, opened, small

QUICK = small(SMALL_JINAN, 15)


def with_newest_year(rows: int, bad: int) -> Dataset:
    """2,000 loans of six years with 12.5 % bad, and a newest year of a few."""
    data = jinan_data().where(np.arange(len(jinan_data())) < 2_000)
    rng = np.random.default_rng(1)
    outcome = (rng.random(2_000) < 0.125).astype(np.float64)
    year = 2015 + np.arange(2_000) * 6 // 2_000
    if rows:
        year[-rows:] = 2021
        outcome[-rows:] = np.arange(rows) < bad
    day = np.array([date(y, 6, 30).toordinal() for y in year], dtype=np.float64)
    return replace(data, bad=outcome, year=year, day=day)


@pytest.mark.parametrize(("rows", "bad"), [(3, 1), (10, 5), (200, 1), (5, 0), (5, 5), (40, 40)])
def test_a_newest_year_counts_by_what_it_knows(rows, bad):
    """One default among three loans moves nobody to 0.485; none among 200 is news indeed."""
    data = with_newest_year(rows, bad)
    rate = level_of(data).rate
    assert 0.01 < rate < 0.40
    if rows <= 10:
        assert abs(rate - 0.125) < 0.06


@pytest.mark.parametrize(("rows", "bad"), [(3, 1), (30, 0), (30, 30)])
def test_training_goes_through_with_a_newest_year_of_one_outcome(rows, bad):
    data = with_newest_year(rows, bad)
    content = train(QUICK, data, Order(None, 0, "", ""))["champion"]
    model = opened(content).model
    mean = model.default_probs(derive(QUICK.features, content["lookups"], data.columns, len(data)))
    assert 0.05 < mean.mean() < 0.30


def test_rows_of_no_weight_count_for_nothing():
    data = with_newest_year(50, 10)
    weightless = replace(data, weight=np.where(data.year == 2021, 0.0, 1.0))
    content = train(QUICK, weightless, Order(None, 0, "", ""))["champion"]
    assert content["training"]["through"] == 2020
    raw = {name: values[:60] for name, values in history().items()} | {"w": [0] * 60}
    from credit.engine.schema import Column, Kind, Known

    weighted = replace(
        SMALL_JINAN,
        weight="w",
        columns=(*SMALL_JINAN.columns, Column("w", Kind.NUMBER, Known.WEIGHT)),
    )
    with pytest.raises(InputError, match="every weight is 0"):
        build(raw, weighted, today=None)


def test_the_trend_is_found_shrunk_and_damped():
    rng = np.random.default_rng(2)
    data = jinan_data()
    year = 2012 + np.arange(len(data)) * 8 // len(data)
    prob = probability(-3.0 + 0.3 * (year - 2012))
    rising = replace(data, year=year, bad=(rng.random(len(data)) < prob).astype(np.float64))
    assert 0.1 < level_of(rising).yearly < 0.3
    flat = replace(rising, bad=(rng.random(len(data)) < 0.1).astype(np.float64))
    assert abs(level_of(flat).yearly) < 0.1
    trend = Trend(day=1000.0, yearly=0.2, damping=0.6, most_years=2.0)
    after = trend.shift(1000 + 365.25 * np.array([-1, 0, 1, 2, 3]))
    assert after[0] == after[1] == 0
    assert 0 < after[2] < 0.2
    assert after[3] == after[4] < 0.4


def test_an_application_takes_the_base_rate_of_its_own_date(champion):
    """Not one fixed year ahead for every application whatever its date."""
    content = {**champion.content, "trend": {**champion.content["trend"], "yearly": 0.3}}
    rising = opened(content)
    data = jinan_data()
    one = data.where(np.arange(len(data)) == 5)
    start = rising.trend.day
    odds = []
    for years in (0.0, 0.5, 1.0):
        inputs = replace(
            one, columns={**one.columns, "applied_on": np.array([start + years * 365])}
        )
        odds.append(float(rising.observe(inputs.inputs).shift[0]))
    assert odds[0] == 0 < odds[1] < odds[2] < 0.3


def test_young_loans_are_left_out_until_their_outcome_is_complete():
    data = jinan_data()
    as_of = float(date(2024, 6, 30).toordinal())
    ripe = data.mature(12, as_of)
    assert 0 < ripe.sum() < len(data)
    assert data.day[ripe].max() <= date(2023, 7, 1).toordinal()
    assert data.mature(None, as_of).all()


@pytest.mark.parametrize("rows", [30, 60, 200])
def test_a_few_rows_of_the_training_data_alarm_nobody(champion, rows):
    data = jinan_data()
    window = data.where(data.year <= 2023)
    rng = np.random.default_rng(rows)
    red = 0
    for _ in range(20):
        mask = np.zeros(len(window), dtype=bool)
        mask[rng.choice(len(window), rows, replace=False)] = True
        red += monitor(champion, SMALL_JINAN, window.where(mask))["alarm"] == "red"
    assert red == 0


def test_a_handful_of_loans_recalibrates_nothing(champion):
    data = jinan_data()
    later = np.flatnonzero((data.year > 2023) & (data.bad == 1))[:5]
    good = np.flatnonzero((data.year > 2023) & (data.bad == 0))[:5]
    mask = np.zeros(len(data), dtype=bool)
    mask[later], mask[good] = True, True
    with pytest.raises(InputError, match="too few to set a level by"):
        recalibrated(champion, SMALL_JINAN, data.where(mask), "")


def test_equal_scores_make_one_band_whatever_the_order_of_the_file():
    bad = np.array([1.0] * 100 + [0.0] * 300)
    bands = calibration_bands(bad, np.full(400, 0.25), np.ones(400))
    assert bands.tolist() == [[400, 0.25, 0.25]]


def test_figures_of_one_outcome_are_no_accident():
    found = measure(np.zeros(40), np.linspace(0.1, 0.4, 40), np.ones(40), 0)
    assert (found["auc"].value, found["ks"].value) == (0.5, 0.0)


@pytest.fixture(scope="module")
def declined_world():
    """Loans of which the riskier were declined, by more than the columns tell."""
    data = jinan_data()
    truth = np.array(history()["true_prob"])
    noise = np.random.default_rng(0).standard_normal(len(data))
    risk = np.log(truth / (1 - truth)) + noise
    return data, risk > np.quantile(risk, 0.63)


def test_reject_inference_moves_the_gap_towards_the_truth(declined_world):
    data, declined = declined_world
    spec = small(SMALL_JINAN, 60)
    unknown = replace(data.where(declined), bad=np.full(int(declined.sum()), np.nan))

    def gap(window):
        fitted = fit_window(spec, window, 0)
        matrix = derive(spec.features, fitted.lookups, data.columns, len(data))
        score = fitted.boosted.model.log_odds(matrix)
        return score[declined].mean() - score[~declined].mean()

    accepted, truth = gap(data.where(~declined)), gap(data)
    inferred = [
        gap(with_rejects(spec, data.where(~declined), unknown, 0, odds)) for odds in (1.5, 4.0)
    ]
    assert accepted < inferred[0] < truth
    # the knob works
    assert inferred[1] > inferred[0] + 0.05


def test_inferred_outcomes_are_never_told_against(declined_world):
    data, declined = declined_world
    spec = small(SMALL_JINAN, 15)
    unknown = replace(data.where(declined), bad=np.full(int(declined.sum()), np.nan))
    window = with_rejects(spec, data.where(~declined), unknown, 0)
    assert set(window.stratum.tolist()) == {""}
    content = train(spec, window, Order(None, 0, "", ""))["champion"]
    training, told = content["training"], content["metrics"]["backtest"]
    assert training["inferred_rows"] == declined.sum()
    for row in told:
        years = (data.year >= row["years"][0]) & (data.year <= row["years"][1])
        assert row["rows"] == (years & ~declined).sum()
    assert training["base_rate"] == pytest.approx(data.where(~declined).base_rate)
