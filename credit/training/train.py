"""The training pipeline: guard, encode, fit two candidates, backtest them, calibrate, seal.

Nothing random is unseeded and nothing of the clock or the machine's paths enters the artefact, so
the same data, code and seed give the same bytes.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from credit.engine.artefact import FORMAT, Artefact
from credit.engine.features import Floats, derive
from credit.engine.model import AdditiveModel, model_to_plain
from credit.engine.schema import to_plain
from credit.engine.trend import Trend
from credit.storage.errors import InputError
from credit.training.backtest import LEAST_ROWS, Forecast, backtest, choose, figures, optimism
from credit.training.boost import Watch
from credit.training.calibrate import intercept_for, level_of, newest_rows, slope_of, trend_from
from credit.training.data import Dataset
from credit.training.drift import reference_of
from credit.training.fit import Fitted, fit_window
from credit.training.leaks import guard
from credit.training.provenance import Order, provenance
from credit.training.specs.plain import spec_to_plain
from credit.training.specs.spec import Spec, check


def train(
    spec: Spec, data: Dataset, order: Order, *, threads: int = 1, watch: Watch | None = None
) -> dict[str, dict[str, Any]]:
    """Artefact contents of champion and challenger, by role.

    `data` holds the training window only. Raises LeakError, InputError.
    """
    check(spec)
    data = data.where(data.weight > 0)
    if len(data) < LEAST_ROWS:
        raise InputError(f"{len(data)} rows are too few to train on (least: {LEAST_ROWS})")
    guard(spec, data, order.accepted_suspects)
    # sums over several threads come in no fixed order; one thread gives the same bits everywhere
    with threadpool_limits(limits=1):
        return _train(spec, data, order, threads, watch)


def _train(
    spec: Spec, data: Dataset, order: Order, threads: int, watch: Watch | None
) -> dict[str, dict[str, Any]]:
    forecasts = backtest(spec, data, order.seed, threads=threads)
    fitted = fit_window(spec, data, order.seed, threads=threads, watch=watch)
    kinds = list(fitted.candidates())
    best = choose(forecasts, kinds)
    contents = {}
    for kind in kinds:
        model, trend = calibrate(spec, kind, fitted, data, forecasts, order)
        role = "champion" if kind == best else "challenger"
        contents[role] = describe(spec, kind, model, trend, fitted, data, order, forecasts)
    return contents


def calibrate(
    spec: Spec,
    kind: str,
    fitted: Fitted,
    data: Dataset,
    forecasts: list[Forecast],
    order: Order,
) -> tuple[AdditiveModel, Trend]:
    """A candidate with the slope its forecasts deserve and the level of the newest vintages, and
    the trend that carries it from there; observed outcomes only count."""
    model = fitted.candidates()[kind]
    slope = slope_of([(forecast.scores[kind], forecast.later) for forecast in forecasts])
    real = data.where(~data.inferred)
    level = level_of(real)
    newest = real.where(newest_rows(real))
    matrix = derive(spec.features, fitted.lookups, newest.columns, len(newest))
    scores = slope * (model.log_odds(matrix) - model.intercept)
    stated = order.base_rate is not None
    rate = order.base_rate if order.base_rate is not None else level.rate
    intercept = intercept_for(scores, newest.weight, rate)
    # a stated rate is for the loans to come; no trend is put on top of it
    trend = trend_from(newest, 0.0 if stated else level.yearly, spec.fit.drift_years)
    return replace(model, slope=slope * model.slope, intercept=intercept), trend


def describe(
    spec: Spec,
    kind: str,
    model: AdditiveModel,
    trend: Trend,
    fitted: Fitted,
    data: Dataset,
    order: Order,
    forecasts: list[Forecast],
) -> dict[str, Any]:
    """The artefact's content: model, inputs, and where it came from."""
    needed = spec.needed() | {spec.id} | ({spec.date} if spec.date else set())
    rows = figures(forecasts, kind, model.slope, order.seed)
    content = {
        "format": FORMAT,
        "spec": spec.name,
        "spec_plain": spec_to_plain(spec),
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
        "trend": to_plain(trend),
        "scale": to_plain(spec.scale),
        "missing_rows": np.isnan(fitted.matrix).sum(axis=0).tolist(),
        "metrics": {"backtest": rows, "optimism": optimism(rows)},
        "training": provenance(spec, data, order),
    }
    deployed = Artefact("", content).matrix(data.inputs)
    return content | {
        "ranges": _ranges(deployed),
        "reference": reference_of(model, deployed, data),
    }


def _ranges(matrix: Floats) -> list[list[float | None]]:
    ranges: list[list[float | None]] = []
    for column in matrix.T:
        known = column[np.isfinite(column)]
        ranges.append([float(known.min()), float(known.max())] if len(known) else [None, None])
    return ranges
