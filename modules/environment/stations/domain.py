"""What stations observed: the newest of it, how it goes on, a month with its gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import fmean
from typing import Annotated

from core.standards.coordinates import Place
from core.standards.hj633 import AirIndex
from core.texts import Named

DAYS = timedelta(days=30)


class Trend(StrEnum):
    """How a value goes on. RISING; FALLING; STEADY; UNKNOWN: too little was observed."""

    RISING = "RISING"
    FALLING = "FALLING"
    STEADY = "STEADY"
    UNKNOWN = "UNKNOWN"


class SpringWarning(StrEnum):
    """Whether the city warns of a low level. NONE; YELLOW; RED; UNKNOWN: the station is silent."""

    NONE = "NONE"
    YELLOW = "YELLOW"
    RED = "RED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station(Place):
    """Where something is observed."""

    station_id: Annotated[str, "Its id, for `stationHistory`."]
    name: Annotated[Named, "Its name."]
    observed_at: Annotated[
        datetime | None, "When the newest observation began; null where there is none of late."
    ]
    is_silent: Annotated[bool, "Whether the newest observation is overdue."]
    trend: Annotated[Trend, "How it goes on."]


@dataclass(frozen=True, slots=True, kw_only=True)
class AirStation(Station):
    """A station of the air, and its newest hour."""

    index: Annotated[AirIndex | None, "Reckoned from the concentrations by HJ 633-2026."]
    station_aqi: Annotated[int | None, "The index that the station itself gives."]
    agrees: Annotated[
        bool | None, "Whether that is the index reckoned here; null where one of them is missing."
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spring(Station):
    """A spring, and its newest level."""

    level_m: Annotated[float | None, "The level of the groundwater in metres."]
    warning: Annotated[SpringWarning, "Whether the city warns of it."]
    yellow_level_m: Annotated[float, "Below this the warning is yellow."]
    red_level_m: Annotated[float, "Below this it is red."]


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a series."""

    at: Annotated[datetime, "When it was observed."]
    value: Annotated[float | None, "The index, or the level in metres; null is a gap."]


@dataclass(frozen=True, slots=True)
class StationHistory:
    """What a station observed in the last 30 days."""

    name: Annotated[Named, "The station's name."]
    observations: Annotated[Sequence[Observation], "At equal distances, oldest first."]
    gaps: Annotated[int, "How many of them are missing."]
    picture: Annotated[str, "A small picture of them, an SVG document."]


def trend_of(values: Sequence[float | None], steady: float) -> Trend:
    """The later half against the earlier, each of which must be more than half there.

    `values` are oldest first; within `steady` of each other the halves are the same.
    """
    half = len(values) // 2
    earlier = [value for value in values[:half] if value is not None]
    later = [value for value in values[half:] if value is not None]
    if not half or min(len(earlier), len(later)) * 2 <= half:
        return Trend.UNKNOWN
    change = fmean(later) - fmean(earlier)
    if abs(change) <= steady:
        return Trend.STEADY
    return Trend.RISING if change > 0 else Trend.FALLING


def warning_of(level_m: float | None, yellow_m: float, red_m: float) -> SpringWarning:
    """The warning at a level; without one nobody can say that there is none."""
    if level_m is None:
        return SpringWarning.UNKNOWN
    if level_m < red_m:
        return SpringWarning.RED
    return SpringWarning.YELLOW if level_m < yellow_m else SpringWarning.NONE


def with_gaps(
    values: Mapping[datetime, float | None], until: datetime, every: timedelta, span: timedelta
) -> Sequence[Observation]:
    """A value, or None, for each moment of the span that ends with `until`, oldest first."""
    moments = [until - every * back for back in range(span // every - 1, -1, -1)]
    return [Observation(moment, values.get(moment)) for moment in moments]
