"""From a ranking to probabilities that hold next year: slope, intercept, and a drifting base rate.

The ranking is fitted within vintages and carries no base rate. Its slope is taken from forecasts
of years it had not seen; its intercept from the newest vintage, moved on along the base rate's
recent trend, because the next loans will not default as the last ones did.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq

from credit.engine.features import Floats
from credit.engine.model import probability
from credit.training.data import Dataset
from credit.training.scorecard import logistic

SLOPE_RANGE = (0.5, 1.2)
TREND_YEARS = 6


def slope_of(forecasts: Sequence[tuple[Floats, Dataset]]) -> float:
    """The slope that forecasts of unseen years deserve, each year with its own intercept."""
    if not forecasts:
        return 1.0
    scores = np.concatenate([score for score, _ in forecasts])
    vintage = np.concatenate(
        [np.full(len(score), i, dtype=np.intp) for i, (score, _) in enumerate(forecasts)]
    )
    bad = np.concatenate([data.bad for _, data in forecasts])
    weight = np.concatenate([data.weight for _, data in forecasts])
    dummies = (vintage[:, None] == np.arange(1, len(forecasts))[None, :]).astype(np.float64)
    design = np.column_stack([scores, dummies])
    scaled = weight * len(weight) / weight.sum()
    _, found = logistic(design, bad, scaled, np.zeros(len(bad)), ridge=1e-3)
    return float(np.clip(found[0], *SLOPE_RANGE))


def intercept_for(scores: Floats, weight: Floats, base_rate: float) -> float:
    """The intercept at which the weighted mean probability is the base rate.

    Raises ValueError for a base rate of 0 or 1: no finite intercept gives it.
    """
    if not 0 < base_rate < 1:
        raise ValueError(f"a base rate of {base_rate} leaves nothing to calibrate")

    def gap(intercept: float) -> float:
        return float(np.average(probability(scores + intercept), weights=weight)) - base_rate

    return float(brentq(gap, -50, 50))


def carried_intercept(
    scores: Floats, weight: Floats, base_rate: float, training: Mapping[str, Any], ahead: float
) -> float:
    """An intercept fitted to loans just seen, moved on by `ahead` years of the known trend."""
    drift = float(training["drift_per_year"])
    return intercept_for(scores, weight, base_rate) + ahead * drift


def yearly_drift(data: Dataset) -> float:
    """Mean yearly change of the base rate's log-odds over the last vintages; 0 without time."""
    years = np.unique(data.year)
    recent = years[years > data.year.max() - TREND_YEARS]
    if len(recent) < 3:
        return 0.0
    levels = []
    for year in recent:
        rows = data.year == year
        rate = (data.weight[rows] @ data.bad[rows] + 0.5) / (data.weight[rows].sum() + 1)
        levels.append(float(np.log(rate / (1 - rate))))
    return float((levels[-1] - levels[0]) / (recent[-1] - recent[0]))


def moved(base_rate: float, log_odds_shift: float) -> float:
    """A base rate after its log-odds have moved."""
    odds = base_rate / (1 - base_rate) * np.exp(log_odds_shift)
    return float(odds / (1 + odds))
