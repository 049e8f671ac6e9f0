"""The home screen: every wing's cards, gathered at once under one deadline.

A card that fails or is late says so; it never takes the others with it.
"""

import asyncio

import strawberry
import structlog

from core.call import Call
from core.errors import AppError
from core.graphql import HomeSection, Info
from core.last_good import ReadStatus
from core.manifest import HomeSection as Card
from core.manifest import load
from core.texts_common import LEVEL_REQUIRED, LOGIN_REQUIRED

_UPSTREAM_SHARE = 0.9

log = structlog.get_logger(__name__)


@strawberry.type(description="A card that cannot be shown now; `reason` tells why.")
class UnavailableSection(HomeSection):
    """Stands in for a card that failed, was late, or needs a login."""


@strawberry.type(description="The home screen.")
class Home:
    """What the app opens with."""

    sections: list[HomeSection] = strawberry.field(
        description="The cards in their order, each telling how fresh it is."
    )


@strawberry.type
class Query:
    """The home screen's query field."""

    @strawberry.field(description="The home screen of this viewer.")
    async def home(self, info: Info) -> Home:
        """All cards at once."""
        call = info.context
        cards = [card for manifest in call.app.manifests for card in manifest.home]
        return Home(sections=list(await asyncio.gather(*(_section(call, c) for c in cards))))


async def _section(call: Call, card: Card) -> HomeSection:
    level = call.viewer.level if call.viewer else 0
    if level < card.identity_level:
        missing = LEVEL_REQUIRED if call.viewer else LOGIN_REQUIRED
        return _unavailable(call, card, missing.code)
    deadline = call.deadline.share(cap_s=card.budget_ms / 1000)
    # an upstream that hangs is given up a little earlier, so that the card can still fall back
    asking = deadline.share(fraction=_UPSTREAM_SHARE)
    try:
        async with asyncio.timeout(deadline.remaining()):
            section: HomeSection = await load(card.load)(call.within(asking))
            return section
    except TimeoutError:
        return _unavailable(call, card, "TIMEOUT")
    except AppError as error:
        return _unavailable(call, card, error.code)
    except Exception:
        log.exception("home section failed", section=card.id)
        return _unavailable(call, card, "FAILED")


def _unavailable(call: Call, card: Card, reason: str) -> HomeSection:
    return UnavailableSection(
        id=card.id,
        title=card.title.say(call.locale),
        status=ReadStatus.UNAVAILABLE,
        as_of=None,
        reason=reason,
    )
