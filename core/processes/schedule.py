"""Enqueues what the calendar asks for: each kind of job that has an `every`, once when it is due.

What came due while no worker was there is made up at the next start, once.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from croniter import croniter
from pgqueuer import Queries
from pgqueuer.core.executors import ScheduleExecutor
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Schedule as DueSchedule
from pgqueuer.sm import SchedulerManager

from core.clock import Clock
from core.context.app import App
from core.database import is_unavailable, transaction
from core.processes.lane import pass_on
from core.queue.jobs import NewJob

_TRY_FOR_S = 60.0
_TRY_EVERY_S = 1.0

_FORGET_PLANNED = """
DELETE FROM pgqueuer_schedules
 WHERE (next_run > now() AND status = 'queued')
    OR (entrypoint, expression) NOT IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
"""What is due stays, and what a worker has taken and may have died over, which is taken again; what
was planned is planned anew, by this process's clock."""


async def run_schedule(app: App, pool: asyncpg.Pool, stop: asyncio.Event) -> None:
    """Enqueue what is due until `stop` is set. Raises what a lost connection may look like."""
    scheduler = _scheduler(app, pool)
    keys = [(key.entrypoint, key.expression) for key in scheduler.registry]
    await pool.execute(_FORGET_PLANNED, *map(list, zip(*keys, strict=True)))
    stopping = asyncio.create_task(pass_on(stop, scheduler.shutdown))
    try:
        await scheduler.run()
    finally:
        stopping.cancel()


@dataclass
class ClockSchedule(ScheduleExecutor):
    """A schedule that is due by our clock, which may be set to another day."""

    clock: Clock

    def next_in(self) -> timedelta:
        now = self.clock.now()
        due_at: datetime = croniter(self.parameters.expression, now).get_next(datetime)
        return due_at - now


def _scheduler(app: App, pool: asyncpg.Pool) -> SchedulerManager:
    scheduler = SchedulerManager(Queries(AsyncpgPoolDriver(pool)))
    for job in app.queue.kinds.values():
        if job.every is not None:

            async def due(_due: DueSchedule, kind: str = job.kind) -> None:
                await _enqueue(app, kind)

            scheduler.schedule(
                job.kind,
                job.every,
                executor_factory=lambda parameters: ClockSchedule(parameters, app.clock),
            )(due)
    return scheduler


async def _enqueue(app: App, kind: str) -> None:
    """The next time may be a day away: what the database refuses now is tried again."""
    async with asyncio.timeout(_TRY_FOR_S):
        while True:
            try:
                async with transaction() as tx:
                    await app.queue.enqueue(tx, [NewJob(kind, (), key="scheduled")])
            except Exception as error:
                if not is_unavailable(error):
                    raise
                await asyncio.sleep(_TRY_EVERY_S)
            else:
                return
