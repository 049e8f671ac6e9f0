"""When vehicles come to a stop: what is predicted where it is fresh, else the timetable's time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

import numpy as np

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.added_runs import AddedRun
from core.standards.gtfs.predictions import STALE_S, Basis, Freshness, Predictions, Row
from core.standards.gtfs.realtime import Occupancy
from core.standards.gtfs.tables import Ints
from modules.mobility.timetable.domain import TransitLine

BUS_REALTIME = "bus-realtime"
AHEAD_S = 2 * 3600
GRACE_S = 30
"""So long after its time a vehicle is still shown."""
_NO_PICKUP = 1


@dataclass(frozen=True, slots=True)
class TransitVehicle:
    """Where a vehicle was when it was last seen."""

    at: Annotated[GeoPoint, "Where."]
    bearing: Annotated[float | None, "In which direction it drives, degrees from north."]
    seen_at: Annotated[datetime, "When."]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A vehicle that comes to a stop, with how sure that is."""

    trip_ref: Annotated[str, "The operator's id for its trip."]
    service_on: Annotated[date, "The service day of the trip; after midnight it is yesterday's."]
    stop_ref: Annotated[str, "At which stop or platform."]
    line: Annotated[TransitLine | None, "Of which line; null where the operator does not say."]
    headsign: Annotated[str, "Where it goes, as it is written on the vehicle."]
    arrives_at: Annotated[datetime, "When it comes."]
    departs_at: Annotated[datetime | None, "When it leaves; null at its last stop."]
    scheduled_at: Annotated[datetime | None, "What the timetable says; null for an added trip."]
    delay_s: Annotated[int, "How much later than by timetable, seconds; early is less than 0."]
    freshness: Annotated[Freshness, "How fresh the time is."]
    basis: Annotated[Basis, "Whence it is known."]
    as_of: Annotated[datetime | None, "When it was predicted; null where nothing is."]
    is_cancelled: Annotated[bool, "It does not come: the trip or this stop is cancelled."]
    is_last: Annotated[bool, "It is the last of its line and direction here on its service day."]
    is_approximate: Annotated[bool, "The timetable has no exact time here."]
    stops_away: Annotated[int | None, "How many stops lie before it; null where nothing is live."]
    occupancy: Annotated[Occupancy, "How full it is."]
    vehicle: Annotated[TransitVehicle | None, "Where it is; null where nobody says."]


def list_arrivals(
    made: Predictions,
    stops: Sequence[int],
    now: int,
    first: int,
    *,
    route: int | None = None,
    lines: Mapping[int, TransitLine],
) -> list[Arrival]:
    """The next vehicles at some stops, soonest first; `lines` by the number of their route."""
    timeline = made.timeline
    rows = timeline.rows_at(stops)
    run = timeline.run[rows]
    routes = timeline.timetable.trips.route[timeline.trip[run]]
    leaves = _departures(made, rows, now)
    now_s = now - timeline.starts_at
    shown = (leaves >= now_s - GRACE_S) & (leaves <= now_s + AHEAD_S)
    shown &= (made.rows[rows] != Row.PASSED) & (
        (timeline.timetable.times.pickup[timeline.source[rows]] != _NO_PICKUP)
        | (rows + 1 == timeline.first_row[run + 1])
    )
    if route is not None:
        shown &= routes == route
    order = np.flatnonzero(shown)
    order = order[np.argsort(leaves[order], kind="stable")][:first]
    last = _last_of_day(made, rows, routes)
    found = [_arrival(made, int(rows[at]), now, int(rows[at]) in last, lines) for at in order]
    found += list(_added(made, stops, now, route, lines))
    return sorted(found, key=lambda one: one.departs_at or one.arrives_at)[:first]


def list_way(
    made: Predictions, run: int, now: int, lines: Mapping[int, TransitLine]
) -> list[Arrival]:
    """A run at each of its stops."""
    rows = range(int(made.timeline.first_row[run]), int(made.timeline.first_row[run + 1]))
    return [_arrival(made, row, now, False, lines) for row in rows]


def _departures(made: Predictions, rows: Ints, now: int) -> Ints:
    """Departures: as predicted, but by timetable where that is long ago."""
    timeline = made.timeline
    gone = now > made.live_until[timeline.run[rows]] + STALE_S
    return np.where(gone, timeline.departure[rows], made.departure[rows])


def _last_of_day(made: Predictions, rows: Ints, routes: Ints) -> set[int]:
    """The rows that are the last of their route, direction and service day."""
    timeline = made.timeline
    run = timeline.run[rows]
    direction = timeline.timetable.trips.direction[timeline.trip[run]]
    order = np.lexsort((timeline.departure[rows], timeline.service_day[run], direction, routes))
    keys = np.stack([routes, direction, timeline.service_day[run]])[:, order]
    ends = np.ones(len(order), np.bool_)
    ends[:-1] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return set(rows[order[ends]].tolist())


def _arrival(
    made: Predictions, row: int, now: int, is_last: bool, lines: Mapping[int, TransitLine]
) -> Arrival:
    timeline, run = made.timeline, int(made.timeline.run[row])
    trips, trip = timeline.timetable.trips, int(timeline.trip[run])
    times = timeline if now > made.live_until[run] + STALE_S else made
    arrives, leaves = int(times.arrival[row]), int(times.departure[row])
    ends = row + 1 == timeline.first_row[run + 1]
    freshness = made.freshness(run, row, now)
    is_known = freshness is not Freshness.SCHEDULED
    source = int(timeline.source[row])
    scheduled = int(timeline.arrival[row] if ends else timeline.departure[row])
    vehicle = made.vehicles.get(run)
    report = made.reports.get(run)
    is_seen = vehicle is not None and now - vehicle.report.seen_at <= STALE_S
    as_of = (report.seen_at if report else 0) or (vehicle.report.seen_at if vehicle else 0)
    first = int(timeline.first_row[run])
    ahead = (made.departure[first:row] + timeline.starts_at > now) & (
        made.rows[first:row] == Row.PREDICTED
    )
    return Arrival(
        trip_ref=trips.refs[trip],
        service_on=timeline.service_date(run),
        stop_ref=timeline.timetable.stops[timeline.stop[row]].ref,
        line=lines.get(int(trips.route[trip])),
        headsign=trips.headsign[trip],
        arrives_at=_moment(made, arrives),
        departs_at=None if ends else _moment(made, leaves),
        scheduled_at=_moment(made, scheduled),
        delay_s=(arrives if ends else leaves) - scheduled,
        freshness=freshness,
        basis=made.basis.get(run, Basis.TIMETABLE) if is_known else Basis.TIMETABLE,
        as_of=_utc(as_of or made.header_at) if is_known else None,
        is_cancelled=bool(made.cancelled[run]) or int(made.rows[row]) == Row.SKIPPED,
        is_last=is_last,
        is_approximate=bool(timeline.timetable.times.approximate[source])
        or int(timeline.by_frequency[run]) == 1,
        stops_away=int(ahead.sum()) if freshness is Freshness.LIVE else None,
        occupancy=vehicle.report.occupancy if is_seen and vehicle else Occupancy.UNKNOWN,
        vehicle=_vehicle(made, run) if is_seen else None,
    )


def _vehicle(made: Predictions, run: int) -> TransitVehicle:
    report = made.vehicles[run].report
    return TransitVehicle(GeoPoint(report.lat, report.lon), report.bearing, _utc(report.seen_at))


def _added(
    made: Predictions,
    stops: Sequence[int],
    now: int,
    route: int | None,
    lines: Mapping[int, TransitLine],
) -> Iterator[Arrival]:
    """Trips beside the timetable, while they are known."""
    now_s = now - made.timeline.starts_at
    for run in made.added:
        if now > run.seen_at + STALE_S or route not in (None, run.route):
            continue
        for place, stop in enumerate(run.stops):
            if stop in stops and now_s - GRACE_S <= run.departures[place] <= now_s + AHEAD_S:
                yield _added_arrival(made, run, place, now, lines)


def _added_arrival(
    made: Predictions, run: AddedRun, place: int, now: int, lines: Mapping[int, TransitLine]
) -> Arrival:
    ends = place + 1 == len(run.stops)
    is_live = now <= run.seen_at + 90
    return Arrival(
        trip_ref=run.trip_ref,
        service_on=made.timeline.day,
        stop_ref=made.timeline.timetable.stops[run.stops[place]].ref,
        line=lines.get(run.route),
        headsign=run.headsign,
        arrives_at=_moment(made, run.arrivals[place]),
        departs_at=None if ends else _moment(made, run.departures[place]),
        scheduled_at=None,
        delay_s=0,
        freshness=Freshness.LIVE if is_live else Freshness.STALE,
        basis=Basis.TRIP_UPDATE,
        as_of=_utc(run.seen_at),
        is_cancelled=False,
        is_last=False,
        is_approximate=False,
        stops_away=None,
        occupancy=Occupancy.UNKNOWN,
        vehicle=None,
    )


def _moment(made: Predictions, second: int) -> datetime:
    return _utc(made.timeline.starts_at + second)


def _utc(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
