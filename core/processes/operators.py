"""What operators see of a process: a port of its own with health, readiness and metrics.

It listens on METRICS_HOST and METRICS_PORT, loopback unless told otherwise, and is never the
citizens' port. Whoever serves or works for long runs inside `operated`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from aiohttp import web

from core.context.app import App
from core.context.gauges import READ_WITHIN_S, Gauges
from core.database import connection, fetch_one
from core.deadline import in_time
from core.processes.backlog import find_standstill
from core.telemetry.metrics import CONTENT_TYPE, watch_loop_lag

READY = "ready"

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


async def find_database_fault(app: App) -> str | None:
    """Why the database cannot be used, in words for an operator; answers within two seconds."""
    if not app.bus.connected.is_set():
        return "the database does not answer"
    try:
        await in_time(fetch_one(connection(), "SELECT 1 AS one"), READ_WITHIN_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return "the database does not answer"
    return None


async def find_backlog(app: App) -> str | None:
    """Which lane of the queue stands still; None also where that cannot be told in time."""
    try:
        return await in_time(find_standstill(app), READ_WITHIN_S)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
