"""What categories teach: shrunken log-odds effects and lenders' profiles, without looking ahead.

An effect is measured against its own vintage's base rate, so a category that is merely recent is
not taken for risky. Each level is shrunk towards the one above it (one Newton step of a
random-effects logistic model). Training rows see effects learned from earlier years only, as the
deployed model will; where the data have no time, from the other folds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, category_keys, evaluate
from credit.engine.intake import Columns
from credit.engine.model import probability
from credit.engine.schema import Derivation, Feature
from credit.training.data import Dataset
from credit.training.specs.spec import Fit, Spec

FOLDS = 5
FIRST_ROWS = 200
"""A year with fewer earlier rows than this learns no effects from them."""

VINTAGE_PRIOR = 5.0
"""Loans' worth of the overall rate mixed into each vintage's own."""

_STATISTICS: Mapping[str, Callable[[Floats], Any]] = {
    "count": lambda values: np.log1p(len(values)),
    "mean": np.mean,
    "median": np.median,
}

Effects = list[dict[str, float]]


def vintage_log_odds(data: Dataset) -> Floats:
    """Each row's offset: the log-odds of default of its own vintage and sampling stratum.

    Unweighted on purpose: within a stratum that was sampled by outcome, this absorbs both the
    vintage's base rate and the sampling, so the features explain only what is left.
    """
    strata = np.unique(data.stratum, return_inverse=True)[1]
    pairs = np.column_stack((strata, data.year))
    vintage = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
    overall = float(data.bad.mean())
    bad, rows = np.bincount(vintage, data.bad)[vintage], np.bincount(vintage)[vintage]
    rate = (bad + VINTAGE_PRIOR * overall) / (rows + VINTAGE_PRIOR)
    return np.asarray(np.log(rate / (1 - rate)), dtype=np.float64)


def recency(year: NDArray[np.int64], half_life_years: float) -> Floats:
    """Weight of each row: halves with every half-life before the newest year."""
    age = year.max() - year
    return np.asarray(0.5 ** (age / half_life_years), dtype=np.float64)


def learn(spec: Spec, data: Dataset, offset: Floats) -> dict[str, Effects]:
    """Lookups of every effect and profile feature, from all rows: what the model deploys."""
    weight = recency(data.year, spec.fit.half_life_years)
    lookups: dict[str, Effects] = {}
    for feature in spec.features:
        if feature.derivation.form == "effect":
            lookups[feature.name] = _effects(feature, data, offset, weight, spec.fit)
        elif feature.derivation.form == "profile":
            lookups[feature.name] = [_profile(feature.derivation, data, spec.fit)]
    return lookups


def training_matrix(
    spec: Spec, data: Dataset, offset: Floats, lookups: dict[str, Effects], seed: int
) -> Floats:
    """The matrix the model is fitted on: deployed values, but effects without hindsight."""
    rows = len(data)
    out = np.empty((rows, len(spec.features)))
    parts = _splits(data, seed)
    for j, feature in enumerate(spec.features):
        if feature.derivation.form != "effect":
            lookup = lookups.get(feature.name, ())
            out[:, j] = evaluate(feature.derivation, data.columns, lookup)
            continue
        for known, unseen in parts:
            earlier = data.where(known)
            learned: Effects = [{} for _ in feature.derivation.levels]
            if len(earlier) >= min(FIRST_ROWS, rows // 2):
                weight = recency(earlier.year, spec.fit.half_life_years)
                learned = _effects(feature, earlier, offset[known], weight, spec.fit)
            columns = data.where(unseen).columns
            out[unseen, j] = evaluate(feature.derivation, columns, learned)
    return out


def _splits(data: Dataset, seed: int) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(rows to learn from, rows to encode) pairs that cover every row once."""
    years = np.unique(data.year)
    if len(years) > 1:
        return [(data.year < year, data.year == year) for year in years]
    fold = np.random.default_rng(seed).permutation(len(data)) % FOLDS
    return [(fold != k, fold == k) for k in range(FOLDS)]


def _effects(feature: Feature, data: Dataset, offset: Floats, weight: Floats, fit: Fit) -> Effects:
    parent = np.zeros(len(data))
    levels: Effects = []
    for level in feature.derivation.levels:
        keys = category_keys(level, data.columns)
        learned = _level(keys, data.bad, offset + parent, parent, weight, fit.effect_prior)
        levels.append(learned)
        parent = np.array(
            [p if k is None else learned[k] for k, p in zip(keys, parent, strict=True)]
        )
    return levels


def category_effects(
    keys: Sequence[str | None], bad: Floats, offset: Floats, rows: NDArray[np.bool_]
) -> dict[str, float]:
    """The shrunken effect of each category over some rows, every row counting alike."""
    at = np.flatnonzero(rows)
    none = np.zeros(len(at))
    return _level(
        [keys[i] for i in at.tolist()], bad[at], offset[at], none, none + 1, VINTAGE_PRIOR
    )


def _level(
    keys: Sequence[str | None],
    bad: Floats,
    log_odds: Floats,
    parent: Floats,
    weight: Floats,
    prior: float,
) -> dict[str, float]:
    expected = probability(log_odds)
    names, rows, group = _grouped(keys)
    excess = np.bincount(group, (weight * (bad - expected))[rows], len(names))
    spread = np.bincount(group, (weight * expected * (1 - expected))[rows], len(names))
    first = rows[np.unique(group, return_index=True)[1]]
    effect = parent[first] + excess / (spread + prior)
    return dict(zip(names, effect.tolist(), strict=True))


def _grouped(
    keys: Sequence[str | None], known: NDArray[np.bool_] | None = None
) -> tuple[list[str], NDArray[np.intp], NDArray[np.intp]]:
    """The keys in order, the rows that have one (and are `known`), and each row's key by place."""
    usable = [
        (row, key)
        for row, key in enumerate(keys)
        if key is not None and (known is None or known[row])
    ]
    names = sorted({key for _, key in usable})
    place = {name: i for i, name in enumerate(names)}
    rows = np.array([row for row, _ in usable], np.intp)
    return names, rows, np.array([place[key] for _, key in usable], np.intp)


def _profile(derivation: Derivation, data: Dataset, fit: Fit) -> dict[str, float]:
    if derivation.of is None:
        raise ValueError("a profile needs something to be the profile of")
    recent = data.where(data.year > data.year.max() - fit.profile_years)
    return _usual(derivation, recent.columns)


def _usual(derivation: Derivation, columns: Columns) -> dict[str, float]:
    assert derivation.of is not None
    value = evaluate(derivation.of, columns)
    names, rows, group = _grouped(category_keys(derivation.levels[0], columns), ~np.isnan(value))
    order = np.argsort(group, kind="stable")
    parts = np.split(value[rows[order]], np.flatnonzero(np.diff(group[order])) + 1)
    statistic = _STATISTICS[derivation.statistic]
    return {name: float(statistic(part)) for name, part in zip(names, parts, strict=False)}
