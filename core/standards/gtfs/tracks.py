"""The way of a trip on the map, piece by piece: its shape, or straight from stop to stop."""

from dataclasses import dataclass

import numpy as np

from core.standards.gtfs.distances import metres
from core.standards.gtfs.tables import Floats, Ints

_OFF_SHAPE_M = 500.0
"""A shape that passes a stop of its trip further off than this is another trip's."""
_PER_DEGREE = 111_195.0


@dataclass(frozen=True, slots=True)
class Track:
    """Places in order, and of each piece between two of them on which leg it lies (from stop `leg`
    to the next) and which parts of the leg's length are behind one at its begin and end."""

    lat: Floats
    lon: Floats
    leg: Ints
    begins: Floats
    ends: Floats


def straight_track(lat: Floats, lon: Floats) -> Track:
    """From stop to stop."""
    legs = len(lat) - 1
    return Track(lat, lon, np.arange(legs, dtype=np.int32), np.zeros(legs), np.ones(legs))


def track_along(lat: Floats, lon: Floats, shape_lat: Floats, shape_lon: Floats) -> Track:
    """Along a shape through its stops; straight where the shape does not pass them all."""
    if len(shape_lat) < 2:
        return straight_track(lat, lon)
    lengths = metres(shape_lat[:-1], shape_lon[:-1], shape_lat[1:], shape_lon[1:])
    vertex = np.concatenate([[0.0], np.cumsum(lengths)])
    stop, off_m = _places(lat, lon, shape_lat, shape_lon, vertex)
    if off_m > _OFF_SHAPE_M:
        return straight_track(lat, lon)
    between = vertex[(vertex > stop[0]) & (vertex < stop[-1])]
    place = np.sort(np.concatenate([stop, between]))
    middle = (place[:-1] + place[1:]) / 2
    leg = np.clip(np.searchsorted(stop, middle, side="right") - 1, 0, len(stop) - 2)
    length = np.maximum(stop[leg + 1] - stop[leg], 1.0)
    return Track(
        np.interp(place, vertex, shape_lat),
        np.interp(place, vertex, shape_lon),
        leg.astype(np.int32),
        np.clip((place[:-1] - stop[leg]) / length, 0, 1),
        np.clip((place[1:] - stop[leg]) / length, 0, 1),
    )


def _places(
    lat: Floats, lon: Floats, shape_lat: Floats, shape_lon: Floats, vertex: Floats
) -> tuple[Floats, float]:
    """How far along the shape each stop lies, metres, and how far off the farthest is.

    Of all ways to place the stops one after another, the one that is nearest to them in sum: a
    shape that crosses itself passes some of them twice.
    """
    east = np.cos(np.radians(lat.mean()))
    x, y = shape_lon * east * _PER_DEGREE, shape_lat * _PER_DEGREE
    step_x, step_y = np.diff(x), np.diff(y)
    square = np.maximum(step_x**2 + step_y**2, 1e-6)
    away_x, away_y = (
        stops[:, None] - line[None, :-1]
        for stops, line in ((lon * east * _PER_DEGREE, x), (lat * _PER_DEGREE, y))
    )
    part = np.clip((away_x * step_x + away_y * step_y) / square, 0, 1)
    off = np.hypot(away_x - part * step_x, away_y - part * step_y)
    cost, came = off[0], []
    for row in off[1:]:
        best = np.minimum.accumulate(cost)
        came.append(np.maximum.accumulate(np.where(cost <= best, np.arange(len(cost)), 0)))
        cost = best + row
    pieces = [int(np.argmin(cost))]
    for before in reversed(came):
        pieces.append(int(before[pieces[-1]]))
    chosen = np.array(pieces[::-1])
    rows = np.arange(len(lat))
    along = vertex[chosen] + part[rows, chosen] * np.sqrt(square[chosen])
    return np.maximum.accumulate(along), float(off[rows, chosen].max())
