"""An appointment that its outside system has moved itself: ours follows, and its parties are told.

The booking stays the same one, for its id is its identifier there; what changes is the slot that it
is of. What cannot be refused any more is not: of the limits of the new time it takes what is free.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.people.directory import Person
from kinds.booking import domain, limit_store, messages, numbers, slot_store, store
from kinds.booking.domain import State
from kinds.booking.policy import policy_of
from kinds.booking.sources import ExternalBooking, ExternalNumber, source_of
from kinds.booking.store import BookingRow


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a booking belongs: a number there as far as it is known, and its time."""

    number: ExternalNumber | None
    slot_ref: str
    starts_at: datetime
    ends_at: datetime


def is_rescheduled(booking: BookingRow, placed: ExternalBooking) -> bool:
    """Whether the outside system has a booking at another time or of another number; what it does
    not tell is no difference."""
    if placed.slot_ref is not None and placed.slot_ref != booking.slot_ref:
        return True
    times = placed.starts_at, placed.ends_at
    return None not in times and times != (booking.starts_at, booking.ends_at)


async def follow(
    app: App, booking: BookingRow, placed: ExternalBooking, deadline: Deadline
) -> bool:
    """Bring a confirmed booking to where the outside system has it; False where nothing that
    anybody sees has changed.

    One that is just being moved from here is left to its move. Raises UpstreamError.
    """
    target = await _find_target(app, booking, placed, deadline)
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        booking, _ = await store.lock_series(tx, booking)
        if booking.state is not State.CONFIRMED or await store.has_successor(tx, booking.id):
            return False
        slot_id = await _ensure_slot(app, tx, booking, target)
        if slot_id == booking.slot_id and not _is_seen(booking, target):
            return False
        await slot_store.move_booking(tx, booking.id, slot_id)
        moved = await store.lock_booking(tx, booking.id)
        assert moved is not None
        await _follow_limits(app, tx, booking, moved)
        return await _tell(app, tx, booking, moved, readers)


async def _find_target(
    app: App, booking: BookingRow, placed: ExternalBooking, deadline: Deadline
) -> _Target:
    number = None
    if placed.slot_ref is not None and placed.slot_ref != booking.slot_ref:
        source = source_of(app, booking.service_id)
        number = await source.read_number(app, booking.server_ref, placed.slot_ref, deadline)
    if placed.starts_at is not None and placed.ends_at is not None:
        starts_at, ends_at = placed.starts_at, placed.ends_at
    elif number is not None:
        starts_at, ends_at = number.slot.starts_at, number.slot.ends_at
    else:
        starts_at, ends_at = booking.starts_at, booking.ends_at
    # a number that is not told is none that is offered to anybody
    return _Target(number, placed.slot_ref or str(booking.id), starts_at, ends_at)


async def _ensure_slot(app: App, tx: Transaction, booking: BookingRow, target: _Target) -> UUID:
    """Our row for where a booking belongs: one of its own while another booking of ours has it, as
    where two change places."""
    resource_id, fee_fen, ref = booking.resource_id, booking.fee_fen, target.slot_ref
    if target.number is not None:
        source = source_of(app, booking.service_id)
        resource_id = await numbers.ensure_resource(app, tx, source, target.number)
        fee_fen = target.number.fee_fen
    if ref != booking.slot_ref and await slot_store.is_full(tx, resource_id, ref):
        ref = str(booking.id)
    return await slot_store.ensure_slot(
        tx,
        resource_id=resource_id,
        service_id=booking.service_id,
        ref=ref,
        starts_at=target.starts_at,
        ends_at=target.ends_at,
        fee_fen=fee_fen,
    )


def _is_seen(booking: BookingRow, target: _Target) -> bool:
    return (booking.starts_at, booking.ends_at) != (target.starts_at, target.ends_at)


async def _follow_limits(app: App, tx: Transaction, old: BookingRow, new: BookingRow) -> None:
    """What a booking counts against by its time goes over to its new time."""
    policy = policy_of(app, new.service_id)
    before, after = (
        domain.limits_of(
            service_id=row.service_id,
            slot_id=row.slot_id,
            group=row.limit_group,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            per_day=policy.per_day,
            open_max=policy.open_max,
        )
        for row in (old, new)
    )
    left = {key for key in before if key not in after}
    gained = {key: allowed for key, allowed in after.items() if key not in before}
    await limit_store.replace_limits(tx, new.id, left, gained)


async def _tell(
    app: App, tx: Transaction, old: BookingRow, new: BookingRow, readers: list[Person]
) -> bool:
    """Tell of what a person sees of it: the time, the doctor, the room."""
    same = replace(new, slot_id=old.slot_id, slot_ref=old.slot_ref, version=old.version)
    if same == old:
        return False
    occasion = f":{new.version}"
    await messages.tell(app, tx, new, readers, "rescheduled", occasion=occasion)
    return True
