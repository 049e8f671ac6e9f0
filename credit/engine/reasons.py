"""Why: the factors really scored, and what would have to be different.

Reasons are the largest exact contributions to the log-odds, never the nearest stock phrase (CFPB
Circular 2023-03). A counterfactual changes one thing that the applicant can change, as little as
leads to an approval, and is checked by deciding on it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats
from credit.engine.schema import Feature, Lever

MOST_REASONS = 4
LEAST_SHARE = 0.02
"""A factor that moves the log-odds by less than this is no reason."""

STEPS = 24
"""Values tried on each side of a lever, evenly over its feasible range."""


@dataclass(frozen=True)
class Reason:
    """One factor: its code, texts, the value scored (None where missing) and its log-odds."""

    code: str
    text: tuple[str, str]
    value: float | None
    contribution: float

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "code": self.code,
            "zh": self.text[0],
            "en": self.text[1],
            "value": self.value,
            "contribution": self.contribution,
        }


@dataclass(frozen=True)
class Counterfactual:
    """Changing `column` from `before` to `after`, all else equal, leads to an approval."""

    column: str
    before: float
    after: float
    text: tuple[str, str]

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "column": self.column,
            "before": self.before,
            "after": self.after,
            "zh": self.text[0],
            "en": self.text[1],
        }


def top_factors(parts: Floats, *, raising: bool) -> NDArray[np.intp]:
    """Feature numbers of the strongest contributions per row, shape (rows, ≤ 4), −1 for none."""
    signed = parts if raising else -parts
    count = min(MOST_REASONS, parts.shape[1])
    order = np.argsort(-signed, axis=1, kind="stable")[:, :count]
    strong = np.take_along_axis(signed, order, axis=1) >= LEAST_SHARE
    return np.where(strong, order, -1)


def reasons_for(
    features: Sequence[Feature], row: Floats, parts: Floats, *, raising: bool
) -> list[Reason]:
    """Up to four reasons of one decision, strongest first."""
    found = []
    for j in top_factors(parts.reshape(1, -1), raising=raising)[0]:
        if j < 0:
            break
        feature = features[j]
        text = feature.reason if raising else feature.strength
        found.append(Reason(feature.name, text, _shown(feature, row[j]), float(parts[j])))
    return found


def _shown(feature: Feature, value: float) -> float | None:
    if math.isnan(value):
        return None
    return float(np.exp(value)) if feature.shown == "log" else float(value)


def find_counterfactual(
    levers: Sequence[Lever],
    application: Mapping[str, Any],
    approves: Callable[[list[Mapping[str, Any]]], NDArray[np.bool_]],
) -> Counterfactual | None:
    """The smallest relative change of one lever that leads to an approval, if any does.

    `approves` decides on whole applications, in one batch.
    """
    tries: list[tuple[float, Lever, float, float]] = []
    for lever in levers:
        before = _number(application.get(lever.column))
        if before is None:
            continue
        tries += [
            (abs(after - before) / max(abs(before), lever.step), lever, before, after)
            for after in _candidates(lever, before)
        ]
    if not tries:
        return None
    tries.sort(key=lambda item: (item[0], item[1].column, item[3]))
    yes = approves([{**application, lever.column: after} for _, lever, _, after in tries])
    for (_, lever, before, after), approved in zip(tries, yes, strict=True):
        if approved:
            shown = f"{after / 100:,.2f}" if lever.shown == "yuan" else f"{after:,.0f}"
            zh, en = (text.replace("{value}", shown) for text in lever.text)
            return Counterfactual(lever.column, before, after, (zh, en))
    return None


def _candidates(lever: Lever, before: float) -> list[float]:
    reach = max(abs(before) * lever.whole_share, lever.step)
    low, high = max(lever.minimum, before - reach), min(lever.maximum, before + reach)
    values = set()
    for k in range(1, STEPS + 1):
        for raw in (before - reach * k / STEPS, before + reach * k / STEPS):
            value = round(raw / lever.step) * lever.step
            if low <= value <= high and value != before:
                values.add(float(value))
    return sorted(values)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
