"""Walks: between stops, and from a door to the stops around it.

At an even pace along the city's streets, or as the crow flies with a detour where it gives none.
What the feed itself says of a transfer or a pathway stands before that.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.scan_arrays import NEVER, Footpaths
from core.standards.gtfs.tables import Floats, Ints
from core.standards.gtfs.timetable import Timetable
from core.standards.streets.graph import StreetGraph
from modules.mobility.planning.domain import WalkBasis
from modules.mobility.planning.ground import AlongStreets, Beeline
from modules.mobility.timetable.feeds import Feeds

_FORBIDDEN, _STAY_SEATED = 3, 4
_TIMED = 1


class Walks:
    """The walks of one timetable, along `streets` where the city has them."""

    def __init__(
        self, timetable: Timetable, feeds: Feeds, streets: StreetGraph | None = None
    ) -> None:
        self._pace_m_s = feeds.walk_m_s
        self.max_m = feeds.max_walk_m
        self._between_m, self._change_s = feeds.between_stops_m, feeds.change_s
        stops = timetable.stops
        lat: Floats = np.array([stop.lat for stop in stops])
        lon: Floats = np.array([stop.lon for stop in stops])
        self._is_stop = np.zeros(len(stops), np.bool_)
        self._is_stop[np.unique(timetable.times.stop)] = True
        self._is_stop &= ~np.isnan(lat)
        self._ground = Beeline(lat, lon, feeds.walk_detour)
        if streets is not None:
            self._ground = AlongStreets(lat, lon, feeds.walk_detour, streets)
        self._told: set[tuple[int, int]] = set()
        self.forward = self._footpaths(timetable)
        self.backward = _reversed(self.forward)

    def to_stops(self, door: GeoPoint, most_m: int | None = None) -> tuple[Ints, Ints]:
        """The stops around a door: their numbers, and the walk in seconds."""
        farthest_m = most_m or self.max_m
        away = self._ground.from_door(door, farthest_m)
        near = np.flatnonzero(self._is_stop & (away <= farthest_m))
        return near.astype(np.int32), np.ceil(away[near] / self._pace_m_s).astype(np.int32)

    def seconds(self, one: GeoPoint, other: GeoPoint, most_m: int) -> int | None:
        """How long the whole way takes on foot; None where it is longer than `most_m`."""
        length = self._ground.between_doors(one, other, most_m)
        return None if length > most_m else int(np.ceil(length / self._pace_m_s))

    def metres_in(self, seconds: int) -> int:
        """How far one walks in a while."""
        return round(seconds * self._pace_m_s)

    def metres_between(self, a: int, b: int, walk_s: int) -> int:
        """How far it is from a stop to another to which one walks and changes in a while."""
        is_told = (a, b) in self._told
        return self.metres_in(walk_s if is_told else max(walk_s - self._change_s, 0))

    def basis(self, points: Sequence[GeoPoint]) -> WalkBasis:
        """What a walk between two doors or stops is reckoned by."""
        return WalkBasis.STREETS if self._ground.is_on_streets(points) else WalkBasis.STRAIGHT

    def basis_between(self, a: int, b: int, points: Sequence[GeoPoint]) -> WalkBasis:
        """What a walk from a stop to another is reckoned by."""
        return WalkBasis.FEED if (a, b) in self._told else self.basis(points)

    def _footpaths(self, timetable: Timetable) -> Footpaths:
        walks = {
            (a, b): self._change_s + int(np.ceil(length / self._pace_m_s))
            for a, b, length in self._ground.between_stops(
                np.flatnonzero(self._is_stop).astype(np.int32), self._between_m
            )
        }
        in_stations = _in_stations(timetable)
        walks |= in_stations
        self._told |= set(in_stations)
        change = np.full(len(timetable.stops), self._change_s, np.int32)
        self._apply_transfers(timetable, walks, change)
        return _as_arrays(len(timetable.stops), walks, change)

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
                    elif one.min_s:
                        walks[a, b] = one.min_s
                        self._told.add((a, b))
                    else:
                        known = walks.get((a, b), self._straight_s(a, b))
                        walks[a, b] = known - self._change_s if one.kind == _TIMED else known

    def _straight_s(self, a: int, b: int) -> int:
        length = self._ground.stop_to_stop(a, b)
        return self._change_s + int(np.ceil(length / self._pace_m_s))


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
