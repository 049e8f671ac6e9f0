"""The worker process: runs queued jobs lane by lane and enqueues what the calendar asks for.

Each lane has its own queue manager, connections and limit, so a flood in one, or what one waits
for, never delays another. A lane whose database goes away waits and comes back; jobs that were
running are picked up again once their heartbeat is old.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import structlog
from pgqueuer.errors import FailingListenerError

from core.context.app import App
from core.database import CONNECTION_LOST, open_pool, parse_url
from core.processes.lane import run_lane
from core.processes.operators import find_backlog, find_database_fault
from core.processes.schedule import run_schedule
from core.queue.jobs import Lane

_POOL_SIZE = 3
_CONNECT_WITHIN_S = 5.0
_STATEMENT_WITHIN_S = 10.0
"""The queue's statements take milliseconds: a connection that is silent for so long is dead."""
_CLOSE_WITHIN_S = 2.0
_RETRY_S = (0.2, 5.0)
_STEADY_AFTER_S = 10.0
_STILL_S = 10.0
"""A lane that has not looked for work for so long stands still: it looks every two seconds."""
_DATABASE_LOST = (*CONNECTION_LOST, FailingListenerError)

log = structlog.get_logger(__name__)


async def work(app: App, stop: asyncio.Event) -> None:
    """Run jobs until `stop` is set, then let running jobs finish."""
    used = {job.lane for job in app.queue.kinds.values()}
    async with asyncio.TaskGroup() as group:
        for lane in used:
            looked = partial(_note_look, app, lane)
            looked()
            group.create_task(_keep(app, lane, stop, partial(run_lane, app, lane, looked)))
        group.create_task(_keep(app, "schedule", stop, partial(run_schedule, app)))


async def _keep(
    app: App,
    part: str,
    stop: asyncio.Event,
    run: Callable[[asyncpg.Pool, asyncio.Event], Awaitable[None]],
) -> None:
    """Run a part of the worker on connections of its own, and again whenever it loses them."""
    assert app.settings.database_url is not None
    wait_s = _RETRY_S[0]
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            async with _pool(app.settings.database_url) as pool:
                await run(pool, stop)
        except _DATABASE_LOST as error:
            log.warning("worker lost its database", part=part, error=type(error).__name__)
            if time.monotonic() - began_s > _STEADY_AFTER_S:
                wait_s = _RETRY_S[0]
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


def _note_look(app: App, lane: Lane) -> None:
    _looks(app)[lane] = time.monotonic()


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(
        **parse_url(url),
        min_size=1,
        max_size=_POOL_SIZE,
        timeout=_CONNECT_WITHIN_S,
        command_timeout=_STATEMENT_WITHIN_S,
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
