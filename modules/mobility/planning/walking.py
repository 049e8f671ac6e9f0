"""Walks: between stops, and from a door to the stops around it.

As the crow flies with a detour, at an even pace: a city that gives no street graph has no better.
What the feed itself says of a transfer or a pathway stands before that.
"""

from collections import defaultdict

import numpy as np

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.distances import metres
from core.standards.gtfs.scan_arrays import NEVER, Footpaths
from core.standards.gtfs.tables import Floats, Ints
from core.standards.gtfs.timetable import Timetable
from modules.mobility.timetable.feeds import Feeds

_PER_DEGREE = 111_195.0
_FORBIDDEN, _STAY_SEATED = 3, 4
_TIMED = 1


class Walks:
    """The walks of one timetable."""

    def __init__(self, timetable: Timetable, feeds: Feeds) -> None:
        self._pace_m_s = feeds.walk_m_s / feeds.walk_detour
        self.max_m = feeds.max_walk_m
        self.detour = feeds.walk_detour
        self._between_m, self._change_s = feeds.between_stops_m, feeds.change_s
        stops = timetable.stops
        self._lat: Floats = np.array([stop.lat for stop in stops])
        self._lon: Floats = np.array([stop.lon for stop in stops])
        self._is_stop = np.zeros(len(stops), np.bool_)
        self._is_stop[np.unique(timetable.times.stop)] = True
        self._is_stop &= ~np.isnan(self._lat)
        self.forward = self._footpaths(timetable)
        self.backward = _reversed(self.forward)

    def to_stops(self, here: GeoPoint, most_m: int | None = None) -> tuple[Ints, Ints]:
        """The stops around a door: their numbers, and the walk in seconds."""
        away = metres(here.lat, here.lon, self._lat, self._lon)
        near = np.flatnonzero(self._is_stop & (away * self.detour <= (most_m or self.max_m)))
        seconds = np.ceil(away[near] / self._pace_m_s)
        return near.astype(np.int32), seconds.astype(np.int32)

    def seconds(self, here: GeoPoint, there: GeoPoint) -> int:
        """How long the whole way takes on foot."""
        away = metres(here.lat, here.lon, np.array(there.lat), np.array(there.lon))
        return int(np.ceil(float(away) / self._pace_m_s))

    def metres_in(self, seconds: int) -> int:
        """How far one walks in a while."""
        return round(seconds * self._pace_m_s * self.detour)

    def _footpaths(self, timetable: Timetable) -> Footpaths:
        from scipy.spatial import cKDTree  # loaded when somebody plans: no other process needs it

        count = len(timetable.stops)
        walks: dict[tuple[int, int], int] = {}
        near = np.flatnonzero(self._is_stop)
        if len(near):
            latitude = float(self._lat[near].mean())
            east = self._lon[near] * _PER_DEGREE * np.cos(np.radians(latitude))
            tree = cKDTree(np.column_stack([east, self._lat[near] * _PER_DEGREE]))
            for one, other in tree.query_pairs(self._between_m / self.detour):
                a, b = int(near[one]), int(near[other])
                away = float(metres(*self._at(a), *map(np.array, self._at(b))))
                walks[a, b] = walks[b, a] = self._change_s + int(np.ceil(away / self._pace_m_s))
        walks |= _in_stations(timetable)
        change = np.full(count, self._change_s, np.int32)
        self._apply_transfers(timetable, walks, change)
        return _as_arrays(count, walks, change)

    def _at(self, stop: int) -> tuple[float, float]:
        return float(self._lat[stop]), float(self._lon[stop])

    def _apply_transfers(
        self, timetable: Timetable, walks: dict[tuple[int, int], int], change: Ints
    ) -> None:
        """What the feed says of transfers; that of a station holds for all its stops."""
        for one in timetable.transfers:
            if one.from_stop < 0 or one.to_stop < 0 or one.kind >= _STAY_SEATED:
                continue
            for a in timetable.boardable(one.from_stop):
                for b in timetable.boardable(one.to_stop):
                    if one.kind == _FORBIDDEN:
                        walks.pop((a, b), None)
                        change[a] = NEVER // 2 if a == b else change[a]
                    elif a == b:
                        change[a] = one.min_s or (0 if one.kind == _TIMED else self._change_s)
                    else:
                        known = walks.get((a, b), self._between(a, b))
                        walks[a, b] = one.min_s or (
                            known - self._change_s if one.kind == _TIMED else known
                        )

    def _between(self, a: int, b: int) -> int:
        away = float(metres(*self._at(a), *map(np.array, self._at(b))))
        return self._change_s + int(np.ceil(away / self._pace_m_s))


def _in_stations(timetable: Timetable) -> dict[tuple[int, int], int]:
    """The walks between platforms along pathways."""
    if not timetable.pathways:
        return {}
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    nodes = sorted({node for a, b, _ in timetable.pathways for node in (a, b)})
    places = {node: place for place, node in enumerate(nodes)}
    rows = [places[a] for a, _, _ in timetable.pathways]
    columns = [places[b] for _, b, _ in timetable.pathways]
    seconds = [max(1, s) for _, _, s in timetable.pathways]
    graph = csr_matrix((seconds, (rows, columns)), shape=(len(nodes), len(nodes)))
    boarded = [node for node in nodes if timetable.stops[node].location_type == 0]
    ways = dijkstra(graph, indices=[places[node] for node in boarded])
    return {
        (a, b): round(float(ways[row, places[b]]))
        for row, a in enumerate(boarded)
        for b in boarded
        if a != b and np.isfinite(ways[row, places[b]])
    }


def _as_arrays(count: int, walks: dict[tuple[int, int], int], change: Ints) -> Footpaths:
    by_stop: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (a, b), seconds in walks.items():
        by_stop[a].append((b, seconds))
    lengths = [len(by_stop[stop]) if stop in by_stop else 0 for stop in range(count)]
    ordered = [pair for stop in range(count) if stop in by_stop for pair in sorted(by_stop[stop])]
    table = np.array(ordered, np.int32).reshape(len(ordered), 2)
    first = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return Footpaths(first, table[:, 0].copy(), table[:, 1].copy(), change)


def _reversed(paths: Footpaths) -> Footpaths:
    count = len(paths.change)
    origins = np.repeat(np.arange(count, dtype=np.int32), np.diff(paths.first))
    order = np.argsort(paths.to_stop, kind="stable")
    lengths = np.bincount(paths.to_stop, minlength=count)
    first = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return Footpaths(first, origins[order], paths.seconds[order], paths.change)
