"""What would have to be different: the smallest change that a person could really make.

It moves one lever within what may be asked of anybody, and is checked by deciding on it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.schema import Lever

STEPS = 24
"""Values tried on each side of a lever, evenly over its feasible range."""


@dataclass(frozen=True)
class Counterfactual:
    """Changing `column` from `before` to `after` leads to an approval.

    `with_` are the columns that move along in proportion, and to what.
    """

    column: str
    before: float
    after: float
    with_: Mapping[str, float]
    text: tuple[str, str]

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "column": self.column,
            "before": self.before,
            "after": self.after,
            "with": dict(self.with_),
            "zh": self.text[0],
            "en": self.text[1],
        }


@dataclass(frozen=True)
class _Try:
    size: float
    lever: Lever
    before: float
    after: float
    with_: Mapping[str, float]


def find_counterfactual(
    levers: Sequence[Lever],
    application: Mapping[str, Any],
    approves: Callable[[list[Mapping[str, Any]]], NDArray[np.bool_]],
) -> Counterfactual | None:
    """The smallest relative change of one lever that leads to an approval, if any does.

    `approves` decides on whole applications, in one batch.
    """
    tries = [attempt for lever in levers for attempt in _tries(lever, application)]
    if not tries:
        return None
    tries.sort(key=lambda t: (t.size, t.lever.column, t.after))
    yes = approves([{**application, t.lever.column: t.after, **t.with_} for t in tries])
    for attempt, approved in zip(tries, yes, strict=True):
        if approved:
            lever = attempt.lever
            shown = f"{attempt.after / lever.per:,.2f}".removesuffix(".00")
            zh, en = (text.replace("{value}", shown) for text in lever.text)
            return Counterfactual(
                lever.column, attempt.before, attempt.after, attempt.with_, (zh, en)
            )
    return None


def _tries(lever: Lever, application: Mapping[str, Any]) -> list[_Try]:
    before = _number(application.get(lever.column))
    if before is None:
        return []
    out = []
    for after in _candidates(lever, before):
        with_ = {}
        for name in lever.scales:
            other = _number(application.get(name))
            if other is not None and before > 0:
                with_[name] = math.floor(other * after / before)
        size = abs(after - before) / max(abs(before), lever.step)
        out.append(_Try(size, lever, before, after, with_))
    return out


def _candidates(lever: Lever, before: float) -> list[float]:
    reach = max(abs(before) * lever.whole_share, lever.step)
    low = max(lever.minimum, before if lever.direction > 0 else before - reach)
    high = min(lever.maximum, before if lever.direction < 0 else before + reach)
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
