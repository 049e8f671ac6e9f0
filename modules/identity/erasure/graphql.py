"""Leaving, in GraphQL: an account that is to be closed, and keeping it after all."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import IdempotencyKey, Info, Refusal, Refused, mutation, signed_in
from modules.identity.erasure import service
from modules.identity.graphql.privacy import Reason, shown_holds
from modules.identity.graphql.signing_in import Viewer, viewer_of


@strawberry.type(description="The account will be closed and forgotten, but for what law keeps.")
class AccountClosing:
    closes_at: datetime = strawberry.field(
        description="When; until then all goes on, and keepMyAccount takes it back."
    )
    holds: list[Reason] = strawberry.field(description="What will be kept, and why.")
    viewer: Viewer = strawberry.field(description="The viewer, with that day.")


@strawberry.type(description="The account stays.")
class AccountKept:
    viewer: Viewer = strawberry.field(description="The viewer, without a day of closing.")


@strawberry.type(description="Something is still under way; the account stands.")
class AccountUnsettled(Refusal):
    """A refusal that names what has to end first: ACCOUNT_UNSETTLED."""

    under_way: list[Reason] = strawberry.field(description="What is under way.")


EraseMyAccountResult = Annotated[
    AccountClosing | AccountUnsettled | Refused, strawberry.union("EraseMyAccountResult")
]
KeepMyAccountResult = Annotated[AccountKept | Refused, strawberry.union("KeepMyAccountResult")]


@strawberry.type
class Mutation:
    """The mutation fields of leaving."""

    @mutation(
        signed_in(fresh=True),
        description="Have the viewer's account closed and forgotten, seven days from now.",
        waits=True,
    )
    async def erase_my_account(
        self,
        info: Info,
        idempotency_key: IdempotencyKey,
        settle: Annotated[
            bool,
            strawberry.argument(
                description="End first what is under way and can be ended: appointments are given "
                "back, and their fees returned."
            ),
        ] = False,
    ) -> EraseMyAccountResult:
        """Asked again, the day stands."""
        call = info.context
        try:
            closing = await service.ask_erasure(call, idempotency_key, settle=settle)
        except service.AccountUnsettled as refused:
            return AccountUnsettled(
                code=refused.code,
                message=refused.say(call.locale),
                under_way=shown_holds(call, refused.holds),
            )
        return AccountClosing(
            closes_at=closing.closes_at,
            holds=shown_holds(call, closing.holds),
            viewer=await viewer_of(call),
        )

    @mutation(signed_in(), description="Keep the account that was to be closed.")
    async def keep_my_account(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> KeepMyAccountResult:
        """An account that nobody wished closed is kept as it is."""
        await service.keep_account(info.context, idempotency_key)
        return AccountKept(viewer=await viewer_of(info.context))
