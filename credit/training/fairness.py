"""Approval rates by group, each against everyone else, with bootstrap intervals.

The four-fifths rule of thumb: a ratio below 0.80 blocks promotion unless a signed waiver says why.
Groups with few applications are shown but judged only by the upper end of their interval, so that
chance alone blocks nothing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, category_keys
from credit.training.data import Dataset
from credit.training.specs.spec import Group

LEAST_RATIO = 0.80
LEAST_ROWS = 100
DRAWS = 200


@dataclass(frozen=True)
class Finding:
    """One group's approval rate over that of all others."""

    group: str
    value: str
    rows: int
    approval_rate: float
    ratio: float
    low: float
    high: float

    @property
    def blocks(self) -> bool:
        """True where the ratio is too low by more than chance (enough rows, or interval below)."""
        if self.rows < LEAST_ROWS:
            return self.high < LEAST_RATIO
        return self.ratio < LEAST_RATIO

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**vars(self), "blocks": self.blocks}


def findings(
    groups: tuple[Group, ...], data: Dataset, approved: NDArray[np.bool_], seed: int
) -> list[Finding]:
    """Every value of every group, rarest left out below 30 applications."""
    rng = np.random.default_rng(seed)
    out = []
    for group in groups:
        members = np.array(membership(group, data), dtype=object)
        for value in sorted({m for m in members.tolist() if m is not None}):
            inside = members == value
            if inside.sum() >= 30 and not inside.all():
                out.append(_finding(group.name, value, inside, approved, data.weight, rng))
    return out


def membership(group: Group, data: Dataset) -> list[str | None]:
    """Each row's value in a division; None where it is not recorded."""
    if group.key:
        return category_keys(group.key, data.columns)
    numbers = data.columns[group.column]
    return [None if np.isnan(n) else _band(n, group.bands) for n in numbers.tolist()]


def _band(number: float, bands: tuple[float, ...]) -> str:
    at = int(np.searchsorted(np.array(bands), number, side="right"))
    low = f"{bands[at - 1]:g}" if at else ""
    high = f"{bands[at]:g}" if at < len(bands) else ""
    # the leading digit keeps bands in order when sorted as text
    return f"{at}: {f'< {high}' if not low else f'≥ {low}' if not high else f'{low} – {high}'}"


def _finding(
    group: str,
    value: str,
    inside: NDArray[np.bool_],
    approved: NDArray[np.bool_],
    weight: Floats,
    rng: np.random.Generator,
) -> Finding:
    ratios = []
    groups = (np.flatnonzero(inside), np.flatnonzero(~inside))
    for _ in range(DRAWS):
        rates = []
        for rows in groups:
            drawn = rows[rng.integers(0, len(rows), len(rows))]
            rates.append(np.average(approved[drawn], weights=weight[drawn]))
        ratios.append(rates[0] / rates[1] if rates[1] else 1.0)
    own = float(np.average(approved[inside], weights=weight[inside]))
    rest = float(np.average(approved[~inside], weights=weight[~inside]))
    low, high = np.quantile(ratios, [0.025, 0.975])
    ratio = own / rest if rest else 1.0
    return Finding(group, value, int(inside.sum()), own, ratio, float(low), float(high))
