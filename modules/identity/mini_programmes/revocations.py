"""What a user takes back at a platform: the link ends there, and with it the sessions that it
opened. The owner is told once."""

from datetime import timedelta

from core.context.app import App
from core.database import transaction
from modules.identity import link_store
from modules.identity.domain import Ending
from modules.identity.mini_programmes import messages
from modules.identity.mini_programmes.port import Revocation
from modules.identity.mini_programmes.service import NAMES, index_of
from modules.identity.service import end_session

CLOCKS_APART = timedelta(seconds=5)


async def end(app: App, revocation: Revocation) -> bool:
    """End the link of whom it is about; False where there is none.

    Repeat-safe, and harmless when it is sent again later: a link that was made after it stays.
    """
    platform = revocation.platform
    index = index_of(app, platform, revocation.app_id, revocation.subject)
    async with transaction() as tx:
        await link_store.lock_subject(tx, index)
        await link_store.lock_account_of(tx, index)
        link = await link_store.lock_link(tx, index)
        if link is None or link.linked_at > revocation.revoked_at + CLOCKS_APART:
            return False
        for session in await link_store.lock_sessions(tx, link):
            await end_session(app, tx, session, Ending.PLATFORM_ENDED)
        await link_store.delete_links(tx, link.citizen_id, platform)
        await messages.tell_unlinked(app, tx, link.citizen_id, link.id, NAMES[platform])
    return True
