"""Service 20 in GraphQL: the hospitals and their numbers."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from core.call import Call
from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    parse_id,
    service_mutation,
    service_query,
)
from core.last_good import Reading, ReadStatus
from modules.appointments.graphql import Appointment, appointment
from modules.appointments.graphql_types import say
from modules.appointments.hospitals import service, upstream
from modules.appointments.hospitals.service import HOSPITAL_REGISTRATION

T = TypeVar("T")


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


MoveHospitalNumberResult = Annotated[
    HospitalNumberBooked | Refused, strawberry.union("MoveHospitalNumberResult")
]
BookHospitalNumberResult = Annotated[
    HospitalNumberBooked | Refused, strawberry.union("BookHospitalNumberResult")
]

HospitalId = Annotated[strawberry.ID, strawberry.argument(description="The hospital's code.")]


@strawberry.type
class Query:
    """The query fields of hospital registration."""

    @service_query(HOSPITAL_REGISTRATION, description="The connected hospitals.")
    async def hospitals(self, info: Info) -> list[Hospital]:
        """Each hospital with what it says of itself."""
        readings = await service.read_hospitals(info.context)
        return [_hospital(info.context, ref, reading) for ref, reading in readings.items()]

    @service_query(HOSPITAL_REGISTRATION, description="The departments of a hospital.")
    async def hospital_departments(
        self, info: Info, hospital_id: HospitalId
    ) -> HospitalDepartments:
        """Where one can register."""
        reading = await service.read_departments(info.context, hospital_id)
        return HospitalDepartments(
            **_reading(reading),
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
        reading = await service.read_doctors(info.context, hospital_id, department_id)
        return HospitalDoctors(
            **_reading(reading),
            doctors=[_doctor(info.context, doctor) for doctor in reading.value or ()],
        )

    @service_query(HOSPITAL_REGISTRATION, description="The free numbers of a doctor.")
    async def hospital_slots(
        self,
        info: Info,
        hospital_id: HospitalId,
        schedule_id: Annotated[
            strawberry.ID, strawberry.argument(description="The doctor's calendar.")
        ],
        skip_days: Annotated[
            int, strawberry.argument(description="How many days to pass over first, 0 to 14.")
        ] = 0,
        days: Annotated[
            int, strawberry.argument(description="How many days to show, 1 to 14.")
        ] = 7,
    ) -> HospitalSlots:
        """What can be booked from now on."""
        reading = await service.read_slots(
            info.context, hospital_id, schedule_id, skip_days=skip_days, days=days
        )
        return HospitalSlots(
            **_reading(reading),
            slots=[
                HospitalSlot(id=strawberry.ID(s.ref), starts_at=s.starts_at, ends_at=s.ends_at)
                for s in reading.value or ()
            ],
        )


@strawberry.type
class Mutation:
    """The mutation fields of hospital registration."""

    @service_mutation(
        HOSPITAL_REGISTRATION,
        description="Book a number; needs the consent `appointments.hospital-registration`.",
        for_others=True,
    )
    async def book_hospital_number(
        self,
        info: Info,
        hospital_id: HospitalId,
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The number.")],
        idempotency_key: IdempotencyKey,
    ) -> BookHospitalNumberResult:
        """Hold, book at the hospital, confirm."""
        row = await service.book_hospital_number(
            info.context, hospital_id, slot_id, idempotency_key
        )
        return HospitalNumberBooked(appointment=appointment(info.context, row))

    @service_mutation(
        HOSPITAL_REGISTRATION,
        description="Exchange a number for another of the hospital: never both, never neither.",
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
        row = await service.move_hospital_number(
            info.context, parse_id(appointment_id), slot_id, idempotency_key
        )
        return HospitalNumberBooked(appointment=appointment(info.context, row))


def _hospital(call: Call, ref: str, reading: Reading[upstream.Hospital]) -> Hospital:
    found = reading.value
    return Hospital(
        id=strawberry.ID(ref),
        **_reading(reading),
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


def _reading(reading: Reading[T]) -> dict[str, Any]:
    return {"status": reading.status, "as_of": reading.as_of, "reason": reading.reason}
