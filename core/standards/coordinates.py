"""Points and areas that say from which datum they are measured: converted, and held to the city.

Inside the house every place is WGS 84. Others' coordinates become that here and nowhere else, with
`geocoordinates-rs`, whose inverse of GCJ-02 is exact to less than a millimetre (the common one is
up to three metres off). Latitude comes before longitude everywhere.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, Protocol, TypeVar

import geocoordinates_ffi as geodesy
import numpy
from shapely import LineString, Point, Polygon, box, contains_xy, dwithin, linestrings, prepare
from shapely.geometry.base import BaseGeometry

from core.city import Boundary, City
from core.errors import InvalidInput
from core.refusal_texts import OUTSIDE_CITY, POINT_INVALID, POINTS_SWAPPED

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of the ellipsoid (IUGG)."""
CELL_DEGREES = 0.01
"""The edge of a grid cell, about a kilometre: as exact as a person's place is known in plain."""
CELLS_MAX = 2_500
"""What covers more cells is larger than a city."""
PLACES_KEPT = 16_384
"""How many points, and how many courses, are kept converted."""
NEAREST_MAX = 50
"""How many places are shown around a point."""


class Datum(StrEnum):
    """From where coordinates are measured. WGS_84: satellite positioning. GCJ_02: the maps that are
    published in China, some hundred metres away from it. CGCS_2000: surveys and departments, within
    a metre of it.
    """

    WGS_84 = "WGS_84"
    GCJ_02 = "GCJ_02"
    CGCS_2000 = "CGCS_2000"


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A point."""

    lat: Annotated[float, "Latitude in degrees."]
    lon: Annotated[float, "Longitude in degrees."]
    datum: Annotated[Datum, "From where they are measured."] = Datum.WGS_84

    @property
    def is_on_globe(self) -> bool:
        """Whether there is such a latitude and longitude; not-a-number is none."""
        return -90 <= self.lat <= 90 and -180 <= self.lon <= 180


@dataclass(frozen=True, slots=True)
class GeoArea:
    """What lies between two parallels and two meridians."""

    south: float
    west: float
    north: float
    east: float
    datum: Datum = Datum.WGS_84

    @property
    def is_sound(self) -> bool:
        """Whether it lies on the globe with its edges in order."""
        return -90 <= self.south <= self.north <= 90 and -180 <= self.west <= self.east <= 180

    @property
    def shape(self) -> BaseGeometry:
        """The rectangle, longitude before latitude as GEOS takes it."""
        return box(self.west, self.south, self.east, self.north)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something that is somewhere in the city."""

    at: Annotated[GeoPoint, "Where it is."]
    distance_m: Annotated[
        int | None, "Metres from the place that was asked about, as the crow flies."
    ] = None


class Course(Protocol):
    """Something with a course: a road, or, of one point, a place."""

    @property
    def path(self) -> Sequence[GeoPoint]:
        """Its points, WGS 84."""
        ...


L = TypeVar("L", bound=Place)
C = TypeVar("C", bound=Course)


def nearest(
    places: Iterable[L], here: GeoPoint | None, radius_m: int
) -> Sequence[tuple[L, int | None]]:
    """The places around a point, each with its distance, nearest first, at most NEAREST_MAX.

    Around none they come as they are, without a distance.
    """
    if here is None:
        return [(place, None) for place in islice(places, NEAREST_MAX)]
    around = [(place, distance_m(here, place.at)) for place in places]
    around = [pair for pair in around if pair[1] <= radius_m]
    return sorted(around, key=lambda pair: pair[1])[:NEAREST_MAX]


def at_distance(place: L, metres: int | None) -> L:
    """A place, so far from the point that was asked about."""
    return replace(place, distance_m=metres)


def cell_of(spot: GeoPoint) -> str:
    """The grid cell of a point."""
    return _cell(math.floor(spot.lat / CELL_DEGREES), math.floor(spot.lon / CELL_DEGREES))


def cells_of(shape: BaseGeometry) -> Sequence[str]:
    """Every grid cell that a shape may touch. Raises ValueError above CELLS_MAX."""
    west, south, east, north = (math.floor(edge / CELL_DEGREES) for edge in shape.bounds)
    if (north - south + 1) * (east - west + 1) > CELLS_MAX:
        raise ValueError("a shape larger than a city")
    return [
        _cell(row, column) for row in range(south, north + 1) for column in range(west, east + 1)
    ]


def _cell(row: int, column: int) -> str:
    return f"{row}:{column}"


@lru_cache(maxsize=32)
def parse_datum(text: str) -> Datum:
    """The datum that a department writes as "GCJ-02", "WGS 84" or "CGCS2000". Raises ValueError."""
    spelling = text.upper().replace("-", "").replace("_", "").replace(" ", "")
    for datum in Datum:
        if spelling == datum.replace("_", ""):
            return datum
    raise ValueError(f"no datum that is known: {text[:20]!r}")


@lru_cache(maxsize=PLACES_KEPT)
def to_wgs84(point: GeoPoint) -> GeoPoint:
    """The same place, WGS 84. Raises ValueError for a point that is not on the globe.

    Roads and stations stay where they are: each is converted once, not with every answer.
    """
    if not point.is_on_globe:
        raise ValueError("a latitude or longitude out of range")
    if point.datum is Datum.WGS_84:
        return point
    if point.datum is Datum.CGCS_2000:
        return GeoPoint(point.lat, point.lon)
    found = geodesy.gcj02_to_wgs84_refined(geodesy.Gcj02(lat=point.lat, lon=point.lon))
    return GeoPoint(found.lat, found.lon)


def to_gcj02(point: GeoPoint) -> GeoPoint:
    """The same place as Chinese maps have it. Raises ValueError as `to_wgs84` does."""
    if point.datum is Datum.GCJ_02:
        return point
    here = to_wgs84(point)
    found = geodesy.wgs84_to_gcj02(geodesy.Wgs84(lat=here.lat, lon=here.lon))
    return GeoPoint(found.lat, found.lon, Datum.GCJ_02)


def distance_m(one: GeoPoint, other: GeoPoint) -> int:
    """Metres between two points of one datum, as the crow flies (haversine)."""
    north = math.radians(other.lat - one.lat) / 2
    east = math.radians(other.lon - one.lon) / 2
    cosines = math.cos(math.radians(one.lat)) * math.cos(math.radians(other.lat))
    chord = math.sin(north) ** 2 + cosines * math.sin(east) ** 2
    return round(2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, chord))))


@dataclass(frozen=True, slots=True)
class Zone:
    """What lies within a distance of a point or a route, or in an area. Made by `around`, `along`
    and `inside`. Its shape is in metres about its own latitude, flat: exact to a thousandth within
    a city.
    """

    shape: BaseGeometry
    reach_m: float
    latitude: float

    @staticmethod
    def around(point: GeoPoint, radius_m: float) -> "Zone":
        """The surroundings of a point."""
        return Zone(Point(_flat([point], point.lat)[0]), radius_m, point.lat)

    @staticmethod
    def along(route: Sequence[GeoPoint], reach_m: float) -> "Zone":
        """Both sides of a route."""
        return Zone(LineString(_flat(route, route[0].lat)), reach_m, route[0].lat)

    @staticmethod
    def inside(area: GeoArea) -> "Zone":
        """An area."""
        corners = [GeoPoint(area.south, area.west), GeoPoint(area.north, area.east)]
        return Zone(LineString(_flat(corners, area.south)).envelope, 0, area.south)

    def touching(self, items: Iterable[C]) -> Sequence[C]:
        """Those of which any part lies in it; nothing lies where there is no path.

        All are measured in one go: shape by shape, making the shapes takes longer.
        """
        placed = [item for item in items if item.path]
        if not placed:
            return []
        # a line has two ends, if need be in one place
        lines = [path if len(path) > 1 else (*path, *path) for path in (i.path for i in placed)]
        points = _flat([point for line in lines for point in line], self.latitude)
        owners = numpy.repeat(numpy.arange(len(lines)), [len(line) for line in lines])
        near = dwithin(linestrings(points, indices=owners), self.shape, self.reach_m)
        return [item for item, is_near in zip(placed, near, strict=True) if is_near]


def _flat(points: Sequence[GeoPoint], latitude: float) -> numpy.ndarray[Any, Any]:
    """Points in metres east and north, a row each, the earth being flat about a latitude."""
    degrees = numpy.array([edge for point in points for edge in (point.lon, point.lat)])
    north_m = math.radians(EARTH_RADIUS_M)  # a degree of it
    return degrees.reshape(-1, 2) * (north_m * math.cos(math.radians(latitude)), north_m)


def lies_in_city(city: City, point: GeoPoint) -> bool:
    """Whether a WGS 84 point lies within the city's boundary."""
    return bool(contains_xy(_shape(city.boundary), point.lon, point.lat))


def known_point(city: City, lat: float, lon: float, datum: str) -> GeoPoint:
    """A place of the city as a department gives it, WGS 84.

    Raises ValueError for an unknown datum, and for what is not in the city: coordinates that are
    exchanged, or of the null island.
    """
    (here,) = _known_path(city.boundary, ((lat, lon),), datum)
    return here


def known_path(
    city: City, points: tuple[tuple[float, float], ...], datum: str
) -> Sequence[GeoPoint]:
    """A course in the city, latitude before longitude, as `known_point`.

    Raises ValueError as that does for any of the points, and for none.
    """
    return _known_path(city.boundary, points, datum)


@lru_cache(maxsize=PLACES_KEPT)
def _known_path(
    boundary: Boundary, points: tuple[tuple[float, float], ...], datum: str
) -> Sequence[GeoPoint]:
    if not points:
        raise ValueError("a line without points")
    measured = parse_datum(datum)
    path = tuple(to_wgs84(GeoPoint(lat, lon, measured)) for lat, lon in points)
    lons, lats = [point.lon for point in path], [point.lat for point in path]
    if not contains_xy(_shape(boundary), lons, lats).all():
        raise ValueError("a place outside the city")
    return path


def point_in_city(city: City, point: GeoPoint, field: str) -> GeoPoint:
    """A place of the city that somebody has named, WGS 84.

    Raises InvalidInput for `field`: POINT_INVALID, POINTS_SWAPPED where it would be in the city
    with latitude and longitude exchanged, else OUTSIDE_CITY.
    """
    if lies_in_city(city, GeoPoint(point.lon, point.lat)):
        raise InvalidInput(POINTS_SWAPPED, field)
    if not point.is_on_globe:
        raise InvalidInput(POINT_INVALID, field)
    here = to_wgs84(point)
    if not lies_in_city(city, here):
        raise InvalidInput(OUTSIDE_CITY, field)
    return here


def area_in_city(city: City, area: GeoArea, field: str) -> GeoArea:
    """An area that somebody has named, WGS 84. Raises InvalidInput where no part is in the city."""
    south_west = GeoPoint(area.south, area.west, area.datum)
    corners = south_west, GeoPoint(area.north, area.east, area.datum)
    if not area.is_sound:
        swapped = [lies_in_city(city, GeoPoint(corner.lon, corner.lat)) for corner in corners]
        raise InvalidInput(POINTS_SWAPPED if all(swapped) else POINT_INVALID, field)
    first, last = map(to_wgs84, corners)
    here = GeoArea(first.lat, first.lon, last.lat, last.lon)
    if not _shape(city.boundary).intersects(here.shape):
        raise InvalidInput(OUTSIDE_CITY, field)
    return here


@lru_cache(maxsize=8)
def _shape(boundary: Boundary) -> BaseGeometry:
    shape = Polygon([(lon, lat) for lat, lon in boundary.ring])
    prepare(shape)
    return shape
