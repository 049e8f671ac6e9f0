"""Runs that no timetable has: added ones and copies, as the realtime feed tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from core.standards.gtfs.faults import Faults
from core.standards.gtfs.matching import find_run
from core.standards.gtfs.realtime import TripReport
from core.standards.gtfs.timeline import Timeline
from core.standards.gtfs.timetable import DAY_S

_DAYS_MAX = 3
"""An added run further away is none."""


@dataclass(frozen=True, slots=True)
class AddedRun:
    """A run beside the timetable; times are seconds after the timeline's start."""

    trip_ref: str
    route: int
    """Its number; -1 where it is not known."""
    headsign: str
    seen_at: int
    stops: Sequence[int]
    arrivals: Sequence[int]
    departures: Sequence[int]

    @classmethod
    def of(
        cls, timeline: Timeline, report: TripReport, seen_at: int, faults: Faults
    ) -> Self | None:
        """The run that a report adds; None, counted, where it cannot be known."""
        timetable, key = timeline.timetable, report.key
        if report.new_ref or (not report.stops and key.trip_ref in timetable.trip_numbers):
            return cls._copy(timeline, report, seen_at, faults)
        stops, arrivals, departures = [], [], []
        for one in report.stops:
            number = timetable.stop_numbers.get(one.stop_ref)
            arrives = one.arrival if one.arrival is not None else one.departure
            if number is None or arrives is None or one.skipped:
                faults.add("E011" if number is None else "E043", "trip_update", [key.trip_ref])
                continue
            leaves = max(one.departure if one.departure is not None else arrives, arrives)
            stops.append(number)
            arrivals.append(arrives - timeline.starts_at)
            departures.append(leaves - timeline.starts_at)
        far = any(abs(second) > _DAYS_MAX * DAY_S for second in (*arrivals, *departures))
        if not stops or far or arrivals != sorted(arrivals):
            faults.add("E022" if stops else "E041", "trip_update", [key.trip_ref])
            return None
        route = timetable.route_numbers.get(key.route_ref, -1)
        headsign = timetable.stops[stops[-1]].name
        return cls(key.trip_ref, route, headsign, seen_at, stops, arrivals, departures)

    @classmethod
    def _copy(
        cls, timeline: Timeline, report: TripReport, seen_at: int, faults: Faults
    ) -> Self | None:
        """A trip of the timetable that runs once more, at another time of the day."""
        run = find_run(timeline, report.key, seen_at)
        if run is None or report.new_start_s is None:
            faults.add("E003", "trip_update", [report.key.trip_ref])
            return None
        first, last = timeline.first_row[run], timeline.first_row[run + 1]
        day = report.new_date or timeline.service_date(run)
        leaves = timeline.timetable.starts_at(day) + report.new_start_s - timeline.starts_at
        later = leaves - int(timeline.starts_s[run])
        trip = int(timeline.trip[run])
        trips = timeline.timetable.trips
        return cls(
            report.new_ref or report.key.trip_ref,
            int(trips.route[trip]),
            trips.headsign[trip],
            seen_at,
            timeline.stop[first:last].tolist(),
            (timeline.arrival[first:last] + later).tolist(),
            (timeline.departure[first:last] + later).tolist(),
        )
