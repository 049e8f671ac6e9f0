"""How clients name a place: a point or an area with its datum, and the arguments that take them."""

from typing import Annotated, TypeAlias

import strawberry

from core.city import City
from core.errors import InvalidInput
from core.graphql.views import view
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import Datum, GeoArea, GeoPoint, area_in_city, point_in_city

RADIUS_M, RADIUS_MAX_M = 2_000, 20_000

view(Datum)
view(GeoPoint)


@strawberry.input(description="A point. It has to lie in the city.")
class GeoPointInput:
    lat: float = strawberry.field(description="Latitude in degrees, -90 to 90.")
    lon: float = strawberry.field(description="Longitude in degrees, -180 to 180.")
    datum: Datum = strawberry.field(
        default=Datum.WGS_84, description="From where they are measured."
    )

    def within(self, city: City, field: str) -> GeoPoint:
        """The point, WGS 84. Raises InvalidInput for one that is not in the city."""
        return point_in_city(city, GeoPoint(self.lat, self.lon, self.datum), field)


@strawberry.input(description="A rectangle. Some of it has to lie in the city.")
class GeoAreaInput:
    south: float = strawberry.field(description="Its lowest latitude.")
    west: float = strawberry.field(description="Its lowest longitude.")
    north: float = strawberry.field(description="Its highest latitude.")
    east: float = strawberry.field(description="Its highest longitude.")
    datum: Datum = strawberry.field(
        default=Datum.WGS_84, description="From where they are measured."
    )

    def within(self, city: City, field: str) -> GeoArea:
        """The rectangle, WGS 84. Raises InvalidInput for one that is not in the city."""
        area = GeoArea(self.south, self.west, self.north, self.east, self.datum)
        return area_in_city(city, area, field)


At: TypeAlias = Annotated[
    GeoPointInput, strawberry.argument(description="The place around which to look.")
]
RadiusM: TypeAlias = Annotated[
    int, strawberry.argument(description=f"How far around, in metres, 1 to {RADIUS_MAX_M}.")
]


def radius_within(radius_m: int) -> int:
    """The radius where it is a radius. Raises InvalidInput otherwise."""
    if not 1 <= radius_m <= RADIUS_MAX_M:
        detail = f"radiusM must be between 1 and {RADIUS_MAX_M}"
        raise InvalidInput(INVALID_INPUT, "radiusM", detail=detail)
    return radius_m
