"""A wing of probes on a fresh database, and workers that run its jobs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, parse_url
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.processes.worker import work
from core.settings import Settings
from tests.core import probe
from tests.wings import plant as plant

Runs = Callable[[], Awaitable[list[str]]]
Worker = Callable[[App], AbstractAsyncContextManager[asyncio.Task[None]]]


@pytest.fixture
async def probed(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...]
) -> AsyncIterator[App]:
    """An App with the probes' job kinds and events."""
    assert settings.owner_url is not None
    owner = await asyncpg.connect(**parse_url(settings.owner_url))
    await owner.execute(probe.TABLE)
    await owner.close()
    async with open_app(settings, clock=clock, manifests=(*manifests, probe.MANIFEST)) as app:
        yield app


@pytest.fixture
def runs() -> Runs:
    """What the probes wrote down, in order, the calendar's ticks left out."""

    async def read() -> list[str]:
        rows = await connection().execute_query_dict(
            "SELECT name FROM probe_run WHERE name <> 'tick' ORDER BY id"
        )
        return [row["name"] for row in rows]

    return read


@pytest.fixture
def worker() -> Worker:
    """Runs a worker for the length of a `with`."""

    @asynccontextmanager
    async def running(app: App) -> AsyncIterator[asyncio.Task[None]]:
        stop = asyncio.Event()
        task = asyncio.create_task(work(app, stop))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait_for(task, 15)

    return running
