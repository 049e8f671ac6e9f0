"""Streets as a graph: places along them, and the pieces of street between two places."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.distances import metres
from core.standards.gtfs.tables import Floats, Ints

PIECE_MAX_M = 20.0
"""No piece is longer, so that a door is never far from a place of its street."""
OFF_M = 200.0
"""What is further from every street is not on its map."""
_PER_DEGREE = 111_195.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class StreetGraph:
    """Every place with the pieces that leave it: those of place i are `first[i]` to
    `first[i + 1]`. One walks a piece both ways."""

    lat: Floats
    lon: Floats
    first: Ints
    to: Ints
    metres: Floats
    is_steps: Flags

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree  # loaded when somebody plans: no other process needs it

        return cKDTree(self._flat(self.lat, self.lon))

    def nearest(self, lat: Floats, lon: Floats) -> tuple[Ints, Floats]:
        """The nearest place of each point, and how many metres away it is."""
        _, places = self._tree.query(self._flat(lat, lon))
        away = metres(lat, lon, self.lat[places], self.lon[places])
        return np.asarray(places, np.int32), np.asarray(away, np.float64)

    def walk_from(self, place: int, most_m: float) -> Floats:
        """By place, the metres from one; infinite where it is further than `most_m`."""
        from core.standards.streets.walk import spread  # not before somebody plans: it compiles

        away = np.full(len(self.lat), np.inf)
        spread(self.first, self.to, self.metres, place, most_m, away)
        return away

    def walks_between(self, places: Ints, most_m: float) -> Iterator[tuple[int, int, float]]:
        """All pairs of places that are at most so far apart, by their positions in `places`, in
        which one may stand twice: from, to, metres."""
        from core.standards.streets.walk import spread

        away = np.full(len(self.lat), np.inf)
        here: dict[int, list[int]] = {}
        for number, place in enumerate(places.tolist()):
            here.setdefault(place, []).append(number)
        wanted = np.zeros(len(self.lat), np.bool_)
        wanted[places] = True
        for place, numbers in here.items():
            reached = np.array(spread(self.first, self.to, self.metres, place, most_m, away))
            for there in reached[wanted[reached]].tolist():
                length = float(away[there])
                yield from (
                    (one, other, length) for one in numbers for other in here[there] if one != other
                )
            away[reached] = np.inf

    def without_steps(self, least: int) -> "StreetGraph":
        """What is left to a wheelchair; see `make_graph`."""
        origins = np.repeat(np.arange(len(self.lat), dtype=np.int32), np.diff(self.first))
        once = (origins < self.to) & ~self.is_steps
        ends = np.column_stack([origins[once], self.to[once]])
        return make_graph(self.lat, self.lon, ends, self.is_steps[once], least=least)

    def _flat(self, lat: Floats, lon: Floats) -> Floats:
        east = np.cos(np.radians(self.lat.mean()))
        return np.column_stack([lat * _PER_DEGREE, lon * _PER_DEGREE * east])


def make_graph(
    lat: Floats, lon: Floats, ends: Ints, is_steps: Flags, *, least: int = 1
) -> StreetGraph:
    """A graph of places and of pieces, a row of `ends` each: the two places that it joins.

    Long pieces are cut. What hangs together with fewer than `least` places is left out: a path in
    a yard that was never joined to its street leads nowhere. Raises ValueError where nothing is
    left.
    """
    lat, lon, ends, is_steps = _cut(lat, lon, ends, is_steps)
    lat, lon, ends, is_steps = _joined(lat, lon, ends, is_steps, least)
    if not len(ends):
        raise ValueError("no streets")
    there = np.concatenate([ends, ends[:, ::-1]])
    order = np.lexsort((there[:, 1], there[:, 0]))
    origins, to = there[order].T
    length = metres(lat[origins], lon[origins], lat[to], lon[to])
    first = np.searchsorted(origins, np.arange(len(lat) + 1)).astype(np.int32)
    steps = np.concatenate([is_steps, is_steps])[order]
    return StreetGraph(lat, lon, first, to.astype(np.int32), length, steps)


def _cut(
    lat: Floats, lon: Floats, ends: Ints, is_steps: Flags
) -> tuple[Floats, Floats, Ints, Flags]:
    """The same streets in pieces of at most PIECE_MAX_M, with more places along them."""
    a, b = ends.T
    parts = np.ceil(metres(lat[a], lon[a], lat[b], lon[b]) / PIECE_MAX_M).astype(np.int64)
    parts = np.maximum(parts, 1)
    piece = np.repeat(np.arange(len(ends)), parts)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(parts) - parts, parts)
    inner = np.flatnonzero(number > 0)  # each but the first piece begins at a new place
    share = number[inner] / parts[piece[inner]]
    begins, stops = a[piece], b[piece]
    new = np.arange(len(inner)) + len(lat)
    lat, lon = (
        np.concatenate([one, one[begins[inner]] * (1 - share) + one[stops[inner]] * share])
        for one in (lat, lon)
    )
    begins[inner] = new
    stops[inner - 1] = new
    return lat, lon, np.column_stack([begins, stops]).astype(np.int32), is_steps[piece]


def _joined(
    lat: Floats, lon: Floats, ends: Ints, is_steps: Flags, least: int
) -> tuple[Floats, Floats, Ints, Flags]:
    """What hangs together with at least so many places, numbered anew."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(lat)
    weights = np.ones(len(ends), np.uint8)
    joins = coo_matrix((weights, (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, part = connected_components(joins, directed=False)
    keep = np.bincount(part, minlength=count)[part] >= max(least, 2)
    number = np.cumsum(keep) - 1
    kept = keep[ends[:, 0]]
    return lat[keep], lon[keep], number[ends[kept]].astype(np.int32), is_steps[kept]
