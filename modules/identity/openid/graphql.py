"""Answering other apps in GraphQL: who asks, for what; letting them, and ending that."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    parse_id,
    query,
    signed_in,
    view,
)
from modules.identity.openid import service
from modules.identity.openid.domain import OpenidScope

view(OpenidScope, name="AppScope")


@strawberry.type(description="Another organisation's app asks to sign the viewer in.")
class AppRequest:
    app_name: str = strawberry.field(description="The app's name.")
    scopes: list[OpenidScope] = strawberry.field(description="What it wants to know.")


@strawberry.type(description="What the viewer has let an app know.")
class AppGrant:
    id: strawberry.ID = strawberry.field(description="The grant's id.")
    app_name: str = strawberry.field(description="The app's name.")
    scopes: list[OpenidScope] = strawberry.field(description="What it may know.")
    granted_at: datetime = strawberry.field(description="When it was allowed.")
    last_used_at: datetime | None = strawberry.field(description="When it was last read.")


@strawberry.type(description="The app is answered.")
class AppRequestAnswered:
    redirect_to: str = strawberry.field(
        description="Open this address: it leads back to the app, and is good for a minute."
    )


@strawberry.type(description="The app may know nothing more.")
class AppGrantEnded:
    grants: list[AppGrant] = strawberry.field(description="Those that are left.")


AnswerAppRequestResult = Annotated[
    AppRequestAnswered | Refused, strawberry.union("AnswerAppRequestResult")
]
EndAppGrantResult = Annotated[AppGrantEnded | Refused, strawberry.union("EndAppGrantResult")]
SignedRequest = Annotated[
    str, strawberry.argument(description="`request` of the address that opened this app.")
]


@strawberry.type
class Query:
    """The query fields of signing in elsewhere."""

    @query(signed_in(), description="Who asks to sign the viewer in, and what they want to know.")
    async def app_request(self, info: Info, request: SignedRequest) -> AppRequest:
        """Good for ten minutes."""
        authorization, client = await service.open_request(info.context.app, request)
        return AppRequest(app_name=client.name, scopes=list(authorization.scopes))

    @query(signed_in(), description="What the viewer has let other apps know, newest first.")
    async def app_grants(self, info: Info) -> list[AppGrant]:
        """The last fifty."""
        return await _grants(info)


@strawberry.type
class Mutation:
    """The mutation fields of signing in elsewhere."""

    @mutation(signed_in(), description="Let an app know the viewer, or refuse it.", waits=True)
    async def answer_app_request(
        self,
        info: Info,
        request: SignedRequest,
        allow: Annotated[bool, strawberry.argument(description="False refuses it.")],
        idempotency_key: IdempotencyKey,
    ) -> AnswerAppRequestResult:
        """A real name needs level 2, a name or number the consent `identity.sign-in-elsewhere`."""
        address = await service.answer_request(info.context, request, idempotency_key, allow=allow)
        return AppRequestAnswered(redirect_to=address)

    @mutation(signed_in(), description="Let an app know nothing more.")
    async def end_app_grant(
        self,
        info: Info,
        grant_id: Annotated[
            strawberry.ID, strawberry.argument(description="The grant's id, from appGrants.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> EndAppGrantResult:
        """Ending twice is ending once."""
        await service.end_grant(info.context, parse_id(grant_id))
        return AppGrantEnded(grants=await _grants(info))


async def _grants(info: Info) -> list[AppGrant]:
    return [
        AppGrant(
            id=strawberry.ID(str(grant.id)),
            app_name=name,
            scopes=[OpenidScope(scope) for scope in grant.scopes],
            granted_at=grant.granted_at,
            last_used_at=grant.last_used_at,
        )
        for grant, name in await service.list_grants(info.context)
    ]
