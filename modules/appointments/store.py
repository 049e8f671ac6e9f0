"""Every query of appointments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from core.city import Named
from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from modules.appointments.domain import State
from modules.appointments.models import Booking, Resource, Slot


@dataclass(frozen=True, slots=True)
class Described:
    """Where and with whom a slot is, in both languages."""

    place: Named
    unit: Named
    name: Named


@dataclass(frozen=True, slots=True)
class BookingRow:
    """A booking with its slot and what the slot is of."""

    id: UUID
    series_id: UUID
    sequence: int
    service_id: str
    slot_id: UUID
    booked_by: UUID
    state: State
    fee_fen: int
    access_id: UUID | None
    upstream_ref: str | None
    upstream_version: str | None
    refusal_code: str | None
    replaced_by: UUID | None
    created_at: datetime
    hold_expires_at: datetime | None
    ended_at: datetime | None
    starts_at: datetime
    ends_at: datetime
    slot_ref: str
    resource_ref: str
    address: str
    described: Described


_BOOKING = """
SELECT b.*, s.starts_at, s.ends_at, s.ref AS slot_ref, r.ref AS resource_ref, r.address,
       r.place_zh, r.place_en, r.unit_zh, r.unit_en, r.name_zh, r.name_en
  FROM appointments_booking b
  JOIN appointments_slot s ON s.id = b.slot_id
  JOIN appointments_resource r ON r.id = s.resource_id
"""


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
                                              unit_en, name_zh, name_en, address, limit_group)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (service_id, ref) DO UPDATE SET
             place_zh = $4, place_en = $5, unit_zh = $6, unit_en = $7, name_zh = $8, name_en = $9,
             address = $10, limit_group = $11
           RETURNING id""",
        new_id(),
        service_id,
        ref,
        described.place.zh,
        described.place.en,
        described.unit.zh,
        described.unit.en,
        described.name.zh,
        described.name.en,
        address,
        limit_group,
    )
    return _id(row)


async def ensure_slot(
    tx: Transaction,
    *,
    resource_id: UUID,
    service_id: str,
    ref: str,
    starts_at: datetime,
    ends_at: datetime,
    fee_fen: int,
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


async def lock_slot(tx: Transaction, slot_id: UUID) -> Slot:
    """A slot, locked until the transaction ends."""
    return await Slot.filter(id=slot_id).using_db(tx).select_for_update().get()


async def take_limits(
    tx: Transaction, *, booking_id: UUID, person_key: bytes, limits: Mapping[str, int]
) -> str | None:
    """Count a booking against a person's limits; returns the key of the first that is used up.

    Taken in the order of their keys, so that two bookings of one person never wait crosswise.
    """
    for key in sorted(limits):
        taken = None
        while taken is None:
            rows = await fetch_all(
                tx,
                """SELECT o FROM generate_series(1, $3::int) o WHERE NOT EXISTS (
                     SELECT FROM appointments_limit_use
                      WHERE person_key = $1 AND limit_key = $2 AND ordinal = o)
                   ORDER BY o LIMIT 1""",
                person_key,
                key,
                limits[key],
            )
            if not rows:
                return key
            # another booking of this person may take the same place first: then look again
            taken = await fetch_one(
                tx,
                """INSERT INTO appointments_limit_use (person_key, limit_key, ordinal, booking_id)
                   VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING ordinal""",
                person_key,
                key,
                rows[0]["o"],
                booking_id,
            )
    return None


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


async def find_booking(booking_id: UUID) -> BookingRow | None:
    """A booking by id."""
    row = await fetch_one(connection(), f"{_BOOKING} WHERE b.id = $1", booking_id)
    return None if row is None else _booking(row)


async def lock_booking(tx: Transaction, booking_id: UUID) -> BookingRow | None:
    """A booking by id, locked until the transaction ends."""
    row = await fetch_one(tx, f"{_BOOKING} WHERE b.id = $1 FOR UPDATE OF b", booking_id)
    return None if row is None else _booking(row)


async def list_bookings(
    person_id: UUID, *, first: int, before: UUID | None
) -> Sequence[BookingRow]:
    """What a person booked, newest first; of a moved booking only the newest."""
    rows = await fetch_all(
        connection(),
        f"""{_BOOKING} WHERE b.booked_by = $1 AND b.replaced_by IS NULL
              AND ($2::uuid IS NULL OR b.id < $2)
            ORDER BY b.id DESC LIMIT $3""",
        person_id,
        before,
        first,
    )
    return [_booking(row) for row in rows]


async def list_unsettled(created_before: datetime, limit: int) -> Sequence[UUID]:
    """Bookings that have stood half-way since before a moment."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM appointments_booking
            WHERE state IN ('held', 'cancelling') AND created_at < $1
            ORDER BY id LIMIT $2""",
        created_before,
        limit,
    )
    return [row["id"] for row in rows]


async def list_placed(
    service_id: str, starts_after: datetime, after: UUID | None, limit: int
) -> Sequence[BookingRow]:
    """Bookings at an outside system whose time is still to come, whatever became of them."""
    rows = await fetch_all(
        connection(),
        f"""{_BOOKING} WHERE b.service_id = $1 AND s.starts_at > $2
              AND ($3::uuid IS NULL OR b.id > $3)
            ORDER BY b.id LIMIT $4""",
        service_id,
        starts_after,
        after,
        limit,
    )
    return [_booking(row) for row in rows]


async def find_resource(service_id: str, ref: str) -> Resource | None:
    """A resource by its name within its service."""
    return await Resource.get_or_none(service_id=service_id, ref=ref)


def _booking(row: Mapping[str, Any]) -> BookingRow:
    described = Described(
        Named(row["place_zh"], row["place_en"]),
        Named(row["unit_zh"], row["unit_en"]),
        Named(row["name_zh"], row["name_en"]),
    )
    plain = {name: row[name] for name in _PLAIN} | {"state": State(row["state"])}
    return BookingRow(**plain, described=described)


_PLAIN = [field.name for field in fields(BookingRow) if field.name != "described"]


def _id(row: Mapping[str, Any] | None) -> UUID:
    assert row is not None
    found: UUID = row["id"]
    return found
