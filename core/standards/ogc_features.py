"""Layers of a map as OGC API Features 1.0 serves them (OGC 17-069): GeoJSON by pages, CRS84."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from core.deadline import Deadline
from core.standards.coordinates import GeoPoint
from core.upstream.operation import Connected, Operation, Request, System, records_of
from core.upstream.records import Records

T = TypeVar("T")

PAGE, PAGES_MAX = 1_000, 50


@dataclass(frozen=True, slots=True)
class Feature(Generic[T]):
    """A feature (RFC 7946); its coordinates are longitude before latitude, WGS 84."""

    id: str
    geometry: dict[str, Any]
    properties: T

    @property
    def shape(self) -> BaseGeometry:
        """The geometry. Raises ValueError for one that cannot be."""
        try:
            found = shape(self.geometry)
        except (ShapelyError, LookupError, TypeError, AttributeError) as error:
            raise ValueError("no geometry") from error
        if found.is_empty or not found.is_valid:
            raise ValueError("a geometry that cannot be")
        return found

    @property
    def point(self) -> GeoPoint:
        """Where it is: its point, or one within it. Raises ValueError."""
        match self.geometry:
            case {"type": "Point", "coordinates": [int() | float() as lon, int() | float() as lat]}:
                here = GeoPoint(lat, lon)
            case _:
                inside = self.shape.representative_point()
                here = GeoPoint(inside.y, inside.x)
        if not here.is_on_globe:
            raise ValueError("a latitude or longitude out of range")
        return here


def features_operation(
    system: System, name: str, collection: str, properties: type[T]
) -> Operation[[int], Records[Feature[T]]]:
    """Declares the operation that asks for a page of a collection, from an offset on."""

    def make(offset: int) -> Request:
        return Request(params={"limit": str(PAGE), "offset": str(offset), "f": "json"})

    form = Feature[properties]  # type: ignore[valid-type]
    answers = records_of(form, "features")
    path = f"/collections/{collection}/items"
    declare = system.operation("GET", path, answers=answers, name=name, hedged=True)
    return declare(make)


async def list_features(
    app: Connected, deadline: Deadline, page: Operation[[int], Records[Feature[T]]]
) -> Records[Feature[T]]:
    """Every feature of a collection, at most PAGES_MAX pages. Raises UpstreamError."""
    items: list[Feature[T]] = []
    unreadable = 0
    for number in range(PAGES_MAX):
        found = await page(app, deadline, number * PAGE)
        items += found.items
        unreadable += found.unreadable
        if len(found.items) + found.unreadable < PAGE:
            break
    return Records(items, unreadable)
