"""What is remembered of vehicles from one message to the next: whom to believe.

A position may be older than what is known, far from where the vehicle can have got to, or the same
for so long that the vehicle, or its radio, stands still; a vehicle may be gone from one moment to
the next. None of these is a prediction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.standards.coordinates import GeoPoint, distance_m
from core.standards.gtfs.faults import Faults
from core.standards.gtfs.realtime import VehicleReport

SKEW_S = 60
"""A clock may be so much ahead of ours."""
FORGET_S = 2 * 3600
_MOVED_M = 30.0
_SPEED_MAX_MS = 60.0
"""Nothing in a city is faster."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle as it was last believed to be."""

    report: VehicleReport
    moved_at: int
    """Since when it is where it is, Unix seconds."""
    suspect: VehicleReport | None = None
    """Where it says it is, where it cannot be; believed when it says so again."""


class Fleet:
    """The vehicles of one feed."""

    def __init__(self) -> None:
        self._vehicles: dict[str, Vehicle] = {}

    @property
    def vehicles(self) -> Mapping[str, Vehicle]:
        """By their ref; those that are gone are kept for two hours."""
        return self._vehicles

    def take(
        self, reports: Iterable[VehicleReport], header_at: int, now: int, faults: Faults
    ) -> None:
        """Learn from a message."""
        for report in reports:
            self.learn(report, header_at, now, faults)
        self.forget(now)

    def learn(self, report: VehicleReport, header_at: int, now: int, faults: Faults) -> None:
        """Learn from one report; moments are Unix seconds."""
        seen_at = report.seen_at or header_at
        if seen_at > now + SKEW_S:
            faults.add("E050", "vehicle", [report.vehicle_ref])
        else:
            self._take(replace(report, seen_at=seen_at), faults)

    def forget(self, now: int) -> None:
        """Forget those that have been gone for two hours."""
        gone = [ref for ref, one in self._vehicles.items() if now - one.report.seen_at > FORGET_S]
        for ref in gone:
            del self._vehicles[ref]

    def _take(self, report: VehicleReport, faults: Faults) -> None:
        known = self._vehicles.get(report.vehicle_ref)
        if known is None:
            self._vehicles[report.vehicle_ref] = Vehicle(report, report.seen_at)
            return
        if report.seen_at <= known.report.seen_at:
            if report.seen_at < known.report.seen_at:
                faults.add("older_than_known", "vehicle", [report.vehicle_ref])
            return
        if _leaps(known.report, report) and (
            known.suspect is None or _leaps(known.suspect, report)
        ):
            faults.add("teleported", "vehicle", [report.vehicle_ref])
            self._vehicles[report.vehicle_ref] = replace(known, suspect=report)
            return
        moved = _apart(known.report, report) > _MOVED_M
        moved_at = report.seen_at if moved else known.moved_at
        here = report if moved else replace(report, lat=known.report.lat, lon=known.report.lon)
        self._vehicles[report.vehicle_ref] = Vehicle(here, moved_at)


def _apart(one: VehicleReport, other: VehicleReport) -> int:
    return distance_m(GeoPoint(one.lat, one.lon), GeoPoint(other.lat, other.lon))


def _leaps(one: VehicleReport, other: VehicleReport) -> bool:
    return _apart(one, other) > 500 + _SPEED_MAX_MS * max(0, other.seen_at - one.seen_at)
