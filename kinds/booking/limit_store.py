"""Queries of limits: what bookings count against, one row for each use."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from core.database import Transaction, fetch_all


async def transfer_limits(
    tx: Transaction, from_id: UUID, to_id: UUID, keys: Sequence[str]
) -> set[tuple[bytes, str]]:
    """Hand the uses of some limits from one booking to its successor; returns whose and which."""
    rows = await fetch_all(
        tx,
        """UPDATE appointments_limit_use SET booking_id = $2
            WHERE booking_id = $1 AND limit_key = ANY($3) RETURNING person_key, limit_key""",
        from_id,
        to_id,
        list(keys),
    )
    return {(bytes(row["person_key"]), row["limit_key"]) for row in rows}


async def list_limits(db: Transaction, booking_id: UUID) -> list[tuple[bytes, str]]:
    """Whose and which limits a booking uses."""
    rows = await fetch_all(
        db,
        "SELECT person_key, limit_key FROM appointments_limit_use WHERE booking_id = $1",
        booking_id,
    )
    return [(bytes(row["person_key"]), row["limit_key"]) for row in rows]


async def take_limits_of_many(
    tx: Transaction, requests: Mapping[UUID, Sequence[tuple[bytes, str, int]]]
) -> dict[UUID, str]:
    """Count several bookings against their people's limits.

    Returns the bookings that may not be, each with a limit that is used up; nothing is counted
    for them. Rows go in by person and limit, so that two transactions rarely wait crosswise, and of
    several bookings of one person the same one is first at every limit: else each could lose one.
    """
    missing = {
        (booking_id, person, key): allowed
        for booking_id, uses in requests.items()
        for person, key, allowed in uses
    }
    lost, wanted = 0, missing
    while wanted:
        for row in await _insert_limits(tx, wanted):
            del missing[row["booking_id"], row["person_key"], row["limit_key"]]
        # who lost a place to another booking of the same person looks for the next one
        lost += 1
        wanted = {use: allowed for use, allowed in missing.items() if allowed > lost}
    refused = {booking_id: key for booking_id, _, key in missing}
    if refused:
        await tx.execute_query(
            "DELETE FROM appointments_limit_use WHERE booking_id = ANY($1)", [list(refused)]
        )
    return refused


async def replace_limits(
    tx: Transaction, booking_id: UUID, left: Collection[str], gained: Mapping[str, int]
) -> None:
    """Have a booking count against other limits than before, for each who counted against those
    before; what is used up by another of theirs stays that one's."""
    rows = await fetch_all(
        tx,
        """DELETE FROM appointments_limit_use WHERE booking_id = $1 AND limit_key = ANY($2)
           RETURNING person_key""",
        booking_id,
        list(left),
    )
    people = {bytes(row["person_key"]) for row in rows}
    wanted = {
        (booking_id, person, key): allowed for person in people for key, allowed in gained.items()
    }
    await _insert_limits(tx, wanted)


async def _insert_limits(
    tx: Transaction, wanted: Mapping[tuple[UUID, bytes, str], int]
) -> list[dict[str, Any]]:
    """Count uses, each at the first free place of its limit; returns those that got it.

    A limit of one needs no search: its place is free or it is not.
    """
    return await fetch_all(
        tx,
        """INSERT INTO appointments_limit_use (booking_id, person_key, limit_key, ordinal)
           SELECT w.booking_id, w.person_key, w.limit_key, w.ordinal
             FROM (
               SELECT *, CASE WHEN allowed = 1 THEN 1 ELSE (
                        SELECT min(o) FROM generate_series(1, allowed) o
                         WHERE NOT EXISTS (SELECT FROM appointments_limit_use u
                                            WHERE u.person_key = asked.person_key
                                              AND u.limit_key = asked.limit_key
                                              AND u.ordinal = o)) END AS ordinal
                 FROM (SELECT unnest($1::uuid[]) AS booking_id, unnest($2::bytea[]) AS person_key,
                              unnest($3::text[]) AS limit_key, unnest($4::int[]) AS allowed) asked
               OFFSET 0) w  -- else each search would run again for the condition
            WHERE w.ordinal IS NOT NULL
            ORDER BY w.person_key, w.limit_key, w.booking_id
           ON CONFLICT (person_key, limit_key, ordinal) DO NOTHING
           RETURNING booking_id, person_key, limit_key""",
        [booking_id for booking_id, _, _ in wanted],
        [person for _, person, _ in wanted],
        [key for _, _, key in wanted],
        list(wanted.values()),
    )
