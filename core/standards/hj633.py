"""The air quality index by HJ 633-2026, in force since 1 March 2026 in the place of HJ 633-2012.

The real-time index: averages of an hour, those of particles by the break-points of the day (4.2).
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Annotated

from pydantic import Field


class Pollutant(StrEnum):
    """What is measured, in micrograms per cubic metre but for CO, which is in milligrams. PM2_5:
    particles up to 2.5 micrometres. PM10: up to 10. SO2; NO2; CO; O3.
    """

    PM2_5 = "PM2_5"
    PM10 = "PM10"
    SO2 = "SO2"
    NO2 = "NO2"
    CO = "CO"
    O3 = "O3"


class AirCategory(StrEnum):
    """What the air is like (table 1). EXCELLENT: up to 50. GOOD: up to 100. LIGHT pollution: up to
    150. MODERATE: up to 200. HEAVY: up to 300. SEVERE: above.
    """

    EXCELLENT = "EXCELLENT"
    GOOD = "GOOD"
    LIGHT = "LIGHT"
    MODERATE = "MODERATE"
    HEAVY = "HEAVY"
    SEVERE = "SEVERE"


INDICES = (0, 50, 100, 150, 200, 300, 400, 500)
BREAK_POINTS: Mapping[Pollutant, Sequence[int]] = {
    Pollutant.PM2_5: (0, 35, 60, 115, 150, 250, 350, 500),
    Pollutant.PM10: (0, 50, 120, 250, 350, 420, 500, 600),
    Pollutant.SO2: (0, 150, 500, 650, 800),
    Pollutant.NO2: (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    Pollutant.CO: (0, 5, 10, 35, 60, 90, 120, 150),
    Pollutant.O3: (0, 160, 200, 300, 400, 800, 1000, 1200),
}
"""Concentrations at the steps of INDICES (table 3). Above the last the last index holds: 500, of
SO2 by the hour 200 (note to the table)."""
_POINTS = {
    pollutant: [point * (10 if pollutant is Pollutant.CO else 1) for point in points]
    for pollutant, points in BREAK_POINTS.items()
}
"""The same in the units that concentrations are rounded to."""
_CATEGORIES, _CATEGORY_BOUNDS = tuple(AirCategory), INDICES[1:6]
CONCENTRATION_BELOW = 1e6
"""What is not below this is no concentration."""
Concentration = Annotated[float, Field(ge=0, lt=CONCENTRATION_BELOW)]
"""One in a record; other numbers are none, such as the -9999 of a silent sensor."""
HOURS_KEPT = 4_096
"""How many hours are kept reckoned: the same ones come with every answer."""
COMPLETE_ABOVE = 100
"""Up to this no index is published while a pollutant is missing (5.3.1)."""


@dataclass(frozen=True, slots=True)
class AirSubIndex:
    """The index of one pollutant."""

    pollutant: Annotated[Pollutant, "Which."]
    concentration: Annotated[float, "How much of it there is."]
    index: Annotated[int, "Its index, 0 to 500."]


@dataclass(frozen=True, slots=True)
class AirIndex:
    """The index of a station's hour, and of what it is made."""

    aqi: Annotated[
        int | None, "The index; null where a pollutant is missing and the others are at most 100."
    ]
    category: Annotated[AirCategory | None, "What the air is like; null without an index."]
    primary_pollutants: Annotated[Sequence[Pollutant], "What makes the index, where it is over 50."]
    sub_indices: Annotated[Sequence[AirSubIndex], "The index of each pollutant that was measured."]
    missing: Annotated[Sequence[Pollutant], "What was not measured."]


def sub_index(pollutant: Pollutant, concentration: float) -> int:
    """The index of a concentration: interpolated between break-points and carried up (4.2.5).

    The concentration is rounded first (GB/T 8170, half to even): of CO to a tenth, else to whole
    numbers. Raises ValueError for one that cannot be.
    """
    if not 0 <= concentration < CONCENTRATION_BELOW:
        raise ValueError("a concentration is 0 or more")
    value = round(concentration)
    if pollutant is Pollutant.CO:
        value = int(Decimal(str(concentration)).scaleb(1).to_integral_value())
    points = _POINTS[pollutant]
    step = bisect_left(points, value)
    if step in (0, len(points)):
        return INDICES[max(0, step - 1)]
    low, width = points[step - 1], points[step] - points[step - 1]
    return INDICES[step] - (width - value + low) * (INDICES[step] - INDICES[step - 1]) // width


def air_index(concentrations: Mapping[Pollutant, float | None]) -> AirIndex:
    """The index of an hour. Raises ValueError for a concentration that cannot be."""
    subs = [
        AirSubIndex(pollutant, value, sub_index(pollutant, value))
        for pollutant in BREAK_POINTS
        if (value := concentrations.get(pollutant)) is not None
    ]
    measured = {sub.pollutant for sub in subs}
    missing = [pollutant for pollutant in BREAK_POINTS if pollutant not in measured]
    highest = max((sub.index for sub in subs), default=0)
    if missing and highest <= COMPLETE_ABOVE:
        return AirIndex(None, None, (), subs, missing)
    above = [sub.pollutant for sub in subs if sub.index == highest and highest > INDICES[1]]
    return AirIndex(highest, category_of(highest), above, subs, missing)


_FIELDS = attrgetter(*(pollutant.lower() for pollutant in Pollutant))


def index_of(hour: object) -> AirIndex:
    """The index of a record that has a field for each pollutant: `pm2_5`, `pm10`, `so2` …"""
    return _index_of(_FIELDS(hour))


@lru_cache(maxsize=HOURS_KEPT)
def _index_of(measured: Sequence[float | None]) -> AirIndex:
    return air_index(dict(zip(Pollutant, measured, strict=True)))


def category_of(aqi: int) -> AirCategory:
    """The category of an index (table 1)."""
    return _CATEGORIES[bisect_left(_CATEGORY_BOUNDS, aqi)]
