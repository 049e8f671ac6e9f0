"""The additive model: exact, monotone, the same for one row and for many."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xgboost as xgb

from credit.engine.features import derive
from credit.engine.model import AdditiveModel, model_from, model_to_plain
from credit.engine.scale import Scale
from credit.training.boost import booster_names, fit_boosted, to_tables
from credit.training.fit import fit_window

from .conftest import SMALL_JINAN, jinan_data


@pytest.fixture(scope="module")
def matrix(champion):
    data = jinan_data()
    return champion.matrix(data.inputs)


@pytest.fixture(scope="module")
def fitted():
    data = jinan_data()
    return fit_window(SMALL_JINAN, data.where(data.year <= 2021), seed=3)


def test_contributions_sum_to_the_log_odds(champion, challenger, matrix):
    for artefact in (champion, challenger):
        log_odds, parts = artefact.model.contributions(matrix)
        gap = np.abs(artefact.model.base + parts.sum(axis=1) - log_odds).max()
        assert gap < 1e-6
        assert np.abs(parts).max() > 0.1


def test_one_row_and_many_give_the_same_bits(champion, matrix):
    log_odds, parts = champion.model.contributions(matrix[:500])
    assert (champion.model.log_odds(matrix[:500]) == log_odds).all()
    for i in range(500):
        alone, shares = champion.model.explain_one(matrix[i])
        assert alone == log_odds[i]
        assert (shares == parts[i]).all()


def test_tables_say_what_the_trees_say(fitted):
    names = booster_names(SMALL_JINAN.features)
    data = xgb.DMatrix(fitted.matrix.astype(np.float32), feature_names=names, nthread=1)
    trees = fitted.boosted.boosters[0].predict(data, output_margin=True)
    assert np.abs(trees - fitted.boosted.model.log_odds(fitted.matrix)).max() < 1e-4


def test_contributions_are_shapley_values_of_the_background(fitted):
    """Against the definition, worked out the slow way for one two-feature table."""
    model = fitted.boosted.model
    table = next(t for t in model.tables if len(t.features) == 2)
    alone = AdditiveModel(model.edges, (table,), model.background, 1.0, 0.0)
    row = fitted.matrix[5]
    bins = alone.bins(row.reshape(1, -1))[:, 0]
    (a, b), values = table.features, table.values
    p, q = model.background[a], model.background[b]
    whole = values[bins[a], bins[b]]
    only_a, only_b = values[bins[a]] @ q, p @ values[:, bins[b]]
    none = p @ values @ q
    _, parts = alone.explain_one(row)
    assert parts[a] == pytest.approx(0.5 * (only_a - none) + 0.5 * (whole - only_b), abs=1e-12)
    assert parts[b] == pytest.approx(0.5 * (only_b - none) + 0.5 * (whole - only_a), abs=1e-12)


def test_a_path_of_three_features_is_refused():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 3))
    y = (x.prod(axis=1) > 0).astype(float)
    booster = xgb.train(
        {"max_depth": 3, "nthread": 1, "objective": "binary:logistic"}, xgb.DMatrix(x, y), 5
    )
    with pytest.raises(ValueError, match="3 features"):
        to_tables([booster], 3, x, np.ones(len(x)))


def test_ten_thousand_perturbations_never_break_a_sign(champion, challenger, matrix):
    rng = np.random.default_rng(17)
    for artefact in (champion, challenger):
        features = artefact.features
        signed = np.array([j for j, f in enumerate(features) if f.direction])
        rows = matrix[rng.integers(0, len(matrix), 10_000)].copy()
        picks = rng.choice(signed, 10_000)
        at = np.arange(10_000)
        known = ~np.isnan(rows[at, picks])
        moved = rows.copy()
        spread = np.nanstd(matrix, axis=0)[picks]
        moved[at, picks] += np.abs(rng.standard_normal(10_000)) * spread
        change = artefact.model.log_odds(moved) - artefact.model.log_odds(rows)
        signs = np.array([f.direction for f in features])[picks]
        assert known.sum() > 9_000
        assert ((change * signs)[known] < -1e-12).sum() == 0
        assert (np.abs(change[known]) > 1e-9).mean() > 0.2


def test_without_constraints_signs_do_break(fitted):
    """The check above can fail: an unconstrained fit of the same data breaks signs."""
    data = jinan_data()
    window = data.where(data.year <= 2021)
    free = [replace(feature, direction=0) for feature in SMALL_JINAN.features]
    model = fit_boosted(
        free, fitted.matrix, window.bad, np.ones(len(window)), np.full(len(window), -3.0),
        replace(SMALL_JINAN.fit, rounds=60), seed=1,
    ).model  # fmt: skip
    j = next(i for i, f in enumerate(SMALL_JINAN.features) if f.name == "turnover")
    higher = fitted.matrix.copy()
    higher[:, j] += 0.5
    assert (model.log_odds(higher) - model.log_odds(fitted.matrix) > 1e-9).any()


def test_missing_values_have_their_own_place(champion, matrix):
    blank = np.full_like(matrix[:1], np.nan)
    log_odds, parts = champion.model.contributions(blank)
    assert np.isfinite(log_odds).all()
    assert np.isfinite(parts).all()


def test_a_model_survives_json_exactly(champion, matrix):
    again = model_from(json.loads(json.dumps(model_to_plain(champion.model))))
    assert (again.log_odds(matrix[:300]) == champion.model.log_odds(matrix[:300])).all()


def test_training_and_deployment_derive_alike(champion):
    data = jinan_data()
    both = derive(champion.features, champion.lookups, data.columns, len(data))
    one = data.where(np.arange(len(data)) == 42)
    assert np.array_equal(champion.matrix(one.inputs)[0], both[42], equal_nan=True)


def test_score_scale_round_trip():
    scale = Scale()
    assert scale.score(np.array([-np.log(19.0)]))[0] == 600
    assert scale.score(np.array([-np.log(38.0)]))[0] == 650
    log_odds = np.linspace(-5.5, 1.2, 400)
    for points, value in zip(scale.score(log_odds), log_odds, strict=True):
        prob = scale.default_prob(float(points))
        back = np.log(prob / (1 - prob))
        assert abs(scale.score(np.array([back]))[0] - points) <= 1
        assert abs(back - value) <= np.log(2) / 50
    assert scale.score(np.array([-50.0, 50.0])).tolist() == [850, 300]
