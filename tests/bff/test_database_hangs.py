"""A database that hangs: every answer comes within its deadline, and nobody else has to wait."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from bff.transports.endpoint import Pings
from core.context.app import App
from core.database import connection, fetch_one, parse_url
from core.processes.operators import find_database_fault
from core.security.authentication import Viewer
from core.settings import Settings
from tests.asgi import Client
from tests.bff.probes import probe_edge
from tests.core.waiting import eventually

DEADLINE_S = 1.0
GRACE_S = 1.0
"""In which a command gives up, beyond its deadline."""
HUNG_S = 10.0
"""Far above the deadline and far below what a hung server would take."""

CODE = """mutation { requestLoginCode(phone: "13900139000", idempotencyKey: "the-one-key")
  { __typename } }"""
MINE = "{ viewer { consents { purpose } } }"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A short deadline."""
    return settings.model_copy(update={"request_deadline_s": DEADLINE_S})


@pytest.fixture
async def hang(app: App) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Stops the server's processes behind this App; they go on at the end."""
    assert app.settings.owner_url is not None
    stopped: list[int] = []

    async def stop() -> None:
        owner = await asyncpg.connect(**parse_url(app.settings.owner_url or ""))
        rows = await owner.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name IN ('test', 'quancheng_bus')"
        )
        await owner.close()
        for row in rows:
            os.kill(row["pid"], signal.SIGSTOP)
            stopped.append(row["pid"])

    yield stop
    for pid in set(stopped):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
async def hang_server(app: App, server: Path) -> AsyncIterator[Callable[[], None]]:
    """Stops the whole server, the postmaster and all that it has started; all go on at the end."""
    pid = int((server / "postgres" / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    stopped: list[psutil.Process] = []

    def stop() -> None:
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.send_signal(signal.SIGSTOP)
            stopped.append(process)

    yield stop
    for process in stopped:
        process.send_signal(signal.SIGCONT)
    await asyncio.wait_for(app.bus.connected.wait(), 30)


async def test_a_whole_server_that_hangs_makes_nobody_wait(
    app: App,
    client: Client,
    citizen: Callable[..., Awaitable[Viewer]],
    hang_server: Callable[[], None],
) -> None:
    viewer = await citizen()
    hang_server()

    async def is_deaf() -> bool:
        return not app.bus.connected.is_set()

    await eventually(is_deaf)
    # from now on sessions are looked up: in the database that does not answer
    for operation in (MINE, CODE, "{ services { id } }"):
        async with asyncio.timeout(DEADLINE_S + 2 * GRACE_S):
            answers = await asyncio.gather(
                *(client.run(operation, viewer=viewer) for _ in range(12))
            )
        codes = {code for answer in answers for code in answer.codes}
        assert codes <= {"DEADLINE_PASSED", "UNAVAILABLE"}
    async with asyncio.timeout(DEADLINE_S):
        assert (await client.run("{ services { id } }")).codes == []
        assert await find_database_fault(app) == "the database does not answer"


async def test_answers_come_in_time_and_others_need_not_wait(
    client: Client,
    citizen: Callable[..., Awaitable[Viewer]],
    hang: Callable[[], Awaitable[None]],
) -> None:
    viewer = await citizen()
    assert (await client.run(MINE, viewer=viewer)).codes == []
    for operation in (MINE, CODE):  # a query's connection, then a transaction's
        await hang()
        async with asyncio.timeout(HUNG_S):
            answers = await asyncio.gather(
                *(client.run(operation, viewer=viewer) for _ in range(9))
            )
        codes = {code for answer in answers for code in answer.codes}
        assert codes <= {"DEADLINE_PASSED", "UNAVAILABLE"}
        # connections that hung are gone for good: the next ones are new
        assert (await client.run(MINE, viewer=viewer)).codes == []


async def test_what_is_cancelled_in_time_keeps_its_connection(app: App) -> None:
    pids = "SELECT count(DISTINCT pg_backend_pid()) AS n, min(pg_backend_pid()) AS pid"
    before = await fetch_one(connection(), pids)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connection().execute_query("SELECT pg_sleep(60)")
    assert await fetch_one(connection(), pids) == before


async def test_streams_go_on_while_nobody_can_be_looked_up(
    app: App, citizen: Callable[..., Awaitable[Viewer]], hang_server: Callable[[], None]
) -> None:
    client = Client(replace(probe_edge(app), pings=Pings(first_s=0.05, every_s=0.05)))
    headers = client.token(await citizen())

    async def is_deaf() -> bool:
        return not app.bus.connected.is_set()

    async with client.events("subscription { ticks { number } }", headers=headers) as chunks:
        assert b"event: next" in await chunks.get()
        hang_server()
        await eventually(is_deaf)
        for _ in range(chunks.qsize()):
            chunks.get_nowait()
        async with asyncio.timeout(DEADLINE_S):
            for _ in range(5):
                assert await chunks.get() == b":\n\n"
