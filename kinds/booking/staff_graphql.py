"""What staff do about appointments on the day and after it, in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, parse_id, staff, view
from core.security.authorization import Scope
from kinds.booking import visits
from kinds.booking.domain import Excuse

view(Excuse, name="AppointmentExcuse")


@strawberry.type(description="The person is there.")
class CheckedIn:
    """What checkInAppointment answers to the member of staff."""

    appointment_id: strawberry.ID = strawberry.field(description="The appointment.")
    starts_at: datetime = strawberry.field(description="When it begins.")


@strawberry.type(description="The appointment counts as missed no more.")
class MissTakenBack:
    appointment_id: strawberry.ID = strawberry.field(description="The appointment.")


CheckInAppointmentResult = Annotated[
    CheckedIn | Refused, strawberry.union("CheckInAppointmentResult")
]
ExcuseMissedAppointmentResult = Annotated[
    MissTakenBack | Refused, strawberry.union("ExcuseMissedAppointmentResult")
]


@strawberry.type
class Mutation:
    """The mutation fields of staff about appointments."""

    @mutation(
        staff(Scope.APPOINTMENTS_CHECK_IN),
        description="For staff: check a person in by the code they show.",
    )
    async def check_in_appointment(
        self,
        info: Info,
        code: Annotated[str, strawberry.argument(description="What the QR code says.")],
        idempotency_key: IdempotencyKey,
    ) -> CheckInAppointmentResult:
        """Check in."""
        row = await visits.check_in(info.context, code, idempotency_key)
        return CheckedIn(appointment_id=strawberry.ID(str(row.id)), starts_at=row.starts_at)

    @mutation(
        staff(Scope.APPOINTMENTS_CHECK_IN),
        description="For staff: take a miss back that somebody has appealed against. It counts "
        "towards no ban any more, and the person is told.",
    )
    async def excuse_missed_appointment(
        self,
        info: Info,
        appointment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The missed appointment's id.")
        ],
        because: Annotated[Excuse, strawberry.argument(description="Why.")],
        idempotency_key: IdempotencyKey,
    ) -> ExcuseMissedAppointmentResult:
        """Once; doing it twice is doing it once."""
        row = await visits.excuse(info.context, parse_id(appointment_id), because, idempotency_key)
        return MissTakenBack(appointment_id=strawberry.ID(str(row.id)))
