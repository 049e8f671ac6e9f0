"""Monitoring: has the population moved, do the probabilities still hold, and one-step repair.

Months with few loans scatter: the index of two samples of one population is not zero but about
(bins − 1)(1/n + 1/m). Months are judged by what goes beyond chance; the period as a whole by the
index itself. Loans of the training window are left out, unless the file holds no others: then the
file is compared as a whole and its months, which the model has seen, raise no alarm.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.artefact import Artefact
from credit.engine.features import Floats
from credit.engine.model import probability
from credit.engine.stability import AMBER, RED, effective_rows, sampling_noise, stability
from credit.errors import InputError
from credit.training.calibrate import carried_intercept
from credit.training.data import Dataset
from credit.training.drift import shares
from credit.training.evaluate import period_numbers

LEAST_ROWS = 50.0
"""A month of fewer effective rows is shown, and raises no alarm of its own."""

CALIBRATION_RED = 0.25
"""Relative gap between observed and expected defaults that is an alarm, beyond chance."""


def monitor(artefact: Artefact, loans: Dataset) -> dict[str, Any]:
    """Stability and calibration of a file's loans against the model's training window."""
    data, seen = watched(artefact, loans)
    reference = artefact.content["reference"]
    matrix = artefact.matrix(data.inputs)
    log_odds = artefact.model.log_odds(matrix)
    prob = probability(log_odds)
    features = [
        _feature(feature.name, reference["features"][j], matrix[:, j], data.weight)
        for j, feature in enumerate(artefact.features)
    ]
    psi = _psi(reference, log_odds, data.weight)
    months = _months(reference, log_odds, prob, data)
    gap = _calibration(prob, data)
    alarm, why = _alarm(psi, features, [] if seen else months, gap)
    return {
        "model": artefact.hash,
        "rows": len(data),
        "rows_left_out": len(loans) - len(data),
        "psi": psi,
        "mean_prob": gap["mean_prob"],
        "bad_rate": gap["bad_rate"],
        "calibration": gap,
        "features": features,
        "months": months,
        "alarm": alarm,
        "alarm_reasons": why,
        "levels": {"amber": AMBER, "red": RED},
    }


def watched(artefact: Artefact, loans: Dataset) -> tuple[Dataset, bool]:
    """(the loans after the training window, False), or (all of them, True) if none is later."""
    if artefact.through is None:
        return loans, False
    later = loans.year > artefact.through
    return (loans.where(later), False) if later.any() else (loans, True)


def _psi(reference: Mapping[str, Any], log_odds: Floats, weight: Floats) -> float:
    actual = shares(log_odds, weight, reference["score_cuts"])
    return stability(np.array(reference["score_share"]), np.array(actual))


def _feature(
    name: str, reference: Mapping[str, Any], column: Floats, weight: Floats
) -> dict[str, Any]:
    actual = shares(column, weight, reference["cuts"])
    index = stability(np.array(reference["share"]), np.array(actual))
    return {"name": name, "csi": index, "alarm": _level(index)}


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
    weight = data.weight[rows]
    effective = effective_rows(weight)
    psi = _psi(reference, log_odds[rows], weight)
    bins = len(reference["score_cuts"]) + 1
    beyond = max(0.0, psi - sampling_noise(bins, reference["rows"], effective))
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
    """Observed against expected defaults, with the standard error of their gap."""
    share = data.weight / data.weight.sum()
    expected, observed = float(share @ prob), float(share @ data.bad)
    error = math.sqrt(float((share * share) @ (prob * (1 - prob))))
    return {
        "mean_prob": expected,
        "bad_rate": observed,
        "relative_gap": observed / expected - 1,
        "standard_errors": (observed - expected) / error if error else 0.0,
    }


def _level(index: float) -> str:
    if index >= RED:
        return "red"
    return "amber" if index >= AMBER else "green"


def _alarm(
    psi: float,
    features: list[dict[str, Any]],
    months: list[dict[str, Any]],
    gap: Mapping[str, Any],
) -> tuple[str, list[str]]:
    red: list[str] = []
    amber: list[str] = []
    (red if psi >= RED else amber if psi >= AMBER else []).append(f"score PSI {psi:.3f}")
    for row in features:
        text = f"CSI of {row['name']} {row['csi']:.3f}"
        (red if row["alarm"] == "red" else amber if row["alarm"] == "amber" else []).append(text)
    for row in months:
        if row["alarm"] == "red":
            red.append(f"PSI of {row['month']} {row['psi']:.3f}")
    if abs(gap["relative_gap"]) >= CALIBRATION_RED and abs(gap["standard_errors"]) > 2:
        red.append(
            f"calibration: {gap['bad_rate']:.3f} observed against {gap['mean_prob']:.3f} expected"
        )
    if red:
        return "red", red + amber
    return ("amber", amber) if amber else ("green", [])


def recalibrated(
    artefact: Artefact, loans: Dataset, data_sha256: str, *, ahead: float | None = None
) -> dict[str, Any]:
    """The artefact's content with its intercept fitted to the watched loans: a new version.

    The model is for the loans to come, so the base rate's trend carries the intercept on by
    `ahead` years, as the training did; 0 leaves it at the loans seen.

    Raises InputError where the loans have one outcome only.
    """
    data, _ = watched(artefact, loans)
    if data.bad.min() == data.bad.max():
        raise InputError("the loans after the training window hold only one outcome")
    model = artefact.model
    log_odds = model.log_odds(artefact.matrix(data.inputs))
    scores = log_odds - model.intercept
    training = artefact.content["training"]
    years = float(training["fit"]["drift_years"]) if ahead is None else ahead
    intercept = carried_intercept(scores, data.weight, data.base_rate, training, years)
    content = dict(artefact.content)
    content["model"] = {**content["model"], "intercept": intercept}
    content["parent"] = artefact.hash
    content["recalibration"] = {
        "data_sha256": data_sha256,
        "rows": len(data),
        "base_rate": data.base_rate,
        "years_ahead": years,
        "intercept_before": model.intercept,
        "intercept_after": intercept,
    }
    # a pure shift moves every score alike, so the reference bands move with it
    shift = intercept - model.intercept
    reference = dict(content["reference"])
    reference["score_cuts"] = [cut + shift for cut in reference["score_cuts"]]
    content["reference"] = reference
    return content
