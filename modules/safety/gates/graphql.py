"""Service 57 in GraphQL."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, parse_id, query, view
from kinds.subscription import unsubscribe_field
from modules.safety.gates import leaves, service
from modules.safety.gates.domain import SERVICE, AlarmKind, Direction
from modules.safety.gates.notices import FOLLOWS
from modules.safety.gates.service import SchoolGate, SchoolLeave

view(Direction, name="GateDirection")
view(AlarmKind, name="SilenceAlarmKind")
view(SchoolLeave, names={"from_on": "from", "until_on": "until"})
view(SchoolGate)


@view
@dataclass(frozen=True, slots=True)
class SchoolGateFollowed:
    """The guardian is told from now on."""

    follow_id: Annotated[UUID, "The subscription's id."]


@view
@dataclass(frozen=True, slots=True)
class SchoolLeaveFiled:
    """The leave is filed, and the school is told."""

    leave: Annotated[SchoolLeave, "The leave."]


@view
@dataclass(frozen=True, slots=True)
class SchoolLeaveWithdrawn:
    """The leave does not hold any more."""

    leave_id: Annotated[str, "The leave's id."]


FollowSchoolGateResult = Annotated[
    SchoolGateFollowed | Refused, strawberry.union("FollowSchoolGateResult")
]
FileSchoolLeaveResult = Annotated[
    SchoolLeaveFiled | Refused, strawberry.union("FileSchoolLeaveResult")
]
WithdrawSchoolLeaveResult = Annotated[
    SchoolLeaveWithdrawn | Refused, strawberry.union("WithdrawSchoolLeaveResult")
]


@strawberry.type
class Query:
    """The query field of service 57."""

    @query(
        of_service(SERVICE, for_others=True),
        description="What a child's guardian is told of its school's gates; null: not followed.",
    )
    async def school_gate(self, info: Info) -> SchoolGate | None:
        """For whoever is no guardian there is no such child."""
        return await service.look(info.context)


@strawberry.type
class Mutation:
    """The mutation fields of service 57."""

    @mutation(
        of_service(SERVICE, for_others=True),
        description="Be told when the child enters and leaves school, and when it does not arrive.",
    )
    async def follow_school_gate(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> FollowSchoolGateResult:
        """The school is looked up at the education bureau."""
        return SchoolGateFollowed((await service.follow(info.context, idempotency_key)).id)

    unfollow_school_gate = unsubscribe_field(FOLLOWS, description="Be told of the child no more.")

    @mutation(
        of_service(SERVICE, for_others=True),
        description="File a leave for the child: no alarm is raised on these days.",
    )
    async def file_school_leave(
        self,
        info: Info,
        from_on: Annotated[
            date, strawberry.argument(name="from", description="The first day, today or later.")
        ],
        until_on: Annotated[date, strawberry.argument(name="until", description="The last day.")],
        idempotency_key: IdempotencyKey,
    ) -> FileSchoolLeaveResult:
        """Any guardian who follows the child may."""
        row = await leaves.file_leave(info.context, from_on, until_on, idempotency_key)
        return SchoolLeaveFiled(SchoolLeave(row.id, row.from_on, row.until_on))

    @mutation(of_service(SERVICE), description="Take back a leave of a child, whoever filed it.")
    async def withdraw_school_leave(
        self,
        info: Info,
        leave_id: Annotated[strawberry.ID, strawberry.argument(description="The leave's id.")],
        idempotency_key: IdempotencyKey,
    ) -> WithdrawSchoolLeaveResult:
        """One that is gone already, or of a stranger's child, is not found."""
        await leaves.withdraw_leave(info.context, parse_id(leave_id), idempotency_key)
        return SchoolLeaveWithdrawn(leave_id)
