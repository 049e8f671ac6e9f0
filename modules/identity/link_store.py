"""The queries of mini-programmes' links."""

from collections.abc import Sequence
from uuid import UUID

from core.database import Transaction, lock_name
from modules.identity import store
from modules.identity.domain import PROVIDERS, Platform
from modules.identity.models import MiniProgrammeLink, Session
from notifications import api as notifications


async def lock_subject(tx: Transaction, subject_index: bytes) -> None:
    """Let one command at a time deal with a platform's user, linked or not."""
    await lock_name(tx, f"platform-subject:{subject_index.hex()}")


async def lock_account_of(tx: Transaction, subject_index: bytes) -> None:
    """Lock the account that a platform's user is linked to: before the link and its sessions, as
    whoever takes the account from somebody does."""
    link = await MiniProgrammeLink.filter(subject_index=subject_index).using_db(tx).first()
    if link is not None:
        await store.lock_citizen(tx, link.citizen_id)


async def lock_link(tx: Transaction, subject_index: bytes) -> MiniProgrammeLink | None:
    """The link of a platform's user, locked until the transaction ends."""
    rows = MiniProgrammeLink.filter(subject_index=subject_index).using_db(tx)
    return await rows.select_for_update().first()


async def list_links(citizen_id: UUID) -> Sequence[MiniProgrammeLink]:
    """Somebody's links, the oldest first."""
    return await MiniProgrammeLink.filter(citizen_id=citizen_id).order_by("id")


async def delete_links(tx: Transaction, citizen_id: UUID, platform: Platform | None = None) -> int:
    """Forget an account's links, all or that of one platform, and send no message there any more;
    returns how many there were."""
    rows = MiniProgrammeLink.filter(citizen_id=citizen_id)
    rows = rows if platform is None else rows.filter(platform=platform)
    number = await rows.using_db(tx).delete()
    provider = None if platform is None else PROVIDERS[platform]
    await notifications.forget_platform_users(tx, citizen_id, provider)
    return number


async def lock_sessions(tx: Transaction, link: MiniProgrammeLink) -> Sequence[Session]:
    """The live sessions that a link has opened, locked until the transaction ends."""
    live = Session.filter(citizen_id=link.citizen_id, link_id=link.id, revoked_at=None)
    return await live.using_db(tx).order_by("id").select_for_update()
