"""Service 8 in GraphQL."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Annotated, TypeAlias

import strawberry

from core.errors import InvalidInput
from core.graphql import (
    RADIUS_M,
    At,
    GeoPointInput,
    Info,
    RadiusM,
    of_service,
    page_size,
    query,
    radius_within,
    reading_view,
    subscription,
    view,
)
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import Basis, Freshness
from core.standards.gtfs.realtime import Occupancy
from core.upstream.readings import Reading
from modules.mobility.arrivals import service
from modules.mobility.arrivals.domain import BUS_REALTIME, Arrival
from modules.mobility.timetable.domain import TransitAlert, TransitStop

view(Freshness, name="ArrivalFreshness")
view(Basis, name="ArrivalBasis")
view(Occupancy, name="VehicleOccupancy")
view(Arrival, name="TransitArrival")
_FIRST = 10


def _reading(name: str, words: str, item: type, text: str) -> type:
    value = Annotated[Sequence[item], text]  # type: ignore[valid-type]
    return reading_view(name, f"{words}, and how fresh that is.", items=value)


TransitArrivals = _reading("TransitArrivals", "Vehicles that come", Arrival, "The soonest first.")
TransitWay = _reading("TransitWay", "The way of a vehicle", Arrival, "At each stop, in order.")
TransitStops = _reading("TransitStops", "Stops and stations", TransitStop, "The nearest first.")
TransitAlerts = _reading("TransitAlerts", "News for riders", TransitAlert, "Those that hold now.")

StopRef: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="The stop's ref.")]
LineRef: TypeAlias = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only this line.")
]
First: TypeAlias = Annotated[int, strawberry.argument(description="How many, 1 to 100.")]


def _place(
    info: Info, stop_ref: str | None, at: GeoPointInput | None, radius_m: int
) -> str | tuple[GeoPoint, int]:
    """The one place that is asked about. Raises InvalidInput for none and for both."""
    if (stop_ref is None) == (at is None):
        raise InvalidInput(INVALID_INPUT, "stopRef", detail="give stopRef or at")
    if at is None:
        return str(stop_ref)
    return at.within(info.context.app.city, "at"), radius_within(radius_m)


@strawberry.type
class Query:
    """The query fields of service 8."""

    @query(
        of_service(BUS_REALTIME),
        description="Stops and stations around a place.",
        returns=TransitStops,
    )
    async def transit_stops(
        self, info: Info, at: At, radius_m: RadiusM = RADIUS_M
    ) -> Reading[Sequence[TransitStop]]:
        """With the lines that stop there."""
        here = at.within(info.context.app.city, "at")
        return await service.read_stops(info.context, here, radius_within(radius_m))

    @query(
        of_service(BUS_REALTIME),
        description="The next vehicles at a stop or station, or at those around a place.",
        returns=TransitArrivals,
    )
    async def transit_arrivals(
        self,
        info: Info,
        stop_ref: Annotated[
            strawberry.ID | None, strawberry.argument(description="At this stop or station.")
        ] = None,
        at: Annotated[
            GeoPointInput | None, strawberry.argument(description="Around this place.")
        ] = None,
        radius_m: RadiusM = RADIUS_M,
        line_ref: LineRef = None,
        first: First = _FIRST,
    ) -> Reading[Sequence[Arrival]]:
        """Give a stop or a place."""
        place = _place(info, stop_ref, at, radius_m)
        return await service.read_arrivals(info.context, place, line_ref, page_size(first))

    @query(
        of_service(BUS_REALTIME),
        description="Every stop of a trip on a service day with its times there.",
        returns=TransitWay,
    )
    async def transit_way(
        self,
        info: Info,
        trip_ref: Annotated[strawberry.ID, strawberry.argument(description="The trip's ref.")],
        service_on: Annotated[date, strawberry.argument(description="The arrival's serviceOn.")],
    ) -> Reading[Sequence[Arrival]]:
        """As the arrivals name it."""
        return await service.read_way(info.context, trip_ref, service_on)

    @query(
        of_service(BUS_REALTIME),
        description="What riders of a line or at a stop must know now.",
        returns=TransitAlerts,
    )
    async def transit_alerts(
        self,
        info: Info,
        stop_ref: Annotated[str, strawberry.argument(description="A stop's ref, or empty.")] = "",
        line_ref: Annotated[str, strawberry.argument(description="A line's ref, or empty.")] = "",
    ) -> Reading[Sequence[TransitAlert]]:
        """Give one of the two, or both."""
        return await service.read_alerts(info.context, stop_ref, line_ref)


@strawberry.type
class Subscription:
    """The subscription field of service 8."""

    @subscription(
        of_service(BUS_REALTIME),
        description="The next vehicles at a stop: now, and at each change.",
    )
    async def transit_arrivals_changed(
        self, info: Info, stop_ref: StopRef, line_ref: LineRef = None, first: First = _FIRST
    ) -> AsyncIterator[TransitArrivals]:  # type: ignore[valid-type]
        """Every ten seconds at most."""
        size = page_size(first)
        async for reading in service.watch_arrivals(info.context, stop_ref, line_ref, size):
            yield reading
