"""Disputes over accounts in GraphQL: opening one, deciding it, seeing how it stands."""

from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from core.context.app import App
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
    signed_in,
    staff,
)
from core.security.authorization import Scope
from core.security.vault import mask_name
from modules.identity import models
from modules.identity.disputes import service
from modules.identity.graphql.arguments import DocumentNo, Phone, RealName


@strawberry.type(description="That somebody says an account with their ID number is not theirs.")
class AccountDispute:
    id: strawberry.ID = strawberry.field(description="For the officer who decides.")
    state: str = strawberry.field(
        description="disputed; approved (the account moves at `dueAt`), done; dismissed, withdrawn."
    )
    is_about_me: bool = strawberry.field(description="Whether the viewer's account is disputed.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    due_at: datetime | None = strawberry.field(description="When the account moves.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")


@strawberry.type(description="A dispute over an account that waits for an officer's decision.")
class UndecidedDispute:
    id: strawberry.ID = strawberry.field(
        description="For approveRecovery or dismissDispute; a cursor for `after`."
    )
    name: str = strawberry.field(description="The name of whose account it is, masked.")
    opened_at: datetime = strawberry.field(description="When it was opened.")
    decide_by: datetime = strawberry.field(description="It is dismissed then.")


@strawberry.type(description="The dispute as it stands now.")
class DisputeChanged:
    dispute: AccountDispute = strawberry.field(description="The dispute.")


OpenDisputeResult = Annotated[DisputeChanged | Refused, strawberry.union("OpenDisputeResult")]
DisputeAccountResult = Annotated[DisputeChanged | Refused, strawberry.union("DisputeAccountResult")]
DismissDisputeResult = Annotated[DisputeChanged | Refused, strawberry.union("DismissDisputeResult")]


@strawberry.type
class Query:
    """The query fields of disputes."""

    @query(
        signed_in(),
        description="Disputes about the viewer's account, and those that the viewer opened.",
    )
    async def account_disputes(self, info: Info) -> list[AccountDispute]:
        """Newest first; at most a hundred."""
        return [_shown(info, row) for row in await service.list_disputes(info.context)]

    @query(
        staff(Scope.ACCOUNTS_RECOVER),
        description="For officers: the disputes that wait for a decision, oldest first.",
    )
    async def undecided_disputes(
        self, info: Info, first: First, after: After = None
    ) -> Connection[UndecidedDispute]:
        """Whom one is about, the card shows to who decides."""
        first = page_size(first)
        last = parse_id(after) if after else None
        rows = await service.list_undecided(info.context, first=first + 1, after=last)
        show = partial(_undecided, info.context.app)
        return connection(rows, first, lambda row: str(row.id), show, after=after)


@strawberry.type
class Mutation:
    """The mutation fields of disputes."""

    @mutation(
        staff(Scope.ACCOUNTS_RECOVER, fresh=True),
        description="For an officer who has seen a person and the card, and whose number another "
        "account holds: that account stands still until a second officer decides, by "
        "approveRecovery or dismissDispute.",
    )
    async def open_dispute(
        self,
        info: Info,
        name: RealName,
        resident_id: DocumentNo,
        phone: Phone,
        idempotency_key: IdempotencyKey,
    ) -> OpenDisputeResult:
        """Both sides are told."""
        row = await service.open_at_counter(info.context, name, resident_id, phone, idempotency_key)
        return DisputeChanged(dispute=_shown(info, row))

    @mutation(
        signed_in(proved=False),
        description="Back from the network identity platform, where another account holds the "
        "viewer's number by a proof as good: that account stands still until an officer decides.",
    )
    async def dispute_account(
        self,
        info: Info,
        ticket: Annotated[
            str, strawberry.argument(description="From beginNetworkProof, in this session.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> DisputeAccountResult:
        """For who is answered ID_IN_USE by finishNetworkProof."""
        row = await service.open_by_proof(info.context, ticket, idempotency_key)
        return DisputeChanged(dispute=_shown(info, row))

    @mutation(
        staff(Scope.ACCOUNTS_RECOVER, fresh=True),
        description="For a second officer: the account stays with who has it.",
    )
    async def dismiss_dispute(
        self,
        info: Info,
        dispute_id: Annotated[strawberry.ID, strawberry.argument(description="The dispute's id.")],
        idempotency_key: IdempotencyKey,
    ) -> DismissDisputeResult:
        """Dismissing twice is dismissing once."""
        row = await service.dismiss(info.context, parse_id(dispute_id))
        return DisputeChanged(dispute=_shown(info, row))


def _undecided(app: App, row: models.Recovery) -> UndecidedDispute:
    return UndecidedDispute(
        id=strawberry.ID(str(row.id)),
        name=mask_name(app.vault.decrypt(bytes(row.name_sealed), models.NAME)),
        opened_at=row.proposed_at,
        decide_by=row.proposed_at + service.DECIDED_WITHIN,
    )


def _shown(info: Info, row: models.Recovery) -> AccountDispute:
    return AccountDispute(
        id=strawberry.ID(str(row.id)),
        state=row.state,
        is_about_me=row.disputed_id == info.context.require_viewer().user_id,
        opened_at=row.proposed_at,
        due_at=row.due_at,
        ended_at=row.ended_at,
    )
