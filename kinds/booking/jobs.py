"""The queued and scheduled work of appointments."""

from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.sweep import pages
from core.context.sweep import sweep as sweep_rows
from core.database import transaction
from core.deadline import Deadline
from core.queue.jobs import Lane, job, require_due
from kinds.booking import queue, saga, slot_store, store, visits, waiting

_DEADLINE_S = 10.0
_STUCK_AFTER = timedelta(minutes=2)


@job("appointments.settle", lane=Lane.CRITICAL, max_attempts=500, max_delay_s=30)
async def settle(app: App, booking_id: UUID) -> None:
    """Bring a half-way booking to its end; repeats while the other side does not answer."""
    await saga.settle(app, booking_id, Deadline.after(_DEADLINE_S))


@job("appointments.clear", max_attempts=500, max_delay_s=300)
async def clear(app: App, booking_id: UUID) -> None:
    """Cancel at the outside system what has ended here."""
    await saga.clear(app, booking_id, Deadline.after(_DEADLINE_S))


@job("appointments.refill", lane=Lane.CRITICAL)
async def refill(app: App, resource_id: UUID, day_on: date) -> None:
    """Give what is free of a place on a day to who waits for it."""

    async def fill(slot_id: UUID) -> None:
        async with transaction() as tx:
            await waiting.refill(app, tx, slot_id)

    free = await slot_store.list_free_of_day(resource_id, day_on)
    (await sweep_rows(app, "appointments.refill", free, fill)).require_whole()


@job("appointments.admit", lane=Lane.CRITICAL)
async def admit(app: App, release_id: UUID, due_at: datetime | None = None) -> None:
    """Let in the next of a queue; what it leaves over goes to who waits for the day.

    Raises Early before the moment it is for: a turn that still lasts makes room for nobody.
    """
    require_due(app.clock, due_at)
    async with transaction() as tx:
        resource_id, days = await queue.let_in(app, tx, release_id)
        await app.queue.enqueue(tx, [refill.later(resource_id, day_on) for day_on in days])


@job("appointments.sweep", every="* * * * *")
async def sweep(app: App) -> None:
    """Every minute: what has stood half-way for two minutes; holds, visits and waits that end."""
    unsettled = partial(store.list_unsettled, app.clock.now() - _STUCK_AFTER)
    async for stuck in pages(unsettled, key=lambda booking_id: booking_id):
        async with transaction() as tx:
            await app.queue.enqueue(tx, [settle.later(id, key=str(id)) for id in stuck])
    await visits.sweep(app)
    await waiting.sweep(app)
