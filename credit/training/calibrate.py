"""From a ranking to probabilities that hold next year: slope, level and trend of the base rate.

The ranking is fitted within vintages and carries no base rate. Its slope is taken from forecasts
of years it had not seen. The level is that of the vintages whose outcomes are complete, each
counting by how much it knows (a Kalman filter over yearly log-odds: a handful of young loans
cannot move everybody). The trend is shrunk, and damped as it is carried from there to the date of
each application.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from credit.engine.features import Floats
from credit.engine.model import probability
from credit.engine.stability import effective_rows
from credit.engine.trend import Trend
from credit.training.data import Dataset
from credit.training.scorecard import logistic

SLOPE_RANGE = (0.5, 1.2)
TREND_YEARS = 6
DAMPING = 0.6
"""What is left of the trend's pull after each further year."""

YEARLY_SD = 0.25
"""How far a base rate's log-odds wander in a year (0.21 on the SBA vintages of 1992 to 2004)."""

FIRST_SD = 1.0
"""How far the first vintage may lie from the pooled rate."""

TREND_SD = 0.15
"""How strong a yearly trend is to be expected; noisier ones are shrunk towards none."""

LEAST_LEVEL_ROWS = 200.0
"""Effective rows over which the level is set: as many of the newest vintages as it takes."""


@dataclass(frozen=True)
class Level:
    """The base rate's log-odds at the newest vintage and its yearly trend, both shrunk."""

    log_odds: float
    yearly: float

    @property
    def rate(self) -> float:
        """The base rate itself."""
        return float(probability(np.array(self.log_odds)))


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


def level_of(data: Dataset) -> Level:
    """Level and trend of the base rate over the vintages of a window."""
    years = np.unique(data.year)
    pooled = _log_odds(float(data.weight @ data.bad), float(data.weight.sum()), 0.5, 1.0)
    level, variance = pooled, FIRST_SD**2
    levels, before = [], None
    for year in years.tolist():
        rows = data.year == year
        size = effective_rows(data.weight[rows])
        rate = float(np.average(data.bad[rows], weights=data.weight[rows]))
        prior = float(probability(np.array(level)))
        # one expected loan's worth of what is known already keeps a vintage of one outcome finite
        seen = _log_odds(rate * size, size, prior, 1.0)
        spread = float(probability(np.array(seen)))
        noise = 1 / max(size * spread * (1 - spread), 1e-9)
        if before is not None:
            variance += YEARLY_SD**2 * (year - before)
        gain = variance / (variance + noise)
        level, variance, before = level + gain * (seen - level), (1 - gain) * variance, year
        levels.append((float(year), seen, noise))
    return Level(level, _trend(levels))


def _log_odds(bad: float, rows: float, prior: float, prior_rows: float) -> float:
    rate = (bad + prior * prior_rows) / (rows + prior_rows)
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    return math.log(rate / (1 - rate))


def _trend(levels: Sequence[tuple[float, float, float]]) -> float:
    """Yearly change over the last vintages, by precision, shrunk as far as it is noise."""
    recent = [point for point in levels if point[0] > levels[-1][0] - TREND_YEARS]
    if len(recent) < 3:
        return 0.0
    year, seen, noise = np.array(recent).T
    weight = 1 / (noise + YEARLY_SD**2)
    centred = year - np.average(year, weights=weight)
    spread = float(weight @ centred**2)
    slope = float(weight @ (centred * seen)) / spread
    return slope * TREND_SD**2 / (TREND_SD**2 + 1 / spread)


def newest_rows(data: Dataset) -> NDArray[np.bool_]:
    """The rows of the newest vintages, as many vintages as it takes for a level."""
    years = np.unique(data.year)
    for year in years[::-1]:
        rows = np.asarray(data.year >= year)
        if effective_rows(data.weight[rows]) >= LEAST_LEVEL_ROWS:
            return rows
    return np.ones(len(data), dtype=bool)


def trend_from(data: Dataset, yearly: float, most_years: float) -> Trend:
    """The trend carried on from the middle of some rows' dates; none where they have no dates."""
    if np.isnan(data.day).all():
        return Trend(None, 0.0, DAMPING, 0.0)
    day = float(np.average(data.day, weights=data.weight))
    return Trend(day, yearly, DAMPING, most_years)
