"""Population stability: how far today's applicants are from those a model was trained on."""

from dataclasses import dataclass

import numpy as np

from credit.scoring.features import Floats

AMBER, RED = 0.10, 0.25
"""The customary alarm levels of the index."""

FLOOR = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""


@dataclass(frozen=True)
class Stability:
    """An index with its colour. `rows` is the effective number behind it."""

    index: float
    rows: float

    @property
    def level(self) -> str:
        """green, amber or red."""
        if self.index >= RED:
            return "red"
        return "amber" if self.index >= AMBER else "green"


def stability(reference: Floats, actual: Floats) -> float:
    """Population stability index of two sets of bin frequencies."""
    a = np.maximum(reference / reference.sum(), FLOOR)
    b = np.maximum(actual / actual.sum(), FLOOR)
    return float(np.sum((b - a) * np.log(b / a)))


def sampling_noise(bins: int, reference_rows: float, rows: float) -> float:
    """What the index would show on average for samples of one and the same population."""
    return (bins - 1) * (1 / reference_rows + 1 / rows)


def effective_rows(weight: Floats) -> float:
    """Kish's effective sample size of weighted rows."""
    total = float(weight.sum())
    return total * total / float(weight @ weight)
