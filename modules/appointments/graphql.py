"""Appointments in GraphQL."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from core.call import Call
from core.city import Named
from core.graphql import (
    After,
    Connection,
    Fen,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    service_mutation,
    service_query,
)
from core.last_good import Reading, ReadStatus
from modules.appointments import calendar_file, service, upstream
from modules.appointments.domain import State
from modules.appointments.service import HOSPITAL_REGISTRATION
from modules.appointments.store import BookingRow

T = TypeVar("T")

strawberry.enum(
    State,
    name="AppointmentState",
    description=(
        "HELD: the seat is kept while the booking is completed. CONFIRMED. CANCELLING: the other "
        "side has still to agree. CANCELLED. EXPIRED: not completed in time. REFUSED: the other "
        "side said no. ATTENDED. MISSED."
    ),
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


@strawberry.type(description="A doctor's free numbers.")
class HospitalSlots:
    """A reading of free numbers."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    slots: list[HospitalSlot] = strawberry.field(description="Free numbers in order of time.")


@strawberry.type(description="An appointment of the viewer.")
class Appointment:
    """A booking."""

    row: strawberry.Private[BookingRow]
    id: strawberry.ID = strawberry.field(description="The appointment's id.")
    service_id: strawberry.ID = strawberry.field(description="The catalogue service.")
    state: State = strawberry.field(description="Where it stands.")
    place: str = strawberry.field(description="Where to go.")
    unit: str = strawberry.field(description="The department or window there.")
    name: str = strawberry.field(description="With whom, or what for.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    fee: Fen = strawberry.field(description="What it costs.")
    hold_expires_at: datetime | None = strawberry.field(
        description="Until when the seat is kept while the state is HELD."
    )
    cancel_until: datetime = strawberry.field(description="Until when it can be cancelled.")

    @strawberry.field(description="The appointment as an iCalendar file (RFC 5545).")
    def ics(self, info: Info) -> str:
        """The calendar file; a changed appointment keeps its UID."""
        return calendar_file.write(info.context.app, self.row, info.context.locale)


@strawberry.type(description="The number is booked, or held until the hospital has answered.")
class HospitalNumberBooked:
    """What bookHospitalNumber answers."""

    appointment: Appointment = strawberry.field(description="The appointment.")


@strawberry.type(
    description="The appointment is given back, or will be once the other side agrees."
)
class AppointmentCancelled:
    """What cancelAppointment answers."""

    appointment: Appointment = strawberry.field(description="The appointment.")


BookHospitalNumberResult = Annotated[
    HospitalNumberBooked | Refused, strawberry.union("BookHospitalNumberResult")
]
CancelAppointmentResult = Annotated[
    AppointmentCancelled | Refused, strawberry.union("CancelAppointmentResult")
]

HospitalId = Annotated[strawberry.ID, strawberry.argument(description="The hospital's code.")]


@strawberry.type
class Query:
    """The query fields of appointments."""

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
                HospitalDepartment(id=strawberry.ID(d.ref), name=_say(info.context, d.name))
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

    @strawberry.field(description="The viewer's appointments, newest first.")
    async def appointments(
        self, info: Info, first: First, after: After = None
    ) -> Connection[Appointment]:
        """Every service's appointments."""
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await service.list_bookings(info.context, first=first + 1, before=before)
        return connection(
            rows, first, lambda row: str(row.id), lambda row: _appointment(info.context, row)
        )

    @strawberry.field(description="One of the viewer's appointments.")
    async def appointment(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The appointment's id.")],
    ) -> Appointment:
        """An appointment."""
        row = await service.get_booking(info.context, parse_id(id))
        return _appointment(info.context, row)


@strawberry.type
class Mutation:
    """The mutation fields of appointments."""

    @service_mutation(
        HOSPITAL_REGISTRATION,
        description="Book a number; needs the consent `appointments.hospital-registration`.",
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
        return HospitalNumberBooked(appointment=_appointment(info.context, row))

    @mutation(description="Give an appointment back before its deadline.")
    async def cancel_appointment(
        self,
        info: Info,
        appointment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The appointment's id.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> CancelAppointmentResult:
        """Cancel."""
        row = await service.cancel(info.context, parse_id(appointment_id), idempotency_key)
        return AppointmentCancelled(appointment=_appointment(info.context, row))


def _hospital(call: Call, ref: str, reading: Reading[upstream.Hospital]) -> Hospital:
    found = reading.value
    return Hospital(
        id=strawberry.ID(ref),
        **_reading(reading),
        name=_say(call, found.name) if found else None,
        grade=found.grade if found else None,
    )


def _doctor(call: Call, doctor: upstream.Doctor) -> HospitalDoctor:
    return HospitalDoctor(
        schedule_id=strawberry.ID(doctor.schedule_ref),
        name=doctor.name,
        title=_say(call, doctor.title),
        fee=Fen(doctor.fee_fen),
    )


def _appointment(call: Call, row: BookingRow) -> Appointment:
    described = row.described
    return Appointment(
        row=row,
        id=strawberry.ID(str(row.id)),
        service_id=strawberry.ID(row.service_id),
        state=row.state,
        place=_say(call, described.place),
        unit=_say(call, described.unit),
        name=_say(call, described.name),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        fee=Fen(row.fee_fen),
        hold_expires_at=row.hold_expires_at if row.state is State.HELD else None,
        cancel_until=service.cancel_deadline(call, row),
    )


def _reading(reading: Reading[T]) -> dict[str, Any]:
    return {"status": reading.status, "as_of": reading.as_of, "reason": reading.reason}


def _say(call: Call, name: Named) -> str:
    return name.say(call.locale)
