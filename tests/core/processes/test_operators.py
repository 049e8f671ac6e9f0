"""The operators' port, the figures behind it, and what readiness says of a queue."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial

import aiohttp
import pytest

from core.context.app import App
from core.context.gauges import Gauges, GaugeSource
from core.database import connection
from core.deadline import in_time
from core.processes.backlog import LATE_S, find_standstill, oldest_due_s
from core.processes.operators import find_database_fault, operated
from core.processes.worker import find_fault
from core.queue.jobs import Lane
from core.settings import Settings
from tests.asgi import Client
from tests.core.conftest import Worker
from tests.core.waiting import eventually
from tests.jobs import enqueue_raw
from tests.sandbox.serving import free_port


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A process with an operators' port."""
    return settings.model_copy(update={"metrics_port": free_port()})


@pytest.fixture
async def operators(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """A client on the operators' port."""
    async with (
        operated(app, find_database_fault),
        aiohttp.ClientSession(f"http://127.0.0.1:{app.settings.metrics_port}") as session,
    ):
        yield session


async def _get(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as answer:
        return answer.status, await answer.text()


async def _enqueue_overdue(app: App, kind: str, by_s: float) -> None:
    await enqueue_raw(app, kind, {}, after=-timedelta(seconds=by_s))


async def test_a_process_answers_operators(app: App, operators: aiohttp.ClientSession) -> None:
    assert await _get(operators, "/healthz") == (200, "ok")
    assert await _get(operators, "/readyz") == (200, "ready")
    status, metrics = await _get(operators, "/metrics")
    assert status == 200
    for name in (
        'jobs_oldest_due_seconds{lane="critical"} 0.0',
        "jobs_dead",
        "payments_open_refunds",
        'payments_unreconciled_days{source="wechatpay"} 0.0',
        "event_loop_lag_seconds_bucket",
    ):
        assert f"quancheng_{name}" in metrics


async def test_the_loop_s_lag_is_watched(app: App, operators: aiohttp.ClientSession) -> None:
    async def is_seen() -> bool:
        return "event_loop_lag_seconds_count 0.0" not in app.metrics.render().decode()

    await eventually(is_seen)


async def test_citizens_see_no_metrics_but_readiness(app: App, client: Client) -> None:
    assert (await client.request("GET", "/metrics")).status == 404
    assert (await client.request("GET", "/readyz")).body == b"ready"
    await _enqueue_overdue(app, "payments.check", 75)
    told = await client.request("GET", "/readyz")
    assert told.status == 200  # public pages still work: a balancer keeps the API
    assert told.body.startswith(b"ready; no worker takes what is due: the critical lane is 75 s")


async def test_the_oldest_due_job_of_each_lane_is_told(app: App) -> None:
    assert await oldest_due_s(app) == dict.fromkeys(Lane, 0.0)
    await _enqueue_overdue(app, "payments.check", 20)
    await _enqueue_overdue(app, "payments.fulfil", 10)
    await _enqueue_overdue(app, "payments.check_left", -60)
    ages = await oldest_due_s(app)
    assert 20 <= ages[Lane.CRITICAL] < LATE_S[Lane.CRITICAL]
    assert ages[Lane.NORMAL] == ages[Lane.BULK] == 0
    assert await find_standstill(app) is None
    await connection().execute_query(
        """UPDATE pgqueuer SET status = 'picked', heartbeat = now() - interval '70 seconds'
            WHERE entrypoint = 'payments.fulfil'"""
    )
    assert (await oldest_due_s(app))[Lane.CRITICAL] >= 70  # a dead worker's job is due too
    assert "critical" in str(await find_standstill(app))


async def test_a_worker_that_looks_for_nothing_is_not_ready(probed: App, worker: Worker) -> None:
    async with worker(probed):

        async def is_ready() -> bool:
            return await find_fault(probed) is None and bool(probed.once("worker.looks", dict))

        await eventually(is_ready)
    looks = probed.once("worker.looks", dict)
    assert set(looks) == set(Lane)
    looks[Lane.CRITICAL] -= 60
    assert str(await find_fault(probed)).startswith("the critical lane has not looked for work")


async def test_a_figure_that_cannot_be_read_is_missing_and_others_are_there(app: App) -> None:
    async def read(values: Mapping[str, float], _app: App) -> Mapping[str, float]:
        if not values:
            raise RuntimeError("no figure")
        return values

    now = [0.0]
    gauges = Gauges(app, monotonic=lambda: now[0])
    values = {"one": 1.0}
    gauges._sources = [
        GaugeSource("good", "Good.", "kind", partial(read, values)),
        GaugeSource("bad", "Bad.", "kind", partial(read, {})),
    ]
    await gauges.refresh()
    assert 'quancheng_good{kind="one"} 1.0' in app.metrics.render().decode()
    assert "quancheng_bad{" not in app.metrics.render().decode()
    del values["one"]
    await gauges.refresh()  # several scrapers at once are one reading
    assert "quancheng_good{" in app.metrics.render().decode()
    now[0] = 60
    await gauges.refresh()
    assert "quancheng_good{" not in app.metrics.render().decode()


async def test_what_hangs_is_given_up_without_waiting_for_its_end() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await ended.wait()
            raise

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_time(stubborn(), 0.01), 5)
    ended.set()
    await asyncio.sleep(0)
