"""What hospitals and clinics show in GraphQL, and how their numbers become it."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from core.context.call import Call
from core.graphql import Fen, Refusal, Refused
from core.upstream.readings import Reading, ReadStatus
from kinds.booking.graphql_booking import Appointment
from kinds.booking.graphql_types import cancel_until, say
from kinds.booking.numbers import NumberTaken
from kinds.booking.sources import ExternalSlot
from modules.health.hospitals import upstream
from modules.health.hospitals.upstream import RoomKind

T = TypeVar("T")

strawberry.enum(
    RoomKind,
    name="HospitalRoomKind",
    description="EXAMINATION. FOLLOW_UP: a visit after an earlier one. VACCINATION.",
)


@strawberry.type(description="A number that can be booked.")
class HospitalSlot:
    """A free number."""

    code: strawberry.ID = strawberry.field(
        description="The number in its hospital, for bookHospitalNumber."
    )
    starts_at: datetime = strawberry.field(description="When the visit begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    cancel_until: datetime = strawberry.field(
        description="Until when a booking of it can be cancelled."
    )


@strawberry.type(description="A doctor's free numbers.")
class HospitalSlots:
    """A reading of free numbers."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalSlot] = strawberry.field(description="Free numbers in order of time.")


@strawberry.type(description="The number is booked, or held until the hospital has answered.")
class HospitalNumberBooked:
    """What bookHospitalNumber answers."""

    appointment: Appointment = strawberry.field(description="The appointment.")


@strawberry.type(description="Somebody else has this number; nothing was booked.")
class HospitalNumberTaken(Refusal):
    """A refusal that helps on: SLOT_FULL."""

    alternatives: list[HospitalSlot] = strawberry.field(
        description="Free numbers, the nearest in time first; of the same calendar, or of "
        "colleagues where that has few left."
    )


NumberOutcome = HospitalNumberBooked | HospitalNumberTaken | Refused
"""What booking a number answers; each mutation names its union."""


@strawberry.type(description="An examination or visit that is booked without choosing a doctor.")
class HospitalRoom:
    """A room."""

    schedule_id: strawberry.ID = strawberry.field(
        description="Its calendar, for hospitalSlots or vaccinationSlots."
    )
    name: str = strawberry.field(description="What is done there.")
    kind: RoomKind = strawberry.field(description="What kind of visit that is.")
    fee: Fen | None = strawberry.field(description="What it costs; null where it is not told.")
    preparation: str = strawberry.field(description="How to prepare, what to bring.")


HospitalId = Annotated[strawberry.ID, strawberry.argument(description="The hospital's code.")]


def to_room(call: Call, room: upstream.Room) -> HospitalRoom:
    """A room in the viewer's language."""
    return HospitalRoom(
        schedule_id=strawberry.ID(room.schedule_ref),
        name=say(call, room.name),
        kind=room.kind,
        fee=None if room.fee_fen is None else Fen(room.fee_fen),
        preparation=say(call, room.preparation),
    )


def to_hospital_slot(call: Call, slot: ExternalSlot, service_id: str) -> HospitalSlot:
    """A free number of a service."""
    return HospitalSlot(
        code=strawberry.ID(slot.ref),
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        cancel_until=cancel_until(call, service_id, slot.starts_at),
    )


def to_taken(call: Call, taken: NumberTaken) -> HospitalNumberTaken:
    """The refusal of a taken number with what is free instead."""
    return HospitalNumberTaken(
        code=taken.code,
        message=taken.say(call.locale),
        alternatives=[
            to_hospital_slot(call, slot, taken.service_id) for slot in taken.alternatives
        ],
    )


def as_reading(reading: Reading[T]) -> dict[str, Any]:
    """What every reading tells of itself."""
    return {"status": reading.status, "as_of": reading.as_of, "reason": reading.reason}
