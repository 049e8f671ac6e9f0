"""Traffic in GraphQL: the roads around a place, along a route or in an area."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from core.context.call import Call
from core.errors import InvalidInput
from core.graphql import (
    RADIUS_M,
    GeoAreaInput,
    GeoPointInput,
    Info,
    RadiusM,
    of_service,
    query,
    radius_within,
    reading_view,
)
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import Zone
from core.upstream.readings import Reading
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.mobility.traffic.domain import GreenWave, RoadCamera, RoadEvent, RoadSegment
from modules.mobility.traffic.lookup import CAMERAS, EVENTS, GREEN_WAVES, SEGMENTS, SERVICE

ROUTE_POINTS_MAX = 500
BESIDE_ROUTE_M = 60
"""What is so near to a route is on it."""


def _reading(name: str, words: str, item: type) -> type:
    value = Annotated[Sequence[item], "Those that lie there, wholly or in part."]  # type: ignore[valid-type]
    return reading_view(name, f"{words}, and how fresh that is.", items=value)


RoadSegments = _reading("RoadSegments", "How the roads run", RoadSegment)
RoadEvents = _reading("RoadEvents", "What happens on the roads", RoadEvent)
GreenWaves = _reading("GreenWaves", "Where the lights turn green in turn", GreenWave)
RoadCameras = _reading("RoadCameras", "Cameras over the roads", RoadCamera)


def _part(lookup: CityLookup[[], Records[Any]], returns: type, description: str) -> Any:
    """A field of TrafficConditions; only what is selected is asked for."""

    async def resolve(root: Any, info: Info) -> Reading[Sequence[Any]]:
        reading = await lookup.read(info.context)
        return reading.map(lambda found: root.zone.touching(found.items))

    return strawberry.field(resolver=resolve, description=description, graphql_type=returns)


@strawberry.type(description="The roads around a place, along a route or in an area.")
class TrafficConditions:
    zone: strawberry.Private[Zone]
    segments = _part(SEGMENTS, RoadSegments, "How the roads run.")
    events = _part(EVENTS, RoadEvents, "Incidents, roadworks and closures, now and before long.")
    green_waves = _part(GREEN_WAVES, GreenWaves, "At which speed the lights are green in turn.")
    cameras = _part(CAMERAS, RoadCameras, "Cameras whose stills may be shown.")


@strawberry.type
class Query:
    """The query field of traffic."""

    @query(of_service(SERVICE), description="How the roads are; give one of the three places.")
    async def traffic_conditions(
        self,
        info: Info,
        at: Annotated[
            GeoPointInput | None, strawberry.argument(description="Around this place.")
        ] = None,
        radius_m: RadiusM = RADIUS_M,
        route: Annotated[
            list[GeoPointInput] | None,
            strawberry.argument(description=f"Along this, 2 to {ROUTE_POINTS_MAX} points."),
        ] = None,
        area: Annotated[
            GeoAreaInput | None, strawberry.argument(description="In this area.")
        ] = None,
    ) -> TrafficConditions:
        """Each part says for itself how fresh it is."""
        return TrafficConditions(zone=_zone(info.context, at, radius_m, route, area))


def _zone(
    call: Call,
    at: GeoPointInput | None,
    radius_m: int,
    route: list[GeoPointInput] | None,
    area: GeoAreaInput | None,
) -> Zone:
    """The zone that is asked about. Raises InvalidInput unless it is exactly one in the city."""
    city = call.app.city
    match at, route, area:
        case (GeoPointInput(), None, None):
            return Zone.around(at.within(city, "at"), radius_within(radius_m))
        case (None, list(), None) if 2 <= len(route) <= ROUTE_POINTS_MAX:
            return Zone.along([point.within(city, "route") for point in route], BESIDE_ROUTE_M)
        case (None, None, GeoAreaInput()):
            return Zone.inside(area.within(city, "area"))
    detail = f"give at, area, or a route of 2 to {ROUTE_POINTS_MAX} points"
    raise InvalidInput(INVALID_INPUT, "at", detail=detail)
