"""A lane is fair: no kind and no repeats keep others waiting, and nothing runs for ever."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter

from core.context.app import App
from core.database import connection, fetch_one, parse_url
from core.ids import new_id
from core.processes.lane import HEARTBEAT_TIMEOUT
from core.processes.lane_queries import LaneQueries, most_of_one_kind
from core.queue.dead_letters import list_dead
from core.queue.jobs import Lane
from tests.core.conftest import Runs, Worker
from tests.core.waiting import eventually
from tests.jobs import enqueue_raw

SLOTS = 20


async def _enqueue(app: App, kind: str, number: int, **payload: Any) -> None:
    await enqueue_raw(app, kind, payload, number)


async def take_critical(app: App, manager: QueueManagerId, batch: int = 10) -> list[Job]:
    """One look of the critical lane."""
    assert app.settings.database_url is not None
    kinds = {
        QueueEntrypoint(job.kind): EntrypointExecutionParameter(concurrency_limit=0)
        for job in app.queue.kinds.values()
        if job.lane is Lane.CRITICAL
    }
    async with asyncpg.create_pool(**parse_url(app.settings.database_url), min_size=1) as pool:
        queries = LaneQueries(AsyncpgPoolDriver(pool), pace=timedelta(0))
        return await queries.dequeue(batch, kinds, manager, SLOTS, HEARTBEAT_TIMEOUT)


async def test_kinds_take_turns_however_many_one_has(probed: App) -> None:
    await _enqueue(probed, "probe.critical", 500, name="flood")
    await _enqueue(probed, "payments.check", 1)
    jobs = await take_critical(probed, QueueManagerId(new_id()))
    assert len(jobs) == 10
    assert [job.entrypoint for job in jobs].count("payments.check") == 1


async def test_repeats_take_turns_with_what_is_new(probed: App) -> None:
    await _enqueue(probed, "probe.critical", 500, name="poison")
    await connection().execute_query("UPDATE pgqueuer SET attempts = 3")
    await _enqueue(probed, "probe.critical", 2, name="new")
    jobs = await take_critical(probed, QueueManagerId(new_id()))
    assert sorted(job.attempts for job in jobs) == [0] * 2 + [3] * 8


async def test_one_kind_never_holds_the_whole_lane(probed: App) -> None:
    manager = QueueManagerId(new_id())
    await _enqueue(probed, "probe.critical", 100, name="hangs")
    taken = [len(await take_critical(probed, manager)) for _ in range(3)]
    assert taken == [10, 5, 0]
    assert sum(taken) == most_of_one_kind(SLOTS) == 15
    await _enqueue(probed, "payments.check", 100)
    assert [len(await take_critical(probed, manager)) for _ in range(2)] == [5, 0]


async def test_jobs_whose_hearts_have_stopped_hold_no_slots(probed: App) -> None:
    """As when a full disk let none of them be put back: their own worker takes them again."""
    manager = QueueManagerId(new_id())
    await _enqueue(probed, "probe.critical", 10, name="one")
    await _enqueue(probed, "payments.check", 10)
    lost = {job.id for _ in range(2) for job in await take_critical(probed, manager)}
    assert len(lost) == SLOTS
    await _enqueue(probed, "probe.critical", 1, name="new")
    assert await take_critical(probed, manager) == []
    await connection().execute_query(
        "UPDATE pgqueuer SET heartbeat = now() - interval '6 s' WHERE status = 'picked'"
    )
    again = [job for _ in range(2) for job in await take_critical(probed, manager)]
    assert {job.id for job in again} == lost and {job.attempts for job in again} == {1}


async def test_a_job_that_is_put_back_has_its_lane_look_again(probed: App) -> None:
    """Or a repeat due in a second would wait for the lane's next look."""
    heard: list[str] = []
    await _enqueue(probed, "probe.critical", 1, name="shaky")
    [job] = await take_critical(probed, QueueManagerId(new_id()))
    assert probed.settings.database_url is not None
    url = parse_url(probed.settings.database_url)
    ear = await asyncpg.connect(**url)
    async with asyncpg.create_pool(**url, min_size=1) as pool:
        queries = LaneQueries(AsyncpgPoolDriver(pool))
        channel = queries.qbe.settings.channel
        await ear.add_listener(channel, lambda *said: heard.append(said[3]))
        await queries.retry_job(job, timedelta(minutes=1), None)
        await queries.retry_job(job, timedelta(seconds=1), None)
        await eventually(lambda: _is_heard(heard))
    await ear.close()
    assert len(heard) == 1
    assert json.loads(heard[0])["type"] == "table_changed_event"


async def _is_heard(heard: list[str]) -> bool:
    return bool(heard)


async def test_a_job_that_kills_its_workers_ends_among_the_dead(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", 1, name="deadly")  # three attempts
    for attempt in range(1, 4):
        await connection().execute_query(
            """UPDATE pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(),
                                   heartbeat = now() - interval '1 minute'"""
        )
        if attempt < 3:
            await _take_normal(probed)
        row = await fetch_one(connection(), "SELECT attempts FROM pgqueuer")
        assert row is not None and row["attempts"] == min(attempt, 2)
    async with worker(probed):
        await eventually(_has_dead)
    assert await runs() == []
    (letter,) = await list_dead(connection())
    assert (letter.kind, letter.error) == ("probe.normal", "GiveUp")


async def _take_normal(app: App) -> None:
    assert app.settings.database_url is not None
    kinds = {QueueEntrypoint("probe.normal"): EntrypointExecutionParameter(concurrency_limit=0)}
    async with asyncpg.create_pool(**parse_url(app.settings.database_url), min_size=1) as pool:
        queries = LaneQueries(AsyncpgPoolDriver(pool), pace=timedelta(0))
        await queries.dequeue(10, kinds, QueueManagerId(new_id()), SLOTS, HEARTBEAT_TIMEOUT)


async def _has_dead() -> bool:
    return bool(await list_dead(connection()))
