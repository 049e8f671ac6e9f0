"""The training pipeline: guard, encode, fit two candidates, backtest them, calibrate, seal.

Nothing random is unseeded and nothing of the clock or the machine's paths enters the artefact, so
the same data, code and seed give the same bytes.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import xgboost
from threadpoolctl import threadpool_limits

from credit.engine.artefact import FORMAT
from credit.engine.features import Floats, derive
from credit.engine.model import AdditiveModel, model_to_plain, probability
from credit.engine.schema import to_plain
from credit.errors import InputError
from credit.training.boost import Boosted, Watch, fit_boosted
from credit.training.calibrate import intercept_for, moved, slope_of, yearly_drift
from credit.training.data import Dataset
from credit.training.drift import reference_of
from credit.training.encode import Effects, learn, recency, training_matrix, vintage_log_odds
from credit.training.leaks import raw_numbers, refuse, suspicions
from credit.training.metrics import auc, measure
from credit.training.scorecard import fit_scorecard
from credit.training.specs.spec import Spec, check

BACKTEST_YEARS = 3
LEAST_ROWS = 50


@dataclass(frozen=True, eq=False)
class Fitted:
    """One fit of both candidates on one training window, uncalibrated."""

    lookups: Mapping[str, Effects]
    matrix: Floats
    weight: Floats
    boosted: Boosted
    scorecard: AdditiveModel

    def candidates(self) -> dict[str, AdditiveModel]:
        """Both models by kind; the champion's kind is chosen by backtest."""
        return {"boosted": self.boosted.model, "scorecard": self.scorecard}


@dataclass(frozen=True)
class Order:
    """What was asked of a training run; part of the artefact."""

    through: int | None
    seed: int
    data_sha256: str
    data_name: str
    base_rate: float | None = None
    accepted_suspects: frozenset[str] = frozenset()
    rejects_sha256: str | None = None


def fit_window(
    spec: Spec, data: Dataset, seed: int, *, threads: int = 1, watch: Watch | None = None
) -> Fitted:
    """Fit boosted trees and scorecard on the rows given."""
    offset = vintage_log_odds(data)
    lookups = learn(spec, data, offset)
    matrix = training_matrix(spec, data, offset, lookups, seed)
    weight = recency(data.year, spec.fit.half_life_years)
    boosted = fit_boosted(
        spec.features, matrix, data.bad, weight, offset, spec.fit,
        seed=seed, threads=threads, watch=watch,
    )  # fmt: skip
    scorecard = fit_scorecard(spec.features, matrix, data.bad, weight, offset)
    return Fitted(lookups, matrix, weight, boosted, scorecard)


def train(
    spec: Spec, data: Dataset, order: Order, *, threads: int = 1, watch: Watch | None = None
) -> dict[str, dict[str, Any]]:
    """Artefact contents of champion and challenger, by role.

    `data` holds the training window only. Raises LeakError, InputError.
    """
    check(spec)
    if len(data) < LEAST_ROWS:
        raise InputError(f"{len(data)} rows are too few to train on (least: {LEAST_ROWS})")
    guard(spec, data, order)
    # sums over several threads come in no fixed order; one thread gives the same bits everywhere
    with threadpool_limits(limits=1):
        return _train(spec, data, order, threads, watch)


def _train(
    spec: Spec, data: Dataset, order: Order, threads: int, watch: Watch | None
) -> dict[str, dict[str, Any]]:
    forecasts = backtest(spec, data, order.seed, threads=threads)
    fitted = fit_window(spec, data, order.seed, threads=threads, watch=watch)
    ranking = _rank(forecasts)
    best = max(ranking, key=lambda kind: (ranking[kind], kind == "boosted"))
    contents = {}
    for kind, model in fitted.candidates().items():
        calibrated = calibrate(spec, model, fitted.lookups, data, forecasts[kind], order)
        role = "champion" if kind == best else "challenger"
        contents[role] = describe(spec, kind, calibrated, fitted, data, order, forecasts[kind])
    return contents


def guard(spec: Spec, data: Dataset, order: Order) -> None:
    """Refuse any feature, or number behind one, that alone predicts the outcome too well."""
    names = sorted({name for f in spec.features for name in f.derivation.sources()})
    inputs = raw_numbers(names, data.columns)
    plain = [f for f in spec.features if f.derivation.form not in ("effect", "profile")]
    matrix = derive(plain, {}, data.columns, len(data))
    for j, feature in enumerate(plain):
        inputs.setdefault(feature.name, matrix[:, j])
    refuse(suspicions(inputs, inputs.values(), data), order.accepted_suspects)


Forecasts = dict[str, list[tuple[Floats, Dataset]]]


def backtest(spec: Spec, data: Dataset, seed: int, *, threads: int = 1) -> Forecasts:
    """Each candidate's scores on years unseen by it: rolling origin, one year ahead.

    Where the data have no time, one random fifth stands for the unseen.
    """
    out: Forecasts = {"boosted": [], "scorecard": []}
    for known, unseen in _origins(data, seed):
        earlier, later = data.where(known), data.where(unseen)
        if min(_distinct(earlier), _distinct(later)) < 2:
            continue
        fitted = fit_window(spec, earlier, seed, threads=threads)
        matrix = derive(spec.features, fitted.lookups, later.columns, len(later))
        for kind, model in fitted.candidates().items():
            out[kind].append((model.log_odds(matrix), later))
    return out


def _origins(data: Dataset, seed: int) -> list[tuple[Any, Any]]:
    years = np.unique(data.year)
    if len(years) > BACKTEST_YEARS + 1:
        return [(data.year < year, data.year == year) for year in years[-BACKTEST_YEARS:]]
    if len(years) > 2:
        return [(data.year < years[-1], data.year == years[-1])]
    fold = np.random.default_rng(seed).permutation(len(data)) % 5
    return [(fold != 0, fold == 0)]


def _distinct(data: Dataset) -> int:
    return len(np.unique(data.bad))


def _rank(forecasts: Forecasts) -> dict[str, float]:
    """Mean out-of-time AUC of each candidate."""
    return {
        kind: float(np.mean([auc(d.bad, s, d.weight) for s, d in pairs])) if pairs else 0.0
        for kind, pairs in forecasts.items()
    }


def calibrate(
    spec: Spec,
    model: AdditiveModel,
    lookups: Mapping[str, Effects],
    data: Dataset,
    forecasts: list[tuple[Floats, Dataset]],
    order: Order,
) -> AdditiveModel:
    """The model with slope from the backtest and intercept for the base rate ahead."""
    slope = slope_of(forecasts)
    newest = data.where(data.year == data.year.max())
    matrix = derive(spec.features, lookups, newest.columns, len(newest))
    scores = slope * (model.log_odds(matrix) - model.intercept)
    drift = yearly_drift(data) * spec.fit.drift_years
    ahead = order.base_rate or moved(newest.base_rate, drift)
    intercept = intercept_for(scores, newest.weight, ahead)
    return replace(model, slope=slope * model.slope, intercept=intercept)


def describe(
    spec: Spec,
    kind: str,
    model: AdditiveModel,
    fitted: Fitted,
    data: Dataset,
    order: Order,
    forecasts: list[tuple[Floats, Dataset]],
) -> dict[str, Any]:
    """The artefact's content: model, inputs, and where it came from."""
    deployed = derive(spec.features, fitted.lookups, data.columns, len(data))
    needed = spec.needed() | {spec.id} | ({spec.date} if spec.date else set())
    return {
        "format": FORMAT,
        "spec": spec.name,
        "title": list(spec.title),
        "language": spec.language,
        "simulated": spec.simulated,
        "kind": kind,
        "columns": [to_plain(c) for c in spec.columns if c.name in needed],
        "spare_columns": [to_plain(c) for c in spec.columns if c.name in spec.spare()],
        "outcome": list(spec.outcome),
        "horizon_months": spec.horizon_months,
        "id": spec.id,
        "date": spec.date,
        "features": [to_plain(feature) for feature in spec.features],
        "levers": [to_plain(lever) for lever in spec.levers],
        "lookups": {name: list(levels) for name, levels in fitted.lookups.items()},
        "model": model_to_plain(model),
        "scale": to_plain(spec.scale),
        "missing_rows": np.isnan(fitted.matrix).sum(axis=0).tolist(),
        "ranges": _ranges(deployed),
        "reference": reference_of(model, deployed, data),
        "metrics": {"backtest": _backtest_figures(model, forecasts, order.seed)},
        "training": _provenance(spec, data, order),
    }


def _ranges(matrix: Floats) -> list[list[float | None]]:
    ranges: list[list[float | None]] = []
    for column in matrix.T:
        known = column[~np.isnan(column)]
        ranges.append([float(known.min()), float(known.max())] if len(known) else [None, None])
    return ranges


def _backtest_figures(
    model: AdditiveModel, forecasts: list[tuple[Floats, Dataset]], seed: int
) -> list[dict[str, Any]]:
    """Out-of-time figures per unseen year, its probabilities at the deployed slope."""
    rows = []
    for scores, later in forecasts:
        scaled = model.slope * scores
        prob = probability(scaled + intercept_for(scaled, later.weight, later.base_rate))
        figures = measure(later.bad, prob, later.weight, seed)
        rows.append(
            {
                "year": int(later.year.max()),
                "rows": len(later),
                "base_rate": later.base_rate,
                "auc": figures["auc"].plain(),
                "ks": figures["ks"].plain(),
            }
        )
    return rows


def _provenance(spec: Spec, data: Dataset, order: Order) -> dict[str, Any]:
    through = f" --through {order.through}" if order.through is not None else ""
    return {
        "command": f"quancheng credit train --spec {spec.name} --data {order.data_name}"
        f"{through} --seed {order.seed}",
        "through": int(data.year.max()) if spec.date or spec.year else None,
        "rows": len(data),
        "base_rate": data.base_rate,
        "drift_per_year": yearly_drift(data),
        "seed": order.seed,
        "base_rate_stated": order.base_rate,
        "accepted_suspects": sorted(order.accepted_suspects),
        "data_sha256": order.data_sha256,
        "rejects_sha256": order.rejects_sha256,
        "code_sha256": code_fingerprint(),
        "fit": to_plain(spec.fit),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "xgboost": xgboost.__version__,
        },
    }


def code_fingerprint() -> str:
    """SHA-256 over the engine's own sources, in order of path."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for folder in ("engine", "training"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
