"""GraphQL: map input to a command, map the result back. No rule and no query stands here.

Every type, field and argument has a description: the playground is the product team's manual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import (
    HomeSection,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    reading_view,
    view,
)
from core.upstream.readings import Reading
from kinds.subscription import unsubscribe
from modules._example import domain, service, subscription, texts
from modules._example.subscription import FOLLOWS, Followed

# the domain's own dataclasses are the types: each field is written there, and nowhere again
view(domain.Fountain, names={"fountain_ref": "code"}, hidden=("district_code",))
view(Followed, name="FountainFollowed")

# every reading of an outside system tells how fresh it is
DrinkingFountains = reading_view(
    "DrinkingFountains",
    "The fountains of a district, and how fresh that is.",
    items=Annotated[Sequence[domain.Fountain], "The fountains; none where nothing can be shown."],
)

# a payload or a refusal, as data: an app can be sure to have handled all that may happen
FollowFountainResult = Annotated[Followed | Refused, strawberry.union("FollowFountainResult")]


@view
@dataclass(frozen=True, slots=True)
class FountainUnfollowed:
    """The viewer follows the fountain no more."""

    follow_id: Annotated[str, "The id of the follow."]


UnfollowFountainResult = Annotated[
    FountainUnfollowed | Refused, strawberry.union("UnfollowFountainResult")
]


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedFountainsSection(HomeSection):
    """The card of the fountains that the viewer follows."""

    closed: Annotated[Sequence[domain.Fountain], "Those that give no water now."]


@strawberry.type
class Query:
    """The module's query fields."""

    # who may: those whom the service admits, by the identity level in the catalogue
    @query(
        of_service("drinking-fountains"),
        description="The drinking fountains of a district.",
        returns=DrinkingFountains,
    )
    async def drinking_fountains(
        self,
        info: Info,
        district: Annotated[
            str, strawberry.argument(description="The district's six-digit code (GB/T 2260).")
        ],
    ) -> Reading[Sequence[domain.Fountain]]:
        """One district's fountains."""
        return await service.read_fountains(info.context, district)


@strawberry.type
class Mutation:
    """The module's mutation fields."""

    @mutation(of_service("drinking-fountains"), description="Be told when this fountain is closed.")
    async def follow_fountain(
        self,
        info: Info,
        fountain_id: Annotated[
            strawberry.ID, strawberry.argument(description="The network's id of the fountain.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> FollowFountainResult:
        """Follow a fountain."""
        return await subscription.follow_fountain(info.context, fountain_id, idempotency_key)

    @mutation(of_service("drinking-fountains"), description="Follow a fountain no more.")
    async def unfollow_fountain(
        self,
        info: Info,
        follow_id: Annotated[
            strawberry.ID, strawberry.argument(description="The id of the follow.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> UnfollowFountainResult:
        """A follow that is gone already, or somebody else's, is not found."""
        await unsubscribe(info.context, FOLLOWS, idempotency_key, id=parse_id(follow_id))
        return FountainUnfollowed(follow_id)


@home_card("followed-fountains", texts.FOLLOWED_FOUNTAINS, budget_ms=500, identity_level=1)
async def followed_fountains_card(call: Call) -> FollowedFountainsSection:
    """The home screen's card. Its time is its own: a late card never delays the others."""
    reading = await service.read_followed_closed(call)
    return FollowedFountainsSection(
        id="followed-fountains",
        title=texts.FOLLOWED_FOUNTAINS.say(call.locale),
        **reading.freshness,
        closed=reading.items,
    )
