"""The reference that a model carries for its monitoring: how its training window was spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from credit.engine.features import Floats
from credit.engine.model import AdditiveModel
from credit.engine.stability import effective_rows, sampling_noise, smoothed, stability
from credit.training.data import Dataset

SCORE_BANDS = 10


def reference_of(model: AdditiveModel, matrix: Floats, data: Dataset) -> dict[str, Any]:
    """Score bands of equal weight and each feature's frequencies, as the deployed model sees them.

    A feature is banded by its own deciles, so that its index does not depend on where trees split.
    """
    score = model.log_odds(matrix)
    cuts = weighted_cuts(score, data.weight, SCORE_BANDS)
    features = []
    for column in matrix.T:
        known = np.isfinite(column)
        edges = weighted_cuts(column[known], data.weight[known], SCORE_BANDS)
        features.append({"cuts": edges, "share": shares(column, data.weight, edges)})
    prob = model.default_probs(matrix)
    return {
        "rows": effective_rows(data.weight),
        "score_cuts": cuts,
        "score_share": shares(score, data.weight, cuts),
        "mean_prob": float(np.average(prob, weights=data.weight)),
        "features": features,
    }


def beyond_noise(
    reference: Sequence[float], actual: Sequence[float], rows: float, weight: Floats
) -> float:
    """The stability index of two sets of shares, less what chance makes of it.

    `rows` are the reference's effective rows, `weight` the weights of the actual ones.
    """
    a, b = np.array(reference), np.array(actual)
    size = effective_rows(weight)
    if not size:
        return 0.0
    bins = int(((a > 0) | (b > 0)).sum())
    return max(0.0, stability(a, smoothed(a, b, size)) - sampling_noise(bins, rows, size))


def weighted_cuts(values: Floats, weight: Floats, bands: int) -> list[float]:
    """Distinct inner cut points that divide the weight into bands as equal as ties allow."""
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weight[order]) / weight.sum()
    at = np.searchsorted(share, np.arange(1, bands) / bands)
    cuts = np.unique(values[order][np.minimum(at, len(values) - 1)])
    return [float(cut) for cut in cuts]


def shares(values: Floats, weight: Floats, cuts: list[float]) -> list[float]:
    """Weighted frequency of each band; the last one is "missing"."""
    band = np.searchsorted(np.array(cuts), values, side="right")
    band[~np.isfinite(values)] = len(cuts) + 1
    counts = np.bincount(band, weight, len(cuts) + 2)
    return [float(share) for share in counts / counts.sum()]
