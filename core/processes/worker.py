"""The worker process: runs queued jobs lane by lane and enqueues what the calendar asks for.

Each lane has its own queue manager and its own limit, so a flood in one never delays another.
When the database goes away the worker waits and comes back; jobs that were running are picked up
again once their heartbeat is old.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog
from croniter import croniter
from pgqueuer import Queries
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.core.executors import ScheduleExecutor
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.settings import db_settings
from pgqueuer.domain.types import Channel
from pgqueuer.errors import FailingListenerError
from pgqueuer.models import Schedule as DueSchedule
from pgqueuer.qm import QueueManager
from pgqueuer.sm import SchedulerManager

from core.clock import Clock
from core.context.app import App
from core.database import CONNECTION_LOST, open_pool, parse_url, transaction
from core.processes.lane import register
from core.processes.lane_queries import PACE, LaneQueries
from core.processes.operators import find_backlog, find_database_fault
from core.queue.jobs import LOOKS_EVERY, Lane, NewJob, wake_channel

HEARTBEAT_TIMEOUT = timedelta(seconds=5)
_BATCH = 10
_CLOSE_WITHIN_S = 2.0
_RETRY_S = (0.2, 5.0)
_STILL_S = 10.0
"""A lane that has not looked for work for so long stands still: it looks every two seconds."""
_DATABASE_LOST = (*CONNECTION_LOST, FailingListenerError)

log = structlog.get_logger(__name__)


async def work(app: App, stop: asyncio.Event) -> None:
    """Run jobs until `stop` is set, then let running jobs finish."""
    wait_s = _RETRY_S[0]
    while not stop.is_set():
        try:
            await _work_while_connected(app, stop)
            wait_s = _RETRY_S[0]
        except* _DATABASE_LOST as group:
            log.warning("worker lost its database", error=type(group.exceptions[0]).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            wait_s = min(wait_s * 2, _RETRY_S[1])


async def find_fault(app: App) -> str | None:
    """Why this worker does not do its work, in words for an operator; None where it does."""
    fault = await find_database_fault(app)
    if fault is not None:
        return fault
    now_s = time.monotonic()
    for lane, looked_s in _looks(app).items():
        if now_s - looked_s > _STILL_S:
            return f"the {lane} lane has not looked for work for {now_s - looked_s:.0f} s"
    return await find_backlog(app)


def _looks(app: App) -> dict[Lane, float]:
    """When each lane of this process last looked for work."""
    looks: dict[Lane, float] = app.once("worker.looks", dict)
    return looks


async def _work_while_connected(app: App, stop: asyncio.Event) -> None:
    assert app.settings.database_url is not None
    async with _pool(app.settings.database_url) as pool, asyncio.TaskGroup() as group:
        managers = [m for lane in Lane if (m := _manager(app, lane, pool)).entrypoint_registry]
        scheduler = _scheduler(app, pool)
        stoppers: list[Callable[[], None]] = [m.shutdown.set for m in managers]
        stoppers.append(scheduler.shutdown.set)
        for manager in managers:
            # the manager checks its ear before it has one: let it listen first
            await manager.queries.driver.add_listener(manager.channel, _ignore)
        runs = [
            manager.run(
                batch_size=_BATCH,
                dequeue_timeout=LOOKS_EVERY,
                max_concurrent_tasks=max(app.settings.worker_concurrency, 2 * _BATCH),
                shutdown_on_listener_failure=True,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                log_aggregation_interval=timedelta(0),  # LaneQueries logs failures alone
            )
            for manager in managers
        ]
        watcher = group.create_task(_stop_all(stop, stoppers))
        tasks = [group.create_task(run) for run in runs]
        tasks.append(group.create_task(scheduler.run()))
        await asyncio.gather(*tasks)
        watcher.cancel()


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(
        **parse_url(url),
        min_size=len(Lane) + 1,
        max_size=3 * (len(Lane) + 1),
        server_settings={
            "application_name": "quancheng worker",
            # the queue's own notes need not wait for the disk: who loses them runs a job again,
            # and what a job did before is on the disk at the latest when its end is
            "synchronous_commit": "off",
        },
    )
    try:
        yield pool
    finally:
        # a manager that died early has not given its connection back: do not wait for it
        try:
            await asyncio.wait_for(pool.close(), _CLOSE_WITHIN_S)
        except CONNECTION_LOST:
            pool.terminate()
        except asyncio.CancelledError:
            pool.terminate()
            raise


async def _stop_all(stop: asyncio.Event, stoppers: list[Callable[[], None]]) -> None:
    await stop.wait()
    for stopper in stoppers:
        stopper()


def _ignore(_payload: str | bytes | bytearray) -> None:
    """Hears nothing; the manager adds its own listener to the connection that now listens."""


def _manager(app: App, lane: Lane, pool: asyncpg.Pool) -> QueueManager:
    """A lane's manager, which hears of this lane's work alone."""
    channel = wake_channel(lane)
    settings = db_settings().model_copy(update={"channel": channel})
    builder = QueryQueueBuilder(settings)
    environment = QueryBuilderEnvironment(settings)
    looks = _looks(app)

    def looked() -> None:
        looks[lane] = time.monotonic()

    queries = LaneQueries(
        AsyncpgPoolDriver(pool), environment, builder, pace=PACE[lane], looked=looked
    )
    manager = QueueManager(queries, Channel(channel))
    manager.min_dequeue_poll_interval = PACE[lane]
    for job in app.queue.kinds.values():
        if job.lane is lane:
            register(manager, job, app)
            looked()
    return manager


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
                async with transaction() as tx:
                    await app.queue.enqueue(tx, [NewJob(kind, (), key="scheduled")])

            scheduler.schedule(
                job.kind,
                job.every,
                executor_factory=lambda parameters: ClockSchedule(parameters, app.clock),
                clean_old=True,
            )(due)
    return scheduler
