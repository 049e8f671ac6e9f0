"""Why: the factors really scored, in words that assert nothing but what is known.

Reasons are the largest exact contributions to the log-odds, never the nearest stock phrase (CFPB
Circular 2023-03). A factor whose value is not known is named by its subject and why it is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats
from credit.engine.intake import States
from credit.engine.presence import Presence, absence_text
from credit.engine.schema import Feature

MOST_REASONS = 4
LEAST_SHARE = 0.02
"""A factor that moves the log-odds by less than this is no reason."""


@dataclass(frozen=True)
class Reason:
    """One factor: its code, texts, the value scored (None where not known) and its log-odds."""

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


def top_factors(parts: Floats, *, raising: bool) -> NDArray[np.intp]:
    """Feature numbers of the strongest contributions per row, shape (rows, ≤ 4), −1 for none."""
    signed = parts if raising else -parts
    count = min(MOST_REASONS, parts.shape[1])
    order = np.argsort(-signed, axis=1, kind="stable")[:, :count]
    strong = np.take_along_axis(signed, order, axis=1) >= LEAST_SHARE
    return np.where(strong, order, -1)


def reasons_for(
    features: Sequence[Feature], row: Floats, presence: States, parts: Floats, *, raising: bool
) -> list[Reason]:
    """Up to four reasons of one decision, strongest first."""
    found = []
    for j in top_factors(parts.reshape(1, -1), raising=raising)[0]:
        if j < 0:
            break
        feature, state = features[j], Presence(int(presence[j]))
        value = _shown(feature, row[j]) if state is Presence.KNOWN else None
        text = reason_text(feature, state, raising=raising)
        found.append(Reason(feature.name, text, value, float(parts[j])))
    return found


def reason_text(feature: Feature, presence: Presence, *, raising: bool) -> tuple[str, str]:
    """What may be said of a factor: one text where it raised, one where it lowered the risk, and
    a third where its value is not known."""
    if presence is not Presence.KNOWN:
        return absence_text(feature.about, presence)
    return feature.reason if raising else feature.strength


def _shown(feature: Feature, value: float) -> float:
    return float(np.exp(value)) if feature.shown == "log" else float(value)
