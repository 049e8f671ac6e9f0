"""The simulated city: the same on every run, valid codes, plainly labelled, with a known truth."""

from dataclasses import replace

import numpy as np
import pytest

from core.ids import is_uscc
from credit.training.data import build
from credit.training.evaluate import evaluate
from credit.training.metrics import auc
from credit.training.provenance import Order
from credit.training.report import render
from credit.training.simulate import FIRMS, LOANS, loan_history, registered_firms
from credit.training.specs.jinan import JINAN
from credit.training.train import train

from .conftest import SMALL_JINAN, example, history, jinan_data, opened

EVALUATED = {"data": {"sha256": "0" * 64}, "evaluated_on": "2026-11-28"}
"""What the command adds to a result."""


def test_the_same_seed_gives_the_same_city():
    assert loan_history(5, 800) == loan_history(5, 800)
    assert loan_history(5, 800) != loan_history(6, 800)


def test_scale():
    assert (FIRMS, LOANS) == (1_700, 52_000)
    firms = registered_firms(0)
    assert len(firms["loan_no"]) == FIRMS
    assert len(set(firms["uscc"])) == FIRMS
    assert "defaulted" not in firms


def test_codes_are_valid_and_rows_labelled():
    assert all(is_uscc(code) for code in history()["uscc"])
    assert set(history()["simulated"]) == {"SIMULATED"}
    assert JINAN.simulated


def test_outcomes_follow_the_stated_probabilities():
    city = loan_history(0, 30_000)
    truth = np.array(city["true_prob"])
    bad = np.array([x == "Y" for x in city["defaulted"]])
    assert 0.02 < bad.mean() < 0.08
    for low, high in ((0.0, 0.02), (0.02, 0.05), (0.05, 0.15), (0.15, 1.0)):
        band = (truth >= low) & (truth < high)
        error = np.sqrt((truth[band] * (1 - truth[band])).sum()) / band.sum()
        assert abs(bad[band].mean() - truth[band].mean()) < 4 * error


def test_the_model_comes_near_the_truth_and_not_above_it(champion):
    data = jinan_data()
    later = data.year > 2023
    test = data.where(later)
    prob = champion.model.default_probs(champion.matrix(test.inputs))
    best = auc(test.bad, np.array(history()["true_prob"])[later], test.weight)
    ours = auc(test.bad, prob, test.weight)
    assert best - 0.08 < ours <= best + 0.01


def test_the_report_says_simulated(champion):
    data = build(history(), SMALL_JINAN, today=None)
    result = evaluate(champion, SMALL_JINAN, data, example("jinan"))
    page = render(result | EVALUATED)
    assert "SIMULATED DATA" in page
    assert "2027-11-28" in page and "The evidence carries a validation" in page
    assert "模拟数据" in page


def test_figures_on_the_training_window_are_never_called_later_ones(champion):
    """Shuffled, renamed or mixed with others: the artefact knows its rows."""
    data = jinan_data()
    window = data.where(data.year <= 2023)
    policy = example("jinan")
    order = np.random.default_rng(0).permutation(len(window))
    shuffled = window.where(np.ones(len(window), dtype=bool))
    for name in shuffled.columns:
        shuffled.columns[name][:] = window.columns[name][order]
    for name in ("bad", "day", "year", "weight"):
        getattr(shuffled, name)[:] = getattr(window, name)[order]
    shuffled.ids[:] = [f"other {i}" for i in range(len(window))]
    with pytest.raises(ValueError, match="not seen"):
        evaluate(champion, SMALL_JINAN, shuffled, policy)
    result = evaluate(champion, SMALL_JINAN, shuffled, policy, every_row=True)
    assert result["sample"] == "in sample"
    assert result["rows_seen_in_training"] == len(window)
    assert "IN SAMPLE" in render(
        result | {"data": {"sha256": "0" * 64}, "evaluated_on": "2026-11-28"}
    )
    honest = evaluate(champion, SMALL_JINAN, data, policy)
    assert honest["sample"] == "out of time"


def test_data_without_time_are_told_apart_by_their_rows():
    timeless = replace(SMALL_JINAN, date=None, horizon_months=None)
    data = build(history(), timeless, today=None)
    half = np.arange(len(data)) % 2 == 0
    artefact = opened(train(timeless, data.where(half), Order(None, 0, "", ""))["champion"])
    assert artefact.content["metrics"]["backtest"][0]["role"] == "held out"
    result = evaluate(artefact, timeless, data, example("jinan"))
    assert (result["sample"], result["rows"]) == ("out of sample", int((~half).sum()))
    assert result["peers"]
