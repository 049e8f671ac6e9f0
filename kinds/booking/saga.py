"""Bringing a booking and the outside system's record of it together, whatever was lost on the way.

The booking's id is its identifier there, so asking again never books twice and a lost
reply is found by searching for it. Every step is repeat-safe: the request tries first, a job
enqueued with the hold tries on, and a booking that ended here is cleared there. A booking that has
to be paid first begins here when it is paid.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Forbidden
from core.people.personal_read import Access, resume_access
from core.queue.jobs import JobKind
from core.upstream.client import UpstreamError, UpstreamRejected, UpstreamUnavailable
from kinds.booking import messages, moving, refunds, store, texts
from kinds.booking.domain import ENDED, State
from kinds.booking.sources import ExternalBooking, NumberSource, SlotTaken, source_of
from kinds.booking.store import BookingRow

SETTLE = JobKind[UUID]("appointments.settle")
CLEAR = JobKind[UUID]("appointments.clear")
"""kinds.booking.jobs, which imports this file."""
_SETTLE_AFTER = timedelta(seconds=5)
_CLEAR_AGAIN_AFTER = timedelta(minutes=10)
_VERSION_CHARS = 64

log = structlog.get_logger(__name__)


async def enqueue_settle(app: App, tx: Transaction, booking_id: UUID) -> None:
    """See to it that the booking is settled even if this process ends now."""
    await SETTLE.enqueue(app, tx, booking_id, after=_SETTLE_AFTER)


async def settle_now(app: App, booking_id: UUID, access: Access | None, deadline: Deadline) -> None:
    """Try within a request. What stays unknown is left to the job; raises nothing of upstreams."""
    try:
        await settle(app, booking_id, deadline, access=access)
    except UpstreamUnavailable:
        # this was the first attempt and it was certainly not carried out
        booking = await store.find_booking(booking_id)
        if access is not None and booking is not None:
            source = source_of(app, booking.service_id)
            await _refuse(app, booking, source.texts.unavailable.code)
    except UpstreamError as error:
        log.info("booking left to the job", booking_id=str(booking_id), reason=error.reason)


async def settle(
    app: App, booking_id: UUID, deadline: Deadline, *, access: Access | None = None
) -> None:
    """Bring a half-way booking to where it belongs. Raises UpstreamError while it is unknown."""
    booking = await store.find_booking(booking_id)
    if booking is None or not booking.is_external or booking.awaits_payment:
        return
    if booking.state is State.HELD:
        assert booking.hold_expires_at is not None
        if app.clock.now() < booking.hold_expires_at:
            await _place(app, booking, access, deadline)
        elif await _give_up(booking):
            await settle(app, booking_id, deadline)
    elif booking.state is State.CANCELLING:
        await _withdraw(app, booking, deadline)


async def clear(app: App, booking_id: UUID, deadline: Deadline) -> None:
    """Cancel there what has ended here. Raises UpstreamError while it is unknown."""
    booking = await store.find_booking(booking_id)
    if booking is None or not booking.is_external or booking.state not in ENDED:
        return
    system, server_ref = source_of(app, booking.service_id).system(app), booking.server_ref
    placed = await system.find_booking(server_ref, booking.id, deadline)
    if placed is not None and placed.live:
        await system.cancel(server_ref, booking.id, placed, deadline)


async def _place(app: App, booking: BookingRow, access: Access | None, deadline: Deadline) -> None:
    assert booking.access_id is not None
    try:
        access = access or await resume_access(app, booking.access_id)
    except Forbidden:
        await _give_up(booking, texts.CONSENT_WITHDRAWN.code)
        await settle(app, booking.id, deadline)
        return
    source = source_of(app, booking.service_id)
    try:
        placed = await source.system(app).book(
            access, booking.server_ref, booking.slot_ref, booking.id, deadline
        )
    except SlotTaken:
        await _refuse(app, booking, texts.SLOT_FULL.code)
    except UpstreamRejected:
        await _refuse(app, booking, source.texts.refused.code)
    else:
        await _confirm(app, booking, source, placed)


async def _confirm(
    app: App, booking: BookingRow, source: NumberSource, placed: ExternalBooking
) -> None:
    if not placed.live:
        await _refuse(app, booking, source.texts.refused.code)
        return
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        old = await store.lock_booking(tx, booking.replaces) if booking.replaces else None
        over = old is not None and old.state is not State.CONFIRMED
        if over and await store.move(tx, booking.id, [State.HELD], State.CANCELLING):
            # nothing is left to exchange it for
            await enqueue_settle(app, tx, booking.id)
            return
        confirmed = await store.move(
            tx,
            booking.id,
            [State.HELD],
            State.CONFIRMED,
            **_record_of(placed),
            confirmed_at=app.clock.now(),
        )
        if confirmed and old is not None:
            await moving.hand_over(tx, old, booking)
            await enqueue_settle(app, tx, old.id)
        if confirmed:
            event = "moved" if old else "confirmed"
            await messages.tell(app, tx, booking, readers, event)
        else:
            # it ended here while the outside system was booking it, or is confirmed already
            await CLEAR.enqueue(app, tx, booking.id)


async def _refuse(app: App, booking: BookingRow, code: str) -> None:
    """End a hold that the outside system does not have; its seat is free again.

    Whoever has just paid is not looking at the booking any more, and is told.
    """
    async with transaction() as tx:
        refused = await store.move(
            tx,
            booking.id,
            [State.HELD],
            State.REFUSED,
            refusal_code=code,
            ended_at=app.clock.now(),
        )
        if refused:
            await refunds.enqueue(app, tx, booking)
        if refused and booking.payment_id is not None and booking.replaces is None:
            await messages.tell_later(app, tx, booking.id, "refused")


async def _give_up(booking: BookingRow, code: str = texts.HOLD_EXPIRED.code) -> bool:
    """A hold that cannot be completed is withdrawn: the outside system may have it, or may not."""
    async with transaction() as tx:
        return await store.move(tx, booking.id, [State.HELD], State.CANCELLING, refusal_code=code)


async def _withdraw(app: App, booking: BookingRow, deadline: Deadline) -> None:
    system, server_ref = source_of(app, booking.service_id).system(app), booking.server_ref
    placed = await system.find_booking(server_ref, booking.id, deadline)
    if placed is not None and placed.live:
        try:
            await system.cancel(server_ref, booking.id, placed, deadline)
        except UpstreamRejected:
            await _keep(app, booking, placed)
            return
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        booking, series = await store.lock_series(tx, booking)
        if booking.state is not State.CANCELLING:
            return
        await moving.hand_on(tx, series, booking)
        await store.move(
            tx, booking.id, [State.CANCELLING], State.CANCELLED, ended_at=app.clock.now()
        )
        await refunds.enqueue(app, tx, booking)
        if booking.replaced_by is None:
            event = "refused" if booking.refusal_code else "cancelled"
            await messages.tell(app, tx, booking, readers, event)
        if placed is None:
            # a request that was lost on the way may still arrive there
            await CLEAR.enqueue(app, tx, booking.id, after=_CLEAR_AGAIN_AFTER)


def _record_of(placed: ExternalBooking) -> dict[str, str]:
    """Where a booking stands outside, as its columns take it."""
    return {"upstream_ref": placed.ref, "upstream_version": placed.version[:_VERSION_CHARS]}


async def _keep(app: App, booking: BookingRow, placed: ExternalBooking) -> None:
    """The outside system insists on the booking: so it stands, and its series has no other.

    Where another took its place that one is given back; where it was to take another's place and
    was never confirmed, it takes it now.
    """
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        booking, series = await store.lock_series(tx, booking)
        if booking.state is not State.CANCELLING:
            return
        old = next((row for row in series if row.id == booking.replaces), None)
        given_back: Sequence[UUID] = ()
        event = "kept"
        if booking.replaced_by is not None:
            given_back = await moving.take_back(tx, series, booking)
        elif old and old.state is State.CONFIRMED and booking.confirmed_at is None:
            await moving.hand_over(tx, old, booking)
            given_back, event = [old.id], "moved"
        await store.move(
            tx,
            booking.id,
            [State.CANCELLING],
            State.CONFIRMED,
            **_record_of(placed),
            refusal_code=None,
            confirmed_at=booking.confirmed_at or app.clock.now(),
        )
        for booking_id in given_back:
            await enqueue_settle(app, tx, booking_id)
        await messages.tell(app, tx, booking, readers, event)
