"""Care programmes in GraphQL, as family doctors use them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    staff,
    view,
)
from core.security.authorization import Scope
from modules.health.programmes.domain import Goal, Quantity, Severity
from modules.health.programmes.graphql import CareEnrolment, EnrolmentId, to_enrolment
from modules.health.programmes.staff import desk
from modules.health.programmes.staff.desk import OpenedCare, PlanChange

_DOCTORS = staff(Scope.CARE_PLANS)


@strawberry.input(description="What a plan aims at for one quantity; at least one bound.")
class CareGoalInput:
    """A goal."""

    quantity: Quantity = strawberry.field(description="A quantity of the programme.")
    at_least: float | None = strawberry.field(default=None, description="Not below this.")
    below: float | None = strawberry.field(default=None, description="Below this.")


@view
@dataclass(frozen=True, slots=True)
class StaffCareAlert:
    """An alert that nobody has answered; whose it is, is told where the care is opened."""

    id: Annotated[UUID, "Its id."]
    programme: Annotated[str, "The programme's service."]
    enrolment_id: Annotated[str, "The enrolment, for staffCare."]
    rule: Annotated[str, "The rule that was met."]
    severity: Annotated[Severity, "How soon somebody has to act."]
    raised_at: Annotated[datetime, "When it was met."]


@view
@dataclass(frozen=True, slots=True)
class StaffCare:
    """Somebody's care as their doctor sees it; the person sees who looked."""

    name: Annotated[str | None, "The person's name."]
    phone: Annotated[str, "Their phone."]
    programme: Annotated[str, "The programme's service."]
    enrolment: Annotated[CareEnrolment, "Plan, measurements, visits, alerts."]


ChangeCarePlanResult = Annotated[StaffCare | Refused, strawberry.union("ChangeCarePlanResult")]
BookCareFollowUpResult = Annotated[StaffCare | Refused, strawberry.union("BookCareFollowUpResult")]
KeepCareFollowUpResult = Annotated[StaffCare | Refused, strawberry.union("KeepCareFollowUpResult")]
FollowUpId = Annotated[strawberry.ID, strawberry.argument(description="The visit's id.")]


@strawberry.type
class Query:
    """The query fields of family doctors."""

    @query(_DOCTORS, description="For family doctors: the open alerts, the oldest first.")
    async def staff_care_alerts(
        self, info: Info, first: First, after: After = None
    ) -> Connection[StaffCareAlert]:
        """Without names."""
        first = page_size(first)
        rows = await desk.list_open(
            info.context, first=first + 1, after=parse_id(after) if after else None
        )
        shown = [
            StaffCareAlert(
                alert.id,
                row.programme,
                str(row.id),
                alert.rule,
                Severity(alert.severity),
                alert.raised_at,
            )
            for alert, row in rows
        ]
        return connection(shown, first, lambda one: str(one.id), lambda one: one, after=after)

    @query(_DOCTORS, description="For family doctors: somebody's care; the person sees the look.")
    async def staff_care(self, info: Info, enrolment_id: EnrolmentId) -> StaffCare:
        """Open and closed enrolments."""
        return _show(info.context, await desk.open_care(info.context, parse_id(enrolment_id)))


@strawberry.type
class Mutation:
    """The mutation fields of family doctors."""

    @mutation(
        _DOCTORS, description="For family doctors: make a plan's next version; it answers alerts."
    )
    async def change_care_plan(
        self,
        info: Info,
        enrolment_id: EnrolmentId,
        version: Annotated[int, strawberry.argument(description="The version that was seen.")],
        goals: Annotated[list[CareGoalInput], strawberry.argument(description="All its goals.")],
        every_days: Annotated[
            int, strawberry.argument(description="Measure every so many days, 1 to 90.")
        ],
        idempotency_key: IdempotencyKey,
        note: Annotated[
            str, strawberry.argument(description="What the person reads, up to 500 characters.")
        ] = "",
    ) -> ChangeCarePlanResult:
        """The person is told that there is a new plan."""
        change = PlanChange(
            version,
            [Goal(goal.quantity, goal.at_least, goal.below) for goal in goals],
            every_days,
            note,
        )
        opened = await desk.change_plan(
            info.context, parse_id(enrolment_id), change, idempotency_key
        )
        return _show(info.context, opened)

    @mutation(_DOCTORS, description="For family doctors: book a visit, or move it.")
    async def book_care_follow_up(
        self,
        info: Info,
        follow_up_id: FollowUpId,
        starts_at: Annotated[datetime, strawberry.argument(description="For when.")],
        place: Annotated[str, strawberry.argument(description="Where, up to 64 characters.")],
        idempotency_key: IdempotencyKey,
    ) -> BookCareFollowUpResult:
        """The person is told."""
        visit_id = parse_id(follow_up_id)
        return _show(
            info.context, await desk.book(info.context, visit_id, starts_at, place, idempotency_key)
        )

    @mutation(_DOCTORS, description="For family doctors: note that a visit was kept.")
    async def keep_care_follow_up(
        self, info: Info, follow_up_id: FollowUpId, idempotency_key: IdempotencyKey
    ) -> KeepCareFollowUpResult:
        """Nobody is reminded of it any more."""
        opened = await desk.keep(info.context, parse_id(follow_up_id), idempotency_key)
        return _show(info.context, opened)


def _show(call: Call, opened: OpenedCare) -> StaffCare:
    enrolment = to_enrolment(call, opened.programme, opened.care)
    return StaffCare(opened.person.name, opened.person.phone, opened.programme.service, enrolment)
