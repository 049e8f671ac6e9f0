"""Several timetables as one: other agencies' feeds with a prefix, versions of a feed without."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

import numpy as np

from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.tables import Ints
from core.standards.gtfs.timetable import (
    Frequency,
    Route,
    Shapes,
    Stop,
    StopTimes,
    Timetable,
    Transfer,
    Trips,
)

T = TypeVar("T")


def combine(parts: Sequence[tuple[str, Timetable]]) -> Timetable:
    """One timetable of several, each with what is put before its ids.

    Stops and routes of one id are one, so that versions of a feed share them. Raises FeedError for
    none, and for several time zones.
    """
    if not parts:
        raise FeedError("no_feed")
    timetables = [_prefixed(prefix, timetable) for prefix, timetable in parts]
    if len(timetables) == 1:
        return timetables[0]
    if len({one.zone.key for one in timetables}) > 1:
        raise FeedError("inconsistent_agency_timezone", "feeds of several time zones")
    # the newest version's own words of a stop stand
    union, stop_maps = _union([one.stops for one in timetables], lambda stop: stop.ref)
    stops = [
        replace(stop, parent=int(stop_maps[part][stop.parent]) if stop.parent >= 0 else -1)
        for stop, part in union
    ]
    routes, route_maps = _union([one.routes for one in timetables], lambda route: route.ref)
    faults = Faults()
    for one in timetables:
        faults.merge(one.faults)
    trip_starts = _starts(len(one.trips.refs) for one in timetables)
    return Timetable(
        zone=timetables[0].zone,
        stops=stops,
        routes=[route for route, _ in routes],
        calendars=[calendar for one in timetables for calendar in one.calendars],
        trips=_trips(timetables, route_maps),
        times=_times(timetables, stop_maps),
        frequencies=_frequencies(timetables, trip_starts),
        transfers=_transfers(timetables, stop_maps, trip_starts),
        pathways=[
            (_moved(stop_map, a), _moved(stop_map, b), seconds)
            for one, stop_map in zip(timetables, stop_maps, strict=True)
            for a, b, seconds in one.pathways
        ],
        shapes=_shapes(timetables),
        fares=[fares for one in timetables for fares in one.fares],
        version=" ".join(one.version for one in timetables if one.version),
        first_day=min(one.first_day for one in timetables),
        last_day=max((one.last_day for one in timetables), default=date.max),
        faults=faults,
    )


def _frequencies(timetables: Sequence[Timetable], trip_starts: Sequence[int]) -> list[Frequency]:
    return [
        replace(each, trip=each.trip + start)
        for one, start in zip(timetables, trip_starts, strict=True)
        for each in one.frequencies
    ]


def _transfers(
    timetables: Sequence[Timetable], stop_maps: Sequence[Ints], trip_starts: Sequence[int]
) -> list[Transfer]:
    return [
        replace(
            each,
            from_stop=_moved(stop_map, each.from_stop),
            to_stop=_moved(stop_map, each.to_stop),
            from_trip=each.from_trip + start if each.from_trip >= 0 else -1,
            to_trip=each.to_trip + start if each.to_trip >= 0 else -1,
        )
        for one, stop_map, start in zip(timetables, stop_maps, trip_starts, strict=True)
        for each in one.transfers
    ]


def _prefixed(prefix: str, timetable: Timetable) -> Timetable:
    if not prefix:
        return timetable

    def named(items: Iterable[T]) -> list[T]:
        return [replace(item, ref=prefix + item.ref) for item in items]  # type: ignore[type-var, attr-defined]

    trips = replace(timetable.trips, refs=[prefix + ref for ref in timetable.trips.refs])
    stops: list[Stop] = named(timetable.stops)
    routes: list[Route] = named(timetable.routes)
    fares = [replace(one, prefix=prefix) for one in timetable.fares]
    return replace(timetable, stops=stops, routes=routes, trips=trips, fares=fares)


def _union(
    lists: Sequence[Sequence[T]], key: Callable[[T], Hashable]
) -> tuple[list[tuple[T, int]], list[Ints]]:
    """The items once each, as the last list has them, with the number of that list; and for each
    list where its items have gone."""
    places: dict[Hashable, int] = {}
    union: list[tuple[T, int]] = []
    maps = []
    for part, items in enumerate(lists):
        moved = []
        for item in items:
            place = places.setdefault(key(item), len(union))
            if place == len(union):
                union.append((item, part))
            else:
                union[place] = item, part
            moved.append(place)
        maps.append(np.array(moved, np.int32))
    return union, maps


def _moved(numbers: Ints, number: int) -> int:
    return int(numbers[number]) if number >= 0 else -1


def _starts(counts: Iterable[int]) -> list[int]:
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    return starts[:-1]


def _trips(timetables: Sequence[Timetable], route_maps: Sequence[Ints]) -> Trips:
    services = _starts(len(one.calendars) for one in timetables)
    blocks = _starts(int(one.trips.block.max(initial=-1)) + 1 for one in timetables)
    shapes = _starts(len(one.shapes.first) - 1 for one in timetables)
    rows = _starts(len(one.times.stop) for one in timetables)
    trips = [one.trips for one in timetables]

    def shifted(name: str, starts: Sequence[int]) -> Ints:
        columns = [getattr(one, name) for one in trips]
        moved = (np.where(c >= 0, c + start, -1) for c, start in zip(columns, starts, strict=True))
        return np.concatenate(list(moved)).astype(np.int32)

    firsts = [one.first_row[:-1] + start for one, start in zip(trips, rows, strict=True)]
    total = np.array([sum(len(one.times.stop) for one in timetables)])
    return Trips(
        refs=[ref for one in trips for ref in one.refs],
        route=np.concatenate([m[one.route] for m, one in zip(route_maps, trips, strict=True)]),
        service=shifted("service", services),
        headsign=[sign for one in trips for sign in one.headsign],
        direction=np.concatenate([one.direction for one in trips]),
        block=shifted("block", blocks),
        wheelchair=np.concatenate([one.wheelchair for one in trips]),
        shape=shifted("shape", shapes),
        first_row=np.concatenate([*firsts, total]).astype(np.int32),
    )


def _times(timetables: Sequence[Timetable], stop_maps: Sequence[Ints]) -> StopTimes:
    times = [one.times for one in timetables]
    names = ("arrival", "departure", "sequence", "pickup", "drop_off", "approximate")
    joined = {name: np.concatenate([getattr(one, name) for one in times]) for name in names}
    stop = np.concatenate([m[one.stop] for m, one in zip(stop_maps, times, strict=True)])
    return StopTimes(stop=stop, **joined)


def _shapes(timetables: Sequence[Timetable]) -> Shapes:
    shapes = [one.shapes for one in timetables]
    points = _starts(len(one.lat) for one in shapes)
    firsts = [one.first[:-1] + start for one, start in zip(shapes, points, strict=True)]
    total = np.array([sum(len(one.lat) for one in shapes)])
    return Shapes(
        np.concatenate([*firsts, total]).astype(np.int32),
        np.concatenate([one.lat for one in shapes]),
        np.concatenate([one.lon for one in shapes]),
    )
