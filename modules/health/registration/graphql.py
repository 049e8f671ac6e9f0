"""Service 20 in GraphQL: the hospitals, their doctors and free numbers, and booking one."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    mutation,
    of_service,
    parse_id,
    query,
)
from core.upstream.readings import Reading, ReadStatus
from kinds.booking import messages, numbers
from kinds.booking.graphql_booking import appointment
from kinds.booking.graphql_types import ExpectedVersion, say
from kinds.booking.numbers import NumberRequest, NumberTaken
from modules.health.hospitals import browsing, upstream
from modules.health.hospitals.graphql import (
    HospitalId,
    HospitalNumberBooked,
    HospitalSlots,
    NumberOutcome,
    as_reading,
    to_hospital_slot,
    to_taken,
)
from modules.health.registration.numbers import HOSPITAL_REGISTRATION, REGISTRATION


@strawberry.type(description="A connected hospital.")
class Hospital:
    """A hospital."""

    code: strawberry.ID = strawberry.field(description="The hospital's code.")
    status: ReadStatus = strawberry.field(description="Where its description comes from.")
    as_of: datetime | None = strawberry.field(description="When the description was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    name: str | None = strawberry.field(description="Its name; null when UNAVAILABLE.")
    grade: str | None = strawberry.field(description="Its grade, such as 三级甲等.")


@strawberry.type(description="A department of a hospital.")
class HospitalDepartment:
    """A department."""

    code: strawberry.ID = strawberry.field(description="The department's code in its hospital.")
    name: str = strawberry.field(description="Its name.")


@strawberry.type(description="A hospital's departments.")
class HospitalDepartments:
    """A reading of departments."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalDepartment] = strawberry.field(description="The departments.")


@strawberry.type(description="A doctor who sees patients in a department.")
class HospitalDoctor:
    """A doctor."""

    schedule_id: strawberry.ID = strawberry.field(
        description="The doctor's calendar, for hospitalSlots."
    )
    name: str = strawberry.field(description="The doctor's name.")
    title: str = strawberry.field(description="The doctor's title.")
    fee: Fen | None = strawberry.field(description="What it costs; null where it is not told.")


@strawberry.type(description="A department's doctors.")
class HospitalDoctors:
    """A reading of doctors."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalDoctor] = strawberry.field(description="The doctors.")


MoveHospitalNumberResult = Annotated[NumberOutcome, strawberry.union("MoveHospitalNumberResult")]
BookHospitalNumberResult = Annotated[NumberOutcome, strawberry.union("BookHospitalNumberResult")]


@strawberry.type
class Query:
    """The query fields of hospital registration."""

    @query(of_service(HOSPITAL_REGISTRATION), description="The connected hospitals.")
    async def hospitals(self, info: Info) -> list[Hospital]:
        """Each hospital with what it says of itself."""
        readings = await browsing.read_hospitals(info.context)
        return [_hospital(info.context, ref, reading) for ref, reading in readings.items()]

    @query(of_service(HOSPITAL_REGISTRATION), description="The departments of a hospital.")
    async def hospital_departments(
        self, info: Info, hospital_id: HospitalId
    ) -> HospitalDepartments:
        """Where one can register."""
        reading = await browsing.read_departments(info.context, hospital_id)
        return HospitalDepartments(
            **as_reading(reading),
            items=[
                HospitalDepartment(code=strawberry.ID(d.ref), name=say(info.context, d.name))
                for d in reading.value or ()
            ],
        )

    @query(of_service(HOSPITAL_REGISTRATION), description="The doctors of a department.")
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
            items=[_doctor(info.context, doctor) for doctor in reading.value or ()],
        )

    @query(of_service(HOSPITAL_REGISTRATION), description="The free numbers of a doctor or room.")
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
            items=[
                to_hospital_slot(info.context, slot, HOSPITAL_REGISTRATION)
                for slot in reading.value or ()
            ],
        )


@strawberry.type
class Mutation:
    """The mutation fields of hospital registration."""

    @mutation(
        of_service(HOSPITAL_REGISTRATION, for_others=True),
        description="Book a number; needs the consent `appointments.hospital-registration`. Held "
        "until its fee is paid.",
        parties_told=messages.PARTIES_TOLD,
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
            row = await numbers.book_number(
                info.context, REGISTRATION, NumberRequest(hospital_id, slot_id), idempotency_key
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))

    @mutation(
        of_service(HOSPITAL_REGISTRATION),
        description="Exchange a number of a hospital or clinic for another there at the same "
        "fee: never both, never neither.",
        parties_told=messages.PARTIES_TOLD,
    )
    async def move_hospital_number(
        self,
        info: Info,
        appointment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The appointment's id.")
        ],
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The new number.")],
        idempotency_key: IdempotencyKey,
        expected_version: ExpectedVersion = None,
    ) -> MoveHospitalNumberResult:
        """Book the new number, then give the old one back."""
        try:
            row = await numbers.move_number(
                info.context, parse_id(appointment_id), slot_id, idempotency_key, expected_version
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))


def _hospital(call: Call, ref: str, reading: Reading[upstream.Hospital]) -> Hospital:
    found = reading.value
    return Hospital(
        code=strawberry.ID(ref),
        **as_reading(reading),
        name=say(call, found.name) if found else None,
        grade=found.grade if found else None,
    )


def _doctor(call: Call, doctor: upstream.Doctor) -> HospitalDoctor:
    return HospitalDoctor(
        schedule_id=strawberry.ID(doctor.schedule_ref),
        name=doctor.name,
        title=say(call, doctor.title),
        fee=None if doctor.fee_fen is None else Fen(doctor.fee_fen),
    )
