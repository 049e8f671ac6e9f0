"""What members of staff sign in with and see, in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.database.models import AccessFlag
from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    anybody,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    staff,
)
from core.security.authorization import Scope
from core.security.vault import mask_phone
from modules.identity import models, recovery
from modules.identity import staff as service
from modules.identity.graphql.arguments import Code, DocumentNo, Phone, RealName
from modules.identity.graphql.signing_in import SteppedUp, ThisDevice, Tokens, to_tokens
from modules.identity.service import Device


@strawberry.type(description="A person, as staff who handle a case see them.")
class StaffPerson:
    """What staff see of a person; the person sees that they looked."""

    account_id: strawberry.ID = strawberry.field(description="The account's id.")
    name: str | None = strawberry.field(description="The real name, where it is verified.")
    phone: str = strawberry.field(description="The phone, masked.")
    level: int = strawberry.field(description="Identity level: 1 phone, 2 real name.")


@strawberry.type(description="A member of staff looked at unusually many people within an hour.")
class UnusualAccess:
    id: strawberry.ID = strawberry.field(description="The flag's id, a cursor for `after`.")
    actor_id: strawberry.ID = strawberry.field(description="The member of staff.")
    actor_role: str = strawberry.field(description="Their role.")
    hour_starts_at: datetime = strawberry.field(description="The hour.")
    people: int = strawberry.field(description="How many people were looked at.")
    flagged_at: datetime = strawberry.field(description="When it was noticed.")


@strawberry.type(description="An account that gets another phone, by two officers at a counter.")
class Recovery:
    id: strawberry.ID = strawberry.field(description="For the second officer.")
    state: str = strawberry.field(description="proposed, approved, done or withdrawn.")
    due_at: datetime | None = strawberry.field(description="When the account moves.")


@strawberry.type(description="The recovery as it stands now.")
class RecoveryChanged:
    recovery: Recovery = strawberry.field(description="The recovery.")


RecoveryId = Annotated[strawberry.ID, strawberry.argument(description="The recovery's id.")]
ProposeRecoveryResult = Annotated[
    RecoveryChanged | Refused, strawberry.union("ProposeRecoveryResult")
]
ApproveRecoveryResult = Annotated[
    RecoveryChanged | Refused, strawberry.union("ApproveRecoveryResult")
]
WithdrawRecoveryResult = Annotated[
    RecoveryChanged | Refused, strawberry.union("WithdrawRecoveryResult")
]
AuthenticatorCode = Annotated[
    str, strawberry.argument(description="The six digits that the authenticator shows.")
]
StaffStepUpResult = Annotated[SteppedUp | Refused, strawberry.union("StaffStepUpResult")]
StaffLoginResult = Annotated[Tokens | Refused, strawberry.union("StaffLoginResult")]


@strawberry.type
class Query:
    """The query fields of staff."""

    @query(
        staff(Scope.PEOPLE_READ, fresh=True),
        description="A person, for a case; the person sees who looked.",
    )
    async def staff_person(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The person's id.")],
        case_no: Annotated[
            str, strawberry.argument(description="The case that makes the look necessary.")
        ],
    ) -> StaffPerson:
        """Each look leaves a row in the person's access log."""
        person = await service.look_up_person(info.context, parse_id(id), case_no)
        return StaffPerson(
            account_id=strawberry.ID(str(person.id)),
            name=person.name,
            phone=mask_phone(person.phone),
            level=person.level,
        )

    @query(staff(Scope.ACCESS_REVIEW), description="Who looked at unusually many people.")
    async def unusual_access(
        self, info: Info, first: First, after: After = None
    ) -> Connection[UnusualAccess]:
        """Newest first."""
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await service.list_flags(first=first + 1, before=before)
        return connection(rows, first, lambda row: str(row.id), _flag, after=after)


@strawberry.type
class Mutation:
    """The mutation field of staff."""

    @mutation(
        anybody(), description="Sign in as staff: the code from the phone and the authenticator's."
    )
    async def staff_login(
        self,
        info: Info,
        phone: Phone,
        code: Code,
        authenticator_code: AuthenticatorCode,
        device: ThisDevice,
        idempotency_key: IdempotencyKey,
    ) -> StaffLoginResult:
        """Open a session that carries the person's roles."""
        signed_in = await service.staff_login(
            info.context,
            phone,
            code,
            authenticator_code,
            Device(device.id, device.name),
            idempotency_key,
        )
        return to_tokens(signed_in)

    @mutation(
        signed_in(),
        description="Prove again who is there, in a session of staff: by the authenticator.",
    )
    async def staff_step_up(
        self, info: Info, authenticator_code: AuthenticatorCode, idempotency_key: IdempotencyKey
    ) -> StaffStepUpResult:
        """Good for 15 minutes."""
        token = await service.staff_step_up(info.context, authenticator_code, idempotency_key)
        return SteppedUp(access_token=token)

    @mutation(
        staff(Scope.ACCOUNTS_RECOVER, fresh=True),
        description="For an officer who has seen a person and the card: give their account another "
        "phone, once a second officer approves and some days have passed.",
    )
    async def propose_recovery(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        phone: Phone,
        idempotency_key: IdempotencyKey,
    ) -> ProposeRecoveryResult:
        """The first pair of eyes."""
        row = await recovery.propose(info.context, name, resident_id, phone, idempotency_key)
        return RecoveryChanged(recovery=_recovery(row))

    @mutation(
        staff(Scope.ACCOUNTS_RECOVER, fresh=True),
        description="For a second officer who has seen the person and the card: name, number and "
        "phone must be those that were entered first.",
    )
    async def approve_recovery(
        self,
        info: Info,
        recovery_id: RecoveryId,
        name: RealName,
        resident_id: DocumentNo,
        phone: Phone,
        idempotency_key: IdempotencyKey,
    ) -> ApproveRecoveryResult:
        """Approving twice is approving once."""
        row = await recovery.approve(info.context, parse_id(recovery_id), name, resident_id, phone)
        return RecoveryChanged(recovery=_recovery(row))

    @mutation(
        staff(Scope.ACCOUNTS_RECOVER, fresh=True),
        description="Stop a recovery before its cooling-off is over; both sides are told.",
    )
    async def withdraw_recovery(
        self, info: Info, recovery_id: RecoveryId, idempotency_key: IdempotencyKey
    ) -> WithdrawRecoveryResult:
        """For an objection, or a mistake."""
        row = await recovery.withdraw(info.context, parse_id(recovery_id))
        return RecoveryChanged(recovery=_recovery(row))


def _recovery(row: models.Recovery) -> Recovery:
    return Recovery(id=strawberry.ID(str(row.id)), state=row.state, due_at=row.due_at)


def _flag(row: AccessFlag) -> UnusualAccess:
    return UnusualAccess(
        id=strawberry.ID(str(row.id)),
        actor_id=strawberry.ID(str(row.actor_id)),
        actor_role=row.actor_role,
        hour_starts_at=row.hour_starts_at,
        people=row.people_count,
        flagged_at=row.flagged_at,
    )
