"""Every query of school gates."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_all, fetch_one, lock_name, lock_names
from core.ids import new_id
from modules.safety.gates.domain import AlarmKind, Direction, Passage, Seen
from modules.safety.gates.models import (
    GateEvent,
    GateFeed,
    GateFollow,
    SchoolLeave,
    SilenceAlarm,
)


def _lock_of(school_code: str) -> str:
    return f"gates:{school_code}"


async def lock_school(tx: Transaction, school_code: str) -> None:
    """Let one transaction at a time deal with what a school's gates say."""
    await lock_name(tx, _lock_of(school_code))


async def lock_pupils(tx: Transaction, school_code: str, pupil_refs: Collection[str]) -> None:
    """Let one transaction at a time tell of a pupil, so that its news go in their order."""
    await lock_names(tx, [f"gate-pupil:{school_code}:{pupil_ref}" for pupil_ref in pupil_refs])


async def hear_school(tx: Transaction, school_code: str, now: datetime) -> None:
    """The same as `lock_school`, and write down that the school's gates have said something."""
    await fetch_all(
        tx,
        """WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($3, 0)))
           INSERT INTO safety_gate_feed (school_code, heard_at) SELECT $1, $2 FROM held
           ON CONFLICT (school_code) DO UPDATE SET heard_at = EXCLUDED.heard_at""",
        school_code,
        now,
        _lock_of(school_code),
    )


async def find_heard_at(tx: Transaction, school_code: str) -> datetime | None:
    """When a school's gates were last heard of."""
    row = await GateFeed.get_or_none(school_code=school_code, using_db=tx)
    return row.heard_at if row else None


async def list_followed(
    tx: Transaction, school_code: str, pupil_refs: Collection[str], since: datetime
) -> Mapping[str, Sequence[Seen]]:
    """Those of some pupils of a school whom somebody follows, each with what is stored of them from
    a moment on."""
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT f.pupil_ref, e.direction, e.occurred_at
             FROM safety_gate_follow f LEFT JOIN safety_gate_event e
               ON e.school_code = f.school_code AND e.pupil_ref = f.pupil_ref
              AND e.occurred_at >= $3
            WHERE f.school_code = $1 AND f.pupil_ref = ANY($2)""",
        school_code,
        list(pupil_refs),
        since,
    )
    followed: dict[str, list[Seen]] = {row["pupil_ref"]: [] for row in rows}
    for row in rows:
        if row["direction"] is not None:
            pupil = row["pupil_ref"]
            followed[pupil].append(Seen(pupil, Direction(row["direction"]), row["occurred_at"]))
    return followed


async def list_known(
    tx: Transaction, school_code: str, event_refs: Collection[str]
) -> dict[str, GateEvent]:
    """Those of some events of a school that are stored, by their ids there."""
    rows = GateEvent.filter(school_code=school_code, event_ref__in=list(event_refs))
    return {row.event_ref: row for row in await rows.using_db(tx)}


async def insert_events(
    tx: Transaction, school_code: str, passages: Sequence[Passage], now: datetime
) -> None:
    """Store new readings; a repeat has nobody to be told to."""
    await GateEvent.bulk_create(
        [
            GateEvent(
                id=new_id(),
                school_code=school_code,
                event_ref=one.reading.event_ref,
                pupil_ref=one.reading.pupil_ref,
                gate_ref=one.reading.gate_ref,
                direction=one.reading.direction,
                device_at=one.reading.at,
                occurred_at=one.occurred_at,
                received_at=now,
                is_late=one.is_late,
                is_repeat=one.is_repeat,
                told_at=now if one.is_repeat else None,
            )
            for one in passages
        ],
        using_db=tx,
    )


async def list_untold(
    tx: Transaction, school_code: str, pupil_refs: Collection[str]
) -> Sequence[GateEvent]:
    """What guardians of some pupils have not been told, in the order in which it occurred."""
    rows = GateEvent.filter(school_code=school_code, pupil_ref__in=list(pupil_refs), told_at=None)
    return await rows.using_db(tx).order_by("occurred_at", "event_ref")


async def note_told(tx: Transaction, events: Sequence[GateEvent], now: datetime) -> None:
    """Write down that guardians have been told."""
    await GateEvent.filter(id__in=[one.id for one in events]).using_db(tx).update(told_at=now)


async def list_untold_pupils(before: datetime, limit: int) -> Sequence[tuple[str, str]]:
    """(school, pupil) of whom something received before a moment is still untold, in any order."""
    rows = await fetch_all(
        connection(),
        """SELECT school_code, pupil_ref FROM safety_gate_event WHERE told_at IS NULL
              AND received_at < $1 GROUP BY school_code, pupil_ref ORDER BY random() LIMIT $2""",
        before,
        limit,
    )
    return [(row["school_code"], row["pupil_ref"]) for row in rows]


async def list_followed_schools() -> Sequence[str]:
    """The codes of the schools of which somebody follows a pupil."""
    rows = await fetch_all(connection(), "SELECT DISTINCT school_code FROM safety_gate_follow")
    return [row["school_code"] for row in rows]


async def list_followers(
    school_code: str, pupil_refs: Collection[str]
) -> Mapping[str, Sequence[tuple[UUID, UUID]]]:
    """(person, child) who follow some pupils of a school, by pupil."""
    followers: dict[str, list[tuple[UUID, UUID]]] = {pupil: [] for pupil in pupil_refs}
    rows = GateFollow.filter(school_code=school_code, pupil_ref__in=list(pupil_refs))
    for pupil, person, child in await rows.values_list("pupil_ref", "citizen_id", "child_id"):
        followers[pupil].append((person, child))
    return followers


async def list_missing(
    tx: Transaction, school_code: str, day: date, since: datetime, kind: AlarmKind,
    pupil_ref: str | None = None,
) -> Sequence[str]:  # fmt: skip
    """The pupils of a school of whom nothing is known on a day that began at `since`.

    They have neither entered nor a leave nor this alarm, and were followed before the day began:
    what a gate said of them earlier is not kept.
    """
    rows = await fetch_all(
        tx,
        """SELECT DISTINCT f.pupil_ref FROM safety_gate_follow f
            WHERE f.school_code = $1 AND f.created_at < $3
              AND ($5::text IS NULL OR f.pupil_ref = $5)
              AND NOT EXISTS (SELECT FROM safety_gate_event e
                               WHERE e.school_code = $1 AND e.pupil_ref = f.pupil_ref
                                 AND e.direction = 'IN' AND e.occurred_at >= $3)
              AND NOT EXISTS (SELECT FROM safety_school_leave l
                               WHERE l.child_id = f.child_id
                                 AND $2 BETWEEN l.from_on AND l.until_on)
              AND NOT EXISTS (SELECT FROM safety_silence_alarm a
                               WHERE a.child_id = f.child_id AND a.on_day = $2 AND a.kind = $4)
            ORDER BY f.pupil_ref""",
        school_code,
        day,
        since,
        kind,
        pupil_ref,
    )
    return [row["pupil_ref"] for row in rows]


async def insert_alarm(
    tx: Transaction, child_id: UUID, day: date, kind: AlarmKind, now: datetime
) -> bool:
    """Raise an alarm; False where there was one of this kind that day."""
    row = await fetch_one(
        tx,
        """INSERT INTO safety_silence_alarm (id, child_id, on_day, kind, raised_at)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id""",
        new_id(),
        child_id,
        day,
        kind,
        now,
    )
    return row is not None


async def withdraw_alarms(
    tx: Transaction, child_id: UUID, from_on: date, until_on: date, now: datetime
) -> bool:
    """Withdraw the alarms of a child on some days; False where none was open."""
    open_ones = SilenceAlarm.filter(
        child_id=child_id, on_day__gte=from_on, on_day__lte=until_on, withdrawn_at=None
    )
    return bool(await open_ones.using_db(tx).update(withdrawn_at=now))


async def withdraw_alarms_of_days(
    tx: Transaction, days: Collection[tuple[UUID, date]], now: datetime
) -> set[tuple[UUID, date]]:
    """Withdraw the alarms of (child, day); those of which one was open."""
    rows = await fetch_all(
        tx,
        """UPDATE safety_silence_alarm a SET withdrawn_at = $3
             FROM unnest($1::uuid[], $2::date[]) AS d (child_id, on_day)
            WHERE a.child_id = d.child_id AND a.on_day = d.on_day AND a.withdrawn_at IS NULL
        RETURNING a.child_id, a.on_day""",
        [child for child, _ in days],
        [day for _, day in days],
        now,
    )
    return {(row["child_id"], row["on_day"]) for row in rows}


async def delete_old(before: datetime) -> None:
    """Forget what gates said before a moment."""
    await GateEvent.filter(received_at__lt=before).delete()
    await SilenceAlarm.filter(raised_at__lt=before).delete()


async def list_passages(
    school_code: str, pupil_ref: str, since: datetime, limit: int
) -> Sequence[GateEvent]:
    """What a pupil's gates said from a moment on but for repeats, the newest first."""
    rows = GateEvent.filter(
        school_code=school_code, pupil_ref=pupil_ref, occurred_at__gte=since, is_repeat=False
    )
    return await rows.order_by("-occurred_at").limit(limit)


async def list_alarms(child_id: UUID, since: datetime) -> Sequence[SilenceAlarm]:
    """A child's alarms from a moment on, the newest first."""
    return await SilenceAlarm.filter(child_id=child_id, raised_at__gte=since).order_by("-raised_at")


async def list_leaves(child_id: UUID, today: date) -> Sequence[SchoolLeave]:
    """A child's leaves that are not over."""
    return await SchoolLeave.filter(child_id=child_id, until_on__gte=today).order_by("from_on")
