"""Queries of everything held about one person: for an export, and to forget it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from core.database import Transaction, connection, fetch_all
from kinds.booking.domain import WaitState
from kinds.booking.models import Wait
from kinds.booking.store import BOOKING, BookingRow, to_booking

_OPEN = "('held', 'confirmed', 'cancelling')"


async def list_bookings_about(person_id: UUID, limit: int) -> Sequence[BookingRow]:
    """What a person booked or was booked for, newest first, moved ones too."""
    rows = await fetch_all(
        connection(),
        f"{BOOKING} WHERE b.booked_by = $1 OR b.booked_for = $1 ORDER BY b.id DESC LIMIT $2",
        person_id,
        limit,
    )
    return [to_booking(row) for row in rows]


async def list_waits_of(person_id: UUID) -> Sequence[Wait]:
    """Where a person waits or waited, or is waited for, newest first."""
    return await Wait.filter(Q(person_id=person_id) | Q(booked_for=person_id)).order_by("-id")


async def list_open_bookings(person_id: UUID) -> Sequence[UUID]:
    """The appointments to which a person is to come and that are not over, whoever made them; the
    newest first: one that is just being moved can be given back once its successor is."""
    rows = await fetch_all(
        connection(),
        f"""SELECT id FROM appointments_booking
             WHERE (booked_by = $1 AND booked_for IS NULL OR booked_for = $1)
               AND state IN {_OPEN} ORDER BY id DESC""",  # noqa: S608
        person_id,
    )
    return [row["id"] for row in rows]


async def lapse_waits_of(person_id: UUID, now: datetime) -> None:
    """End the waits of a person for themselves, and those of others for them."""
    own = Q(person_id=person_id, booked_for=None) | Q(booked_for=person_id)
    await Wait.filter(own, state=WaitState.WAITING).update(state=WaitState.LAPSED, ended_at=now)


async def count_as(tx: Transaction, person_id: UUID, person_key: bytes) -> None:
    """Count everything of a person under another key: what counted under their phone. Repeat-safe.

    What stands under that key already keeps its place; a use of a limit stands behind its uses.
    """
    own = "(booked_by = $1 AND booked_for IS NULL OR booked_for = $1)"
    for statement in (
        f"""WITH own AS (
              SELECT u.id, u.limit_key, row_number() OVER (PARTITION BY u.limit_key ORDER BY u.id) n
                FROM appointments_limit_use u JOIN appointments_booking b ON b.id = u.booking_id
               WHERE {own} AND u.person_key = b.person_key AND u.person_key <> $2)
            UPDATE appointments_limit_use u SET person_key = $2, ordinal = own.n + coalesce((
                     SELECT max(ordinal) FROM appointments_limit_use o
                      WHERE o.person_key = $2 AND o.limit_key = own.limit_key), 0)
              FROM own WHERE own.id = u.id""",  # noqa: S608
        f"UPDATE appointments_booking SET person_key = $2 WHERE {own} AND person_key <> $2",  # noqa: S608
        """UPDATE appointments_wait w SET person_key = $2
            WHERE (person_id = $1 AND booked_for IS NULL OR booked_for = $1) AND person_key <> $2
              AND NOT EXISTS (SELECT FROM appointments_wait o WHERE o.person_key = $2
                                 AND (o.resource_id, o.day_on) = (w.resource_id, w.day_on))""",
        """UPDATE appointments_ticket t SET person_key = $2 WHERE person_id = $1
              AND person_key <> $2
              AND NOT EXISTS (SELECT FROM appointments_ticket o
                               WHERE o.release_id = t.release_id AND o.person_key = $2)""",
    ):
        await tx.execute_query(statement, [person_id, person_key])


async def forget_person(tx: Transaction, person_id: UUID, *, nobody: UUID) -> None:
    """Untie bookings that are over from a person, and drop their waits and tickets. Repeat-safe.

    The rows stay, because seats and fees are counted over them; `nobody` stands for who it was.
    Of a missed one the key of the person stays as long as it may lead to a ban (`bans`).
    """
    mine = "(booked_by = $1 OR booked_for = $1)"
    over = f"SELECT id FROM appointments_booking WHERE {mine} AND state NOT IN {_OPEN}"  # noqa: S608
    for statement in (
        f"DELETE FROM appointments_companion WHERE booking_id IN ({over})",  # noqa: S608
        f"DELETE FROM appointments_limit_use WHERE booking_id IN ({over})",  # noqa: S608
        "DELETE FROM appointments_wait WHERE person_id = $1 OR booked_for = $1",
        "DELETE FROM appointments_ticket WHERE person_id = $1",
    ):
        await tx.execute_query(statement, [person_id])
    await tx.execute_query(
        f"""UPDATE appointments_booking SET subject_sealed = NULL,
                   person_key = CASE WHEN state = 'missed' THEN person_key END,
                   booked_by = CASE WHEN booked_by = $1 THEN $2 ELSE booked_by END,
                   booked_for = CASE WHEN booked_for = $1 THEN $2 ELSE booked_for END
             WHERE {mine} AND state NOT IN {_OPEN}""",  # noqa: S608
        [person_id, nobody],
    )
