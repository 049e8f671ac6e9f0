"""Whom campaigns may be for: everybody with an account."""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.texts import Named
from modules.identity.models import Citizen
from notifications.api import Audience, Member


async def _page(_app: App, after: UUID, limit: int) -> Sequence[Member]:
    open_accounts = Citizen.filter(id__gt=after, phone_index__not_isnull=True).order_by("id")
    return [
        Member(row.id, row.locale) for row in await open_accounts.limit(limit).only("id", "locale")
    ]


async def _size(_app: App) -> int:
    return await Citizen.filter(phone_index__not_isnull=True).count()


EVERYBODY = Audience("everybody", Named("全体用户", "Everybody with an account"), _page, _size)
