"""A plan for people: legs on foot and by vehicle, with what may go wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import Freshness
from modules.mobility.timetable.domain import TransitAlert, TransitLine

TRIP_PLAN = "trip-plan"
VEHICLES_MAX = 6
"""No journey takes more vehicles."""
TIGHT_S = 120
"""A change with less time to spare is warned of."""


class LegMode(StrEnum):
    """How one goes. WALK: on foot. BUS, METRO, TRAM, TRAIN, FERRY: by these. OTHER: by anything
    else.
    """

    WALK = "WALK"
    BUS = "BUS"
    METRO = "METRO"
    TRAM = "TRAM"
    TRAIN = "TRAIN"
    FERRY = "FERRY"
    OTHER = "OTHER"


class ChangeRisk(StrEnum):
    """What becomes of the change before a leg. NONE: there is none. SAFE: there is time. TIGHT:
    less than two minutes to spare, or a vehicle of which nothing fresh is known.
    """

    NONE = "NONE"
    SAFE = "SAFE"
    TIGHT = "TIGHT"


class WalkBasis(StrEnum):
    """What a walk is reckoned by. STREETS: along the city's streets. STRAIGHT: as the crow flies,
    with a detour. FEED: what the timetable says of the transfer or station.
    """

    STREETS = "STREETS"
    STRAIGHT = "STRAIGHT"
    FEED = "FEED"


class PlanProblem(StrEnum):
    """Why there is no plan. ORIGIN_TOO_FAR, DESTINATION_TOO_FAR: no stop is near enough to walk
    to. NO_SERVICE: nothing runs at this hour that leads there. OUTSIDE_TIMETABLE: the timetable of
    that day is not published.
    """

    ORIGIN_TOO_FAR = "ORIGIN_TOO_FAR"
    DESTINATION_TOO_FAR = "DESTINATION_TOO_FAR"
    NO_SERVICE = "NO_SERVICE"
    OUTSIDE_TIMETABLE = "OUTSIDE_TIMETABLE"


_MODES = {0: LegMode.TRAM, 1: LegMode.METRO, 2: LegMode.TRAIN, 3: LegMode.BUS, 4: LegMode.FERRY,
          11: LegMode.BUS, 12: LegMode.METRO}  # fmt: skip
_EXTENDED = {1: LegMode.TRAIN, 2: LegMode.BUS, 4: LegMode.METRO, 5: LegMode.METRO, 7: LegMode.BUS,
             9: LegMode.TRAM, 10: LegMode.FERRY}  # fmt: skip
"""By the hundreds of the extended route types."""


@dataclass(frozen=True, slots=True)
class LegPlace:
    """Where a leg begins or ends."""

    at: Annotated[GeoPoint, "Where it is."]
    stop_ref: Annotated[str | None, "The stop's ref; null at a door."]
    name: Annotated[str, "The stop's name; empty at a door."]
    platform: Annotated[str, "Which platform; perhaps empty."]


@dataclass(frozen=True, slots=True)
class PlanLeg:
    """A part of a plan: on foot, or by one vehicle."""

    mode: Annotated[LegMode, "How one goes."]
    start: Annotated[LegPlace, "Where it begins."]
    end: Annotated[LegPlace, "Where it ends."]
    departs_at: Annotated[datetime, "When it begins."]
    arrives_at: Annotated[datetime, "When it ends."]
    distance_m: Annotated[int | None, "How far one walks; null by vehicle."]
    walk_basis: Annotated[WalkBasis | None, "What the walk is reckoned by; null by vehicle."]
    line: Annotated[TransitLine | None, "Which line; null on foot."]
    headsign: Annotated[str, "Where the vehicle goes; empty on foot."]
    trip_ref: Annotated[str | None, "The trip's ref, for transitWay; null on foot."]
    service_on: Annotated[date | None, "The trip's service day; null on foot."]
    stop_count: Annotated[int, "After how many stops one gets off; 0 on foot."]
    freshness: Annotated[Freshness, "How fresh its times are; SCHEDULED on foot."]
    delay_s: Annotated[int, "How late the vehicle leaves, seconds."]
    wait_s: Annotated[int, "How long one waits before it, seconds."]
    change: Annotated[ChangeRisk, "What becomes of the change before it."]
    alerts: Annotated[Sequence[TransitAlert], "What riders of its line must know."]


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to get there."""

    departs_at: Annotated[datetime, "When one leaves the door."]
    arrives_at: Annotated[datetime, "When one is there."]
    change_count: Annotated[int, "How often one changes vehicles."]
    walk_m: Annotated[int, "How far one walks."]
    fare_fen: Annotated[int | None, "What an adult's tickets cost; null where nobody says it."]
    legs: Annotated[Sequence[PlanLeg], "Its parts, in order."]

    @property
    def duration_s(self) -> Annotated[int, "How long it takes, seconds."]:
        """From door to door."""
        return round((self.arrives_at - self.departs_at).total_seconds())

    @property
    def has_tight_change(self) -> Annotated[bool, "Whether a change may be missed."]:
        """Whether any change is tight."""
        return any(leg.change is ChangeRisk.TIGHT for leg in self.legs)


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """The ways there, or why there is none."""

    plans: Annotated[Sequence[Plan], "The ways, the best first; none beats another in all."]
    problem: Annotated[PlanProblem | None, "Why there is none by vehicle; null where there is."]


def mode_of(route_type: int) -> LegMode:
    """How a line of a GTFS route type runs."""
    if route_type in _MODES:
        return _MODES[route_type]
    return _EXTENDED.get(route_type // 100, LegMode.OTHER)


def change_risk(before: Freshness | None, spare_s: int) -> ChangeRisk:
    """The risk of a change with so much time to spare; `before` is how fresh the arrival is."""
    if before is None:
        return ChangeRisk.NONE
    return ChangeRisk.TIGHT if spare_s < TIGHT_S or before is Freshness.STALE else ChangeRisk.SAFE


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for; `at` None is now."""

    origin: GeoPoint
    destination: GeoPoint
    at: datetime | None = None
    arrive_by: bool = False
    changes_max: int = 3
    walk_m: int | None = None
    wheelchair: bool = False
    plans: int = 4
