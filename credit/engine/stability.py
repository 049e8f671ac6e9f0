"""Population stability: how far today's applicants are from those a model was trained on."""

import math

import numpy as np

from credit.engine.features import Floats

AMBER, RED = 0.10, 0.25
"""The customary alarm levels of the index."""

SURENESS = 3.5
"""A report judges a score and dozens of features at once; each alone must be surer than that."""

FLOOR = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""


def stability(reference: Floats, actual: Floats) -> float:
    """Population stability index of two sets of bin frequencies."""
    a = np.maximum(reference / reference.sum(), FLOOR)
    b = np.maximum(actual / actual.sum(), FLOOR)
    return float(np.sum((b - a) * np.log(b / a)))


def smoothed(reference: Floats, actual: Floats, rows: float) -> Floats:
    """Actual shares of few rows, with half a row a bin mixed in as the reference has them.

    An empty bin among thirty rows is chance; without this it alone reads as an alarm.
    """
    prior = 0.5 * len(reference)
    share = actual / actual.sum()
    mixed: Floats = (rows * share + prior * reference / reference.sum()) / (rows + prior)
    return mixed


def sampling_noise(bins: int, reference_rows: float, rows: float) -> float:
    """What the index hardly ever reaches by chance for two samples of one population.

    It is (1/n + 1/m) times a chi-squared of bins − 1 degrees of freedom (Yurdakul & Naranjo 2020);
    this is its value `SURENESS` standard deviations out, by Wilson & Hilferty's approximation.
    """
    freedom = max(bins - 1, 1)
    step = 2 / (9 * freedom)
    quantile = freedom * (1 - step + SURENESS * math.sqrt(step)) ** 3
    return quantile * (1 / reference_rows + 1 / rows)


def effective_rows(weight: Floats) -> float:
    """Kish's effective sample size of weighted rows; 0 where nothing has weight."""
    total = float(weight.sum())
    return total * total / float(weight @ weight) if total else 0.0
