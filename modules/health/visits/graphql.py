"""Service 21 in GraphQL: a hospital's examinations and follow-up visits, and booking one."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    mutation,
    of_service,
    query,
)
from core.upstream.readings import ReadStatus
from kinds.booking import messages, numbers
from kinds.booking.graphql_booking import appointment
from kinds.booking.numbers import NumberRequest, NumberTaken
from modules.health.hospitals import browsing
from modules.health.hospitals.graphql import (
    HospitalId,
    HospitalNumberBooked,
    HospitalRoom,
    NumberOutcome,
    as_reading,
    to_room,
    to_taken,
)
from modules.health.visits.numbers import VISIT, VISIT_APPOINTMENT


@strawberry.type(description="What a hospital examines, and its follow-up visits.")
class HospitalRooms:
    """A reading of rooms."""

    status: ReadStatus = strawberry.field(description="Where the list comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalRoom] = strawberry.field(description="The examinations and visits.")


BookHospitalVisitResult = Annotated[NumberOutcome, strawberry.union("BookHospitalVisitResult")]


@strawberry.type
class Query:
    """The query field of visits."""

    @query(
        of_service(VISIT_APPOINTMENT),
        description="The examinations and follow-up visits of a hospital.",
    )
    async def hospital_rooms(self, info: Info, hospital_id: HospitalId) -> HospitalRooms:
        """What can be booked without choosing a doctor."""
        reading = await browsing.read_rooms(info.context, hospital_id, VISIT.kinds)
        return HospitalRooms(
            **as_reading(reading),
            items=[to_room(info.context, room) for room in reading.value or ()],
        )


@strawberry.type
class Mutation:
    """The mutation field of visits."""

    @mutation(
        of_service(VISIT_APPOINTMENT, for_others=True),
        description="Book an examination or follow-up visit; needs the consent "
        "`appointments.visit`. Held until its fee is paid.",
        parties_told=messages.PARTIES_TOLD,
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
            row = await numbers.book_number(
                info.context, VISIT, NumberRequest(hospital_id, slot_id), idempotency_key
            )
        except NumberTaken as taken:
            return to_taken(info.context, taken)
        return HospitalNumberBooked(appointment=appointment(info.context, row))
