"""Mini-programmes in GraphQL: signing in from one, linking it, ending that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    anybody,
    mutation,
    query,
    signed_in,
    view,
)
from modules.identity import link_store, models
from modules.identity.domain import Platform
from modules.identity.graphql.signing_in import ThisDevice, Tokens, to_tokens
from modules.identity.mini_programmes import service
from modules.identity.service import Device

view(Platform, name="MiniProgrammePlatform")


@strawberry.type(description="A platform whose mini-programme opens the viewer's account.")
class MiniProgrammeLink:
    platform: Platform = strawberry.field(description="The platform.")
    linked_at: datetime = strawberry.field(description="Since when.")
    last_used_at: datetime = strawberry.field(description="When the viewer last signed in there.")


@strawberry.type(description="The viewer's links have changed.")
class MiniProgrammesChanged:
    links: list[MiniProgrammeLink] = strawberry.field(description="Those that there are now.")


LoginWithMiniProgrammeResult = Annotated[
    Tokens | Refused, strawberry.union("LoginWithMiniProgrammeResult")
]
LinkMiniProgrammeResult = Annotated[
    MiniProgrammesChanged | Refused, strawberry.union("LinkMiniProgrammeResult")
]
EndMiniProgrammeLinkResult = Annotated[
    MiniProgrammesChanged | Refused, strawberry.union("EndMiniProgrammeLinkResult")
]
OfPlatform = Annotated[Platform, strawberry.argument(description="The platform.")]
PlatformCode = Annotated[
    str,
    strawberry.argument(
        description="What `wx.login` or `my.getAuthCode` gave the mini-programme; good once."
    ),
]


@strawberry.type
class Query:
    """The query field of mini-programmes."""

    @query(signed_in(), description="The platforms whose mini-programmes open the account.")
    async def mini_programmes(self, info: Info) -> list[MiniProgrammeLink]:
        """One of each platform at most."""
        return _shown(await link_store.list_links(info.context.require_viewer().user_id))


@strawberry.type
class Mutation:
    """The mutation fields of mini-programmes."""

    @mutation(
        anybody(),
        description="Sign in from a mini-programme: to the account that is linked, or to a new one "
        "of the phone that the platform proves.",
    )
    async def login_with_mini_programme(
        self,
        info: Info,
        platform: OfPlatform,
        code: PlatformCode,
        device: ThisDevice,
        idempotency_key: IdempotencyKey,
        phone_proof: Annotated[
            str | None,
            strawberry.argument(
                description="The first time: the code of WeChat's button `getPhoneNumber`, or the "
                "`response` of Alipay's `my.getPhoneNumber`."
            ),
        ] = None,
    ) -> LoginWithMiniProgrammeResult:
        """Open a session."""
        opened = await service.login(
            *(info.context, platform, code, phone_proof),
            Device(device.id, device.name),
            idempotency_key,
        )
        return to_tokens(opened)

    @mutation(
        signed_in(fresh=True),
        description="Let the mini-programme open the viewer's account; the owner is told.",
        waits=True,
    )
    async def link_mini_programme(
        self, info: Info, platform: OfPlatform, code: PlatformCode, idempotency_key: IdempotencyKey
    ) -> LinkMiniProgrammeResult:
        """One of each platform."""
        links = await service.link(info.context, platform, code, idempotency_key)
        return MiniProgrammesChanged(links=_shown(links))

    @mutation(signed_in(), description="Let a mini-programme open the account no more.")
    async def end_mini_programme_link(
        self, info: Info, platform: OfPlatform, idempotency_key: IdempotencyKey
    ) -> EndMiniProgrammeLinkResult:
        """Its sessions are ended by revokeSession."""
        links = await service.end_link(info.context, platform, idempotency_key)
        return MiniProgrammesChanged(links=_shown(links))


def _shown(links: Sequence[models.MiniProgrammeLink]) -> list[MiniProgrammeLink]:
    return [
        MiniProgrammeLink(
            platform=Platform(link.platform),
            linked_at=link.linked_at,
            last_used_at=link.last_used_at,
        )
        for link in links
    ]
