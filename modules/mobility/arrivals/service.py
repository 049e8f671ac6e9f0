"""Looking at arrivals: at a stop or station, around a place, on a line; and a run's way."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import date

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import NotFound
from core.refusal_texts import NOT_FOUND
from core.standards.coordinates import GeoPoint
from core.upstream.readings import Reading
from modules.mobility.arrivals.domain import Arrival, list_arrivals, list_way
from modules.mobility.timetable.domain import TransitAlert, TransitStop
from modules.mobility.timetable.index import (
    STOPS_MAX,
    alerts_of,
    find_route,
    find_stop,
    index_of,
)
from modules.mobility.timetable.network import POLL, Transit, network_of

_STREAM_WITHIN_S = 8.0


async def read_arrivals(
    call: Call,
    place: str | tuple[GeoPoint, int],
    line_ref: str | None,
    first: int,
) -> Reading[Sequence[Arrival]]:
    """The next vehicles at a stop or station, or within so many metres of a point.

    Raises NotFound for a stop or line that is not known.
    """
    reading = await network_of(call.app).read(call.deadline)
    return reading.map(lambda transit: arrivals_at(call.app, transit, place, line_ref, first))


def arrivals_at(
    app: App,
    transit: Transit,
    place: str | tuple[GeoPoint, int],
    line_ref: str | None,
    first: int,
) -> Sequence[Arrival]:
    """The same of a transit that was read."""
    timetable, index = transit.timetable, index_of(app, transit.timetable)
    if isinstance(place, str):
        places = [find_stop(timetable, place)]
    else:
        places = [number for number, _ in index.near(*place, STOPS_MAX)]
    stops = [stop for one in places for stop in timetable.boardable(one)]
    route = find_route(timetable, line_ref)
    return list_arrivals(
        transit.predictions, stops, transit.now_s, first, route=route, lines=index.lines
    )


async def read_stops(call: Call, here: GeoPoint, radius_m: int) -> Reading[Sequence[TransitStop]]:
    """The stops around a place, nearest first."""
    reading = await network_of(call.app).read(call.deadline)

    def around(transit: Transit) -> Sequence[TransitStop]:
        index = index_of(call.app, transit.timetable)
        return [index.stop(number, away) for number, away in index.near(here, radius_m, STOPS_MAX)]

    return reading.map(around)


async def read_way(call: Call, trip_ref: str, service_on: date) -> Reading[Sequence[Arrival]]:
    """Every stop of a run with its times there. Raises NotFound."""
    reading = await network_of(call.app).read(call.deadline)

    def way(transit: Transit) -> Sequence[Arrival]:
        run = transit.timeline.find_run(trip_ref, service_on)
        if run is None:
            raise NotFound(NOT_FOUND)
        lines = index_of(call.app, transit.timetable).lines
        return list_way(transit.predictions, run, transit.now_s, lines)

    return reading.map(way)


async def read_alerts(call: Call, stop_ref: str, line_ref: str) -> Reading[Sequence[TransitAlert]]:
    """What riders of a line or at a stop must know now."""
    reading = await network_of(call.app).read(call.deadline)
    return reading.map(lambda transit: alerts_of(transit, stop_ref=stop_ref, line_ref=line_ref))


async def watch_arrivals(
    call: Call, stop_ref: str, line_ref: str | None, first: int
) -> AsyncGenerator[Reading[Sequence[Arrival]]]:
    """The next vehicles at a stop: now, and whenever anything of them changes."""
    last: object = None
    while True:
        here = call.within(Deadline.after(_STREAM_WITHIN_S))
        reading = await read_arrivals(here, stop_ref, line_ref, first)
        shown = reading.status, reading.reason, reading.items
        if shown != last:
            last = shown
            yield reading
        await asyncio.sleep(POLL.total_seconds())
