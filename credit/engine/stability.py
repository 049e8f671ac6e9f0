"""Population stability: how far today's applicants are from those a model was trained on."""

import math

import numpy as np

from credit.engine.features import Floats

AMBER, RED = 0.10, 0.25
"""The customary alarm levels of the index."""

FLOOR = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""


def stability(reference: Floats, actual: Floats) -> float:
    """Population stability index of two sets of bin frequencies."""
    a = np.maximum(reference / reference.sum(), FLOOR)
    b = np.maximum(actual / actual.sum(), FLOOR)
    return float(np.sum((b - a) * np.log(b / a)))


def sampling_noise(bins: int, reference_rows: float, rows: float) -> float:
    """What the index reaches by chance alone for two samples of one population.

    Mean plus two standard deviations of its chi-squared approximation, with bins − 1 degrees of
    freedom (Yurdakul & Naranjo 2020).
    """
    freedom = bins - 1
    return (freedom + 2 * math.sqrt(2 * freedom)) * (1 / reference_rows + 1 / rows)


def effective_rows(weight: Floats) -> float:
    """Kish's effective sample size of weighted rows."""
    total = float(weight.sum())
    return total * total / float(weight @ weight)
