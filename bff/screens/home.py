"""The home screen: every wing's cards, gathered at once under one deadline.

A card that fails or is late says so; it never takes the others with it. A card that is the same for
everybody is loaded once for all who ask.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import NamedTuple

import strawberry
import structlog

from core.context.call import Call
from core.context.contributions import HOME_CARDS, HomeCard
from core.deadline import Deadline
from core.errors import AppError
from core.graphql import HomeSection, Info, anybody, query, view
from core.refusal_texts import LEVEL_REQUIRED, LOGIN_REQUIRED
from core.texts import Locale
from core.upstream.readings import ReadStatus

_UPSTREAM_SHARE = 0.9

log = structlog.get_logger(__name__)


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class UnavailableSection(HomeSection):
    """A card that cannot be shown now; `reason` tells why."""


@strawberry.type(description="The home screen.")
class Home:
    sections: list[HomeSection] = strawberry.field(
        description="The cards in their order, each telling how fresh it is."
    )


@strawberry.type
class Query:
    """The home screen's query field."""

    @query(anybody(), never_refuses=True, description="The home screen of this viewer.")
    async def home(self, info: Info) -> Home:
        """All cards at once."""
        call = info.context
        cards = call.app.extensions(HOME_CARDS)
        return Home(sections=list(await asyncio.gather(*(_section(call, c) for c in cards))))


async def _section(call: Call, card: HomeCard) -> HomeSection:
    level = call.viewer.level if call.viewer and call.viewer.proved else 0
    if level < card.identity_level:
        missing = LEVEL_REQUIRED if call.viewer else LOGIN_REQUIRED
        return _unavailable(call, card, missing.code)
    if card.shared_s:
        return await _shared(call, card)
    return await _load(call, card)


async def _shared(call: Call, card: HomeCard) -> HomeSection:
    loading = call.app.once(_Shared, _Shared).card(call, card)
    try:
        async with asyncio.timeout(call.deadline.share(cap_s=card.budget_ms / 1000).remaining()):
            # whoever asked first may leave, the others wait for it still
            return await asyncio.shield(loading)
    except TimeoutError:
        return _unavailable(call, card, "TIMEOUT")


async def _load(call: Call, card: HomeCard) -> HomeSection:
    deadline = call.deadline.share(cap_s=card.budget_ms / 1000)
    # an upstream that hangs is given up a little earlier, so that the card can still fall back
    asking = deadline.share(fraction=_UPSTREAM_SHARE)
    try:
        async with asyncio.timeout(deadline.remaining()):
            section: HomeSection = await card.load(call.within(asking))
            return section
    except TimeoutError:
        return _unavailable(call, card, "TIMEOUT")
    except AppError as error:
        return _unavailable(call, card, error.code)
    except Exception:
        log.exception("home section failed", section=card.id)
        return _unavailable(call, card, "FAILED")


class _Kept(NamedTuple):
    """A card for everybody, perhaps still on its way."""

    loading: asyncio.Task[HomeSection]
    until_s: float

    @property
    def holds(self) -> bool:
        """Whether it may be shown; what is not live is loaded again by the next one who asks."""
        if not self.loading.done():
            return True
        is_live = self.loading.result().status is ReadStatus.LIVE
        return is_live and time.monotonic() < self.until_s


class _Shared:
    """The cards of this process that are the same for everybody, by language."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, Locale], _Kept] = {}

    def card(self, call: Call, card: HomeCard) -> asyncio.Task[HomeSection]:
        """The card, loaded unless it is kept; never fails."""
        key = card.id, call.locale
        kept = self._kept.get(key)
        if kept is None or not kept.holds:
            deadline = Deadline.after(card.budget_ms / 1000)
            stranger = Call(call.app, deadline, call.request_id, locale=call.locale)
            loading = asyncio.create_task(_load(stranger, card))
            kept = self._kept[key] = _Kept(loading, time.monotonic() + card.shared_s)
        return kept.loading


def _unavailable(call: Call, card: HomeCard, reason: str) -> HomeSection:
    return UnavailableSection(
        id=card.id,
        title=card.title.say(call.locale),
        status=ReadStatus.UNAVAILABLE,
        as_of=None,
        reason=reason,
    )
