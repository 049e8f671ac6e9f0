"""Queries of recorded deaths."""

from collections.abc import Sequence
from datetime import datetime

from core.database import Transaction, connection, fetch_all, fetch_one
from modules.identity.models import Death


async def newest_record() -> int:
    """The number of the last record read; 0 before the first."""
    row = await fetch_one(
        connection(), "SELECT coalesce(max(record_no), 0) AS newest FROM identity_death"
    )
    assert row is not None
    return int(row["newest"])


async def has_died(document_index: bytes) -> bool:
    """Whether a death is recorded for the number of a document, and stands."""
    return await Death.exists(resident_index=document_index, withdrawn_at=None)


async def list_open(limit: int) -> Sequence[int]:
    """Records of which something has still to end, oldest first."""
    rows = await fetch_all(
        connection(),
        """SELECT record_no FROM identity_death WHERE ended_at IS NULL AND withdrawn_at IS NULL
            ORDER BY record_no LIMIT $1""",
        limit,
    )
    return [row["record_no"] for row in rows]


async def lock_death(tx: Transaction, record_no: int) -> Death | None:
    """A record, locked until the transaction ends."""
    return await Death.filter(record_no=record_no).using_db(tx).select_for_update().first()


async def note_ended(record_no: int, now: datetime) -> None:
    """All that had to end with a person has."""
    await Death.filter(record_no=record_no, ended_at=None).update(ended_at=now)
