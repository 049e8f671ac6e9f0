"""What is predicted of the runs of a timeline: trip updates, positions and blocks laid over it.

A prediction is as old as its report. Until `live_until` it is LIVE, then for ten minutes STALE, and
then it is forgotten and the timetable is all that is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.added_runs import AddedRun
from core.standards.gtfs.faults import Faults
from core.standards.gtfs.matching import find_run, place_stops
from core.standards.gtfs.positions import Spot, find_spot
from core.standards.gtfs.realtime import StopReport, TripKind, TripReport
from core.standards.gtfs.tables import Ints
from core.standards.gtfs.timeline import Timeline
from core.standards.gtfs.timetable import DAY_S
from core.standards.gtfs.vehicles import SKEW_S, Vehicle

HEADER_FRESH_S = 65
"""An older header is W008 of the realtime validator: the feed has stopped."""
REPORT_FRESH_S = 90
"""So old a report of one vehicle may be in a feed that is alive (GTFS best practices)."""
STALE_S = 600
_COPIED_ROWS = 50_000
"""So many between two pauses: new memory costs more than the copying."""
_STANDS_S = 240
"""A vehicle that should long have been at the next stop and has not moved is not believed."""


class Row(IntEnum):
    """What is known of a run at one stop."""

    TIMETABLE = 0
    PREDICTED = 1
    SKIPPED = 2
    PASSED = 3


class Basis(StrEnum):
    """Whence a time is known. TIMETABLE: nothing else is known. TRIP_UPDATE: the operator
    predicts it. POSITION: it follows from where the vehicle is. BLOCK: it follows from the trip
    that the same vehicle runs before.
    """

    TIMETABLE = "TIMETABLE"
    TRIP_UPDATE = "TRIP_UPDATE"
    POSITION = "POSITION"
    BLOCK = "BLOCK"


class Freshness(StrEnum):
    """How fresh a time is. LIVE: predicted just now. STALE: predicted a while ago, and not since.
    SCHEDULED: nothing is predicted, it is the timetable's.
    """

    LIVE = "LIVE"
    STALE = "STALE"
    SCHEDULED = "SCHEDULED"


@dataclass(slots=True)
class Predictions:
    """The predicted times of all rows of a timeline. Made by `predict`; not changed after."""

    timeline: Timeline
    header_at: int
    arrival: Ints
    departure: Ints
    rows: NDArray[np.uint8]
    """`Row` of each row."""
    cancelled: NDArray[np.bool_]
    """By run."""
    live_until: NDArray[np.int64]
    """By run, Unix seconds; 0: nothing is predicted."""
    basis: dict[int, Basis] = field(default_factory=dict)
    vehicles: dict[int, Vehicle] = field(default_factory=dict)
    reports: dict[int, TripReport] = field(default_factory=dict)
    added: Sequence[AddedRun] = ()
    matched_trips: int = 0
    matched_vehicles: int = 0
    faults: Faults = field(default_factory=Faults)

    def freshness(self, run: int, row: int, now: int) -> Freshness:
        """How fresh the time of a row is."""
        until = int(self.live_until[run])
        if self.rows[row] != Row.PREDICTED or not until or now > until + STALE_S:
            return Freshness.SCHEDULED
        return Freshness.LIVE if now <= until else Freshness.STALE

    def delay_s(self, row: int) -> int:
        """How much later than by timetable, seconds."""
        return int(self.arrival[row] - self.timeline.arrival[row])


@dataclass(frozen=True, slots=True)
class Reports:
    """What one feed says now: the newest report of each trip and vehicle."""

    header_at: int
    trips: Sequence[TripReport] = ()
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    vehicles_at: int = 0


def without_reports(timeline: Timeline) -> Predictions:
    """Nothing is predicted."""
    return Predictions(
        timeline,
        0,
        timeline.arrival,
        timeline.departure,
        np.zeros(len(timeline.run), np.uint8),
        np.zeros(len(timeline.trip), np.bool_),
        np.zeros(len(timeline.trip), np.int64),
    )


def predict(timeline: Timeline, feeds: Sequence[Reports], now: int) -> Predictions:
    """Everything that is predicted at a moment (Unix seconds)."""
    *_, made = predict_slowly(timeline, feeds, now)
    return made


def predict_slowly(timeline: Timeline, feeds: Sequence[Reports], now: int) -> Iterator[Predictions]:
    """The same, pausing after each report; what the last step gives is whole."""
    made = without_reports(timeline)
    made.arrival, made.departure = np.empty_like(made.arrival), np.empty_like(made.departure)
    for first in range(0, len(made.rows), _COPIED_ROWS):
        yield made
        rows = slice(first, first + _COPIED_ROWS)
        made.arrival[rows], made.departure[rows] = timeline.arrival[rows], timeline.departure[rows]
    added: list[AddedRun] = []
    for reports in feeds:
        made.header_at = reports.header_at
        for report in reports.trips:
            yield made
            _take_trip(made, report, now, added)
    for reports in feeds:
        for vehicle in reports.vehicles.values():
            yield made
            _take_vehicle(made, vehicle, reports.vehicles_at, now)
    made.added = added
    made.header_at = max((reports.header_at for reports in feeds), default=0)
    for run in list(made.basis):
        yield made
        _carry_to_next(made, run)
    yield made


def _take_trip(made: Predictions, report: TripReport, now: int, added: list[AddedRun]) -> None:
    seen_at = report.seen_at or made.header_at
    if seen_at > now + SKEW_S:
        made.faults.add("E050", "trip_update", [report.key.trip_ref])
        return
    if report.kind is TripKind.ADDED:
        run_added = AddedRun.of(made.timeline, report, seen_at, made.faults)
        if run_added is not None:
            added.append(run_added)
            made.matched_trips += 1
        return
    run = find_run(made.timeline, report.key, seen_at)
    if run is None:
        made.faults.add("E003", "trip_update", [report.key.trip_ref or report.key.route_ref])
        return
    made.matched_trips += 1
    made.reports[run] = report
    if report.kind is TripKind.CANCELED:
        made.cancelled[run] = True
        made.live_until[run] = seen_at + REPORT_FRESH_S
        return
    if not report.stops and report.delay is None:
        made.faults.add("E041", "trip_update", [report.key.trip_ref])
        return
    _predict_run(made, run, report, seen_at)
    made.basis[run] = Basis.TRIP_UPDATE
    made.live_until[run] = min(made.header_at + HEADER_FRESH_S, seen_at + REPORT_FRESH_S)


def _predict_run(made: Predictions, run: int, report: TripReport, seen_at: int) -> None:
    """Fill in the rows of a run: a delay is carried on until the next stop of which more is said.

    A skipped stop changes no delay; from one without data on the timetable holds.
    """
    timeline = made.timeline
    first, last = int(timeline.first_row[run]), int(timeline.first_row[run + 1])
    said = place_stops(timeline, run, report.stops, made.faults)
    delay: int | None = _plausible(report.delay) if not report.stops else None
    start, latest = timeline.starts_at, -(2**31)
    for row in range(first, last):
        stop = said.get(row - first)
        arrival, departure = int(timeline.arrival[row]), int(timeline.departure[row])
        if stop is not None and stop.no_data:
            delay = None
        elif stop is not None and stop.skipped:
            made.rows[row] = Row.SKIPPED
            continue
        elif stop is not None:
            if not _is_plausible(stop, arrival + start, departure + start):
                made.faults.add("implausible_delay", "trip_update", [report.key.trip_ref])
                continue
            late, leaves_late = _delays(stop, arrival + start, departure + start, delay)
            arrival, departure, delay = arrival + late, departure + leaves_late, leaves_late
        elif delay is not None:
            arrival, departure = arrival + delay, departure + delay
        if delay is not None:
            arrival = max(arrival, latest)
            latest = departure = max(departure, arrival)
            made.arrival[row], made.departure[row] = arrival, departure
            made.rows[row] = Row.PREDICTED
    if said:
        _pass_by(made, first, first + min(said), seen_at)


def _plausible(delay: int | None) -> int | None:
    return delay if delay is not None and abs(delay) <= DAY_S else None


def _is_plausible(stop: StopReport, arrival: int, departure: int) -> bool:
    """Whether all that is said of a stop is within a day of its timetable."""
    delays = (
        stop.arrival_delay,
        stop.departure_delay,
        None if stop.arrival is None else stop.arrival - arrival,
        None if stop.departure is None else stop.departure - departure,
    )
    return all(delay is None or abs(delay) <= DAY_S for delay in delays)


def _delays(stop: StopReport, arrival: int, departure: int, before: int | None) -> tuple[int, int]:
    """How late a run arrives and leaves, of what is said of a stop and the delay before it."""
    late = stop.arrival - arrival if stop.arrival is not None else stop.arrival_delay
    leaves = stop.departure - departure if stop.departure is not None else stop.departure_delay
    if late is None and leaves is None:
        return before or 0, before or 0
    if late is None:
        return (leaves or 0) if before is None else before, leaves or 0
    # a stop is a buffer: who is late leaves as soon as it can, who is early waits
    return late, leaves if leaves is not None else late


def _pass_by(made: Predictions, first: int, reported: int, seen_at: int) -> None:
    """Rows before the first reported one are passed, where the vehicle should be beyond them."""
    if reported == first:
        return
    shift = int(made.arrival[reported] - made.timeline.arrival[reported])
    rows = np.arange(first, reported)
    passed = made.timeline.departure[rows] + shift + made.timeline.starts_at <= seen_at
    made.rows[rows[passed]] = Row.PASSED


def _take_vehicle(made: Predictions, vehicle: Vehicle, header_at: int, now: int) -> None:
    report = vehicle.report
    run = None if report.key is None else find_run(made.timeline, report.key, report.seen_at)
    if run is None:
        if report.key is not None:
            made.faults.add("E003", "vehicle", [report.key.trip_ref or report.vehicle_ref])
        return
    made.matched_vehicles += 1
    made.vehicles[run] = vehicle
    spot = find_spot(made.timeline, run, report, vehicle.moved_at)
    if spot is None:
        made.faults.add("E029", "vehicle", [report.vehicle_ref])
        return
    until = min(header_at + HEADER_FRESH_S, report.seen_at + REPORT_FRESH_S)
    if _stands(made.timeline, run, spot, report.seen_at):
        until = vehicle.moved_at + REPORT_FRESH_S
    if run in made.basis:
        made.live_until[run] = min(until, int(made.live_until[run]))
    elif not made.cancelled[run]:
        _follow(made, run, spot)
        made.basis[run], made.live_until[run] = Basis.POSITION, until


def _stands(timeline: Timeline, run: int, spot: Spot, seen_at: int) -> bool:
    """Whether a vehicle has been where it is for longer than until the next stop."""
    row = int(timeline.first_row[run]) + spot.index + 1
    if row >= timeline.first_row[run + 1]:
        return False
    due = int(timeline.arrival[row]) + timeline.starts_at + max(0, spot.delay_s)
    return seen_at > due + _STANDS_S


def _follow(made: Predictions, run: int, spot: Spot) -> None:
    """Predict a run by its vehicle's place alone: as late as it is there it is from there on."""
    first, last = int(made.timeline.first_row[run]), int(made.timeline.first_row[run + 1])
    ahead = slice(first + spot.index + 1, last)
    made.rows[first : first + spot.index + 1] = Row.PASSED
    if spot.index == 0 and not spot.has_left:
        ahead = slice(first, last)
    made.arrival[ahead] = made.timeline.arrival[ahead] + spot.delay_s
    made.departure[ahead] = made.timeline.departure[ahead] + spot.delay_s
    made.rows[ahead] = Row.PREDICTED


def _carry_to_next(made: Predictions, run: int) -> None:
    """A vehicle that is late at the end of a trip begins the next of its block late; one that is
    early waits."""
    timeline = made.timeline
    late = int(made.live_until[run])
    while (following := timeline.next_in_block.get(run)) is not None:
        if following in made.basis or made.cancelled[following]:
            return
        first, last = int(timeline.first_row[following]), int(timeline.first_row[following + 1])
        delay = int(made.arrival[timeline.first_row[run + 1] - 1] - timeline.departure[first])
        rows = slice(first, last)
        made.departure[rows] = timeline.departure[rows] + max(0, delay)
        made.arrival[rows] = timeline.arrival[rows] + max(0, delay)
        made.rows[rows] = Row.PREDICTED
        made.basis[following], made.live_until[following] = Basis.BLOCK, late
        if delay <= 0:
            return
        run = following


def occupancy_of(made: Predictions, run: int) -> Any:
    """How full the vehicle of a run is, as it was last said; None where none is known."""
    vehicle = made.vehicles.get(run)
    return None if vehicle is None else vehicle.report.occupancy
