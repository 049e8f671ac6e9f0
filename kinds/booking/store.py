"""Queries of bookings, limits and waiting lists; those of slots are in slot_store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from core.people.parties import Affair
from kinds.booking.domain import ENDED, HoldRequest, NewBooking, State, WaitState
from kinds.booking.models import Booking, Companion, Wait
from kinds.booking.slot_store import Described, SlotFacts, describe


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRow(NewBooking):
    """A booking as it stands, with its slot and what the slot is of."""

    upstream_ref: str | None = None
    upstream_version: str | None = None
    refusal_code: str | None = None
    replaced_by: UUID | None = None
    ended_at: datetime | None = None
    starts_at: datetime
    ends_at: datetime
    slot_ref: str
    resource_id: UUID
    resource_ref: str
    limit_group: str
    address: str
    described: Described

    @property
    def affair(self) -> Affair:
        """Who made it, and whom it is about."""
        return Affair(self.booked_by, self.subject_id, self.service_id)

    @property
    def server_ref(self) -> str:
        """The server of the outside system, as its resource is named after it."""
        return self.resource_ref.partition("/")[0]


_OF_SLOT = (
    "starts_at", "ends_at", "slot_ref", "resource_id", "resource_ref", "limit_group", "address",
    "described",
)  # fmt: skip


def as_inserted(new: NewBooking, facts: SlotFacts) -> BookingRow:
    """What `find_booking` answers for a booking that was just inserted."""
    return BookingRow(**_columns(new), **{name: getattr(facts, name) for name in _OF_SLOT})


def copy_booking(old: BookingRow, **changes: Any) -> NewBooking:
    """A new booking like an old one but for some columns."""
    return NewBooking(**{**_columns(old), **changes})


def _columns(booking: NewBooking) -> dict[str, Any]:
    return dict(zip(_ARRAYS, _values(booking), strict=True))


_ARRAY_OF = {
    UUID: "uuid[]", str: "text[]", State: "text[]", int: "bigint[]", bool: "boolean[]",
    bytes: "bytea[]", datetime: "timestamptz[]",
}  # fmt: skip


def _array_of(hint: Any) -> str:
    """The PostgreSQL type of a column of values of a Python type, which may be None too."""
    (plain,) = (one for one in get_args(hint) or (hint,) if one is not NoneType)
    return _ARRAY_OF[plain]


_ARRAYS = {name: _array_of(hint) for name, hint in get_type_hints(NewBooking).items()}
_values = attrgetter(*_ARRAYS)


BOOKING = """
SELECT b.*, s.starts_at, s.ends_at, s.ref AS slot_ref, s.resource_id, r.ref AS resource_ref,
       r.limit_group, r.address,
       r.place_zh, r.place_en, r.unit_zh, r.unit_en, r.name_zh, r.name_en, r.notes_zh, r.notes_en
  FROM appointments_booking b
  JOIN appointments_slot s ON s.id = b.slot_id
  JOIN appointments_resource r ON r.id = s.resource_id
"""


async def list_missed(
    tx: Transaction, people: Sequence[bytes], service_id: str, since: datetime
) -> dict[bytes, list[datetime]]:
    """When these people missed appointments of a service; who missed none is not in it."""
    rows = await fetch_all(
        tx,
        """SELECT b.person_key, array_agg(s.starts_at) AS missed FROM appointments_booking b
             JOIN appointments_slot s ON s.id = b.slot_id
            WHERE b.person_key = ANY($1) AND b.service_id = $2 AND b.state = 'missed'
              AND s.starts_at > $3
            GROUP BY b.person_key""",
        list(people),
        service_id,
        since,
    )
    return {bytes(row["person_key"]): row["missed"] for row in rows}


async def list_services_missed(db: Transaction) -> list[str]:
    """The services of which somebody who is still known missed an appointment."""
    rows = await fetch_all(
        db,
        """SELECT DISTINCT service_id FROM appointments_booking
            WHERE state = 'missed' AND person_key IS NOT NULL""",
    )
    return [row["service_id"] for row in rows]


async def forget_missed(db: Transaction, service_id: str, started_before: datetime) -> None:
    """Drop who it was that missed appointments of a service before a moment."""
    await db.execute_query(
        """UPDATE appointments_booking b SET person_key = NULL FROM appointments_slot s
            WHERE s.id = b.slot_id AND b.service_id = $1 AND b.state = 'missed'
              AND b.person_key IS NOT NULL AND s.starts_at < $2""",
        [service_id, started_before],
    )


async def mark_missed(tx: Transaction, service_id: str, started_before: datetime) -> int:
    """Confirmed bookings of a service whose person did not come; returns how many."""
    rows = await fetch_all(
        tx,
        """UPDATE appointments_booking b SET state = 'missed' FROM appointments_slot s
            WHERE s.id = b.slot_id AND b.service_id = $1 AND b.state = 'confirmed'
              AND s.starts_at <= $2 RETURNING b.id""",
        service_id,
        started_before,
    )
    return len(rows)


async def insert_bookings(tx: Transaction, bookings: Sequence[NewBooking]) -> None:
    """New bookings; the trigger takes the seats. A column that is empty in all is not sent."""
    whole = zip(_ARRAYS, zip(*map(_values, bookings), strict=True), strict=True)
    columns = {name: values for name, values in whole if any(v is not None for v in values)}
    arrays = ", ".join(f"unnest(${n}::{_ARRAYS[name]})" for n, name in enumerate(columns, 1))
    insert = f"INSERT INTO appointments_booking ({', '.join(columns)}) SELECT {arrays}"
    await tx.execute_query(insert, list(columns.values()))


async def insert_held(tx: Transaction, requests: Sequence[HoldRequest]) -> None:
    """New holds of one slot and the people who come along."""
    await insert_bookings(tx, [request.booking for request in requests])
    companions = [
        Companion(
            id=new_id(), booking_id=request.booking.id, name_sealed=name, resident_sealed=number
        )
        for request in requests
        for name, number in request.companions
    ]
    if companions:
        await Companion.bulk_create(companions, using_db=tx)


async def copy_companions(tx: Transaction, from_id: UUID, to_id: UUID) -> None:
    """The people of a booking come along to its successor."""
    for companion in await Companion.filter(booking_id=from_id).using_db(tx):
        await Companion.create(
            using_db=tx,
            id=new_id(),
            booking_id=to_id,
            name_sealed=companion.name_sealed,
            resident_sealed=companion.resident_sealed,
        )


async def next_sequence(series_id: UUID) -> int:
    """The number of a series' next booking; those that came to nothing count too."""
    last = await Booking.filter(series_id=series_id).order_by("-sequence").first()
    return 0 if last is None else last.sequence + 1


async def has_successor(tx: Transaction, booking_id: UUID, state: State = State.HELD) -> bool:
    """Whether a booking is being moved: what is to take its place is not confirmed yet.

    What is CONFIRMED beside it stands for itself: the outside system insisted on both.
    """
    return await Booking.filter(replaces=booking_id, state=state).using_db(tx).exists()


async def has_standing(series_id: UUID) -> bool:
    """Whether a booking of a series has not come to nothing (yet)."""
    return await Booking.filter(series_id=series_id).exclude(state__in=list(ENDED)).exists()


async def move(
    tx: Transaction, booking_id: UUID, states: Sequence[State], to: State, **values: object
) -> bool:
    """Bring a booking from one of some states to another; False where it stands elsewhere."""
    changed = (
        await Booking.filter(id=booking_id, state__in=list(states))
        .using_db(tx)
        .update(state=to, **values)
    )
    return changed == 1


async def note_payment(
    tx: Transaction, booking_id: UUID, payment_id: UUID, hold_expires_at: datetime
) -> None:
    """A hold is paid for, and has so long to be completed."""
    await (
        Booking.filter(id=booking_id, state=State.HELD)
        .using_db(tx)
        .update(payment_id=payment_id, hold_expires_at=hold_expires_at)
    )


async def find_booking(booking_id: UUID) -> BookingRow | None:
    """A booking by id."""
    row = await fetch_one(connection(), f"{BOOKING} WHERE b.id = $1", booking_id)
    return None if row is None else to_booking(row)


async def lock_booking(tx: Transaction, booking_id: UUID) -> BookingRow | None:
    """A booking by id, locked until the transaction ends."""
    row = await fetch_one(tx, f"{BOOKING} WHERE b.id = $1 FOR UPDATE OF b", booking_id)
    return None if row is None else to_booking(row)


async def lock_series(
    tx: Transaction, booking: BookingRow
) -> tuple[BookingRow, Sequence[BookingRow]]:
    """A booking as it stands now, and all of its series, the first one first: locked in this order
    until the transaction ends."""
    sql = f"{BOOKING} WHERE b.series_id = $1 ORDER BY b.sequence FOR UPDATE OF b"
    series = [to_booking(row) for row in await fetch_all(tx, sql, booking.series_id)]
    return next(row for row in series if row.id == booking.id), series


async def list_bookings(
    person_id: UUID,
    children: Sequence[UUID],
    made: Sequence[tuple[UUID, str]],
    *,
    first: int,
    before: UUID | None,
) -> Sequence[BookingRow]:
    """What is about a person or one of the children, and what the person made for others, by whom
    and service; newest first, of a moved booking only the newest."""
    rows = await fetch_all(
        connection(),
        f"""{BOOKING} WHERE b.replaced_by IS NULL AND ($2::uuid IS NULL OR b.id < $2)
              AND (b.booked_by = ANY($4) AND b.booked_for IS NULL OR b.booked_for = ANY($4)
                   OR b.booked_by = $1 AND (b.booked_for, b.service_id) IN
                        (SELECT * FROM unnest($5::uuid[], $6::text[])))
            ORDER BY b.id DESC LIMIT $3""",  # noqa: S608
        person_id,
        before,
        first,
        [person_id, *children],
        [subject_id for subject_id, _ in made],
        [service_id for _, service_id in made],
    )
    return [to_booking(row) for row in rows]


async def list_in_slots(
    db: Transaction, slot_ids: Sequence[UUID], states: Sequence[State]
) -> Sequence[UUID]:
    """The bookings of some slots that are in one of some states."""
    rows = await fetch_all(
        db,
        "SELECT id FROM appointments_booking WHERE slot_id = ANY($1) AND state = ANY($2)",
        list(slot_ids),
        list(states),
    )
    return [row["id"] for row in rows]


async def list_unsettled(created_before: datetime, after: UUID, limit: int) -> Sequence[UUID]:
    """Bookings that have stood half-way at an outside system since before a moment, in the order of
    their ids."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM appointments_booking
            WHERE state IN ('held', 'cancelling') AND access_id IS NOT NULL AND created_at < $1
              AND NOT (state = 'held' AND prepaid AND payment_id IS NULL)
              AND id > $2
            ORDER BY id LIMIT $3""",
        created_before,
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def list_lapsed(now: datetime, after: UUID, limit: int) -> Sequence[UUID]:
    """Holds that should have ended by now and that no outside system knows of."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM appointments_booking
            WHERE state = 'held' AND hold_expires_at <= $1 AND id > $3
              AND (access_id IS NULL OR prepaid AND payment_id IS NULL)
            ORDER BY id LIMIT $2""",
        now,
        limit,
        after,
    )
    return [row["id"] for row in rows]


async def count_waits(tx: Transaction, person_id: UUID) -> int:
    """In how many lists somebody waits, for themselves and for others."""
    return await Wait.filter(person_id=person_id, state=WaitState.WAITING).using_db(tx).count()


async def next_waiting(
    tx: Transaction, resource_id: UUID, day_on: date, after: UUID
) -> Wait | None:
    """The next in a waiting list, locked; one whom another transaction serves is passed over."""
    return (
        await Wait.filter(
            resource_id=resource_id, day_on=day_on, state=WaitState.WAITING, id__gt=after
        )
        .using_db(tx)
        .order_by("id")
        .select_for_update(skip_locked=True)
        .first()
    )


async def lapse_waits(db: Transaction, today: date, now: datetime) -> None:
    """End the waits for days before today."""
    await (
        Wait.filter(state=WaitState.WAITING, day_on__lt=today)
        .using_db(db)
        .update(state=WaitState.LAPSED, ended_at=now)
    )


async def list_placed(
    service_ids: Sequence[str], starts_after: datetime, after: UUID, limit: int
) -> Sequence[BookingRow]:
    """Bookings at outside systems whose time is still to come, whatever became of them; without
    those that ended before anybody was asked."""
    rows = await fetch_all(
        connection(),
        f"""{BOOKING} WHERE b.service_id = ANY($1) AND s.starts_at > $2
              AND NOT (b.prepaid AND b.payment_id IS NULL)
              AND b.id > $3
            ORDER BY b.id LIMIT $4""",
        list(service_ids),
        starts_after,
        after,
        limit,
    )
    return [to_booking(row) for row in rows]


async def list_servers(
    service_ids: Sequence[str], starts_after: datetime
) -> Sequence[tuple[str, str]]:
    """The servers that have a confirmed booking still to come: service and server."""
    rows = await fetch_all(
        connection(),
        """SELECT DISTINCT b.service_id, split_part(r.ref, '/', 1) AS server_ref
             FROM appointments_booking b
             JOIN appointments_slot s ON s.id = b.slot_id
             JOIN appointments_resource r ON r.id = s.resource_id
            WHERE b.service_id = ANY($1) AND b.state = 'confirmed' AND s.starts_at > $2""",
        list(service_ids),
        starts_after,
    )
    return [(row["service_id"], row["server_ref"]) for row in rows]


def to_booking(row: Mapping[str, Any]) -> BookingRow:
    """A row of `BOOKING`."""
    plain = {name: row[name] for name in _PLAIN} | {"state": State(row["state"])}
    return BookingRow(**plain, described=describe(row))


_PLAIN = [field.name for field in fields(BookingRow) if field.name != "described"]
