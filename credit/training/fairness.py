"""Final decisions by group, each group against everyone else, with bootstrap intervals.

Three things are compared: outright approvals, referrals, and, of those approved, the share of the
amount asked for that is granted and the risk they are priced by. The four-fifths rule of thumb: an
approval ratio or a share granted that is below 0.80 beyond chance blocks promotion unless a signed
waiver says why. Intervals decide, never points; a group too small to be judged is shown as such,
and so are those of whom the group is not known.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.features import Floats, category_keys
from credit.training.data import Dataset
from credit.training.specs.spec import Group

LEAST_RATIO = 0.80
LEAST_ROWS = 30
DRAWS = 200
NOT_KNOWN = "(not known)"

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Decided:
    """Final decisions of some rows. `granted` is the share of the request, NaN unless approved."""

    approved: Bools
    referred: Bools
    granted: Floats
    prob: Floats


@dataclass(frozen=True)
class Finding:
    """One group against all others. Ratios are None where there is nothing to compare."""

    group: str
    value: str
    rows: int
    approval_rate: float
    refer_rate: float
    ratio: float | None
    low: float | None
    high: float | None
    granted_ratio: float | None
    granted_high: float | None
    mean_prob_of_approved: float | None

    @property
    def judged(self) -> bool:
        """True where there are enough applications to say anything."""
        return self.rows >= LEAST_ROWS and self.value != NOT_KNOWN

    @property
    def blocks(self) -> bool:
        """True where approvals or amounts are too low by more than chance."""
        highs = (self.high, self.granted_high)
        return self.judged and any(high is not None and high < LEAST_RATIO for high in highs)

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**vars(self), "judged": self.judged, "blocks": self.blocks}


def findings(
    groups: tuple[Group, ...], data: Dataset, decided: Decided, seed: int
) -> list[Finding]:
    """Every value of every group, the small ones and the unknown included."""
    rng = np.random.default_rng(seed)
    out = []
    for group in groups:
        found = membership(group, data)
        members = np.array([NOT_KNOWN if m is None else m for m in found], dtype=object)
        for value in sorted(set(members.tolist())):
            inside = np.asarray(members == value, dtype=bool)
            out.append(_finding(group.name, value, inside, decided, data.weight, rng))
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
    inside: Bools,
    decided: Decided,
    weight: Floats,
    rng: np.random.Generator,
) -> Finding:
    approved = decided.approved.astype(np.float64)
    ratio, low, high = _ratio(inside, approved, weight, rng)
    known = ~np.isnan(decided.granted)
    granted, _, granted_high = _ratio(inside[known], decided.granted[known], weight[known], rng)
    ours = inside & decided.approved
    return Finding(
        group,
        value,
        int(inside.sum()),
        float(np.average(approved[inside], weights=weight[inside])),
        float(np.average(decided.referred[inside], weights=weight[inside])),
        ratio,
        low,
        high,
        granted,
        granted_high,
        float(np.average(decided.prob[ours], weights=weight[ours])) if ours.any() else None,
    )


def _ratio(
    inside: Bools, values: Floats, weight: Floats, rng: np.random.Generator
) -> tuple[float | None, float | None, float | None]:
    """(weighted mean inside ÷ outside, 95 % interval); None where a side is empty or zero."""
    sides = (np.flatnonzero(inside), np.flatnonzero(~inside))
    if min(len(side) for side in sides) < LEAST_ROWS:
        return None, None, None
    own, rest = (float(np.average(values[side], weights=weight[side])) for side in sides)
    if not rest:
        return None, None, None
    ratios = []
    for _ in range(DRAWS):
        rates = []
        for side in sides:
            drawn = side[rng.integers(0, len(side), len(side))]
            rates.append(float(np.average(values[drawn], weights=weight[drawn])))
        ratios.append(rates[0] / rates[1] if rates[1] else 1.0)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return own / rest, float(low), float(high)
