"""Queries of the queue before a release."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from core.database import Transaction, connection, fetch_one
from core.ids import new_id
from modules.appointments.models import Release, Ticket

_GRACE = timedelta(hours=1)


async def find_release_moment(resource_id: UUID, now: datetime) -> datetime | None:
    """The release of a place that is next, or not longer ago than an hour."""
    row = await fetch_one(
        connection(),
        """SELECT min(releases_at) AS moment FROM appointments_slot
            WHERE resource_id = $1 AND releases_at > $2 AND starts_at > $3""",
        resource_id,
        now - _GRACE,
        now,
    )
    assert row is not None
    moment: datetime | None = row["moment"]
    return moment


async def insert_release(
    tx: Transaction,
    release_id: UUID,
    resource_id: UUID,
    releases_at: datetime,
    *,
    draw: bool,
    seed: bytes,
) -> bool:
    """Open a queue; False where it is open already."""
    row = await fetch_one(
        tx,
        """INSERT INTO appointments_release
             (id, resource_id, releases_at, draw, seed, seed_hash, admitted)
           VALUES ($1, $2, $3, $4, $5, $6, 0)
           ON CONFLICT (resource_id, releases_at) DO NOTHING RETURNING id""",
        release_id,
        resource_id,
        releases_at,
        draw,
        seed,
        hashlib.sha256(seed).digest(),
    )
    return row is not None


async def lock_release(tx: Transaction, release_id: UUID) -> Release:
    """A queue, locked until the transaction ends."""
    return await Release.filter(id=release_id).using_db(tx).select_for_update().get()


async def share_release(tx: Transaction, resource_id: UUID, releases_at: datetime) -> Release:
    """The queue of a release, kept from being drawn while somebody joins."""
    row = await fetch_one(
        tx,
        """SELECT * FROM appointments_release WHERE resource_id = $1 AND releases_at = $2
           FOR SHARE""",
        resource_id,
        releases_at,
    )
    assert row is not None
    return Release(**row)


async def find_release(resource_id: UUID, releases_at: datetime) -> tuple[UUID, int] | None:
    """The queue of a release and how many in it are not admitted, or None."""
    row = await fetch_one(
        connection(),
        """SELECT r.id, (SELECT count(*) FROM appointments_ticket t WHERE t.release_id = r.id
                           AND (t.position IS NULL OR t.position > r.admitted)) AS behind
             FROM appointments_release r WHERE r.resource_id = $1 AND r.releases_at = $2""",
        resource_id,
        releases_at,
    )
    return None if row is None else (row["id"], row["behind"])


async def ensure_ticket(
    tx: Transaction,
    release_id: UUID,
    person_id: UUID,
    person_key: bytes,
    now: datetime,
    *,
    behind: bool,
) -> UUID:
    """A person's one ticket; `behind` puts a new one at the end of a drawn order."""
    if behind:
        await tx.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [f"queue:{release_id}"]
        )
    row = await fetch_one(
        tx,
        """INSERT INTO appointments_ticket
             (id, release_id, person_id, person_key, joined_at, position)
           VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN (
             SELECT coalesce(max(position), 0) + 1 FROM appointments_ticket
              WHERE release_id = $2) END)
           ON CONFLICT (release_id, person_key) DO UPDATE SET person_id = EXCLUDED.person_id
           RETURNING id""",
        new_id(),
        release_id,
        person_id,
        person_key,
        now,
        behind,
    )
    assert row is not None
    found: UUID = row["id"]
    return found


async def order_tickets(tx: Transaction, release: Release) -> None:
    """Give everybody in the queue their place: by lot, or as they came."""
    await tx.execute_query(
        """UPDATE appointments_ticket t SET position = drawn.position
             FROM (SELECT t.id, row_number() OVER (
                            ORDER BY CASE WHEN $2 THEN sha256($3::bytea || t.person_key) END,
                                     t.joined_at, t.id) AS position
                     FROM appointments_ticket t WHERE t.release_id = $1) drawn
            WHERE t.id = drawn.id""",
        [release.id, release.draw, release.seed],
    )


async def count_free(release: Release, db: Transaction | None = None) -> int:
    """The free seats of a release's slots."""
    row = await fetch_one(
        db or connection(),
        """SELECT coalesce(sum(capacity - used), 0)::int AS free FROM appointments_slot
            WHERE resource_id = $1 AND releases_at = $2 AND cancelled_at IS NULL""",
        release.resource_id,
        release.releases_at,
    )
    assert row is not None
    return int(row["free"])


async def count_behind(tx: Transaction, release: Release) -> int:
    """How many in a drawn queue are not admitted."""
    return (
        await Ticket.filter(release_id=release.id, position__gt=release.admitted)
        .using_db(tx)
        .count()
    )
