"""How far it is on foot: along the city's streets, or as the crow flies with a detour."""

from collections.abc import Iterator, Sequence

import numpy as np

from core.standards.coordinates import GeoPoint
from core.standards.gtfs.distances import metres
from core.standards.gtfs.tables import Floats, Ints
from core.standards.streets.graph import OFF_M, StreetGraph

_PER_DEGREE = 111_195.0


class Beeline:
    """As the crow flies, times a detour."""

    def __init__(self, lat: Floats, lon: Floats, detour: float) -> None:
        self._lat, self._lon, self._detour = lat, lon, detour

    def from_door(self, door: GeoPoint, most_m: float) -> Floats:
        """By stop, the metres on foot; those that are more than `most_m` may be infinite."""
        away = metres(door.lat, door.lon, self._lat, self._lon)
        return np.asarray(away * self._detour, np.float64)

    def between_doors(self, one: GeoPoint, other: GeoPoint, most_m: float) -> float:
        """The metres on foot; infinite where they are more than `most_m`."""
        away = metres(one.lat, one.lon, np.array(other.lat), np.array(other.lon))
        return float(away) * self._detour

    def between_stops(self, stops: Ints, most_m: float) -> Iterator[tuple[int, int, float]]:
        """The pairs of stops that are at most so far apart, both ways: from, to, metres."""
        from scipy.spatial import cKDTree  # loaded when somebody plans: no other process needs it

        if not len(stops):
            return
        east = self._lon[stops] * _PER_DEGREE * np.cos(np.radians(self._lat[stops].mean()))
        tree = cKDTree(np.column_stack([east, self._lat[stops] * _PER_DEGREE]))
        for one, other in tree.query_pairs(most_m / self._detour):
            a, b = int(stops[one]), int(stops[other])
            length = self.stop_to_stop(a, b)
            yield a, b, length
            yield b, a, length

    def stop_to_stop(self, a: int, b: int) -> float:
        """The metres between two stops, as the crow flies and the detour."""
        away = metres(self._lat[a], self._lon[a], self._lat[b : b + 1], self._lon[b : b + 1])
        return float(away[0]) * self._detour

    def is_on_streets(self, points: Sequence[GeoPoint]) -> bool:
        """Whether walks between these points follow streets."""
        return False


class AlongStreets(Beeline):
    """Along the streets; as the crow flies to what lies off them."""

    def __init__(self, lat: Floats, lon: Floats, detour: float, streets: StreetGraph) -> None:
        super().__init__(lat, lon, detour)
        self._streets = streets
        known = ~np.isnan(lat)
        self._place: Ints = np.zeros(len(lat), np.int32)
        self._off_m: Floats = np.full(len(lat), np.inf)
        self._place[known], self._off_m[known] = streets.nearest(lat[known], lon[known])
        self._is_on = self._off_m <= OFF_M

    def from_door(self, door: GeoPoint, most_m: float) -> Floats:
        """By stop, the metres along the streets."""
        straight = super().from_door(door, most_m)
        place, off_m = self._nearest(door)
        if off_m > OFF_M:
            return straight
        away = off_m + self._streets.walk_from(place, most_m)[self._place] + self._off_m
        return np.where(self._is_on, away, straight)

    def between_doors(self, one: GeoPoint, other: GeoPoint, most_m: float) -> float:
        """The metres along the streets."""
        (here, here_m), (there, there_m) = self._nearest(one), self._nearest(other)
        if max(here_m, there_m) > OFF_M:
            return super().between_doors(one, other, most_m)
        return here_m + float(self._streets.walk_from(here, most_m)[there]) + there_m

    def between_stops(self, stops: Ints, most_m: float) -> Iterator[tuple[int, int, float]]:
        """The pairs of stops that are at most so far apart along the streets."""
        for a, b, length in super().between_stops(stops, most_m):
            if not (self._is_on[a] and self._is_on[b]):
                yield a, b, length
        joined = stops[self._is_on[stops]]
        for one, other, between_m in self._streets.walks_between(self._place[joined], most_m):
            a, b = int(joined[one]), int(joined[other])
            length = float(self._off_m[a] + between_m + self._off_m[b])
            if length <= most_m:
                yield a, b, length

    def is_on_streets(self, points: Sequence[GeoPoint]) -> bool:
        """Whether all of them are near a street."""
        return all(self._nearest(point)[1] <= OFF_M for point in points)

    def _nearest(self, point: GeoPoint) -> tuple[int, float]:
        place, off_m = self._streets.nearest(np.array([point.lat]), np.array([point.lon]))
        return int(place[0]), float(off_m[0])
