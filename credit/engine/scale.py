"""The score: a straight line through log-odds, so that points mean the same everywhere."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scale:
    """`anchor` points at `anchor_odds` good to bad; `pdo` more points double the odds."""

    anchor: int = 600
    anchor_odds: float = 19.0
    pdo: float = 50.0
    lowest: int = 300
    highest: int = 850

    def score(self, log_odds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Points for log-odds of default, rounded half up and held to the scale's ends."""
        factor = self.pdo / math.log(2)
        points = self.anchor - factor * (log_odds + math.log(self.anchor_odds))
        return np.clip(np.floor(points + 0.5), self.lowest, self.highest).astype(np.int64)

    def default_prob(self, score: float) -> float:
        """The probability of default that a score stands for, inside the scale's ends."""
        log_odds = (self.anchor - score) * math.log(2) / self.pdo - math.log(self.anchor_odds)
        return 1 / (1 + math.exp(-log_odds))
