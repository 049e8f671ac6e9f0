"""Queries of recorded deaths."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one
from modules.identity.models import Death, DeathGap


async def newest_record() -> int:
    """The number of the last record that was met, read or kept as a gap; 0 before the first."""
    row = await fetch_one(
        connection(),
        """SELECT greatest((SELECT max(record_no) FROM identity_death),
                           (SELECT max(record_no) FROM identity_death_gap), 0) AS newest""",
    )
    assert row is not None
    return int(row["newest"])


async def has_died(document_index: bytes) -> bool:
    """Whether a death is recorded for the number of a document, and stands."""
    return await Death.exists(resident_index=document_index, withdrawn_at=None)


async def find_standing(tx: Transaction, document_indexes: Sequence[bytes]) -> Death | None:
    """The newest death that is recorded for one of a person's documents, and stands."""
    standing = Death.filter(resident_index__in=document_indexes, withdrawn_at=None)
    return await standing.using_db(tx).order_by("-record_no").first()


async def keep_gap(after_no: int, record_no: int | None, now: datetime) -> None:
    """Behind a record stands one that cannot be read, to be asked for again. Repeat-safe."""
    await connection().execute_query(
        """INSERT INTO identity_death_gap (after_no, record_no, found_at, asked_at)
           VALUES ($1, $2, $3, $3)
           ON CONFLICT (after_no) DO UPDATE
              SET record_no = coalesce(excluded.record_no, identity_death_gap.record_no),
                  asked_at = excluded.asked_at""",
        [after_no, record_no, now],
    )


async def close_gaps(after_nos: Collection[int]) -> None:
    """Behind these records all is read, or nothing is there any more."""
    await DeathGap.filter(after_no__in=list(after_nos)).delete()


async def list_gaps(limit: int) -> Sequence[DeathGap]:
    """Where records are to be asked for again, the one first that was not for longest."""
    return await DeathGap.all().order_by("asked_at", "after_no").limit(limit)


async def count_gaps(_app: App) -> Mapping[str, float]:
    """How many places of the registry's log cannot be read."""
    return {"police": float(await DeathGap.all().count())}


async def is_withdrawn(tx: Transaction, record_no: int) -> bool:
    """Whether a record was read already that calls this one a mistake."""
    return await Death.filter(withdraws=record_no).using_db(tx).exists()


async def withdraw(tx: Transaction, record_no: int, now: datetime) -> None:
    """The registry calls a record a mistake. Repeat-safe."""
    mistaken = Death.filter(record_no=record_no, withdrawn_at=None)
    await mistaken.using_db(tx).update(withdrawn_at=now)


async def list_mistaken(after: UUID, limit: int) -> Sequence[UUID]:
    """The accounts after one that a record closed which was withdrawn, in the order of their ids;
    none of which nothing is left to open."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM identity_citizen
            WHERE id > $1 AND died_on IS NOT NULL
              AND (resident_sealed IS NOT NULL OR birth_sealed IS NOT NULL)
              AND id IN (SELECT citizen_id FROM identity_death WHERE withdrawn_at IS NOT NULL)
            ORDER BY id LIMIT $2""",
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def list_open(after: UUID, limit: int) -> Sequence[int]:
    """Records of which something has still to end, oldest first, behind the one whose number is
    that of `after`."""
    rows = await fetch_all(
        connection(),
        """SELECT record_no FROM identity_death WHERE ended_at IS NULL AND withdrawn_at IS NULL
              AND record_no > $1 ORDER BY record_no LIMIT $2""",
        after.int,
        limit,
    )
    return [row["record_no"] for row in rows]


async def lock_death(tx: Transaction, record_no: int) -> Death | None:
    """A record, locked until the transaction ends."""
    return await Death.filter(record_no=record_no).using_db(tx).select_for_update().first()


async def note_ended(record_no: int, now: datetime) -> None:
    """All that had to end with a person has."""
    await Death.filter(record_no=record_no, ended_at=None).update(ended_at=now)
