"""Comparing our bookings with what the outside systems hold: every night all of them, and every
few minutes those that have changed there."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

import structlog

from core.context.app import App
from core.context.sweep import sweep, sweep_pages
from core.database import transaction
from core.deadline import Deadline
from core.queue.jobs import Lane, job
from core.upstream.client import UpstreamError
from kinds.booking import changes, messages, moving, refunds, saga, store, texts
from kinds.booking.domain import ENDED, State
from kinds.booking.sources import ExternalBooking, source_of, sources_of
from kinds.booking.store import BookingRow

_DEADLINE_S = 5.0
_PAGE, _AT_ONCE = 200, 4
_SINCE = timedelta(days=2)
_COMPARE_S = 3_000.0
_CHANGED_WITHIN = timedelta(minutes=20)
"""Several passes long, whatever their clocks are off: what a pass misses the next one finds, and
what all miss, the night."""

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """How the two sides differ, and what is done about it."""

    GHOST_THERE = "ghost_there"
    """Ended here, live there: cancelled there."""
    GONE_THERE = "gone_there"
    """Confirmed here, not there: cancelled here, and the person is told."""
    RESCHEDULED = "rescheduled"
    """At another time or of another number there: ours follows, and the person is told."""
    ATTENDED = "attended"
    MISSED = "missed"
    UNKNOWN = "unknown"
    """The outside system did not answer."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One booking on which the two sides differ."""

    booking_id: UUID
    kind: Kind


async def compare(app: App) -> list[Difference]:
    """Look at every booking from two days ago on and mend what differs. Repeat-safe."""
    differences: list[Difference] = []

    async def look(booking: BookingRow) -> None:
        kind: Kind | None = Kind.UNKNOWN  # what a failure leaves behind
        try:
            kind = await _compare_one(app, booking)
        finally:
            if kind is not None:
                log.info("outside system differs", booking_id=str(booking.id), kind=kind)
                differences.append(Difference(booking.id, kind))

    await sweep_pages(
        app,
        "appointments.compare",
        partial(store.list_placed, list(sources_of(app)), app.clock.now() - _SINCE),
        look,
        key=lambda booking: booking.id,
        size=_PAGE,
        within_s=_COMPARE_S,
    )
    return differences


@job("appointments.compare", lane=Lane.BULK, timeout_s=3600, every="30 17 * * *")
async def compare_nightly(app: App) -> None:
    """Every night."""
    await compare(app)


@job("appointments.follow", timeout_s=240, every="*/5 * * * *")
async def follow(app: App) -> None:
    """Every five minutes: look at the bookings that have changed at their servers.

    Who has a number that a hospital has called off learns it now, and not the next morning.
    """
    servers = await store.list_servers(list(sources_of(app)), app.clock.now())
    await sweep(app, "appointments.follow", servers, partial(_follow_one, app), at_once=_AT_ONCE)


async def _follow_one(app: App, server: tuple[str, str]) -> None:
    service_id, server_ref = server
    deadline, since = Deadline.after(_DEADLINE_S), app.clock.now() - _CHANGED_WITHIN
    system = source_of(app, service_id).system(app)
    changed = await system.list_changed(server_ref, since, deadline)
    await sweep(app, "appointments.changed", changed, partial(_look_at, app, server))


async def _look_at(app: App, server: tuple[str, str], booking_id: UUID) -> None:
    booking = await store.find_booking(booking_id)
    # the number stands in what others have written: it may be no booking of this server
    if booking is not None and (booking.service_id, booking.server_ref) == server:
        await _compare_one(app, booking)


async def _compare_one(app: App, booking: BookingRow) -> Kind | None:
    if booking.state not in ENDED | {State.CONFIRMED}:
        return None
    deadline = Deadline.after(_DEADLINE_S)
    try:
        system = source_of(app, booking.service_id).system(app)
        placed = await system.find_booking(booking.server_ref, booking.id, deadline)
        live = placed is not None and placed.live
        if booking.state in ENDED:
            if not live:
                return None
            await saga.clear(app, booking.id, deadline)
            return Kind.GHOST_THERE
        moved = False
        if placed is not None and live and changes.is_rescheduled(booking, placed):
            moved = await changes.follow(app, booking, placed, deadline)
    except UpstreamError:
        return Kind.UNKNOWN
    if not live:
        await _called_off(app, booking)
        return Kind.GONE_THERE
    outcome = await _record_outcome(app, booking, placed)
    return outcome or (Kind.RESCHEDULED if moved else None)


async def _called_off(app: App, booking: BookingRow) -> None:
    """End a booking that the outside system has called off. One that is just being moved is left
    to its move: a later pass looks again at what that leaves standing."""
    readers = await messages.readers(app, booking)
    async with transaction() as tx:
        booking, series = await store.lock_series(tx, booking)
        if booking.state is not State.CONFIRMED or await store.has_successor(tx, booking.id):
            return
        await moving.hand_on(tx, series, booking)
        await store.move(
            tx,
            booking.id,
            [State.CONFIRMED],
            State.CANCELLED,
            refusal_code=texts.SLOT_CANCELLED.code,
            ended_at=app.clock.now(),
        )
        await refunds.enqueue(app, tx, booking)
        await messages.tell(app, tx, booking, readers, "refused")


async def _record_outcome(
    app: App, booking: BookingRow, placed: ExternalBooking | None
) -> Kind | None:
    outcome = placed.outcome if placed else None
    if outcome is State.MISSED and app.clock.now() < booking.starts_at:
        return None  # nobody has missed what is still to come
    if outcome is None:
        return None
    async with transaction() as tx:
        await store.move(tx, booking.id, [State.CONFIRMED], outcome)
    return Kind.ATTENDED if outcome is State.ATTENDED else Kind.MISSED
