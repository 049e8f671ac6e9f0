"""Whose the platforms' users are: messages of a mini-programme go to who is linked, nobody else."""

from functools import partial
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from modules.identity import link_store
from modules.identity.domain import PROVIDERS, Platform
from modules.identity.mini_programmes.port import MINI_PROGRAMMES
from modules.identity.mini_programmes.service import index_of
from notifications.api import PlatformUsers


async def _owns(platform: Platform, app: App, tx: Transaction, person_id: UUID, name: str) -> bool:
    ours = {one.platform: one for one in app.extensions(MINI_PROGRAMMES)}[platform]
    link = await link_store.lock_link(tx, index_of(app, platform, ours.app_id(app), name))
    return link is not None and link.citizen_id == person_id


WECHAT_USERS, ALIPAY_USERS = (
    PlatformUsers(PROVIDERS[platform], partial(_owns, platform))
    for platform in (Platform.WECHAT, Platform.ALIPAY)
)
