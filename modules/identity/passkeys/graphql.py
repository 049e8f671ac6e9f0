"""Passkeys in GraphQL: what an authenticator is asked for and what it answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
from strawberry.scalars import JSON

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    anybody,
    mutation,
    parse_id,
    query,
    signed_in,
)
from modules.identity import models, store
from modules.identity.graphql.signing_in import SteppedUp, ThisDevice, Tokens, to_tokens
from modules.identity.passkeys import service
from modules.identity.service import Device


@strawberry.type(description="A key in one of the viewer's devices that signs in without a text.")
class Passkey:
    id: strawberry.ID = strawberry.field(description="The passkey's id.")
    name: str = strawberry.field(description="The name that it was given.")
    created_at: datetime = strawberry.field(description="When it was added.")
    last_used_at: datetime | None = strawberry.field(description="When it was last used.")


@strawberry.type(description="The viewer's passkeys have changed.")
class PasskeysChanged:
    passkeys: list[Passkey] = strawberry.field(description="Those that there are now.")


AddPasskeyResult = Annotated[PasskeysChanged | Refused, strawberry.union("AddPasskeyResult")]
RemovePasskeyResult = Annotated[PasskeysChanged | Refused, strawberry.union("RemovePasskeyResult")]
LoginWithPasskeyResult = Annotated[Tokens | Refused, strawberry.union("LoginWithPasskeyResult")]
StepUpWithPasskeyResult = Annotated[
    SteppedUp | Refused, strawberry.union("StepUpWithPasskeyResult")
]
Credential = Annotated[
    JSON,
    strawberry.argument(description="The `PublicKeyCredential`, as its `toJSON()` gives it."),
]


@strawberry.type
class Query:
    """The query fields of passkeys."""

    @query(signed_in(), description="The viewer's passkeys, the oldest first.")
    async def passkeys(self, info: Info) -> list[Passkey]:
        """Those of the viewer's account."""
        return await _passkeys(info)

    @query(
        signed_in(fresh=True),
        description="The `publicKey` of `navigator.credentials.create`, for addPasskey.",
    )
    async def passkey_registration(self, info: Info) -> JSON:
        """Good once, for five minutes."""
        return cast(JSON, await service.registration_options(info.context))

    @query(
        anybody(),
        description="The `publicKey` of `navigator.credentials.get`: for loginWithPasskey, or "
        "where somebody is signed in for stepUpWithPasskey.",
    )
    async def passkey_request(self, info: Info) -> JSON:
        """Good once, for five minutes."""
        return cast(JSON, await service.request_options(info.context))


@strawberry.type
class Mutation:
    """The mutation fields of passkeys."""

    @mutation(
        signed_in(fresh=True),
        description="Keep a passkey that this device has made; the owner is told.",
        waits=True,
    )
    async def add_passkey(
        self,
        info: Info,
        credential: Credential,
        name: Annotated[
            str, strawberry.argument(description="A name by which people know it again.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> AddPasskeyResult:
        """Ten at most."""
        await service.add(info.context, _mapping(credential), name, idempotency_key)
        return PasskeysChanged(passkeys=await _passkeys(info))

    @mutation(signed_in(fresh=True), description="Forget one of the viewer's passkeys.")
    async def remove_passkey(
        self,
        info: Info,
        passkey_id: Annotated[
            strawberry.ID, strawberry.argument(description="The passkey's id, from passkeys.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> RemovePasskeyResult:
        """It signs in no more."""
        await service.remove(info.context, parse_id(passkey_id), idempotency_key)
        return PasskeysChanged(passkeys=await _passkeys(info))

    @mutation(anybody(), description="Sign in with a passkey; it says whose it is.")
    async def login_with_passkey(
        self,
        info: Info,
        credential: Credential,
        device: ThisDevice,
        idempotency_key: IdempotencyKey,
    ) -> LoginWithPasskeyResult:
        """Open a session."""
        signed_in = await service.login(
            info.context, _mapping(credential), Device(device.id, device.name), idempotency_key
        )
        return to_tokens(signed_in)

    @mutation(
        signed_in(proved=False),
        description="Prove again who is there, by a passkey.",
    )
    async def step_up_with_passkey(
        self, info: Info, credential: Credential, idempotency_key: IdempotencyKey
    ) -> StepUpWithPasskeyResult:
        """Good for 15 minutes."""
        token = await service.step_up(info.context, _mapping(credential), idempotency_key)
        return SteppedUp(access_token=token)


async def _passkeys(info: Info) -> list[Passkey]:
    rows = await store.list_passkeys(info.context.require_viewer().user_id)
    return [_passkey(row) for row in rows]


def _passkey(row: models.Passkey) -> Passkey:
    return Passkey(
        id=strawberry.ID(str(row.id)),
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def _mapping(credential: JSON) -> Mapping[str, Any]:
    """What was sent, where it is an object; nothing else can be a credential."""
    return cast(Mapping[str, Any], credential) if isinstance(credential, dict) else {}
