"""GraphQL: map input to a command, map the result back. No rule and no query stands here.

Every type, field and argument has a description: the playground is the product team's manual.
"""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    HomeSection,
    IdempotencyKey,
    Info,
    Refused,
    service_mutation,
    service_query,
)
from core.upstream.readings import ReadStatus
from modules._example import domain, service, texts
from modules._example.domain import FountainState

strawberry.enum(FountainState, description="WORKING gives water, CLOSED does not.")


@strawberry.type(description="A public drinking fountain.")
class Fountain:
    """A fountain."""

    id: strawberry.ID = strawberry.field(description="The network's id of it.")
    name: str = strawberry.field(description="Where it stands.")
    state: FountainState = strawberry.field(description="Whether it gives water.")
    since_at: datetime = strawberry.field(description="Since when.")


@strawberry.type(description="The fountains of a district, and how fresh that is.")
class DrinkingFountains:
    """What drinkingFountains answers: every reading of an outside system tells these three."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    fountains: list[Fountain] = strawberry.field(
        description="The fountains; none where nothing can be shown."
    )


@strawberry.type(description="The viewer follows the fountain.")
class FountainFollowed:
    """What followFountain answers."""

    follow_id: strawberry.ID = strawberry.field(description="The id of the follow.")
    fountain: Fountain = strawberry.field(description="The fountain.")


# a payload or a refusal, as data: an app can be sure to have handled all that may happen
FollowFountainResult = Annotated[
    FountainFollowed | Refused, strawberry.union("FollowFountainResult")
]


@strawberry.type(description="The card of the fountains that the viewer follows.")
class FollowedFountainsSection(HomeSection):
    """The card."""

    closed: list[Fountain] = strawberry.field(description="Those that give no water now.")


@strawberry.type
class Query:
    """The module's query fields."""

    # the guard reads the service's identity level from the manifest
    @service_query("drinking-fountains", description="The drinking fountains of a district.")
    async def drinking_fountains(
        self,
        info: Info,
        district: Annotated[
            str, strawberry.argument(description="The district's six-digit code (GB/T 2260).")
        ],
    ) -> DrinkingFountains:
        """One district's fountains."""
        reading = await service.read_fountains(info.context, district)
        return DrinkingFountains(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            fountains=[_fountain(fountain) for fountain in reading.value or ()],
        )


@strawberry.type
class Mutation:
    """The module's mutation fields."""

    @service_mutation("drinking-fountains", description="Be told when this fountain is closed.")
    async def follow_fountain(
        self,
        info: Info,
        fountain_id: Annotated[
            strawberry.ID, strawberry.argument(description="The network's id of the fountain.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> FollowFountainResult:
        """Follow a fountain."""
        followed = await service.follow_fountain(info.context, fountain_id, idempotency_key)
        return FountainFollowed(
            follow_id=strawberry.ID(str(followed.follow_id)),
            fountain=_fountain(followed.fountain),
        )


async def followed_fountains_card(call: Call) -> FollowedFountainsSection:
    """The home screen's card. Its time is its own: a late card never delays the others."""
    reading = await service.read_followed_closed(call)
    return FollowedFountainsSection(
        id="followed-fountains",
        title=texts.FOLLOWED_FOUNTAINS.say(call.locale),
        status=reading.status,
        as_of=reading.as_of,
        reason=reading.reason,
        closed=[_fountain(fountain) for fountain in reading.value or ()],
    )


def _fountain(fountain: domain.Fountain) -> Fountain:
    return Fountain(
        id=strawberry.ID(fountain.fountain_ref),
        name=fountain.name,
        state=fountain.state,
        since_at=fountain.since_at,
    )
