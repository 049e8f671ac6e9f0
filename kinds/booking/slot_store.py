"""Queries of slots and of what they are slots of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from core.clock import SHANGHAI
from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from core.texts import Named, shortened
from kinds.booking.domain import SlotState
from kinds.booking.models import Resource, Slot
from kinds.booking.schedule import PlannedSlot

NOTHING = Named("", "")
_NAME_CHARS, _NOTES_CHARS = 128, 512
"""What the columns take; other systems' names and notes may be longer."""


@dataclass(frozen=True, slots=True)
class Described:
    """Where and with whom a slot is, in both languages."""

    place: Named
    unit: Named
    name: Named
    notes: Named = NOTHING
    """How to prepare."""


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What of a slot does not change with every booking."""

    slot_id: UUID
    slot_ref: str
    resource_id: UUID
    resource_ref: str
    address: str
    service_id: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    releases_at: datetime | None
    cancelled: bool
    limit_group: str
    described: Described


_FACTS = """
SELECT s.id AS slot_id, s.ref AS slot_ref, s.resource_id, r.ref AS resource_ref, r.address,
       s.service_id, s.starts_at, s.ends_at, s.capacity,
       s.releases_at, s.cancelled_at IS NOT NULL AS cancelled, s.capacity - s.used AS free,
       r.limit_group, r.place_zh, r.place_en, r.unit_zh, r.unit_en, r.name_zh, r.name_en,
       r.notes_zh, r.notes_en
  FROM appointments_slot s JOIN appointments_resource r ON r.id = s.resource_id
"""
_OFFERS_MAX = 2_000


async def find_slot_facts(slot_id: UUID) -> SlotFacts | None:
    """A slot by id."""
    row = await fetch_one(connection(), f"{_FACTS} WHERE s.id = $1", slot_id)
    return None if row is None else _facts(row)


async def list_free(service_id: str, now: datetime) -> list[tuple[SlotFacts, int]]:
    """The slots of a service that have free seats, in order of time, with how many."""
    rows = await fetch_all(
        connection(),
        f"""{_FACTS} WHERE s.service_id = $1 AND s.starts_at > $2 AND s.used < s.capacity
              AND s.cancelled_at IS NULL AND (s.releases_at IS NULL OR s.releases_at <= $2)
            ORDER BY s.starts_at LIMIT $3""",
        service_id,
        now,
        _OFFERS_MAX,
    )
    return [(_facts(row), row["free"]) for row in rows]


async def list_free_waited_for(
    now: datetime, after: UUID, limit: int
) -> Sequence[tuple[UUID, str, datetime]]:
    """Slots still to come with a free seat and somebody waiting for their day, in the order of
    their ids: slot, service and start."""
    rows = await fetch_all(
        connection(),
        """SELECT s.id, s.service_id, s.starts_at FROM appointments_slot s
            WHERE s.starts_at > $1 AND s.used < s.capacity AND s.cancelled_at IS NULL
              AND (s.resource_id, (s.starts_at AT TIME ZONE 'Asia/Shanghai')::date) IN
                  (SELECT resource_id, day_on FROM appointments_wait WHERE state = 'waiting')
              AND s.id > $2
            ORDER BY s.id LIMIT $3""",
        now,
        after,
        limit,
    )
    return [(row["id"], row["service_id"], row["starts_at"]) for row in rows]


async def list_slots(
    resource_id: UUID, begins_at: datetime, ends_at: datetime
) -> list[tuple[SlotFacts, int]]:
    """The slots of a resource that start in [begins_at, ends_at), full ones too, with what is
    free."""
    rows = await fetch_all(
        connection(),
        f"""{_FACTS} WHERE s.resource_id = $1 AND s.starts_at >= $2 AND s.starts_at < $3
              AND s.cancelled_at IS NULL
            ORDER BY s.starts_at""",
        resource_id,
        begins_at,
        ends_at,
    )
    return [(_facts(row), row["free"]) for row in rows]


async def list_bookers(slot_id: UUID) -> frozenset[UUID]:
    """Everybody who ever booked a slot."""
    rows = await fetch_all(
        connection(),
        "SELECT DISTINCT booked_by FROM appointments_booking WHERE slot_id = $1",
        slot_id,
    )
    return frozenset(row["booked_by"] for row in rows)


async def list_full_refs(resource_ref: str) -> frozenset[str]:
    """The outside system's names of those of its slots that somebody here has or is booking."""
    rows = await fetch_all(
        connection(),
        """SELECT s.ref FROM appointments_slot s
             JOIN appointments_resource r ON r.id = s.resource_id
            WHERE r.ref = $1 AND s.used >= s.capacity""",
        resource_ref,
    )
    return frozenset(row["ref"] for row in rows)


async def list_resources(service_id: str) -> Sequence[Resource]:
    """The resources of a service, by name."""
    return await Resource.filter(service_id=service_id).order_by("ref")


async def insert_planned(
    tx: Transaction, resource_id: UUID, service_id: str, planned: Sequence[PlannedSlot]
) -> int:
    """The planned slots of a resource, those that exist with the new end, capacity and release.

    A capacity never falls below what is booked, but follows it down to what is `planned`; a slot
    that was called off is on offer again.
    Returns how many are new or changed.
    """
    rows = await fetch_all(
        tx,
        """INSERT INTO appointments_slot (id, resource_id, service_id, ref, starts_at, ends_at,
                                          capacity, used, fee_fen, releases_at)
           SELECT p.id, $1, $2, p.ref, p.starts_at, p.ends_at, p.capacity, 0, 0, p.releases_at
             FROM unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::int[],
                         $8::timestamptz[])
               AS p (id, ref, starts_at, ends_at, capacity, releases_at)
           ON CONFLICT (resource_id, ref) DO UPDATE SET
             ends_at = EXCLUDED.ends_at,
             capacity = greatest(EXCLUDED.capacity, appointments_slot.used),
             planned = CASE WHEN EXCLUDED.capacity < appointments_slot.used
                            THEN EXCLUDED.capacity END,
             releases_at = EXCLUDED.releases_at,
             cancelled_at = NULL
           WHERE (appointments_slot.ends_at,
                  coalesce(appointments_slot.planned, appointments_slot.capacity),
                  appointments_slot.releases_at)
             IS DISTINCT FROM (EXCLUDED.ends_at, EXCLUDED.capacity, EXCLUDED.releases_at)
              OR appointments_slot.cancelled_at IS NOT NULL
           RETURNING id""",
        resource_id,
        service_id,
        [new_id() for _ in planned],
        [slot.ref for slot in planned],
        [slot.starts_at for slot in planned],
        [slot.ends_at for slot in planned],
        [slot.capacity for slot in planned],
        [slot.releases_at for slot in planned],
    )
    return len(rows)


async def cancel_unplanned(
    tx: Transaction,
    resource_id: UUID,
    *,
    begins_at: datetime,
    ends_at: datetime,
    planned: Sequence[str],
    cancelled_at: datetime,
) -> list[UUID]:
    """Call off the slots of a resource that start in [begins_at, ends_at) and whose refs are not
    planned; returns which those were, locked in the order in which moves lock them."""
    rows = await fetch_all(
        tx,
        """UPDATE appointments_slot SET cancelled_at = $5 WHERE id IN (
             SELECT id FROM appointments_slot
              WHERE resource_id = $1 AND starts_at >= $2 AND starts_at < $3
                AND cancelled_at IS NULL AND ref <> ALL($4)
              ORDER BY id FOR UPDATE)
           RETURNING id""",
        resource_id,
        begins_at,
        ends_at,
        list(planned),
        cancelled_at,
    )
    return [row["id"] for row in rows]


async def ensure_resource(
    tx: Transaction,
    *,
    service_id: str,
    ref: str,
    described: Described,
    limit_group: str,
    address: str = "",
) -> UUID:
    """The resource of this name, made or described anew."""
    row = await fetch_one(
        tx,
        """INSERT INTO appointments_resource (id, service_id, ref, place_zh, place_en, unit_zh,
                                              unit_en, name_zh, name_en, address, limit_group,
                                              notes_zh, notes_en)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (service_id, ref) DO UPDATE SET
             place_zh = $4, place_en = $5, unit_zh = $6, unit_en = $7, name_zh = $8, name_en = $9,
             address = $10, limit_group = $11, notes_zh = $12, notes_en = $13
           RETURNING id""",
        new_id(),
        service_id,
        ref,
        *_texts(_NAME_CHARS, described.place, described.unit, described.name),
        address,
        limit_group,
        *_texts(_NOTES_CHARS, described.notes),
    )
    return _id(row)


def _texts(most: int, *names: Named) -> list[str]:
    """Names in both languages as columns of so many characters take them."""
    texts = [text for name in names for text in (name.zh, name.en)]
    return [shortened(text.replace("\0", ""), most) for text in texts]


async def ensure_slot(
    tx: Transaction,
    *,
    resource_id: UUID,
    service_id: str,
    ref: str,
    starts_at: datetime,
    ends_at: datetime,
    fee_fen: int | None,
) -> UUID:
    """Our row for one number of an outside system: one seat."""
    row = await fetch_one(
        tx,
        """INSERT INTO appointments_slot
             (id, resource_id, service_id, ref, starts_at, ends_at, capacity, used, fee_fen)
           VALUES ($1, $2, $3, $4, $5, $6, 1, 0, $7)
           ON CONFLICT (resource_id, ref) DO UPDATE SET
             starts_at = $5, ends_at = $6, fee_fen = $7
           RETURNING id""",
        new_id(),
        resource_id,
        service_id,
        ref,
        starts_at,
        ends_at,
        fee_fen,
    )
    return _id(row)


async def is_full(tx: Transaction, resource_id: UUID, ref: str) -> bool:
    """Whether somebody here has an outside system's number."""
    row = await fetch_one(
        tx,
        """SELECT FROM appointments_slot
            WHERE resource_id = $1 AND ref = $2 AND used >= capacity""",
        resource_id,
        ref,
    )
    return row is not None


async def move_booking(tx: Transaction, booking_id: UUID, slot_id: UUID) -> None:
    """A booking is of another slot now, or of the same at another time: as its outside system has
    it, and of no other may that be."""
    await tx.execute_query(
        "UPDATE appointments_booking SET slot_id = $2, version = version + 1 WHERE id = $1",
        [booking_id, slot_id],
    )


async def lock_slot(tx: Transaction, slot_id: UUID) -> Slot:
    """A slot, locked until the transaction ends."""
    row = await fetch_one(tx, "SELECT * FROM appointments_slot WHERE id = $1 FOR UPDATE", slot_id)
    assert row is not None
    return Slot(**row)


def state_of(slot: Slot) -> SlotState:
    """What decides whether a locked slot can be booked."""
    return SlotState(
        slot.starts_at, slot.capacity, slot.used, slot.releases_at, slot.cancelled_at is not None
    )


async def read_state(slot_id: UUID) -> SlotState:
    """What decides whether a slot can be booked, as of now and without waiting for its lock."""
    row = await fetch_one(
        connection(),
        """SELECT starts_at, capacity, used, releases_at, cancelled_at IS NOT NULL AS cancelled
             FROM appointments_slot WHERE id = $1""",
        slot_id,
    )
    assert row is not None
    return SlotState(**row)


def describe(row: Mapping[str, Any]) -> Described:
    """The names in a row that joins a resource."""
    return Described(
        Named(row["place_zh"], row["place_en"]),
        Named(row["unit_zh"], row["unit_en"]),
        Named(row["name_zh"], row["name_en"]),
        Named(row["notes_zh"], row["notes_en"]),
    )


def _facts(row: Mapping[str, Any]) -> SlotFacts:
    return SlotFacts(**{name: row[name] for name in _PLAIN_FACTS}, described=describe(row))


_PLAIN_FACTS = [field.name for field in fields(SlotFacts) if field.name != "described"]


def _id(row: Mapping[str, Any] | None) -> UUID:
    assert row is not None
    found: UUID = row["id"]
    return found


async def list_free_of_day(resource_id: UUID, day_on: date) -> list[UUID]:
    """The slots of a place on a Shanghai day that have free seats."""
    begins_at = datetime.combine(day_on, time.min, SHANGHAI)
    rows = await fetch_all(
        connection(),
        """SELECT id FROM appointments_slot
            WHERE resource_id = $1 AND starts_at >= $2 AND starts_at < $3 AND used < capacity
            ORDER BY starts_at""",
        resource_id,
        begins_at,
        begins_at + timedelta(days=1),
    )
    return [row["id"] for row in rows]
