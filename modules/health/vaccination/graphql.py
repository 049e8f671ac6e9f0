"""Service 29 in GraphQL: the vaccination record, the clinics, an appointment for a due dose."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    IdempotencyKey,
    Info,
    mutation,
    of_service,
    query,
)
from core.upstream.readings import ReadStatus
from kinds.booking import messages
from kinds.booking.graphql_booking import appointment
from kinds.booking.graphql_types import say
from kinds.booking.numbers import NumberTaken
from modules.health.hospitals import browsing
from modules.health.hospitals.graphql import (
    HospitalNumberBooked,
    HospitalRoom,
    HospitalSlots,
    NumberOutcome,
    as_reading,
    to_hospital_slot,
    to_room,
    to_taken,
)
from modules.health.vaccination import service
from modules.health.vaccination.domain import Dose, VaccinationRecord
from modules.health.vaccination.service import CLINICS, VACCINATION, VACCINATION_APPOINTMENT


@strawberry.type(description="A dose of a vaccine.")
class VaccineDose:
    """A dose."""

    vaccine_code: str = strawberry.field(description="The vaccine, for bookVaccination.")
    vaccine: str = strawberry.field(description="The vaccine's name.")
    number: int = strawberry.field(description="Which dose, for bookVaccination.")
    series: int | None = strawberry.field(
        description="Of how many that make it complete; null where the registry does not tell."
    )


@strawberry.type(description="A dose that was given.")
class GivenDose:
    """A past dose."""

    dose: VaccineDose = strawberry.field(description="The dose.")
    given_on: date = strawberry.field(description="When it was given.")
    lot_no: str = strawberry.field(description="The lot's number.")


@strawberry.type(description="A dose that is due by now or soon.")
class DueDose:
    """A dose to come."""

    dose: VaccineDose = strawberry.field(description="The dose.")
    earliest_on: date = strawberry.field(
        description="The first day on which it can be given: by age, and by the last dose."
    )
    due_on: date | None = strawberry.field(description="By when; null where it is not told.")
    overdue: bool = strawberry.field(description="Whether that is long past.")


@strawberry.type(description="A person's vaccinations, and how fresh that is.")
class Vaccinations:
    """What vaccinations answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    given: list[GivenDose] = strawberry.field(description="The doses that were given.")
    due: list[DueDose] = strawberry.field(description="The doses that are due.")


@strawberry.type(description="A vaccination clinic.")
class VaccinationClinic:
    """A clinic."""

    code: strawberry.ID = strawberry.field(description="The clinic's code.")
    status: ReadStatus = strawberry.field(description="Where its description comes from.")
    as_of: datetime | None = strawberry.field(description="When the description was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    name: str | None = strawberry.field(description="Its name; null when UNAVAILABLE.")


@strawberry.type(description="Where in a clinic one is vaccinated.")
class VaccinationRooms:
    """A reading of rooms."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalRoom] = strawberry.field(description="The rooms, for whom they are.")


BookVaccinationResult = Annotated[NumberOutcome, strawberry.union("BookVaccinationResult")]

ClinicId = Annotated[strawberry.ID, strawberry.argument(description="The clinic's code.")]


@strawberry.type
class Query:
    """The query fields of vaccination."""

    @query(
        of_service(VACCINATION_APPOINTMENT, for_others=True),
        description="The vaccinations of the viewer, or of whom they act for; needs the consent "
        "`appointments.immunisation-record`.",
    )
    async def vaccinations(self, info: Info) -> Vaccinations:
        """Past and due doses."""
        reading = await service.read_vaccinations(info.context)
        record = reading.value or VaccinationRecord((), ())
        return Vaccinations(
            **as_reading(reading),
            given=[
                GivenDose(
                    dose=_dose(info.context, one.dose), given_on=one.given_on, lot_no=one.lot_no
                )
                for one in record.given
            ],
            due=[
                DueDose(
                    dose=_dose(info.context, one.dose),
                    earliest_on=service.first_day(info.context, record, one),
                    due_on=one.due_on,
                    overdue=one.overdue,
                )
                for one in record.due
            ],
        )

    @query(of_service(VACCINATION_APPOINTMENT), description="The connected vaccination clinics.")
    async def vaccination_clinics(self, info: Info) -> list[VaccinationClinic]:
        """Each clinic with what it says of itself."""
        readings = await browsing.read_hospitals(info.context, CLINICS)
        return [
            VaccinationClinic(
                code=strawberry.ID(ref),
                **as_reading(reading),
                name=say(info.context, reading.value.name) if reading.value else None,
            )
            for ref, reading in readings.items()
        ]

    @query(of_service(VACCINATION_APPOINTMENT), description="The rooms of a vaccination clinic.")
    async def vaccination_rooms(self, info: Info, clinic_id: ClinicId) -> VaccinationRooms:
        """For children and for adults."""
        reading = await browsing.read_rooms(info.context, clinic_id, VACCINATION.kinds, CLINICS)
        return VaccinationRooms(
            **as_reading(reading),
            items=[to_room(info.context, room) for room in reading.value or ()],
        )

    @query(of_service(VACCINATION_APPOINTMENT), description="The free numbers of a clinic's room.")
    async def vaccination_slots(
        self,
        info: Info,
        clinic_id: ClinicId,
        schedule_id: Annotated[
            strawberry.ID, strawberry.argument(description="The room's calendar.")
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
            info.context,
            clinic_id,
            schedule_id,
            skip_days=skip_days,
            days=days,
            servers=CLINICS,
        )
        return HospitalSlots(
            **as_reading(reading),
            items=[
                to_hospital_slot(info.context, slot, VACCINATION_APPOINTMENT)
                for slot in reading.value or ()
            ],
        )


@strawberry.type
class Mutation:
    """The mutation field of vaccination."""

    @mutation(
        of_service(VACCINATION_APPOINTMENT, for_others=True),
        description="Book a clinic's number for a dose that is due; needs the consents "
        "`appointments.vaccination` and `appointments.immunisation-record`.",
        parties_told=messages.PARTIES_TOLD,
    )
    async def book_vaccination(
        self,
        info: Info,
        clinic_id: ClinicId,
        slot_id: Annotated[strawberry.ID, strawberry.argument(description="The number.")],
        vaccine_code: Annotated[str, strawberry.argument(description="The vaccine's code.")],
        dose_number: Annotated[int, strawberry.argument(description="Which dose of it.")],
        idempotency_key: IdempotencyKey,
    ) -> BookVaccinationResult:
        """Look the dose up, hold, book at the clinic, confirm."""
        try:
            row = await service.book_vaccination(
                info.context, clinic_id, slot_id, vaccine_code, dose_number, idempotency_key
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))


def _dose(call: Call, dose: Dose) -> VaccineDose:
    return VaccineDose(
        vaccine_code=dose.vaccine_code,
        vaccine=say(call, dose.vaccine),
        number=dose.number,
        series=dose.series or None,
    )
