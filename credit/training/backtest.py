"""Forecasts of loans unseen by their fit, as far ahead as the model will be used.

A model trained today is used on applications of the years to come and judged when their outcomes
are in. So each origin trains on the years up to it and looks `ahead_years` on. Candidates are
chosen on the earlier origins; the last years are looked at once, by the one chosen, and the
difference between the two is told. Where the data have no time, a random fifth stands for the
unseen and is called that.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, derive
from credit.engine.model import probability
from credit.training.calibrate import intercept_for
from credit.training.data import Dataset
from credit.training.fit import Fitted, fit_window
from credit.training.metrics import auc, measure
from credit.training.specs.spec import Spec

SELECTION_ORIGINS = 3
LEAST_ROWS = 50


class Role(StrEnum):
    """What a forecast is for."""

    SELECTION = "selection"
    CONFIRMATION = "confirmation"
    HELD_OUT = "held out"  # at random: neither later nor chosen on


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a forecast stands: rows it may know, rows it must tell."""

    role: Role
    known: NDArray[np.bool_]
    unseen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Forecast:
    """Every candidate's scores of one origin's unseen rows, and what came true."""

    role: Role
    through: int
    scores: dict[str, Floats]
    later: Dataset


def origins(data: Dataset, ahead: int, seed: int) -> list[Origin]:
    """The confirmation first, then the selection origins before it, newest first."""
    years = np.unique(data.year)
    last = int(years[-1])
    if len(years) <= 2:
        fold = np.random.default_rng(seed).permutation(len(data)) % 5
        return [Origin(Role.HELD_OUT, fold != 0, fold == 0)]
    if len(years) < 2 * ahead + 2:
        # too short to choose and confirm apart; the newest year serves for both
        return [Origin(Role.SELECTION, data.year < last, data.year == last)]
    out = [_origin(Role.CONFIRMATION, data, last - ahead, ahead)]
    for back in range(SELECTION_ORIGINS):
        out.append(_origin(Role.SELECTION, data, last - 2 * ahead - back, ahead))
    return out


def _origin(role: Role, data: Dataset, through: int, ahead: int) -> Origin:
    known = data.year <= through
    return Origin(role, known, (data.year > through) & (data.year <= through + ahead))


def backtest(spec: Spec, data: Dataset, seed: int, *, threads: int = 1) -> list[Forecast]:
    """Forecasts of both candidates at every origin; real outcomes only are told against."""
    out = []
    for origin in origins(data, spec.fit.ahead_years, seed):
        earlier, later = data.where(origin.known), data.where(origin.unseen & ~data.inferred)
        if min(len(earlier), len(later)) < LEAST_ROWS or not (_both(earlier) and _both(later)):
            continue
        fitted = fit_window(spec, earlier, seed, threads=threads)
        out.append(forecast(spec, fitted, origin.role, int(earlier.year.max()), later))
    return out


def forecast(spec: Spec, fitted: Fitted, role: Role, through: int, later: Dataset) -> Forecast:
    """What a fit says of later rows."""
    matrix = derive(spec.features, fitted.lookups, later.columns, len(later))
    scores = {kind: model.log_odds(matrix) for kind, model in fitted.candidates().items()}
    return Forecast(role, through, scores, later)


def choose(forecasts: list[Forecast], kinds: list[str]) -> str:
    """The kind that ranked best over the selection origins; the first of equals."""
    judged = [f for f in forecasts if f.role is not Role.CONFIRMATION] or forecasts

    def mean(kind: str) -> float:
        aucs = [auc(f.later.bad, f.scores[kind], f.later.weight) for f in judged]
        return float(np.mean(aucs)) if aucs else 0.0

    return max(kinds, key=lambda kind: (mean(kind), -kinds.index(kind)))


def figures(forecasts: list[Forecast], kind: str, slope: float, seed: int) -> list[dict[str, Any]]:
    """What one candidate's forecasts came to; probabilities are told at the deployed slope."""
    rows = []
    for f in forecasts:
        later, scaled = f.later, slope * f.scores[kind]
        prob = probability(scaled + intercept_for(scaled, later.weight, later.base_rate))
        found = measure(later.bad, prob, later.weight, seed)
        timed = f.role is not Role.HELD_OUT
        rows.append(
            {
                "role": str(f.role),
                "through": f.through if timed else None,
                "years": [int(later.year.min()), int(later.year.max())] if timed else None,
                "rows": len(later),
                "base_rate": later.base_rate,
                "auc": found["auc"].plain(),
                "ks": found["ks"].plain(),
            }
        )
    return rows


def optimism(rows: list[dict[str, Any]]) -> float | None:
    """Mean AUC on the selection origins less the confirmation's; None without both."""
    chosen = [r["auc"]["value"] for r in rows if r["role"] == Role.SELECTION]
    confirmed = [r["auc"]["value"] for r in rows if r["role"] == Role.CONFIRMATION]
    return float(np.mean(chosen) - confirmed[0]) if chosen and confirmed else None


def _both(data: Dataset) -> bool:
    return len(np.unique(data.bad)) == 2
