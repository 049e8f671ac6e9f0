"""Slots that the plan no longer has, as when a published calendar makes a day a holiday: they are
called off, and who is booked there gets another time or, where there is none, the fee back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.database import Transaction, transaction
from core.errors import Conflict
from core.ids import new_id
from core.queue.jobs import job
from kinds.booking import messages, moving, queue, service, slot_store, store
from kinds.booking.domain import State
from kinds.booking.policy import policy_of
from kinds.booking.schedule import HORIZON_DAYS_MAX
from kinds.booking.slot_store import SlotFacts
from kinds.booking.store import BookingRow

_LIVE = (State.HELD, State.CONFIRMED)


async def call_off(
    app: App, tx: Transaction, resource_id: UUID, *, until: datetime, planned: Sequence[str]
) -> int:
    """Call off the slots of a place from now until a moment that are not among the planned refs.

    One job for each of their live bookings goes with `tx`. Returns how many slots it were.
    """
    now = app.clock.now()
    slot_ids = await slot_store.cancel_unplanned(
        tx, resource_id, begins_at=now, ends_at=until, planned=planned, cancelled_at=now
    )
    booking_ids = await store.list_in_slots(tx, slot_ids, _LIVE)
    await app.queue.enqueue(tx, [relocate.later(id, key=str(id)) for id in booking_ids])
    return len(slot_ids)


@job("appointments.relocate")
async def relocate(app: App, booking_id: UUID) -> None:
    """Move a booking out of a slot that was called off, and say so. Repeat-safe.

    Without another time that can still be given back, and for a hold, the booking is cancelled.
    """
    booking = await store.find_booking(booking_id)
    assert booking is not None
    slot = await slot_store.find_slot_facts(booking.slot_id)
    if booking.state not in _LIVE or slot is None or not slot.cancelled:
        return
    if booking.state is State.CONFIRMED:
        for other in await _other_times(app, booking):
            if not await queue.stands_before(app, other) and await _move(app, booking, other):
                return
    await _cancel(app, booking)


async def _other_times(app: App, booking: BookingRow) -> list[SlotFacts]:
    """Free slots of the same place that can still be given back, the most alike first."""
    now, policy = app.clock.now(), policy_of(app, booking.service_id)
    horizon_at = now + timedelta(days=HORIZON_DAYS_MAX)
    return sorted(
        (
            slot
            for slot, free in await slot_store.list_slots(booking.resource_id, now, horizon_at)
            if free > 0
            and (slot.releases_at is None or slot.releases_at <= now)
            and now < policy.cancel.deadline(slot.starts_at)
        ),
        key=lambda slot: _distance(booking.starts_at, slot.starts_at),
    )


def _distance(old: datetime, new: datetime) -> tuple[bool, int, timedelta]:
    """Later days before earlier ones, then the nearest day, then the nearest hour."""
    days = (civil_date(new) - civil_date(old)).days
    return days < 0, abs(days), abs(_hour(new) - _hour(old))


def _hour(moment: datetime) -> timedelta:
    local = moment.astimezone(SHANGHAI)
    return timedelta(hours=local.hour, minutes=local.minute)


async def _move(app: App, booking: BookingRow, other: SlotFacts) -> bool:
    """Move to one slot; False where it is full by now or a limit stands against it."""
    moved_id = new_id()
    try:
        async with transaction() as tx:
            await moving.move_called_off(app, tx, booking.id, other, moved_id)
            await messages.tell_later(app, tx, moved_id, "relocated")
    except Conflict:
        return False
    return True


async def _cancel(app: App, seen: BookingRow) -> None:
    async with transaction() as tx:
        booking = await store.lock_booking(tx, seen.id)
        if booking is None or booking.state not in _LIVE:
            return
        if booking.state is not seen.state:
            # a hold that has become an appointment meanwhile: there may be another time for it
            await relocate.enqueue(app, tx, booking.id)
        elif await service.end(app, tx, booking, State.CANCELLED):
            await messages.tell_later(app, tx, booking.id, "called_off")
