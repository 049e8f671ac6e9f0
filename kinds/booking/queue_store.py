"""Queries of the queue before a release."""

import hashlib
from datetime import date, datetime, timedelta
from uuid import UUID

from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from kinds.booking.models import Release

LASTS = timedelta(hours=1)
"""How long after its release a queue stands at most; what is free then is open to all."""

# a ticket `t` of the release `r` that is admitted at $1 and whose person has no seat yet
_UNUSED = """
t.release_id = r.id AND t.position <= r.admitted AND t.admitted_until > $1::timestamptz
AND NOT EXISTS (
  SELECT FROM appointments_booking b JOIN appointments_slot s ON s.id = b.slot_id
   WHERE b.booked_by = t.person_id AND s.resource_id = r.resource_id
     AND s.releases_at = r.releases_at AND b.state NOT IN ('cancelled', 'expired', 'refused'))
"""


async def find_release_moment(resource_id: UUID, now: datetime) -> datetime | None:
    """The release of a place that is next, or not longer ago than an hour."""
    row = await fetch_one(
        connection(),
        """SELECT min(releases_at) AS moment FROM appointments_slot
            WHERE resource_id = $1 AND releases_at > $2 AND starts_at > $3""",
        resource_id,
        now - LASTS,
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


async def find_release(
    resource_id: UUID, releases_at: datetime, now: datetime, db: Transaction | None = None
) -> tuple[UUID, bool] | None:
    """The queue of a release, and whether it stands: somebody in it waits, or is admitted and has
    not come yet. None where there was no queue."""
    row = await fetch_one(
        db or connection(),
        f"""SELECT r.id, r.releases_at > $4 AND (
                     EXISTS (SELECT FROM appointments_ticket t WHERE t.release_id = r.id
                               AND (t.position IS NULL OR t.position > r.admitted))
                     OR EXISTS (SELECT FROM appointments_ticket t WHERE {_UNUSED})) AS stands
              FROM appointments_release r
             WHERE r.resource_id = $2 AND r.releases_at = $3""",  # noqa: S608 - a constant
        now,
        resource_id,
        releases_at,
        now - LASTS,
    )
    return None if row is None else (row["id"], row["stands"])


async def ensure_ticket(
    tx: Transaction,
    release_id: UUID,
    person_id: UUID,
    person_key: bytes,
    now: datetime,
    *,
    behind: bool,
) -> UUID:
    """A person's one ticket; `behind` puts a new one, or one whose turn is over, at the end of a
    drawn order."""
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
           ON CONFLICT (release_id, person_key) DO UPDATE SET
             person_id = EXCLUDED.person_id,
             position = CASE WHEN appointments_ticket.admitted_until <= $5
                             THEN EXCLUDED.position ELSE appointments_ticket.position END,
             admitted_until = CASE WHEN appointments_ticket.admitted_until > $5
                                   THEN appointments_ticket.admitted_until END
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


async def count_promised(tx: Transaction, release: Release, now: datetime) -> tuple[int, datetime]:
    """How many are admitted and have not come yet, and when the first of their turns ends."""
    row = await fetch_one(
        tx,
        f"""SELECT count(*) AS unused, coalesce(min(t.admitted_until), $1) AS ends_at
              FROM appointments_release r, appointments_ticket t
             WHERE r.id = $2 AND {_UNUSED}""",  # noqa: S608 - a constant
        now,
        release.id,
    )
    assert row is not None
    return int(row["unused"]), row["ends_at"]


async def admit_next(tx: Transaction, release: Release, seats: int, until: datetime) -> list[int]:
    """Admit so many more in the order that was drawn; returns their positions."""
    rows = await fetch_all(
        tx,
        """UPDATE appointments_ticket SET admitted_until = $4
            WHERE id IN (SELECT id FROM appointments_ticket
                          WHERE release_id = $1 AND position > $2 ORDER BY position LIMIT $3)
            RETURNING position""",
        release.id,
        release.admitted,
        seats,
        until,
    )
    return [row["position"] for row in rows]


async def list_days(tx: Transaction, release: Release) -> list[date]:
    """The Shanghai days on which a release's slots with free seats are."""
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT (starts_at AT TIME ZONE 'Asia/Shanghai')::date AS day_on
             FROM appointments_slot
            WHERE resource_id = $1 AND releases_at = $2 AND used < capacity
              AND cancelled_at IS NULL""",
        release.resource_id,
        release.releases_at,
    )
    return [row["day_on"] for row in rows]
