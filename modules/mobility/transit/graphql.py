"""Riding in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    UNREADABLE,
    Fen,
    First,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    page_size,
    parse_id,
    query,
    signed_in,
    view,
)
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.mobility.transit import domain, service
from payments.api import Channel, Method, Payment, wish_of

view(domain.TripMode, name="TransitMode")
view(domain.TripStatus, name="TransitTripStatus")


@strawberry.type(description="A code that opens one gate once. Show it as a QR code.")
class RideCode:
    code: str = strawberry.field(description="What the QR code says.")
    expires_at: datetime = strawberry.field(
        description="When gates take it no more: ask for a new one before."
    )


@strawberry.type(description="A trip by bus or metro.")
class TransitTrip:
    trip_id: strawberry.ID | None = strawberry.field(
        description="For payTransitTrip; null unless the trip is unpaid."
    )
    trip_no: str = strawberry.field(description="Fare clearing's number.")
    mode: domain.TripMode = strawberry.field(description="What was ridden.")
    origin: str = strawberry.field(description="The station of entry, or the bus line.")
    destination: str | None = strawberry.field(
        description="The station of exit; null on a bus and while inside."
    )
    entered_at: datetime = strawberry.field(description="When it began.")
    exited_at: datetime | None = strawberry.field(
        description="When it ended; null on a bus and while inside."
    )
    fare: Fen | None = strawberry.field(description="What it costs; null while inside.")
    status: domain.TripStatus = strawberry.field(description="What has become of it.")
    payment: Payment | None = strawberry.field(
        description="The viewer's last payment for it, where there is one."
    )


@strawberry.type(description="The viewer's trips, and how fresh that is.")
class TransitTrips:
    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    unpaid_total: Fen | None = strawberry.field(
        description="What is unpaid over all trips; null where it is not known."
    )
    items: list[TransitTrip] = strawberry.field(description="The trips, newest first.")
    unreadable: int = strawberry.field(description=UNREADABLE)


@strawberry.type(description="The payment has begun.")
class TransitPaymentStarted:
    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


PayTransitTripResult = Annotated[
    TransitPaymentStarted | Refused,
    strawberry.union("PayTransitTripResult", description="The payment that has begun, or why not."),
]


@strawberry.type
class Query:
    """The query fields of riding."""

    @query(signed_in(2), description="A new ride code; each opens one gate once.")
    async def ride_code(self, info: Info) -> RideCode:
        """Signed with Ed25519; gates check it without a network."""
        issued = await service.issue_ride_code(info.context)
        return RideCode(code=issued.text, expires_at=issued.expires_at)

    @query(signed_in(2), description="The viewer's trips by bus and metro.")
    async def transit_trips(
        self,
        info: Info,
        first: First,
        only_unpaid: Annotated[
            bool, strawberry.argument(description="Leave out what is paid or still open.")
        ] = False,
    ) -> TransitTrips:
        """Needs the consent `mobility.transit-trips`."""
        call = info.context
        reading = await service.read_trips(call, first=page_size(first), only_unpaid=only_unpaid)
        trips = reading.value
        unpaid_fen = trips.unpaid_fen if trips else None
        return TransitTrips(
            **reading.freshness,
            unpaid_total=None if unpaid_fen is None else Fen(unpaid_fen),
            unreadable=trips.unreadable if trips else 0,
            items=[_trip(call, listed) for listed in trips.items] if trips else [],
        )


@strawberry.type
class Mutation:
    """The mutation fields of riding."""

    @mutation(of_service(service.SERVICE), description="Pay an unpaid trip.")
    async def pay_transit_trip(
        self,
        info: Info,
        trip_id: Annotated[strawberry.ID, strawberry.argument(description="The trip's id.")],
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
    ) -> PayTransitTripResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        wish = wish_of(method, channel)
        payment = await service.pay(info.context, parse_id(trip_id), idempotency_key, wish)
        return TransitPaymentStarted(payment=payment)


def _trip(call: Call, listed: service.ListedTrip) -> TransitTrip:
    trip, chinese = listed.trip, call.locale is Locale.ZH
    return TransitTrip(
        trip_id=strawberry.ID(str(listed.id)) if listed.id else None,
        trip_no=trip.trip_no,
        mode=trip.mode,
        origin=trip.from_zh if chinese else trip.from_en,
        destination=trip.to_zh if chinese else trip.to_en,
        entered_at=trip.entered_at,
        exited_at=trip.exited_at,
        fare=None if trip.fare_fen is None else Fen(trip.fare_fen),
        status=trip.status,
        payment=listed.payment,
    )
