"""Services 20 and 21 in GraphQL: the hospitals and their numbers."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from core.context.call import Call
from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    parse_id,
    service_mutation,
    service_query,
)
from core.upstream.readings import Reading, ReadStatus
from modules.appointments.graphql_booking import Appointment, appointment
from modules.appointments.graphql_types import cancel_until, say
from modules.appointments.hospitals import browsing, service, upstream
from modules.appointments.hospitals.service import NumberTaken
from modules.appointments.hospitals.sources import (
    HOSPITAL_REGISTRATION,
    VISIT,
    VISIT_APPOINTMENT,
)
from modules.appointments.hospitals.upstream import RoomKind
from modules.appointments.vaccination.service import check_moved

T = TypeVar("T")

strawberry.enum(
    RoomKind,
    name="HospitalRoomKind",
    description="EXAMINATION. FOLLOW_UP: a visit after an earlier one. VACCINATION.",
)


@strawberry.type(description="A connected hospital.")
class Hospital:
    """A hospital."""

    id: strawberry.ID = strawberry.field(description="The hospital's code.")
    status: ReadStatus = strawberry.field(description="Where its description comes from.")
    as_of: datetime | None = strawberry.field(description="When the description was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    name: str | None = strawberry.field(description="Its name; null when UNAVAILABLE.")
    grade: str | None = strawberry.field(description="Its grade, such as 三级甲等.")


@strawberry.type(description="A department of a hospital.")
class HospitalDepartment:
    """A department."""

    id: strawberry.ID = strawberry.field(description="The department's code in its hospital.")
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="A hospital's departments.")
class HospitalDepartments:
    """A reading of departments."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    departments: list[HospitalDepartment] = strawberry.field(description="The departments.")


@strawberry.type(description="A doctor who sees patients in a department.")
class HospitalDoctor:
    """A doctor."""

    schedule_id: strawberry.ID = strawberry.field(
        description="The doctor's calendar, for hospitalSlots."
    )
    name: str = strawberry.field(description="The doctor's name.")
    title: str = strawberry.field(description="The doctor's title.")
    fee: Fen = strawberry.field(description="What registering costs.")


@strawberry.type(description="A department's doctors.")
class HospitalDoctors:
    """A reading of doctors."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    doctors: list[HospitalDoctor] = strawberry.field(description="The doctors.")


@strawberry.type(description="A number that can be booked.")
class HospitalSlot:
    """A free number."""

    id: strawberry.ID = strawberry.field(description="The number, for bookHospitalNumber.")
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
    slots: list[HospitalSlot] = strawberry.field(description="Free numbers in order of time.")


@strawberry.type(description="The number is booked, or held until the hospital has answered.")
class HospitalNumberBooked:
    """What bookHospitalNumber answers."""

    appointment: Appointment = strawberry.field(description="The appointment.")


@strawberry.type(description="Somebody else has this number; nothing was booked.")
class HospitalNumberTaken:
    """A refusal that helps on."""

    code: str = strawberry.field(description="SLOT_FULL.")
    message: str = strawberry.field(description="The sentence for the person.")
    alternatives: list[HospitalSlot] = strawberry.field(
        description="Free numbers, the nearest in time first; of the same calendar, or of "
        "colleagues where that has few left."
    )


@strawberry.type(description="An examination or visit that is booked without choosing a doctor.")
class HospitalRoom:
    """A room."""

    schedule_id: strawberry.ID = strawberry.field(
        description="Its calendar, for hospitalSlots or vaccinationSlots."
    )
    name: str = strawberry.field(description="What is done there.")
    kind: RoomKind = strawberry.field(description="What kind of visit that is.")
    fee: Fen = strawberry.field(description="What it costs.")
    preparation: str = strawberry.field(description="How to prepare, what to bring.")


@strawberry.type(description="What a hospital examines, and its follow-up visits.")
class HospitalRooms:
    """A reading of rooms."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    rooms: list[HospitalRoom] = strawberry.field(description="The examinations and visits.")


MoveHospitalNumberResult = Annotated[
    HospitalNumberBooked | HospitalNumberTaken | Refused,
    strawberry.union("MoveHospitalNumberResult"),
]
BookHospitalNumberResult = Annotated[
    HospitalNumberBooked | HospitalNumberTaken | Refused,
    strawberry.union("BookHospitalNumberResult"),
]
BookHospitalVisitResult = Annotated[
    HospitalNumberBooked | HospitalNumberTaken | Refused,
    strawberry.union("BookHospitalVisitResult"),
]

HospitalId = Annotated[strawberry.ID, strawberry.argument(description="The hospital's code.")]


@strawberry.type
class Query:
    """The query fields of hospital registration."""

    @service_query(HOSPITAL_REGISTRATION, description="The connected hospitals.")
    async def hospitals(self, info: Info) -> list[Hospital]:
        """Each hospital with what it says of itself."""
        readings = await browsing.read_hospitals(info.context)
        return [_hospital(info.context, ref, reading) for ref, reading in readings.items()]

    @service_query(HOSPITAL_REGISTRATION, description="The departments of a hospital.")
    async def hospital_departments(
        self, info: Info, hospital_id: HospitalId
    ) -> HospitalDepartments:
        """Where one can register."""
        reading = await browsing.read_departments(info.context, hospital_id)
        return HospitalDepartments(
            **as_reading(reading),
            departments=[
                HospitalDepartment(id=strawberry.ID(d.ref), name=say(info.context, d.name))
                for d in reading.value or ()
            ],
        )

    @service_query(HOSPITAL_REGISTRATION, description="The doctors of a department.")
    async def hospital_doctors(
        self,
        info: Info,
        hospital_id: HospitalId,
        department_id: Annotated[
            strawberry.ID, strawberry.argument(description="The department's code.")
        ],
    ) -> HospitalDoctors:
        """Who sees patients."""
        reading = await browsing.read_doctors(info.context, hospital_id, department_id)
        return HospitalDoctors(
            **as_reading(reading),
            doctors=[_doctor(info.context, doctor) for doctor in reading.value or ()],
        )

    @service_query(
        VISIT_APPOINTMENT, description="The examinations and follow-up visits of a hospital."
    )
    async def hospital_rooms(self, info: Info, hospital_id: HospitalId) -> HospitalRooms:
        """What can be booked without choosing a doctor."""
        reading = await browsing.read_rooms(info.context, hospital_id, VISIT)
        return HospitalRooms(
            **as_reading(reading),
            rooms=[to_room(info.context, room) for room in reading.value or ()],
        )

    @service_query(HOSPITAL_REGISTRATION, description="The free numbers of a doctor or room.")
    async def hospital_slots(
        self,
        info: Info,
        hospital_id: HospitalId,
        schedule_id: Annotated[
            strawberry.ID, strawberry.argument(description="The doctor's or room's calendar.")
        ],
        skip_days: Annotated[
            int, strawberry.argument(description="How many days to pass over first, 0 to 14.")
        ] = 0,
        days: Annotated[
            int, strawberry.argument(description="How many days to show, 1 to 14.")
        ] = 7,
    ) -> HospitalSlots:
        """What can be booked from now on."""
        reading = await browsing.read_slots(
            info.context, hospital_id, schedule_id, skip_days=skip_days, days=days
        )
        return HospitalSlots(
            **as_reading(reading),
            slots=[
                to_hospital_slot(info.context, slot, HOSPITAL_REGISTRATION)
                for slot in reading.value or ()
            ],
        )


@strawberry.type
class Mutation:
    """The mutation fields of hospital registration."""

    @service_mutation(
        HOSPITAL_REGISTRATION,
        description="Book a number; needs the consent `appointments.hospital-registration`. Held "
        "until its fee is paid.",
        for_others=True,
    )
    async def book_hospital_number(
        self,
        info: Info,
        hospital_id: HospitalId,
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The number.")],
        idempotency_key: IdempotencyKey,
    ) -> BookHospitalNumberResult:
        """Hold, pay, book at the hospital, confirm."""
        try:
            row = await service.book_hospital_number(
                info.context, hospital_id, slot_id, idempotency_key
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))

    @service_mutation(
        VISIT_APPOINTMENT,
        description="Book an examination or follow-up visit; needs the consent "
        "`appointments.visit`. Held until its fee is paid.",
        for_others=True,
    )
    async def book_hospital_visit(
        self,
        info: Info,
        hospital_id: HospitalId,
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The number.")],
        idempotency_key: IdempotencyKey,
    ) -> BookHospitalVisitResult:
        """Hold, pay, book at the hospital, confirm."""
        try:
            row = await service.book_hospital_number(
                info.context, hospital_id, slot_id, idempotency_key, source=VISIT
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))

    @service_mutation(
        HOSPITAL_REGISTRATION,
        description="Exchange a number of a hospital or clinic for another there at the same "
        "fee: never both, never neither.",
    )
    async def move_hospital_number(
        self,
        info: Info,
        appointment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The appointment's id.")
        ],
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The new number.")],
        idempotency_key: IdempotencyKey,
    ) -> MoveHospitalNumberResult:
        """Book the new number, then give the old one back."""
        try:
            row = await service.move_hospital_number(
                info.context, parse_id(appointment_id), slot_id, idempotency_key, check=check_moved
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))


def _hospital(call: Call, ref: str, reading: Reading[upstream.Hospital]) -> Hospital:
    found = reading.value
    return Hospital(
        id=strawberry.ID(ref),
        **as_reading(reading),
        name=say(call, found.name) if found else None,
        grade=found.grade if found else None,
    )


def _doctor(call: Call, doctor: upstream.Doctor) -> HospitalDoctor:
    return HospitalDoctor(
        schedule_id=strawberry.ID(doctor.schedule_ref),
        name=doctor.name,
        title=say(call, doctor.title),
        fee=Fen(doctor.fee_fen),
    )


def to_room(call: Call, room: upstream.Room) -> HospitalRoom:
    """A room in the viewer's language."""
    return HospitalRoom(
        schedule_id=strawberry.ID(room.schedule_ref),
        name=say(call, room.name),
        kind=room.kind,
        fee=Fen(room.fee_fen),
        preparation=say(call, room.preparation),
    )


def to_hospital_slot(call: Call, slot: upstream.HospitalSlot, service_id: str) -> HospitalSlot:
    """A free number of a service."""
    return HospitalSlot(
        id=strawberry.ID(slot.ref),
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
