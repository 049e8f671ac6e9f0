"""Weighted measures of a ranking and of its probabilities, with bootstrap intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 300


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def plain(self) -> dict[str, float]:
        """Rounded for reports."""
        return {k: round(v, 6) for k, v in vars(self).items()}


def auc(bad: Floats, score: Floats, weight: Floats) -> float:
    """Chance that a bad loan scores riskier than a good one; ties count half."""
    return _Curve(score).auc(bad, weight)


def ks(bad: Floats, score: Floats, weight: Floats) -> float:
    """Largest gap between the score distributions of bad and good loans."""
    return _Curve(score).ks(bad, weight)


def brier(bad: Floats, prob: Floats, weight: Floats) -> float:
    """Mean squared error of the probabilities."""
    return float(np.average((prob - bad) ** 2, weights=weight))


def calibration_error(bad: Floats, prob: Floats, weight: Floats, bands: int = 10) -> float:
    """Expected calibration error over bands of equal weight."""
    table = calibration_bands(bad, prob, weight, bands)
    total = table[:, 0].sum()
    return float((table[:, 0] * np.abs(table[:, 1] - table[:, 2])).sum() / total)


def calibration_bands(bad: Floats, prob: Floats, weight: Floats, bands: int = 10) -> Floats:
    """Rows of (weight, mean probability, observed rate), from safest band to riskiest."""
    # equal probabilities stay together, by the middle of their stretch, whatever the file's order
    _, tie = np.unique(prob, return_inverse=True)
    heavy = np.bincount(tie, weight)
    middle = (np.cumsum(heavy) - heavy / 2) / heavy.sum()
    band = np.minimum((middle * bands).astype(int), bands - 1)[tie]
    total = np.bincount(band, weight, bands)
    safe = np.where(total > 0, total, 1.0)
    mean = np.bincount(band, weight * prob, bands) / safe
    rate = np.bincount(band, weight * bad, bands) / safe
    return np.column_stack([total, mean, rate])[total > 0]


def measure(bad: Floats, prob: Floats, weight: Floats, seed: int) -> dict[str, Estimate]:
    """AUC, KS and Brier score with intervals, resampling loans."""
    curve = _Curve(prob)
    error = (prob - bad) ** 2
    figures: dict[str, Callable[[Floats], float]] = {
        "auc": lambda w: curve.auc(bad, w),
        "ks": lambda w: curve.ks(bad, w),
        "brier": lambda w: float(np.average(error, weights=w)),
    }
    rng = np.random.default_rng(seed)
    counts = [
        np.bincount(rng.integers(0, len(bad), len(bad)), minlength=len(bad)) for _ in range(DRAWS)
    ]
    out = {}
    for name, figure in figures.items():
        draws = [figure(weight * count) for count in counts]
        low, high = np.quantile(draws, [0.025, 0.975])
        out[name] = Estimate(figure(weight), float(low), float(high))
    return out


def roc(bad: Floats, score: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """(false positive rate, true positive rate), riskiest first, both from 0 to 1."""
    return _Curve(score).rates(bad, weight)


class _Curve:
    """A ranking sorted once, so that many weightings of it are cheap."""

    def __init__(self, score: Floats) -> None:
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        self._last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)

    def rates(self, bad: Floats, weight: Floats) -> tuple[Floats, Floats]:
        bads = np.cumsum((bad * weight)[self._order])[self._last]
        goods = np.cumsum(((1 - bad) * weight)[self._order])[self._last]
        if not bads[-1] or not goods[-1]:
            return np.array([0.0, 1.0]), np.array([0.0, 1.0])  # one outcome: nothing to rank
        return (
            np.concatenate(([0.0], goods / goods[-1])),
            np.concatenate(([0.0], bads / bads[-1])),
        )

    def auc(self, bad: Floats, weight: Floats) -> float:
        false, true = self.rates(bad, weight)
        return float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))

    def ks(self, bad: Floats, weight: Floats) -> float:
        false, true = self.rates(bad, weight)
        return float(np.max(np.abs(true - false)))
