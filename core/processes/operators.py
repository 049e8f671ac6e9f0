"""What operators see of a process: a port of its own with health, readiness and metrics.

It listens on METRICS_HOST and METRICS_PORT, loopback unless told otherwise, and is never the
citizens' port. Whoever serves or works for long runs inside `operated`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from aiohttp import web

from core.context.app import App
from core.context.gauges import READ_WITHIN_S, Gauges
from core.database import connection, fetch_one, is_disk_full, is_unavailable, transaction
from core.deadline import in_time
from core.processes.backlog import find_standstill
from core.telemetry.metrics import CONTENT_TYPE, watch_loop_lag

READY = "ready"
_AWAY = "the database does not answer"
_FULL = "the database's disk is full"
_LOOK_EVERY_S = 1.0

Check = Callable[[App], Awaitable[str | None]]
"""Why a process is not ready, in words for an operator; None where it is."""


@asynccontextmanager
async def operated(app: App, not_ready: Check) -> AsyncIterator[None]:
    """Watch the event loop's lag and answer operators, for as long as the process works.

    Raises OSError where the port is taken.
    """
    lag = asyncio.create_task(watch_loop_lag(app.metrics), name="loop lag")
    try:
        async with _listening(app, not_ready):
            yield
    finally:
        lag.cancel()


@asynccontextmanager
async def _listening(app: App, not_ready: Check) -> AsyncIterator[None]:
    if not app.settings.metrics_port:
        yield
        return
    runner = web.AppRunner(_pages(app, not_ready), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, app.settings.metrics_host, app.settings.metrics_port).start()
        yield
    finally:
        await runner.cleanup()


def _pages(app: App, not_ready: Check) -> web.Application:
    gauges = Gauges(app)

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_request: web.Request) -> web.Response:
        fault = await not_ready(app)
        return web.Response(text=fault or READY, status=503 if fault else 200)

    async def metrics(_request: web.Request) -> web.Response:
        await gauges.refresh()
        return web.Response(body=app.metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    pages = web.Application()
    pages.router.add_get("/healthz", healthz)
    pages.router.add_get("/readyz", readyz)
    pages.router.add_get("/metrics", metrics)
    return pages


def leaving(app: App) -> asyncio.Event:
    """Set when the process has been told to stop and its balancer is to know."""
    return app.once("process.leaving", asyncio.Event)


def warming(app: App) -> asyncio.Event:
    """Set while the process still makes ready what nobody should wait for."""
    return app.once("process.warming", asyncio.Event)


async def find_database_fault(app: App) -> str | None:
    """Why the process cannot serve, in words for an operator; answers within two seconds."""
    if leaving(app).is_set():
        return "the process is about to stop"
    if warming(app).is_set():
        return "the process is warming up"
    if not app.bus.connected.is_set():
        return _AWAY
    try:
        await in_time(app.once("process.disk", _Disk).require_room(), READ_WITHIN_S)
    except Exception as error:
        if isinstance(error, TimeoutError) or is_unavailable(error):
            return _FULL if is_disk_full(error) else _AWAY
        raise
    return None


class _Disk:
    """Whether the database's disk takes anything: a full one still answers every question.

    The server is made to write a few hundred kilobytes aside and to forget them again, once a
    second at most.
    """

    def __init__(self) -> None:
        self._looked_s = -_LOOK_EVERY_S

    async def require_room(self) -> None:
        """Raises what the database says where it cannot write, or does not answer."""
        if time.monotonic() - self._looked_s < _LOOK_EVERY_S:
            await fetch_one(connection(), "SELECT 1 AS one")
            return
        async with transaction() as tx:
            await tx.execute_script("SET LOCAL work_mem = '64kB'")
            await fetch_one(tx, "SELECT count(*) AS n FROM generate_series(1, 20000)")
        self._looked_s = time.monotonic()


async def find_backlog(app: App) -> str | None:
    """Which lane of the queue stands still; None also where that cannot be told in time."""
    try:
        return await in_time(find_standstill(app), READ_WITHIN_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
