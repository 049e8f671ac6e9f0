"""Every query of identity."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_one
from modules.identity.models import Citizen, LoginCode, Session


async def find_citizen(citizen_id: UUID) -> Citizen | None:
    """A citizen by id."""
    return await Citizen.get_or_none(id=citizen_id)


async def lock_citizen(tx: Transaction, citizen_id: UUID) -> Citizen | None:
    """A citizen by id, locked until the transaction ends."""
    return await Citizen.filter(id=citizen_id).using_db(tx).select_for_update().first()


async def ensure_citizen(
    tx: Transaction, *, citizen_id: UUID, phone_index: bytes, phone_sealed: bytes, now: datetime
) -> UUID:
    """The id of the account of a phone, made now where there is none; two at once make one."""
    row = await fetch_one(
        tx,
        """INSERT INTO identity_citizen
             (id, phone_sealed, phone_index, level, roles, locale, created_at)
           VALUES ($1, $2, $3, 1, '[]', 'zh', $4)
           ON CONFLICT (phone_index) DO UPDATE SET phone_index = EXCLUDED.phone_index
           RETURNING id""",
        citizen_id,
        phone_sealed,
        phone_index,
        now,
    )
    assert row is not None
    found: UUID = row["id"]
    return found


async def newest_code(tx: Transaction, phone_index: bytes) -> LoginCode | None:
    """The last code sent to a phone, locked until the transaction ends."""
    return (
        await LoginCode.filter(phone_index=phone_index)
        .using_db(tx)
        .order_by("-created_at", "-id")
        .select_for_update()
        .first()
    )


async def lock_phone(tx: Transaction, phone_index: bytes) -> None:
    """Let one command at a time deal with a phone, account or not."""
    await tx.execute_query(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"phone:{phone_index.hex()}"]
    )


async def lock_session(tx: Transaction, session_id: UUID) -> Session | None:
    """A session, locked until the transaction ends."""
    return await Session.filter(id=session_id).using_db(tx).select_for_update().first()


async def list_sessions(citizen_id: UUID) -> Sequence[Session]:
    """A citizen's live sessions, the last used first."""
    return await Session.filter(citizen_id=citizen_id, revoked_at=None).order_by("-last_used_at")


async def delete_expired_codes(before: datetime) -> None:
    """Forget codes that ended before a moment."""
    await connection().execute_query(
        "DELETE FROM identity_login_code WHERE expires_at < $1", [before]
    )
