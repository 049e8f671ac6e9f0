"""Parking in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.app import App
from core.context.call import Call
from core.errors import NotFound
from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    guarded_mutation,
    guarded_query,
    parse_id,
    service_mutation,
    signed_in,
)
from core.refusal_texts import NOT_FOUND
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.mobility import models
from modules.mobility.parking import domain, service
from payments.api import Method, Payment

PlateId = Annotated[strawberry.ID, strawberry.argument(description="A linked plate's id.")]


@strawberry.type(description="A number plate that the viewer has linked.")
class Plate:
    """A link."""

    id: strawberry.ID = strawberry.field(description="The link's id.")
    plate: str = strawberry.field(description="The plate.")
    is_own: bool = strawberry.field(
        description="Whether the vehicle registry has confirmed that the car is the viewer's."
    )


@strawberry.type(description="What parking costs at a place.")
class ParkingTariff:
    """A tariff."""

    free_minutes: int = strawberry.field(description="Minutes that cost nothing.")
    unit_minutes: int = strawberry.field(description="The unit that is charged when begun.")
    unit_price: Fen = strawberry.field(description="The price of a unit.")
    daily_cap: Fen = strawberry.field(description="The most for 24 hours.")


@strawberry.type(description="Where a car stands.")
class ParkingPlace:
    """A place."""

    name: str = strawberry.field(description="The place's name in the viewer's language.")
    lat: float = strawberry.field(description="Latitude, WGS 84.")
    lon: float = strawberry.field(description="Longitude, WGS 84.")


@strawberry.type(description="A stay that is not over.")
class ParkingSession:
    """A stay."""

    session_no: str = strawberry.field(description="The operator's number.")
    place: ParkingPlace | None = strawberry.field(
        description="Where the car stands; told only for a car that is confirmed to be one's own."
    )
    tariff: ParkingTariff = strawberry.field(description="What it costs.")
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
    """What parkingSessions answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    plate: Plate = strawberry.field(description="The plate.")
    items: list[ParkingSession] = strawberry.field(description="The stays, perhaps none.")


@strawberry.type(description="The plate is linked.")
class PlateLinked:
    """What linkPlate and verifyPlate answer."""

    plate: Plate = strawberry.field(description="The plate.")


@strawberry.type(description="The plate is linked no more.")
class PlateUnlinked:
    """What unlinkPlate answers."""

    plate_id: strawberry.ID = strawberry.field(description="The link's id.")


@strawberry.type(description="The payment has begun.")
class ParkingPaymentStarted:
    """What payParking answers."""

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

    @guarded_query(signed_in(), description="The viewer's linked plates.")
    async def plates(self, info: Info) -> list[Plate]:
        """In the order they were linked."""
        return [_plate(info.context.app, row) for row in await service.list_plates(info.context)]

    @guarded_query(signed_in(), description="The stays of a linked plate that are not over.")
    async def parking_sessions(self, info: Info, plate_id: PlateId) -> ParkingSessions:
        """A plate that is not linked is not found."""
        call = info.context
        plate, reading = await service.read_stays(call, parse_id(plate_id))
        return ParkingSessions(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            plate=_plate(call.app, plate),
            items=[_session(call, plate, stay) for stay in reading.value or ()],
        )


@strawberry.type
class Mutation:
    """The mutation fields of parking."""

    @guarded_mutation(signed_in(), description="Link a number plate, one's own or another.")
    async def link_plate(
        self,
        info: Info,
        plate: Annotated[str, strawberry.argument(description='The plate, as "鲁A12345".')],
        idempotency_key: IdempotencyKey,
    ) -> LinkPlateResult:
        """At most five plates per person."""
        row = await service.link_plate(info.context, plate, idempotency_key)
        return PlateLinked(plate=_plate(info.context.app, row))

    @guarded_mutation(
        signed_in(2),
        description="Have the vehicle registry confirm that a linked car is one's own.",
    )
    async def verify_plate(
        self, info: Info, plate_id: PlateId, idempotency_key: IdempotencyKey
    ) -> VerifyPlateResult:
        """Needs the consent `mobility.vehicle`."""
        row = await service.verify_plate(info.context, parse_id(plate_id), idempotency_key)
        return PlateLinked(plate=_plate(info.context.app, row))

    @guarded_mutation(signed_in(), description="Remove a link to a plate.")
    async def unlink_plate(
        self, info: Info, plate_id: PlateId, idempotency_key: IdempotencyKey
    ) -> UnlinkPlateResult:
        """A link that is gone already, or somebody else's, is not found."""
        if not await service.unlink_plate(info.context, parse_id(plate_id)):
            raise NotFound(NOT_FOUND)
        return PlateUnlinked(plate_id=plate_id)

    @service_mutation(service.SERVICE, description="Pay what a stay of a linked plate owes.")
    async def pay_parking(
        self,
        info: Info,
        charge_id: Annotated[
            strawberry.ID, strawberry.argument(description="The stay's `chargeId`.")
        ],
        idempotency_key: IdempotencyKey,
        method: Method = None,
    ) -> PayParkingResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        payment = await service.pay(info.context, parse_id(charge_id), idempotency_key, method)
        return ParkingPaymentStarted(payment=payment)


def _plate(app: App, row: models.Plate) -> Plate:
    return Plate(
        id=strawberry.ID(str(row.id)),
        plate=service.plate_text(app, row),
        is_own=row.verified_at is not None,
    )


def _session(call: Call, plate: models.Plate, stay: service.Stay) -> ParkingSession:
    told = stay.session
    tariff = told.place.tariff
    return ParkingSession(
        session_no=told.session_id,
        place=_place(told.place, call.locale) if plate.verified_at is not None else None,
        tariff=ParkingTariff(
            free_minutes=tariff.free_minutes,
            unit_minutes=tariff.unit_minutes,
            unit_price=Fen(tariff.unit_price_fen),
            daily_cap=Fen(tariff.daily_cap_fen),
        ),
        entered_at=told.entered_at,
        amount_due=Fen(told.amount_due_fen),
        quoted_at=told.quoted_at,
        quote_holds_until=told.quote_holds_until,
        paid=Fen(told.paid_fen),
        exit_by=told.exit_by,
        charge_id=strawberry.ID(str(stay.charge_id)) if stay.charge_id else None,
        payment=stay.payment,
    )


def _place(place: domain.Place, locale: Locale) -> ParkingPlace:
    name = place.name_zh if locale is Locale.ZH else place.name_en
    return ParkingPlace(name=name, lat=place.lat, lon=place.lon)
