"""What is on the roads; what is not known of them is never told as free."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from core.standards.coordinates import GeoPoint, Place
from core.standards.datex import RoadEventKind, RoadEventSeverity
from core.texts import Named

FRESH = timedelta(minutes=5)
"""A speed that is older says nothing of now."""
AHEAD = timedelta(days=7)
"""So long before they begin events are shown."""


class Congestion(StrEnum):
    """How a road runs, by the share of time lost (GB/T 33171-2016, annex C). SMOOTH: below 0.3.
    FAIR: below 0.5. LIGHT congestion: below 0.6. MODERATE: below 0.7. SEVERE: above. UNKNOWN:
    nothing was observed of late, which does not mean that the road is free.
    """

    SMOOTH = "SMOOTH"
    FAIR = "FAIR"
    LIGHT = "LIGHT"
    MODERATE = "MODERATE"
    SEVERE = "SEVERE"
    UNKNOWN = "UNKNOWN"


_BOUNDS = (0.3, 0.5, 0.6, 0.7)
_LEVELS: Sequence[Congestion] = (*Congestion,)
"""That below the first bound comes first; UNKNOWN, which comes last, is below none."""


@dataclass(frozen=True, slots=True)
class RoadSegment:
    """A piece of a road in one direction."""

    segment_ref: Annotated[str, "The platform's lasting id for it."]
    road: Annotated[Named, "The road's name."]
    path: Annotated[Sequence[GeoPoint], "Its course."]
    congestion: Annotated[Congestion, "How it runs."]
    speed_kmh: Annotated[float | None, "The speed of the traffic; null where it is not known."]
    observed_at: Annotated[datetime, "When the speed was last observed."]


@dataclass(frozen=True, slots=True)
class RoadEvent:
    """What happens on a road, or will."""

    event_ref: Annotated[str, "The publisher's id for it."]
    kind: Annotated[RoadEventKind, "What it is."]
    severity: Annotated[RoadEventSeverity, "How grave it is."]
    description: Annotated[Named | None, "What the public is told of it, where it is."]
    path: Annotated[Sequence[GeoPoint], "Where: a course, or one point."]
    starts_at: Annotated[datetime, "When it begins or began."]
    ends_at: Annotated[datetime | None, "When it is over; null where nobody knows."]
    updated_at: Annotated[datetime, "When this was last changed."]


@dataclass(frozen=True, slots=True)
class GreenWave:
    """A road on which the lights turn green one after another for who drives at one speed."""

    corridor_ref: Annotated[str, "The platform's lasting id for it."]
    name: Annotated[Named, "The road's name."]
    path: Annotated[Sequence[GeoPoint], "Its course."]
    speed_min_kmh: Annotated[int | None, "The lowest such speed; null while there is no wave."]
    speed_max_kmh: Annotated[int | None, "The highest; null while there is no wave."]
    adaptive: Annotated[bool, "Whether the lights follow the traffic."]
    updated_at: Annotated[datetime, "When this was last changed."]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadCamera(Place):
    """A camera over a road whose stills may be shown."""

    name: Annotated[Named, "Where it looks."]
    still_url: Annotated[str, "The address of its newest still."]
    taken_at: Annotated[datetime, "When that was taken."]

    @property
    def path(self) -> Sequence[GeoPoint]:
        """Where it is."""
        return (self.at,)


def congestion_of(speed_kmh: float | None, free_flow_kmh: float, age: timedelta) -> Congestion:
    """How a road runs at a speed, beside that at which it runs when it is empty.

    Raises ValueError for speeds that cannot be.
    """
    if not 0 < free_flow_kmh < 300 or (speed_kmh is not None and not 0 <= speed_kmh < 300):
        raise ValueError("no speed of a road")
    if speed_kmh is None or age > FRESH:
        return Congestion.UNKNOWN
    lost = 1 - speed_kmh / free_flow_kmh
    return _LEVELS[bisect_right(_BOUNDS, lost)]


def is_shown(starts_at: datetime, ends_at: datetime | None, now: datetime) -> bool:
    """Whether an event is going on, or begins before long."""
    return starts_at <= now + AHEAD and (ends_at is None or ends_at > now)
