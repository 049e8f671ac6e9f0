"""The queries of recoveries and of the disputes that some begin as."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from core.database import Transaction, connection, fetch_one
from core.texts import Locale
from modules.identity.models import Citizen, Recovery

DISPUTES_SHOWN = 100


async def lock_recovery(tx: Transaction, recovery_id: UUID) -> Recovery | None:
    """A recovery, locked until the transaction ends."""
    return await Recovery.filter(id=recovery_id).using_db(tx).select_for_update().first()


async def is_disputed(citizen_id: UUID) -> bool:
    """Whether an account is disputed, or is about to move because it was."""
    row = await fetch_one(
        connection(),
        """SELECT EXISTS (SELECT FROM identity_recovery
             WHERE disputed_id = $1 AND state IN ('disputed', 'approved')) AS disputed""",
        citizen_id,
    )
    assert row is not None
    return bool(row["disputed"])


async def list_disputes(citizen_id: UUID) -> Sequence[Recovery]:
    """Disputes about an account, and those that its owner opened, newest first."""
    mine = Q(disputed_id=citizen_id) | Q(proposed_by=citizen_id, disputed_id__isnull=False)
    return await Recovery.filter(mine).order_by("-id").limit(DISPUTES_SHOWN)


async def list_old_disputes(before: datetime, after: UUID, limit: int) -> list[UUID]:
    """Disputes that were opened before a moment and are not decided, in the order of their ids."""
    old = Recovery.filter(state="disputed", proposed_at__lte=before, id__gt=after)
    return [row.id for row in await old.order_by("id").limit(limit)]


async def list_undecided_disputes(first: int, after: UUID | None) -> Sequence[Recovery]:
    """Disputes that nobody has decided, oldest first, from behind one of them on."""
    undecided = Recovery.filter(state="disputed").order_by("id").limit(first)
    return await (undecided if after is None else undecided.filter(id__gt=after))


async def lock_open(
    tx: Transaction, citizen_id: UUID, resident_index: bytes, before: datetime
) -> Sequence[Recovery]:
    """The disputes about an account that nobody has decided, and what was proposed for it up to a
    moment and has not happened, locked."""
    about = Q(disputed_id=citizen_id) | Q(resident_index=resident_index)
    proposed = Q(state__in=("proposed", "approved"), proposed_at__lte=before)
    rows = Recovery.filter(about, Q(state="disputed") | proposed).using_db(tx)
    return await rows.order_by("id").select_for_update()


async def list_due_recoveries(now: datetime, after: UUID, limit: int) -> list[UUID]:
    """The recoveries whose cooling-off is over, in the order of their ids."""
    due = Recovery.filter(state="approved", due_at__lte=now, id__gt=after)
    return [row.id for row in await due.order_by("id").limit(limit)]


async def find_locale(tx: Transaction, phone_index: bytes) -> Locale | None:
    """The language of the account of a phone; None where it has no account."""
    account = await Citizen.filter(phone_index=phone_index).using_db(tx).only("locale").first()
    return None if account is None else Locale(account.locale)
