"""The WoE scorecard: binned features, weights of evidence, a logistic regression over them.

The baseline every bank knows, and a candidate for champion. It takes the same form as the boosted
model, tables of one feature each, so the same engine serves and explains it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from credit.engine.features import Floats
from credit.engine.model import AdditiveModel, Table, probability, silence_gaps
from credit.engine.schema import Feature
from credit.training.boost import background

BINS = 8
WOE_PRIOR = 20.0
"""Shrinks the evidence of thin bins towards none."""

RIDGE = 5.0


def fit_scorecard(
    features: Sequence[Feature], matrix: Floats, bad: Floats, weight: Floats, offset: Floats
) -> AdditiveModel:
    """Fit the scorecard; signed features get monotone evidence, every coefficient is ≥ 0."""
    scaled = weight * len(weight) / weight.sum()
    edges = tuple(_edges(matrix[:, j]) for j in range(matrix.shape[1]))
    blank = AdditiveModel(edges, (), (), 1.0, 0.0)
    bins = blank.bins(matrix)
    expected = probability(offset)
    evidence = [
        _evidence(bins[j], len(edges[j]) + 2, bad, scaled, expected, feature.direction)
        for j, feature in enumerate(features)
    ]
    design = np.column_stack([evidence[j][bins[j]] for j in range(len(features))])
    intercept, coefficients = logistic(design, bad, scaled, offset, ridge=RIDGE, lowest=0.0)
    tables = tuple(Table((j,), evidence[j] * coefficients[j]) for j in range(len(features)))
    model = AdditiveModel(edges, tables, background(blank, matrix, weight), 1.0, intercept)
    return silence_gaps(model, np.isnan(matrix).sum(axis=0))


def logistic(
    design: Floats,
    bad: Floats,
    weight: Floats,
    offset: Floats,
    *,
    ridge: float,
    lowest: float | None = None,
) -> tuple[float, Floats]:
    """(intercept, coefficients) of a ridge logistic regression with offsets and a lower bound."""

    def loss(theta: Floats) -> tuple[float, Floats]:
        log_odds = theta[0] + design @ theta[1:] + offset
        residual = weight * (probability(log_odds) - bad)
        value = weight @ (np.logaddexp(0, log_odds) - bad * log_odds)
        value += 0.5 * ridge * float(theta[1:] @ theta[1:])
        gradient = np.concatenate(([residual.sum()], design.T @ residual + ridge * theta[1:]))
        return float(value), gradient

    bounds = [(None, None)] + [(lowest, None)] * design.shape[1]
    start = np.zeros(design.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return float(found.x[0]), np.asarray(found.x[1:], dtype=np.float64)


def _edges(values: Floats) -> NDArray[np.float32]:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.array([], dtype=np.float32)
    cuts = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]).astype(np.float32)
    return np.unique(cuts)


def _evidence(
    bins: NDArray[np.intp],
    count: int,
    bad: Floats,
    weight: Floats,
    expected: Floats,
    direction: int,
) -> Floats:
    """Log-odds of each bin beyond the vintage's own; isotonic over the known bins if signed."""
    excess = np.bincount(bins, weight * (bad - expected), count)
    spread = np.bincount(bins, weight * expected * (1 - expected), count)
    evidence = np.asarray(excess / (spread + WOE_PRIOR), dtype=np.float64)
    if direction:
        ordered = IsotonicRegression(increasing=direction > 0)
        known = slice(0, count - 1)
        evidence[known] = ordered.fit_transform(
            np.arange(count - 1), evidence[known], sample_weight=spread[known] + 1e-9
        )
    return evidence
