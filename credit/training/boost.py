"""Boosted trees over pairs of features, turned into tables.

Every path of every tree uses at most two features (interaction constraints), so the ensemble is
exactly a sum of tables over pairs: a GA2M (Lou, Caruana et al. 2013), fitted by xgboost. Signed
features are monotone by constraint, and sums of monotone tables stay monotone.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from credit.engine.features import Floats
from credit.engine.model import AdditiveModel, Table, silence_gaps
from credit.engine.schema import Feature
from credit.training.specs.spec import Fit

Watch = Callable[[int, int, float], None]
"""Told after each round: rounds done, rounds in all, training log-loss."""

CONVERSION_TOLERANCE = 1e-4
"""Largest difference in log-odds between trees (float32 sums) and tables (float64 sums)."""


@dataclass(frozen=True, eq=False)
class Boosted:
    """The fitted ensemble in both forms."""

    model: AdditiveModel
    boosters: tuple[xgb.Booster, ...]


def fit_boosted(
    features: Sequence[Feature],
    matrix: Floats,
    bad: Floats,
    weight: Floats,
    offset: Floats,
    fit: Fit,
    *,
    seed: int,
    threads: int = 1,
    watch: Watch | None = None,
) -> Boosted:
    """Fit `fit.bags` ensembles that differ in their sampling and average them."""
    names = booster_names(features)
    data = xgb.QuantileDMatrix(
        matrix.astype(np.float32),
        bad,
        weight=weight * len(weight) / weight.sum(),
        base_margin=offset,
        feature_names=names,
        max_bin=fit.max_bin,
        nthread=threads,
    )
    boosters = []
    for bag in range(fit.bags):
        progress = _Progress(watch, bag * fit.rounds, fit.bags * fit.rounds)
        params = _params(features, fit, threads) | {"seed": seed + bag}
        boosters.append(
            xgb.train(
                params, data, fit.rounds, evals=[(data, "train")], verbose_eval=False,
                callbacks=[progress],
            )
        )  # fmt: skip
    model = to_tables(boosters, len(names), matrix, weight)
    _check_conversion(model, boosters, matrix, names)
    return Boosted(silence_gaps(model, np.isnan(matrix).sum(axis=0)), tuple(boosters))


def booster_names(features: Sequence[Feature]) -> list[str]:
    """The features' names inside xgboost."""
    # it takes no name with a bracket or a comparison in it; a bank's columns may have one
    return [f"f{j}" for j in range(len(features))]


def _params(features: Sequence[Feature], fit: Fit, threads: int) -> dict[str, Any]:
    names = booster_names(features)
    return {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_bin": fit.max_bin,
        "eta": fit.learning_rate,
        "max_depth": fit.depth,
        "min_child_weight": fit.min_child_weight,
        "reg_lambda": fit.l2,
        "subsample": fit.row_share,
        "colsample_bytree": fit.column_share,
        "monotone_constraints": tuple(feature.direction for feature in features),
        "interaction_constraints": [list(pair) for pair in itertools.combinations(names, 2)],
        "nthread": threads,
    }


class _Progress(xgb.callback.TrainingCallback):
    def __init__(self, watch: Watch | None, done: int, total: int) -> None:
        super().__init__()
        self._watch, self._done, self._total = watch, done, total

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        if self._watch:
            loss = float(evals_log["train"]["logloss"][-1])
            self._watch(self._done + epoch + 1, self._total, loss)
        return False


def to_tables(
    boosters: Sequence[xgb.Booster], width: int, matrix: Floats, weight: Floats
) -> AdditiveModel:
    """The average of ensembles as tables; raises ValueError for a path of three features."""
    trees = [tree for booster in boosters for tree in _trees(booster)]
    edges = _edges(trees, width)
    tables: dict[tuple[int, ...], Floats] = {}
    for tree in trees:
        _add_tree(tree, edges, tables)
    share = 1.0 / len(boosters)
    ordered = tuple(Table(key, tables[key] * share) for key in sorted(tables))
    blank = AdditiveModel(edges, ordered, (), 1.0, 0.0)
    return AdditiveModel(edges, ordered, background(blank, matrix, weight), 1.0, 0.0)


def background(model: AdditiveModel, matrix: Floats, weight: Floats) -> tuple[Floats, ...]:
    """Weighted frequency of each feature's bins."""
    bins = model.bins(matrix)
    return tuple(
        np.bincount(bins[j], weight, len(edges) + 2) / weight.sum()
        for j, edges in enumerate(model.edges)
    )


def _trees(booster: xgb.Booster) -> list[dict[str, Any]]:
    raw = json.loads(bytes(booster.save_raw("json")))
    trees: list[dict[str, Any]] = raw["learner"]["gradient_booster"]["model"]["trees"]
    return trees


def _edges(trees: Sequence[dict[str, Any]], width: int) -> tuple[NDArray[np.float32], ...]:
    found: list[set[float]] = [set() for _ in range(width)]
    for tree in trees:
        for node, left in enumerate(tree["left_children"]):
            if left != -1:
                found[tree["split_indices"][node]].add(tree["split_conditions"][node])
    return tuple(np.array(sorted(values), dtype=np.float32) for values in found)


def _add_tree(
    tree: dict[str, Any],
    edges: Sequence[NDArray[np.float32]],
    tables: dict[tuple[int, ...], Floats],
) -> None:
    """Add every leaf's value to the cells of the table that its path's features span."""
    stack: list[tuple[int, dict[int, NDArray[np.bool_]]]] = [(0, {})]
    while stack:
        node, allowed = stack.pop()
        if tree["left_children"][node] == -1:
            _add_leaf(float(tree["split_conditions"][node]), allowed, edges, tables)
            continue
        feature = int(tree["split_indices"][node])
        left = _goes_left(tree, node, edges[feature])
        before = allowed.get(feature, np.ones(len(left), dtype=bool))
        stack.append((tree["right_children"][node], allowed | {feature: before & ~left}))
        stack.append((tree["left_children"][node], allowed | {feature: before & left}))


def _goes_left(tree: dict[str, Any], node: int, edges: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which bins of the split's feature go left; the last bin is "missing"."""
    at = int(np.searchsorted(edges, np.float32(tree["split_conditions"][node])))
    left = np.arange(len(edges) + 2) <= at
    left[-1] = bool(tree["default_left"][node])
    return left


def _add_leaf(
    value: float,
    allowed: dict[int, NDArray[np.bool_]],
    edges: Sequence[NDArray[np.float32]],
    tables: dict[tuple[int, ...], Floats],
) -> None:
    key = tuple(sorted(allowed)) or (0,)
    if len(key) > 2:
        raise ValueError(f"a path uses {len(key)} features; tables hold two")
    shape = tuple(len(edges[j]) + 2 for j in key)
    table = tables.setdefault(key, np.zeros(shape))
    masks = [allowed.get(j, np.ones(len(edges[j]) + 2, dtype=bool)) for j in key]
    table[np.ix_(*masks)] += value


def _check_conversion(
    model: AdditiveModel, boosters: Sequence[xgb.Booster], matrix: Floats, names: list[str]
) -> None:
    sample = matrix[:: max(1, len(matrix) // 2000)]
    data = xgb.DMatrix(sample.astype(np.float32), feature_names=names, nthread=1)
    margins = [booster.predict(data, output_margin=True) for booster in boosters]
    gap = float(np.abs(np.mean(margins, axis=0) - model.log_odds(sample)).max())
    if gap > CONVERSION_TOLERANCE:
        raise RuntimeError(f"tables differ from trees by {gap:.2e} log-odds")
