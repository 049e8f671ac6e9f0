"""The worker: it outlives its database's restarts, and another takes over when it is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from journeys.nemesis.proxy import DatabaseProxy
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.types import (
    QueueEntrypoint,
    QueueManagerId,
)
from pgqueuer.ports.repository import EntrypointExecutionParameter

from core.clock import SystemClock
from core.context.app import App
from core.database import CONNECTION_LOST, connection, fetch_all, parse_url, transaction
from core.ids import new_id
from core.manifest import Manifest
from core.processes.embedded import EmbeddedPostgres
from core.processes.lane import HEARTBEAT_TIMEOUT
from core.processes.lane_queries import LaneQueries
from core.processes.open_app import open_app
from core.processes.settings_table import environment_of
from core.queue.dead_letters import list_dead
from core.settings import Settings
from tests.cluster import copy_cluster
from tests.conftest import ROOT
from tests.core import probe
from tests.core.conftest import Runs, Worker
from tests.core.waiting import eventually

WORKER = """
import asyncio
from core.processes.open_app import open_app
from core.manifest import discover
from core.settings import Settings
from core.processes.worker import work
from tests.core import probe

async def main():
    async with open_app(Settings(), manifests=(*discover(examples=True), probe.MANIFEST)) as app:
        await work(app, asyncio.Event())

asyncio.run(main())
"""


@contextmanager
def _process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process of the probes."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env=os.environ | environment_of(settings) | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _enqueue(app: App, kind: str, **payload: object) -> None:
    async with transaction() as tx:
        await app.queue.enqueue(tx, [probe.new_job(kind, **payload)])


async def test_a_worker_survives_the_loss_of_all_its_connections(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with worker(probed) as running:
        await _enqueue(probed, "probe.critical", name="before")
        await eventually(lambda: _has(runs, "before done"))
        await _enqueue(probed, "probe.critical", name="meanwhile", wait_s=1)
        await eventually(lambda: _has(runs, "meanwhile"))
        await _terminate(probed, "true")
        await eventually(lambda: _has(runs, "meanwhile done"), within_s=20)
        await _enqueue(probed, "probe.critical", name="after")
        await eventually(lambda: _has(runs, "after done"), within_s=20)
        assert not running.done()


@pytest.mark.parametrize("nth", range(6))
async def test_a_worker_survives_the_loss_of_any_one_connection(
    probed: App, runs: Runs, worker: Worker, nth: int
) -> None:
    async with worker(probed) as running:
        await _enqueue(probed, "probe.critical", name="before", wait_s=1)
        await eventually(lambda: _has(runs, "before"))
        await _terminate(probed, f"application_name = 'quancheng worker' ORDER BY 1 OFFSET {nth}")
        await _enqueue(probed, "probe.critical", name="after")
        await eventually(lambda: _has(runs, "before done"), within_s=20)
        await eventually(lambda: _has(runs, "after done"), within_s=20)
        assert not running.done()


@pytest.mark.parametrize("kind", ["probe.critical", "probe.bulk"])
async def test_a_long_job_keeps_no_lane_from_its_work(
    probed: App, runs: Runs, worker: Worker, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The disk is full for the one lane that has something to take."""
    fetch, full = AsyncpgPoolDriver.fetch, [True]

    async def fail_once(self: AsyncpgPoolDriver, query: str, *args: Any) -> list[dict[str, object]]:
        rows = await fetch(self, query, *args)
        if (
            full
            and any(row.get("entrypoint") == "probe.critical" for row in rows)
            and args[0] == 10
        ):
            full.clear()
            raise asyncpg.DiskFullError
        return rows

    async with worker(probed) as running:
        await _enqueue(probed, kind, name="long", wait_s=14)
        await eventually(lambda: _has(runs, "long"))
        monkeypatch.setattr(AsyncpgPoolDriver, "fetch", fail_once)
        await asyncio.sleep(0.5)  # a look that had begun before is over
        await _enqueue(probed, "probe.critical", name="after")
        await eventually(lambda: _has(runs, "after done"), within_s=8)
        assert not full and not running.done()


@pytest.mark.soak  # the queue probes its listeners every ten seconds
async def test_a_worker_that_lost_its_ears_listens_again(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with worker(probed) as running:
        await _enqueue(probed, "probe.critical", name="before")
        await eventually(lambda: _has(runs, "before done"))
        listening = "application_name = 'quancheng worker' AND query ILIKE '%LISTEN%'"
        await _terminate(probed, listening)
        await asyncio.sleep(25)
        await _enqueue(probed, "probe.critical", name="after")
        await eventually(lambda: _has(runs, "after done"), within_s=1)
        assert not running.done()


@pytest.mark.soak  # a statement has ten seconds, a job's heart five
async def test_a_worker_whose_connections_fall_silent_takes_others(
    probed: App, runs: Runs, worker: Worker
) -> None:
    assert probed.settings.database_url is not None
    server = Path(parse_url(probed.settings.database_url)["host"])
    with TemporaryDirectory(prefix="proxy-") as folder, DatabaseProxy(Path(folder), server) as way:
        url = probed.settings.database_url.replace(
            quote(str(server), safe=""), quote(folder, safe="")
        )
        assert folder in parse_url(url)["host"]
        through = replace(probed, settings=probed.settings.model_copy(update={"database_url": url}))
        async with worker(through) as running:
            await _enqueue(probed, "probe.critical", name="before", wait_s=1)
            await eventually(lambda: _has(runs, "before"))
            assert way.hold(new=False) >= 4
            await _enqueue(probed, "probe.critical", name="after")
            await eventually(lambda: _has(runs, "after done"), within_s=40)
            await eventually(lambda: _has(runs, "before done"), within_s=40)
            assert not running.done()


async def test_a_job_of_a_killed_worker_is_run_by_another(
    probed: App, runs: Runs, settings: Settings
) -> None:
    await _enqueue(probed, "probe.normal", name="deadly", kill=True)
    with _process(settings) as first:
        await asyncio.to_thread(first.wait, 30)
        assert first.returncode == -signal.SIGKILL
    assert await runs() == ["deadly"]
    with _process(settings):
        await eventually(lambda: _has(runs, "deadly done"), within_s=30)
    rows = await fetch_all(connection(), "SELECT DISTINCT pid FROM probe_run WHERE name<>'tick'")
    assert len(rows) == 2
    assert await runs() == ["deadly", "deadly", "deadly done"]


async def test_two_workers_share_the_work_and_repeat_nothing(
    probed: App, runs: Runs, settings: Settings
) -> None:
    async with transaction() as tx:
        names = [f"job {i}" for i in range(120)]
        jobs = [probe.new_job("probe.normal", name=name, wait_s=0.05) for name in names]
        await probed.queue.enqueue(tx, jobs)
    with _process(settings), _process(settings):
        await eventually(lambda: _count(runs, 240), within_s=30)
    assert sorted(await runs()) == sorted(line for name in names for line in (name, f"{name} done"))


@pytest.fixture
async def own_server(
    keys_dir: Path, tmp_path: Path, manifests: tuple[Manifest, ...]
) -> AsyncIterator[tuple[EmbeddedPostgres, App]]:
    """A PostgreSQL that a test may stop, and an App on it."""
    with TemporaryDirectory(prefix="quancheng-test-") as folder:
        await asyncio.to_thread(copy_cluster, Path(folder), manifests)
        server = EmbeddedPostgres(Path(folder), durable=False)
        urls = server.start()
        wings = (*manifests, probe.MANIFEST)
        owner = await asyncpg.connect(**parse_url(urls.owner))
        await owner.execute(probe.TABLE)
        await owner.close()
        settings = Settings(
            database_url=urls.app,
            database_owner_url=urls.owner,
            keys_dir=keys_dir,
            data_dir=tmp_path,
            city_file=ROOT / "cities/jinan.toml",
        )
        try:
            async with open_app(settings, clock=SystemClock(), manifests=wings) as app:
                yield server, app
        finally:
            server.stop()


async def test_a_worker_survives_a_restart_of_the_database(
    own_server: tuple[EmbeddedPostgres, App], runs: Runs, worker: Worker
) -> None:
    server, app = own_server
    async with worker(app) as running:
        await _enqueue(app, "probe.critical", name="before")
        await eventually(lambda: _has(runs, "before done"))
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(1)
        assert not running.done()
        server.start()
        await asyncio.wait_for(app.bus.connected.wait(), 15)
        await _enqueue(app, "probe.critical", name="after")
        await eventually(lambda: _has(runs, "after done"), within_s=20)
        assert not running.done()
    assert await list_dead(connection()) == []


async def test_a_job_that_cannot_be_put_back_is_taken_again(
    own_server: tuple[EmbeddedPostgres, App],
) -> None:
    server, app = own_server
    await _enqueue(app, "probe.normal", name="cut")
    kinds = {QueueEntrypoint("probe.normal"): EntrypointExecutionParameter(concurrency_limit=0)}
    assert app.settings.database_url is not None
    async with asyncpg.create_pool(**parse_url(app.settings.database_url), min_size=1) as pool:
        queries = LaneQueries(AsyncpgPoolDriver(pool))
        manager, at_once = QueueManagerId(new_id()), timedelta(0)
        [job] = await queries.dequeue(10, kinds, manager, 20, HEARTBEAT_TIMEOUT)
        await asyncio.to_thread(server.stop)
        await queries.retry_job(job, at_once, None)
        server.start()
        assert await queries.dequeue(10, kinds, manager, 20, HEARTBEAT_TIMEOUT) == []
        assert await queries.dequeue(10, kinds, manager, 20, HEARTBEAT_TIMEOUT) == []
        [again] = await queries.dequeue(10, kinds, manager, 20, at_once)
    assert again.id == job.id
    assert await list_dead(connection()) == []


async def _terminate(app: App, which: str) -> None:
    """End the connections to this database that `which` describes, or the first of them."""
    assert app.settings.owner_url is not None
    ours = await asyncpg.connect(**parse_url(app.settings.owner_url) | {"user": "postgres"})
    pids = await ours.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        f" AND pid <> pg_backend_pid() AND {which}"
    )
    assert pids
    for row in pids[: 1 if "OFFSET" in which else None]:
        await ours.execute("SELECT pg_terminate_backend($1)", row["pid"])
    await ours.close()


async def _has(runs: Runs, name: str) -> bool:
    try:
        return name in await runs()
    except CONNECTION_LOST:  # ours ended with all the others
        return False


async def _count(runs: Runs, number: int) -> bool:
    return len(await runs()) >= number
