"""Monitoring: has the population moved, do the probabilities still hold, and one-step repair.

Few loans scatter: the index of two samples of one population is not zero but about
(bins − 1)(1/n + 1/m). Every index is judged by what goes beyond chance. Loans of the training
window are left out, unless the file holds no others: then the file is compared as a whole and its
months, which the model has seen, raise no alarm.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from credit.engine.artefact import Artefact
from credit.engine.features import Floats
from credit.engine.model import probability
from credit.engine.schema import to_plain
from credit.engine.stability import AMBER, RED, effective_rows, stability
from credit.storage.errors import InputError
from credit.training.calibrate import intercept_for, trend_from
from credit.training.data import Dataset
from credit.training.drift import beyond_noise, shares
from credit.training.evaluate import period_numbers
from credit.training.sample import sample_of
from credit.training.seen import keys_of, packed, unpacked
from credit.training.specs.spec import Spec

LEAST_ROWS = 50.0
"""A month of fewer effective rows is shown, and raises no alarm of its own."""

LEAST_OUTCOMES = 10
"""Bad loans, and good ones, below which no level is refitted: chance would set everybody's risk."""

CALIBRATION_RED = 0.25
"""Relative gap between observed and expected defaults that is an alarm, beyond chance."""

CALIBRATION_CHANCE = 0.0005
"""Below this chance a gap is none, in a figure that is looked at each month; few defaults are
skewed, so it is a Poisson tail and no standard error."""


def monitor(
    artefact: Artefact, spec: Spec, loans: Dataset, *, as_of: float | None = None
) -> dict[str, Any]:
    """Stability and calibration of a file's loans against the model's training window.

    Stability needs no outcome, so young loans count for it; calibration takes only those whose
    outcome is complete on `as_of` (see `sample_of`).
    """
    data, seen_all = watched(artefact, spec, loans)
    reference = artefact.content["reference"]
    observed = artefact.observe(data.inputs)
    log_odds = artefact.model.log_odds(observed.matrix)
    prob = probability(log_odds + observed.shift)
    features = [
        _index(feature.name, reference["features"][j], observed.matrix[:, j], data, reference)
        for j, feature in enumerate(artefact.features)
    ]
    scores = {"cuts": reference["score_cuts"], "share": reference["score_share"]}
    score = _index("score", scores, log_odds, data, reference)
    months = _months(reference, log_odds, prob, data)
    mature = np.ones(len(data), dtype=bool)
    if as_of is not None:
        mature = data.mature(artefact.horizon_months, as_of)
    gap = _calibration(prob[mature], data.where(mature))
    alarm, why = _alarm(score, features, [] if seen_all else months, gap)
    return {
        "model": artefact.hash,
        "rows": len(data),
        "rows_left_out": len(loans) - len(data),
        "rows_immature": int((~mature).sum()),
        "only_seen_rows": seen_all,
        "psi": score["csi"],
        "psi_beyond_noise": score["beyond_noise"],
        "mean_prob": gap["mean_prob"],
        "bad_rate": gap["bad_rate"],
        "calibration": gap,
        "features": features,
        "months": months,
        "alarm": alarm,
        "alarm_reasons": why,
        "levels": {"amber": AMBER, "red": RED},
    }


def watched(artefact: Artefact, spec: Spec, loans: Dataset) -> tuple[Dataset, bool]:
    """(the loans that the model has not seen, False), or (all of them, True) if there are none."""
    sample = sample_of(artefact, spec, loans, every_row=False, as_of=None)
    return (loans.where(sample.rows), False) if sample.rows.any() else (loans, True)


def _index(
    name: str,
    bands: Mapping[str, Any],
    column: Floats,
    data: Dataset,
    reference: Mapping[str, Any],
) -> dict[str, Any]:
    """The stability index of one column, as it is and beyond chance; the latter is judged."""
    actual = shares(column, data.weight, bands["cuts"])
    beyond = beyond_noise(bands["share"], actual, reference["rows"], data.weight)
    index = stability(np.array(bands["share"]), np.array(actual))
    return {"name": name, "csi": index, "beyond_noise": beyond, "alarm": _level(beyond)}


def _months(
    reference: Mapping[str, Any], log_odds: Floats, prob: Floats, data: Dataset
) -> list[dict[str, Any]]:
    if np.isnan(data.day).all():
        return []
    numbers = period_numbers(data.day, 1)
    return [
        _month(reference, int(number), numbers == number, log_odds, prob, data)
        for number in np.unique(numbers)
    ]


def _month(
    reference: Mapping[str, Any],
    number: int,
    rows: NDArray[np.bool_],
    log_odds: Floats,
    prob: Floats,
    data: Dataset,
) -> dict[str, Any]:
    part = data.where(rows)
    weight = part.weight
    scores = {"cuts": reference["score_cuts"], "share": reference["score_share"]}
    score = _index("score", scores, log_odds[rows], part, reference)
    psi, beyond = score["csi"], score["beyond_noise"]
    effective = effective_rows(weight)
    return {
        "month": f"{number // 12}-{number % 12 + 1:02d}",
        "rows": int(rows.sum()),
        "psi": psi,
        "psi_beyond_noise": beyond,
        "mean_prob": float(np.average(prob[rows], weights=weight)),
        "bad_rate": float(np.average(data.bad[rows], weights=weight)),
        "alarm": _level(beyond) if effective >= LEAST_ROWS else "few rows",
    }


def _calibration(prob: Floats, data: Dataset) -> dict[str, Any]:
    """Observed against expected defaults, with the chance of such a gap if none were there."""
    if not data.weight.any():
        return {"mean_prob": None, "bad_rate": None, "relative_gap": 0.0, "chance": 1.0}
    share = data.weight / data.weight.sum()
    expected, observed = float(share @ prob), float(share @ data.bad)
    rows = effective_rows(data.weight)
    count = round(observed * rows)
    tails = (poisson.sf(count - 1, expected * rows), poisson.cdf(count, expected * rows))
    return {
        "mean_prob": expected,
        "bad_rate": observed,
        "relative_gap": observed / expected - 1,
        "chance": min(1.0, 2 * float(min(tails))),
    }


def _level(index: float) -> str:
    if index >= RED:
        return "red"
    return "amber" if index >= AMBER else "green"


def _alarm(
    score: Mapping[str, Any],
    features: list[dict[str, Any]],
    months: list[dict[str, Any]],
    gap: Mapping[str, Any],
) -> tuple[str, list[str]]:
    red: list[str] = []
    amber: list[str] = []
    for row in (score, *features):
        text = f"CSI of {row['name']} {row['csi']:.3f}" if row is not score else "score PSI "
        text += f"{row['csi']:.3f}" if row is score else ""
        (red if row["alarm"] == "red" else amber if row["alarm"] == "amber" else []).append(text)
    for row in months:
        if row["alarm"] == "red":
            red.append(f"PSI of {row['month']} {row['psi']:.3f}")
    if abs(gap["relative_gap"]) >= CALIBRATION_RED and gap["chance"] < CALIBRATION_CHANCE:
        red.append(
            f"calibration: {gap['bad_rate']:.3f} observed against {gap['mean_prob']:.3f} expected"
        )
    if red:
        return "red", red + amber
    return ("amber", amber) if amber else ("green", [])


def recalibrated(
    artefact: Artefact,
    spec: Spec,
    loans: Dataset,
    data_sha256: str,
    *,
    ahead: float | None = None,
    as_of: float | None = None,
) -> dict[str, Any]:
    """The artefact's content with its level fitted to the watched loans: a new version.

    The base rate's trend goes on from these loans' dates, for at most `ahead` years; 0 leaves it
    where it is. Loans whose outcome is not complete on `as_of` are left out.

    Raises InputError where the loans have one outcome only.
    """
    data = _level_rows(artefact, spec, loans, as_of)
    model, before = artefact.model, artefact.trend
    scores = model.log_odds(artefact.matrix(data.inputs)) - model.intercept
    most_years = before.most_years if ahead is None else ahead
    trend = trend_from(data, before.yearly, most_years)
    intercept = intercept_for(scores + trend.shift(data.day), data.weight, data.base_rate)
    content = dict(artefact.content)
    content["model"] = {**content["model"], "intercept": intercept}
    content["trend"] = to_plain(trend)
    content["parent"] = artefact.hash
    content["recalibration"] = {
        "data_sha256": data_sha256,
        "rows": len(data),
        "base_rate": data.base_rate,
        "years_ahead": most_years,
        "intercept_before": model.intercept,
        "intercept_after": intercept,
    }
    training = dict(content["training"])
    keys = np.concatenate([unpacked(training["row_keys"]), keys_of(spec, data)])
    content["training"] = training | {"row_keys": packed(keys)}
    # a pure shift moves every score alike, so the reference bands move with it
    shift = intercept - model.intercept
    reference = dict(content["reference"])
    reference["score_cuts"] = [cut + shift for cut in reference["score_cuts"]]
    content["reference"] = reference
    return content


def _level_rows(artefact: Artefact, spec: Spec, loans: Dataset, as_of: float | None) -> Dataset:
    """The watched loans of complete outcome. Raises InputError where they are too few."""
    data, _ = watched(artefact, spec, loans)
    if as_of is not None:
        data = data.where(data.mature(artefact.horizon_months, as_of))
    if not len(data) or data.bad.min() == data.bad.max():
        raise InputError("the loans after the training window hold only one outcome")
    fewest = int(min(data.bad.sum(), len(data) - data.bad.sum()))
    if fewest < LEAST_OUTCOMES:
        raise InputError(
            f"{fewest} loans of one outcome are too few to set a level by (least: {LEAST_OUTCOMES})"
        )
    return data
