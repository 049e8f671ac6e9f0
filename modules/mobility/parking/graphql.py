"""Parking in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.app import App
from core.context.call import Call
from core.graphql import (
    UNREADABLE,
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    signed_in,
    view,
)
from core.upstream.readings import ReadStatus
from modules.mobility import models
from modules.mobility.parking import domain, service
from payments.api import Channel, Method, Payment, wish_of

PlateId = Annotated[strawberry.ID, strawberry.argument(description="A linked plate's id.")]


@strawberry.type(description="A number plate that the viewer has linked.")
class Plate:
    id: strawberry.ID = strawberry.field(description="The link's id.")
    plate: str = strawberry.field(description="The plate.")
    is_own: bool = strawberry.field(
        description="Whether the vehicle registry has confirmed that the car is the viewer's."
    )


view(domain.Tariff, name="ParkingTariff")
view(domain.Place, name="ParkingPlace", hidden=("place_id", "name_zh", "name_en", "tariff"))


@strawberry.type(description="A stay that is not over.")
class ParkingSession:
    session_no: str = strawberry.field(description="The operator's number.")
    place: domain.Place | None = strawberry.field(
        description="Where the car stands; told only for a car that is confirmed to be one's own."
    )
    tariff: domain.Tariff = strawberry.field(description="What it costs.")
    entered_at: datetime = strawberry.field(description="When the car drove in.")
    amount_due: Fen = strawberry.field(description="What is due now, as of quotedAt.")
    quoted_at: datetime = strawberry.field(description="When the operator said so.")
    quote_holds_until: datetime = strawberry.field(
        description="Until when the operator takes this amount although more may be due by then."
    )
    paid: Fen = strawberry.field(description="What was paid for this stay before.")
    exit_by: datetime | None = strawberry.field(
        description="Until when the car may drive out for what was paid; null where nothing was."
    )
    charge_id: strawberry.ID | None = strawberry.field(
        description="For payParking; null where nothing is due."
    )
    payment: Payment | None = strawberry.field(
        description="The viewer's last payment for this stay, where there is one."
    )


@strawberry.type(description="A plate's stays, and how fresh that is.")
class ParkingSessions:
    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    plate: Plate = strawberry.field(description="The plate.")
    items: list[ParkingSession] = strawberry.field(description="The stays, perhaps none.")
    unreadable: int = strawberry.field(description=UNREADABLE)


@strawberry.type(description="The plate is linked.")
class PlateLinked:
    plate: Plate = strawberry.field(description="The plate.")


@strawberry.type(description="The plate is linked no more.")
class PlateUnlinked:
    plate_id: strawberry.ID = strawberry.field(description="The link's id.")


@strawberry.type(description="The payment has begun.")
class ParkingPaymentStarted:
    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


LinkPlateResult = Annotated[
    PlateLinked | Refused,
    strawberry.union("LinkPlateResult", description="The linked plate, or why not."),
]
VerifyPlateResult = Annotated[
    PlateLinked | Refused,
    strawberry.union("VerifyPlateResult", description="The confirmed plate, or why not."),
]
UnlinkPlateResult = Annotated[
    PlateUnlinked | Refused,
    strawberry.union("UnlinkPlateResult", description="The removed link, or why not."),
]
PayParkingResult = Annotated[
    ParkingPaymentStarted | Refused,
    strawberry.union("PayParkingResult", description="The payment that has begun, or why not."),
]


@strawberry.type
class Query:
    """The query fields of parking."""

    @query(signed_in(), description="The viewer's linked plates.")
    async def plates(self, info: Info) -> list[Plate]:
        """In the order they were linked."""
        return [_plate(info.context.app, row) for row in await service.list_plates(info.context)]

    @query(signed_in(), description="The stays of a linked plate that are not over.")
    async def parking_sessions(self, info: Info, plate_id: PlateId) -> ParkingSessions:
        """A plate that is not linked is not found."""
        call = info.context
        plate, reading = await service.read_stays(call, parse_id(plate_id))
        return ParkingSessions(
            **reading.freshness,
            plate=_plate(call.app, plate),
            items=[_session(call, plate, stay) for stay in reading.records.items],
            unreadable=reading.unreadable,
        )


@strawberry.type
class Mutation:
    """The mutation fields of parking."""

    @mutation(signed_in(), description="Link a number plate, one's own or another.")
    async def link_plate(
        self,
        info: Info,
        plate: Annotated[str, strawberry.argument(description='The plate, as "鲁A12345".')],
        idempotency_key: IdempotencyKey,
    ) -> LinkPlateResult:
        """At most five plates per person."""
        row = await service.link_plate(info.context, plate, idempotency_key)
        return PlateLinked(plate=_plate(info.context.app, row))

    @mutation(
        signed_in(2),
        description="Have the vehicle registry confirm that a linked car is one's own.",
    )
    async def verify_plate(
        self, info: Info, plate_id: PlateId, idempotency_key: IdempotencyKey
    ) -> VerifyPlateResult:
        """Needs the consent `mobility.vehicle`."""
        row = await service.verify_plate(info.context, parse_id(plate_id), idempotency_key)
        return PlateLinked(plate=_plate(info.context.app, row))

    @mutation(signed_in(), description="Remove a link to a plate.")
    async def unlink_plate(
        self, info: Info, plate_id: PlateId, idempotency_key: IdempotencyKey
    ) -> UnlinkPlateResult:
        """A link that is gone already, or somebody else's, is not found."""
        await service.unlink_plate(info.context, parse_id(plate_id), idempotency_key)
        return PlateUnlinked(plate_id=plate_id)

    @mutation(of_service(service.SERVICE), description="Pay what a stay of a linked plate owes.")
    async def pay_parking(
        self,
        info: Info,
        charge_id: Annotated[
            strawberry.ID, strawberry.argument(description="The stay's `chargeId`.")
        ],
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
    ) -> PayParkingResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        wish = wish_of(method, channel)
        payment = await service.pay(info.context, parse_id(charge_id), idempotency_key, wish)
        return ParkingPaymentStarted(payment=payment)


def _plate(app: App, row: models.Plate) -> Plate:
    return Plate(
        id=strawberry.ID(str(row.id)),
        plate=service.plate_text(app, row),
        is_own=row.verified_at is not None,
    )


def _session(call: Call, plate: models.Plate, stay: service.Stay) -> ParkingSession:
    session = stay.session
    return ParkingSession(
        session_no=session.session_id,
        place=session.place if plate.verified_at is not None else None,
        tariff=session.place.tariff,
        entered_at=session.entered_at,
        amount_due=Fen(session.amount_due_fen),
        quoted_at=session.quoted_at,
        quote_holds_until=session.quote_holds_until,
        paid=Fen(session.paid_fen),
        exit_by=session.exit_by,
        charge_id=strawberry.ID(str(stay.charge_id)) if stay.charge_id else None,
        payment=stay.payment,
    )
