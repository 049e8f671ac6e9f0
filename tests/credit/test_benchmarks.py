"""The engine on sets it was not written for. Reads the shared data and skips where absent."""

import numpy as np
import pytest

from credit.engine.features import derive
from credit.engine.model import probability
from credit.storage.files import read_whole
from credit.training.data import build
from credit.training.encode import vintage_log_odds
from credit.training.fit import fit_window
from credit.training.metrics import auc

from . import benchmarks
from .conftest import shared


def cross_validated(spec, data, folds, *, only=None, seed=0):
    """Boosted default probabilities of rows held out, and their outcomes; stratified folds."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(data), dtype=int)
    for outcome in (0, 1):
        rows = np.flatnonzero(data.bad == outcome)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % folds
    probs, bads = [], []
    for k in range(only or folds):
        known, unseen = data.where(fold != k), data.where(fold == k)
        fitted = fit_window(spec, known, seed)
        matrix = derive(spec.features, fitted.lookups, unseen.columns, len(unseen))
        base = vintage_log_odds(known)[0]
        probs.append(probability(fitted.boosted.model.log_odds(matrix) + base))
        bads.append(unseen.bad)
    return np.concatenate(probs), np.concatenate(bads)


def ranking(prob, bad):
    return auc(bad, prob, np.ones(len(bad)))


@pytest.mark.soak  # test_own_data.py trains on the same file each time
def test_taiwan_cards():
    spec = benchmarks.taiwan_spec()
    raw = benchmarks.taiwan_rows(read_whole(shared("taiwan_card_default.csv.xz")))
    prob, bad = cross_validated(spec, build(raw, spec, today=None), 5, only=2)
    assert ranking(prob, bad) >= 0.778


def test_german_credit_cost():
    """Ten folds; a missed bad loan costs five refused good ones; cut-off 1/6."""
    spec = benchmarks.german_spec()
    data = build(benchmarks.german_rows(shared("german.data")), spec, today=None)
    assert len(data) == 1000
    prob, bad = cross_validated(spec, data, 10)
    refused = prob > 1 / 6
    cost = np.where(bad == 1, 5.0 * ~refused, 1.0 * refused).mean()
    assert cost <= 0.58
    assert cost < 0.70  # refusing everyone


@pytest.mark.soak  # test_own_data.py trains on the same file each time
def test_polish_bankruptcy_first_year():
    spec = benchmarks.polish_spec()
    data = build(
        benchmarks.polish_rows(shared("polish_bankruptcy_1year.arff.xz")), spec, today=None
    )
    prob, bad = cross_validated(spec, data, 5, only=3)
    assert ranking(prob, bad) >= 0.94
