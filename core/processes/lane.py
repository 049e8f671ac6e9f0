"""Runs the jobs of a lane: its time limit, its retries, its end among the dead letters."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import asyncpg
import structlog
from pgqueuer import Job as QueuedJob
from pgqueuer import RetryRequested
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.settings import db_settings
from pgqueuer.domain.types import Channel
from pgqueuer.models import Context
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.qm import QueueManager

from core.bus.bus import Bus
from core.context.app import App
from core.database import is_unavailable
from core.processes.lane_queries import PACE, LaneQueries
from core.queue.jobs import LOOKS_EVERY, GiveUp, Job, Lane, wake_channel
from core.telemetry.tracebacks import error_line
from core.upstream.client import UpstreamError

HEARTBEAT_TIMEOUT = timedelta(seconds=5)
_BATCH = 10

log = structlog.get_logger(__name__)

_Running = set[asyncio.Task[Any]]


class JobFailed(Exception):
    """What the queue's own log says of a job that failed for good: the error's class, no more.

    The text of an error may hold personal data, and that log is kept.
    """


async def run_lane(
    app: App, lane: Lane, looked: Callable[[], None], pool: asyncpg.Pool, stop: asyncio.Event
) -> None:
    """Run a lane's jobs until `stop` is set, then let running jobs finish.

    `looked` is called whenever the lane has looked for work. Raises what a lost connection may
    look like; running jobs are interrupted then, as the lane could not come back before their end.
    """
    running: _Running = set()
    manager = _manager(app, lane, looked, pool, running)
    # the manager checks its ear before it has one: let it listen first
    await manager.queries.driver.add_listener(manager.channel, _ignore)
    watching = [
        asyncio.create_task(pass_on(stop, manager.shutdown)),
        asyncio.create_task(_interrupt_when_lost(manager, stop, running)),
    ]
    try:
        await manager.run(
            batch_size=_BATCH,
            dequeue_timeout=LOOKS_EVERY,
            max_concurrent_tasks=max(app.settings.worker_concurrency, 2 * _BATCH),
            shutdown_on_listener_failure=True,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            log_aggregation_interval=timedelta(0),  # LaneQueries logs failures alone
        )
    finally:
        for task in watching:
            task.cancel()


async def pass_on(stop: asyncio.Event, shutdown: asyncio.Event) -> None:
    """Have one of the queue's managers end when the worker is to stop."""
    await stop.wait()
    shutdown.set()


async def _interrupt_when_lost(
    manager: QueueManager, stop: asyncio.Event, running: _Running
) -> None:
    await manager.shutdown.wait()
    if not stop.is_set():
        for task in running:
            task.cancel()


def _ignore(_payload: str | bytes | bytearray) -> None:
    """Hears nothing, on a channel that is listened to; the manager's own listener comes next."""


class LaneDriver(AsyncpgPoolDriver):
    """A lane's connections for its statements; it hears through the process's one ear."""

    def __init__(self, pool: asyncpg.Pool, bus: Bus) -> None:
        """Statements go by `pool`."""
        super().__init__(pool)
        self._bus = bus

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Hear a channel; a second listener takes the place of the first."""
        await self._bus.tune_in(channel, callback)

    async def remove_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Hear it no more."""
        self._bus.tune_out(channel)


def _manager(
    app: App, lane: Lane, looked: Callable[[], None], pool: asyncpg.Pool, running: _Running
) -> QueueManager:
    """A lane's manager, which hears of this lane's work alone."""
    channel = wake_channel(lane)
    settings = db_settings().model_copy(update={"channel": channel})
    builder = QueryQueueBuilder(settings)
    environment = QueryBuilderEnvironment(settings)
    queries = LaneQueries(
        LaneDriver(pool, app.bus), environment, builder, pace=PACE[lane], looked=looked
    )
    manager = QueueManager(queries, Channel(channel))
    manager.min_dequeue_poll_interval = PACE[lane]
    queries.lost = manager.shutdown.set
    for job in app.queue.kinds.values():
        if job.lane is lane:
            _register(manager, job, app, running)
    return manager


def _register(manager: QueueManager, job: Job[Any], app: App, running: _Running) -> None:
    """Teach a lane's queue manager to run one kind of job."""

    async def run(queued: QueuedJob, context: Context) -> None:
        outcome, started_s = "failed", time.monotonic()
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            if queued.attempts >= job.max_attempts:
                raise GiveUp("its worker died at every attempt")
            async with asyncio.timeout(job.timeout_s):
                await job.run(app, queued.payload or b"{}")
            outcome = "done"
        except asyncio.CancelledError:
            # the worker ends in a hurry, or the lane has lost its database; the queue would count
            # a cancelled job as finished
            outcome = "interrupted"
            raise RetryRequested(timedelta(0), "interrupted") from None
        except Exception as error:
            outcome = _outcome(job, queued, error)
            _log_failure(job, queued, error, outcome)
            if outcome == "dead":
                raise JobFailed(type(error).__name__) from None
            delay_s = min(2.0**queued.attempts, job.max_delay_s)
            raise RetryRequested(timedelta(seconds=delay_s), type(error).__name__) from None
        finally:
            running.discard(task)
            app.metrics.job(job.lane, job.kind, outcome, time.monotonic() - started_s)

    manager.entrypoint(job.kind, on_failure="hold")(run)


def _log_failure(job: Job[Any], queued: QueuedJob, error: Exception, outcome: str) -> None:
    """One line; how it came about is of use only where nobody expected the error."""
    expected = isinstance(error, GiveUp | UpstreamError) or is_unavailable(error)
    log.warning(
        "job failed",
        kind=job.kind,
        job_id=queued.id,
        attempt=queued.attempts + 1,
        outcome=outcome,
        **({"error": error_line(error)} if expected else {"exc_info": error}),
    )


def _outcome(job: Job[Any], queued: QueuedJob, error: Exception) -> str:
    spent = queued.attempts + 1 >= job.max_attempts
    return "dead" if spent or isinstance(error, GiveUp) else "retried"
