"""Validation on later loans: every figure of the report, as one JSON-ready dictionary."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.artefact import Artefact
from credit.engine.assess import Assessed, Desk
from credit.engine.features import Floats
from credit.engine.model import probability
from credit.policy.rules import SEVERITY, Outcome, Policy
from credit.training.calibrate import intercept_for, trend_from
from credit.training.data import Dataset
from credit.training.drift import beyond_noise, shares
from credit.training.fairness import Decided, findings
from credit.training.metrics import auc, brier, calibration_bands, calibration_error, measure, roc
from credit.training.peers import leaky_probs, logistic_probs, xgboost_probs
from credit.training.sample import Sample, SampleKind, sample_of
from credit.training.specs.spec import Spec

SEED = 20_240_601
LEAST_TRAINING_ROWS = 500
WOE_PRIOR_ROWS = 20.0
"""Average loans mixed into each band of a WoE picture, so that an empty one has no height."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Test rows as the model sees them."""

    data: Dataset
    matrix: Floats
    log_odds: Floats
    """Of the ranking alone, without the trend: what stability is measured on."""
    prob: Floats
    parts: Floats
    assessed: Assessed

    def outcome_is(self, outcome: Outcome) -> NDArray[np.bool_]:
        """Rows with this final outcome."""
        return np.asarray(self.assessed.verdicts.outcome == SEVERITY.index(outcome))

    def granted_share(self) -> Floats:
        """The limit as a share of the request; NaN unless approved under a policy with limits."""
        limit = self.assessed.desk.policy.limit
        share = np.full(len(self.data), np.nan)
        if limit is not None:
            approved = self.outcome_is(Outcome.APPROVE)
            requested = self.data.columns[limit.amount_column]
            share[approved] = self.assessed.verdicts.limit[approved] / requested[approved]
        return share


def evaluate(
    artefact: Artefact,
    spec: Spec,
    data: Dataset,
    policy: Policy,
    *,
    every_row: bool = False,
    as_of: float | None = None,
    after_columns: dict[str, Floats] | None = None,
) -> dict[str, Any]:
    """Figures on the rows that the model has not seen, or on all rows with `every_row`.

    Where the data also hold the training window, peers are fitted on it in the same run. `as_of`
    is the day of the outcomes (see `sample_of`). `after_columns` are outcome-contaminated columns,
    used only to show what leaking would read.
    Raises ValueError where no row is left to test on, or only one class.
    """
    sample = sample_of(artefact, spec, data, every_row=every_row, as_of=as_of)
    test, earlier = data.where(sample.rows), data.where(~sample.rows)
    _must_hold_both(artefact, test)
    scored = score_rows(Desk(artefact, policy), test)
    result = _identity(artefact, spec, sample) | {
        "rows": len(test),
        "rows_left_out": len(earlier),
        "window": _window(test),
        "base_rate": test.base_rate,
        "figures": _figures(scored),
        "recalibrated": recalibrated_figures(artefact, scored),
        "peers": {},
        "leaky": None,
        "curves": _curves(scored),
        "periods": _periods(artefact, scored),
        "features": _features(artefact, scored),
        "policy": policy.id,
        "policy_hash": policy.hash,
        **_outcomes(spec, scored),
    }
    if len(earlier) >= LEAST_TRAINING_ROWS and sample.kind is not SampleKind.IN_SAMPLE:
        result["peers"] = _peers(spec, earlier, test, scored)
    if after_columns:
        result["leaky"] = _leaky(spec, earlier, test, sample.rows, after_columns)
    return result


def _identity(artefact: Artefact, spec: Spec, sample: Sample) -> dict[str, Any]:
    """Whose figures these are, and on what kind of rows."""
    content = artefact.content
    training = {k: v for k, v in content["training"].items() if k != "row_keys"}
    return {
        "model": artefact.hash,
        "kind": content["kind"],
        "spec": spec.name,
        "title": list(spec.title),
        "outcome": content["outcome"],
        "horizon_months": artefact.horizon_months,
        "simulated": artefact.simulated,
        "training": training,
        "backtest": content["metrics"]["backtest"],
        "optimism": content["metrics"]["optimism"],
        "sample": str(sample.kind),
        "rows_seen_in_training": sample.seen_rows,
        "rows_immature": sample.immature_rows,
    }


def _outcomes(spec: Spec, scored: Scored) -> dict[str, Any]:
    """Rates of the final decisions, and how they fall on groups."""
    data = scored.data
    rows = {outcome: scored.outcome_is(outcome) for outcome in SEVERITY}
    decided = Decided(
        rows[Outcome.APPROVE], rows[Outcome.REFER], scored.granted_share(), scored.prob
    )
    return {
        "fairness": [f.plain() for f in findings(spec.groups, data, decided, SEED)],
        "outcome_rates": {
            str(outcome): float(np.average(where, weights=data.weight))
            for outcome, where in rows.items()
        },
    }


def _must_hold_both(artefact: Artefact, test: Dataset) -> None:
    if not len(test):
        raise ValueError(
            f"no row after the training window (through {artefact.through}) that the model has "
            "not seen; --all-rows measures on seen rows too, which is no honest figure"
        )
    if test.bad.min() == test.bad.max():
        raise ValueError("the rows to evaluate hold only one outcome")


def score_rows(desk: Desk, data: Dataset) -> Scored:
    """Score, explain and decide on every row."""
    observed = desk.artefact.observe(data.inputs)
    log_odds, parts = desk.artefact.model.contributions(observed.matrix)
    assessed = desk.judge(data.inputs, observed, log_odds)
    prob = probability(assessed.log_odds)
    return Scored(data, observed.matrix, log_odds, prob, parts, assessed)


def _window(data: Dataset) -> list[str | None]:
    if np.isnan(data.day).all():
        return [None, None]
    first, last = int(np.nanmin(data.day)), int(np.nanmax(data.day))
    return [date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()]


def _figures(scored: Scored) -> dict[str, Any]:
    data = scored.data
    figures = measure(data.bad, scored.prob, data.weight, SEED)
    out: dict[str, Any] = {name: estimate.plain() for name, estimate in figures.items()}
    out["brier_base_rate"] = data.base_rate * (1 - data.base_rate)
    out["mean_prob"] = float(np.average(scored.prob, weights=data.weight))
    out["calibration_error"] = calibration_error(data.bad, scored.prob, data.weight)
    return out


def first_quarter(data: Dataset) -> NDArray[np.bool_]:
    """Rows of the earliest calendar quarter; the first fifth where the data have no dates."""
    if np.isnan(data.day).all():
        return np.arange(len(data)) < max(1, len(data) // 5)
    quarters = period_numbers(data.day, 3)
    return np.asarray(quarters == quarters.min())


def period_numbers(day: Floats, months: int) -> NDArray[np.int64]:
    """Calendar period of each ordinal day, counted from year 0 (months 1, 3 or 12)."""
    dates = [date.fromordinal(int(d)) for d in day]
    return np.array([(d.year * 12 + d.month - 1) // months for d in dates], dtype=np.int64)


def recalibrated_figures(artefact: Artefact, scored: Scored) -> dict[str, Any] | None:
    """Brier score once the level has been fitted to the first quarter of the test period.

    As `monitor --recalibrate` would do it, the trend carried on from there. None where that
    quarter holds one outcome only.
    """
    data, model = scored.data, artefact.model
    early = first_quarter(data)
    quarter = data.where(early)
    if quarter.bad.min() == quarter.bad.max():
        return None
    scores = scored.log_odds - model.intercept
    intercept = intercept_for(scores[early], quarter.weight, quarter.base_rate)
    trend = trend_from(quarter, artefact.trend.yearly, artefact.trend.most_years)
    prob = probability(scores + intercept + trend.shift(data.day))
    rest = ~early
    before = brier(data.bad, scored.prob, data.weight)
    after = brier(data.bad, prob, data.weight)
    return {
        "quarter_rows": len(quarter),
        "quarter_base_rate": quarter.base_rate,
        "intercept_before": model.intercept,
        "intercept_after": intercept,
        "brier": after,
        "is_better": after < before,
        "brier_after_quarter": brier(data.bad[rest], prob[rest], data.weight[rest])
        if rest.any()
        else None,
        "brier_base_rate": data.base_rate * (1 - data.base_rate),
        "mean_prob": float(np.average(prob, weights=data.weight)),
    }


def _peers(spec: Spec, train: Dataset, test: Dataset, scored: Scored) -> dict[str, Any]:
    probs = {
        "logistic_one_hot": logistic_probs(spec, train, test),
        "xgboost_default": xgboost_probs(spec, train, test),
    }
    out: dict[str, Any] = {}
    for name, prob in probs.items():
        figures = measure(test.bad, prob, test.weight, SEED)
        out[name] = {key: estimate.plain() for key, estimate in figures.items()}
        out[name]["auc_gain"] = _gain(test, scored.prob, prob)
        false, true = roc(test.bad, prob, test.weight)
        out[name]["roc"] = _thinned(false, true)
    return out


def _gain(test: Dataset, ours: Floats, theirs: Floats) -> dict[str, float]:
    """Paired bootstrap of the difference in AUC."""
    rng = np.random.default_rng(SEED)
    draws = []
    for _ in range(200):
        count = np.bincount(rng.integers(0, len(test), len(test)), minlength=len(test))
        weight = test.weight * count
        draws.append(auc(test.bad, ours, weight) - auc(test.bad, theirs, weight))
    value = auc(test.bad, ours, test.weight) - auc(test.bad, theirs, test.weight)
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high)}


def _leaky(
    spec: Spec,
    train: Dataset,
    test: Dataset,
    later: NDArray[np.bool_],
    columns: dict[str, Floats],
) -> dict[str, Any]:
    """AUC of default xgboost with each contaminated column, and the strongest one's name.

    Fitted on the training window where the data hold it, else across two halves of the test rows.
    """
    across = len(train) < LEAST_TRAINING_ROWS
    found = {}
    for name, values in columns.items():
        if across:
            prob = _across_halves(spec, test, values[later])
        else:
            prob = leaky_probs(spec, train, test, (values[~later], values[later]))
        found[name] = auc(test.bad, prob, test.weight)
    how = "two halves of the test rows" if across else "the training window"
    return {"auc": found, "worst": max(found, key=lambda name: found[name]), "fitted_on": how}


def _across_halves(spec: Spec, test: Dataset, values: Floats) -> Floats:
    half = np.random.default_rng(SEED).permutation(len(test)) % 2 == 0
    prob = np.empty(len(test))
    for side in (half, ~half):
        known, unseen = test.where(~side), test.where(side)
        prob[side] = leaky_probs(spec, known, unseen, (values[~side], values[side]))
    return prob


def _thinned(x: Floats, y: Floats, points: int = 200) -> list[list[float]]:
    at = np.unique(np.linspace(0, len(x) - 1, min(points, len(x))).astype(int))
    return [[round(float(a), 5), round(float(b), 5)] for a, b in zip(x[at], y[at], strict=True)]


def _curves(scored: Scored) -> dict[str, Any]:
    data = scored.data
    false, true = roc(data.bad, scored.prob, data.weight)
    bands = calibration_bands(data.bad, scored.prob, data.weight)
    low, high = np.quantile(scored.log_odds, [0.001, 0.999])
    edges = np.linspace(low, high, 41)
    histograms = {}
    for name, outcome in (("good", 0.0), ("bad", 1.0)):
        rows = data.bad == outcome
        counts, _ = np.histogram(
            np.clip(scored.log_odds[rows], low, high), edges, weights=data.weight[rows]
        )
        histograms[name] = (counts / counts.sum()).tolist()
    return {
        "roc": _thinned(false, true),
        "ks": _thinned(true, true - false),
        "calibration": bands[:, 1:].tolist(),
        "score_edges": edges.tolist(),
        "score_shares": histograms,
        "lift": (bands[::-1, 2] / data.base_rate).tolist(),
    }


def _periods(artefact: Artefact, scored: Scored) -> list[dict[str, Any]]:
    """Bad rate, mean probability and score PSI by quarter."""
    data = scored.data
    if np.isnan(data.day).all():
        return []
    reference = artefact.content["reference"]
    quarters = period_numbers(data.day, 3)
    out = []
    for quarter in np.unique(quarters):
        rows = quarters == quarter
        weight = data.weight[rows]
        actual = shares(scored.log_odds[rows], weight, reference["score_cuts"])
        out.append(
            {
                "quarter": f"{quarter // 4}Q{quarter % 4 + 1}",
                "rows": int(rows.sum()),
                "bad_rate": float(np.average(data.bad[rows], weights=weight)),
                "mean_prob": float(np.average(scored.prob[rows], weights=weight)),
                "psi": beyond_noise(reference["score_share"], actual, reference["rows"], weight),
            }
        )
    return out


def _features(artefact: Artefact, scored: Scored) -> list[dict[str, Any]]:
    """WoE by band, CSI and mean absolute contribution of each feature, strongest first."""
    data = scored.data
    out = []
    for j, feature in enumerate(artefact.features):
        reference = artefact.content["reference"]["features"][j]
        column = scored.matrix[:, j]
        actual = shares(column, data.weight, reference["cuts"])
        part = scored.parts[:, j]
        out.append(
            {
                "name": feature.name,
                "direction": feature.direction,
                "csi": beyond_noise(
                    reference["share"],
                    actual,
                    artefact.content["reference"]["rows"],
                    data.weight,
                ),
                "importance": float(np.average(np.abs(part), weights=data.weight)),
                "woe": _woe(column, data, reference["cuts"]),
                "text": list(feature.reason),
            }
        )
    return sorted(out, key=lambda row: -float(row["importance"]))


def _woe(column: Floats, data: Dataset, cuts: list[float]) -> list[dict[str, Any]]:
    band = np.searchsorted(np.array(cuts), column, side="right")
    band[~np.isfinite(column)] = len(cuts) + 1
    total = np.bincount(band, data.weight, len(cuts) + 2)
    bad = np.bincount(band, data.weight * data.bad, len(cuts) + 2)
    overall = np.log(data.base_rate / (1 - data.base_rate))
    prior = WOE_PRIOR_ROWS * float(data.weight.mean())
    out = []
    for i in np.flatnonzero(total).tolist():
        rate = (bad[i] + prior * data.base_rate) / (total[i] + prior)
        label = "missing" if i == len(cuts) + 1 else _range(i, cuts)
        out.append({"band": label, "woe": float(np.log(rate / (1 - rate)) - overall)})
    return out


def _range(i: int, cuts: list[float]) -> str:
    low = f"{cuts[i - 1]:.3g}" if i else "−∞"
    high = f"{cuts[i]:.3g}" if i < len(cuts) else "∞"
    return f"{low} … {high}"
