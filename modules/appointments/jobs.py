"""The queued and scheduled work of appointments."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.sweep import sweep as sweep_rows
from core.database import transaction
from core.deadline import Deadline
from modules.appointments import queue, slot_store, store, visits, waiting
from modules.appointments.hospitals import saga

_DEADLINE_S = 10.0
_STUCK_AFTER = timedelta(minutes=2)
_SWEEP_MAX = 500


async def settle(app: App, payload: Mapping[str, Any]) -> None:
    """Bring a half-way booking to its end; repeats while the hospital does not answer."""
    await saga.settle(app, UUID(payload["booking_id"]), Deadline.after(_DEADLINE_S))


async def clear(app: App, payload: Mapping[str, Any]) -> None:
    """Cancel at the hospital what has ended here."""
    await saga.clear(app, UUID(payload["booking_id"]), Deadline.after(_DEADLINE_S))


async def refill(app: App, payload: Mapping[str, Any]) -> None:
    """Give what is free of a place on a day to who waits for it."""
    day_on = date.fromisoformat(payload["day_on"])

    async def fill(slot_id: UUID) -> None:
        async with transaction() as tx:
            await waiting.refill(app, tx, slot_id)

    free = await slot_store.list_free_of_day(UUID(payload["resource_id"]), day_on)
    (await sweep_rows(app, "appointments.refill", free, fill)).require_whole()


async def admit(app: App, payload: Mapping[str, Any]) -> None:
    """Let in the next of a queue; what it leaves over goes to who waits for the day."""
    async with transaction() as tx:
        release_id = UUID(payload["release_id"])
        resource_id, days = await queue.let_in(app, tx, release_id)
        payloads = [{"resource_id": str(resource_id), "day_on": d.isoformat()} for d in days]
        if payloads:
            await app.queue.enqueue_many(tx, waiting.REFILL, payloads)


async def sweep(app: App, payload: Mapping[str, Any]) -> None:
    """Every minute: what has stood half-way for two minutes, holds and visits that are over."""
    stuck = await store.list_unsettled(app.clock.now() - _STUCK_AFTER, _SWEEP_MAX)
    async with transaction() as tx:
        await app.queue.enqueue_many(
            tx,
            saga.SETTLE,
            [{"booking_id": str(booking_id)} for booking_id in stuck],
            keys=[str(booking_id) for booking_id in stuck],
        )
    await visits.sweep(app, payload)
