"""Jobs: born with their transaction, run at least once, retried, and never lost silently."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from core.bus import bus
from core.context.app import App
from core.database import (
    connection,
    fetch_all,
    fetch_one,
    parse_url,
    raw_connection,
    transaction,
)
from core.processes.embedded import DatabaseUrls
from core.processes.lane_queries import NEXT_DUE
from core.processes.worker import work
from core.queue.dead_letters import list_dead, lock_dead, rerun_dead
from core.queue.jobs import JobKind, Lane, wake_channel, wake_payload
from tests.core import probe
from tests.core.conftest import Runs, Worker
from tests.core.probe import new_job
from tests.core.waiting import eventually
from tests.machine import in_time


async def _enqueue(app: App, kind: str, **payload: Any) -> None:
    async with transaction() as tx:
        await app.queue.enqueue(tx, [new_job(kind, **payload)])


async def _waiting() -> int:
    row = await fetch_one(connection(), "SELECT count(*) AS n FROM pgqueuer WHERE status='queued'")
    assert row is not None
    return int(row["n"])


async def test_a_job_of_a_rolled_back_transaction_never_exists(probed: App) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await probe.normal.enqueue(probed, tx, "ghost")
            raise ZeroDivisionError
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer_log") == []


async def test_a_committed_job_runs_once(probed: App, runs: Runs, worker: Worker) -> None:
    await _enqueue(probed, "probe.normal", name="a")
    async with worker(probed):
        await eventually(lambda: _has(runs, "a done"))
        await _enqueue(probed, "probe.normal", name="b")  # a worker that waits is woken
        await eventually(lambda: _has(runs, "b done"), within_s=1)
    assert await runs() == ["a", "a done", "b", "b done"]
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []


async def test_what_went_well_leaves_nothing_and_what_failed_is_told(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with transaction() as tx:
        bad = new_job("probe.once", name="bad", give_up=True)
        await probed.queue.enqueue(tx, [probe.critical.later("good"), bad])
    async with worker(probed):
        await eventually(lambda: _has(runs, "good done"))
        await eventually(_has_dead)
    assert await fetch_all(connection(), "SELECT entrypoint, status FROM pgqueuer") == [
        {"entrypoint": "probe.once", "status": "failed"}
    ]
    assert await fetch_all(connection(), "SELECT entrypoint FROM pgqueuer_log") == [
        {"entrypoint": "probe.once"}
    ]


async def test_a_job_is_taken_back_by_its_key_while_it_waits(probed: App) -> None:
    later = timedelta(hours=1)
    async with transaction() as tx:
        jobs = [probe.normal.later(key, key=key, after=later) for key in ("a", "b")]
        await probed.queue.enqueue(tx, jobs)
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await probe.normal.drop(tx, "a")
            raise ZeroDivisionError
    assert await _waiting() == 2
    async with transaction() as tx:
        await probe.normal.drop(tx, "a")
        await probe.once.drop(tx, "b")  # another kind is another key
    assert await fetch_all(connection(), "SELECT dedupe_key FROM pgqueuer") == [
        {"dedupe_key": "probe.normal:b"}
    ]


async def test_a_job_takes_the_place_of_one_that_waits(probed: App) -> None:
    """Also under the key of that one, which is free once it is dropped."""
    later = timedelta(hours=1)
    for name, key in (("old", "a"), ("other", "b"), ("new", "a")):
        async with transaction() as tx:
            jobs = [probe.normal.later(name, key=key, after=later)]
            await probed.queue.enqueue(tx, jobs, instead_of=probe.normal.waiting("a"))
    waiting = await fetch_all(connection(), "SELECT dedupe_key, payload FROM pgqueuer ORDER BY 1")
    assert [(row["dedupe_key"], orjson.loads(row["payload"])["name"]) for row in waiting] == [
        (probe.normal.waiting("a"), "new"),
        (probe.normal.waiting("b"), "other"),
    ]


async def test_lanes_are_woken_once_whichever_way(probed: App, database: DatabaseUrls) -> None:
    """By a statement of its own after the commit, or by the one that enqueues where the transaction
    notifies anyway."""
    heard: list[str] = []
    ear = await asyncpg.connect(**parse_url(database.app))
    await ear.add_listener(wake_channel(Lane.CRITICAL), lambda *notice: heard.append(notice[-1]))
    statements: list[str] = []
    try:
        for notifies in (False, True):
            async with transaction() as tx:
                if notifies:
                    raw_connection(tx).add_query_logger(lambda one: statements.append(one.query))
                    await bus.publish(tx, "topic", None)
                jobs = [probe.critical.later("a"), probe.critical.later("b")]
                await probed.queue.enqueue(tx, jobs)
                await ear.execute("SELECT 1")
                assert heard == []
            await ear.execute("SELECT 1")  # what is heard comes before the answer
            assert heard == [wake_payload(wake_channel(Lane.CRITICAL))]
            heard.clear()
    finally:
        await ear.close()
    assert [s.split()[0] for s in statements] == ["SELECT", "WITH", "COMMIT;"]


async def test_jobs_that_wait_for_their_time_are_no_burden_to_a_lane(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with transaction() as tx:
        waiting = [probe.critical.later("x", after=timedelta(hours=1))] * 5_000
        await probed.queue.enqueue(tx, waiting)
    await connection().execute_script("ANALYZE pgqueuer")
    async with worker(probed):
        for number in range(20):
            await _enqueue(probed, "probe.critical", name=f"now {number}")
        await eventually(lambda: _has(runs, "now 19 done"))
    assert await _waiting() == 5_000
    plan = await fetch_all(connection(), f"EXPLAIN {_literal(NEXT_DUE)}")
    assert "pgqueuer_ep_ea_idx" in str(plan)


def _literal(query: str) -> str:
    return query.replace("$1::text[]", "ARRAY['probe.critical']")


async def test_an_undeclared_kind_cannot_be_enqueued(probed: App) -> None:
    async with transaction() as tx:
        with pytest.raises(KeyError):
            await JobKind[()]("probe.unknown").enqueue(probed, tx)


async def test_a_key_keeps_one_job_waiting_and_frees_after_it(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async def enqueue(kind: str, **payload: Any) -> None:
        async with transaction() as tx:
            await probed.queue.enqueue(tx, [new_job(kind, key="same", **payload)])

    for _ in range(3):
        await enqueue("probe.normal", name="a")
    await enqueue("probe.once", name="dead", give_up=True)  # another kind is another key
    assert await _waiting() == 2
    async with worker(probed):
        await eventually(lambda: _has(runs, "a done"))
        await eventually(_has_dead)
        await enqueue("probe.normal", name="b")
        await enqueue("probe.once", name="c")  # a dead letter does not stand in the way
        await eventually(lambda: _has(runs, "b done"))
        await eventually(lambda: _has(runs, "c done"))
    assert (await runs()).count("a done") == 1


async def test_a_delayed_job_waits(probed: App, runs: Runs, worker: Worker) -> None:
    async with transaction() as tx:
        await probe.normal.enqueue(probed, tx, "later", after=timedelta(seconds=1))
    started_s = time.monotonic()
    async with worker(probed):
        await eventually(lambda: _has(runs, "later done"))
    assert time.monotonic() - started_s > 0.9


async def test_a_job_that_a_clock_calls_early_comes_again(
    probed: App, runs: Runs, worker: Worker
) -> None:
    """Also where it is early at once again, and has a key."""
    at = probed.clock.now() + timedelta(seconds=0.5)
    async with transaction() as tx:
        await probe.due.enqueue(probed, tx, "a", at, key="same")
    async with worker(probed):
        await eventually(lambda: _is_run(runs, ["a", "a", "a"]))
        probed.clock.move(timedelta(seconds=0.5))
        await eventually(lambda: _is_run(runs, ["a", "a", "a", "a", "a done"]))
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer") == []
    assert await fetch_all(connection(), "SELECT * FROM pgqueuer_log") == []


async def _is_run(runs: Runs, names: list[str]) -> bool:
    return await runs() == names


async def test_a_flood_in_one_lane_does_not_delay_another(
    probed: App, runs: Runs, worker: Worker
) -> None:
    async with transaction() as tx:
        flood = [new_job("probe.bulk", name=f"bulk {i}", wait_s=1.5) for i in range(200)]
        await probed.queue.enqueue(tx, flood)
    async with worker(probed):
        await eventually(lambda: _has(runs, "bulk 0"))
        started_s = time.monotonic()
        await _enqueue(probed, "probe.critical", name="urgent")
        await eventually(lambda: _has(runs, "urgent done"))
        assert in_time(time.monotonic() - started_s, 1.0)
        assert await _waiting() > 100
        await connection().execute_query("DELETE FROM pgqueuer WHERE status='queued'")


async def test_a_failed_job_is_repeated_with_growing_pauses(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.critical", name="shaky", failures=2)
    async with worker(probed):
        await eventually(lambda: _has(runs, "shaky done"), within_s=15)
    rows = await fetch_all(
        connection(), "SELECT started_at FROM probe_run WHERE name='shaky' ORDER BY id"
    )
    times = [row["started_at"] for row in rows]
    assert len(times) == 3
    assert times[1] - times[0] >= timedelta(seconds=1)
    assert times[2] - times[1] >= timedelta(seconds=2)
    assert await list_dead(connection()) == []


async def test_a_job_that_failed_for_good_is_listed_and_can_be_run_again(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", name="hopeless", failures=3)
    async with worker(probed):
        await eventually(_has_dead, within_s=15)
        assert await runs() == ["hopeless"] * 3
        (letter,) = await list_dead(connection())
        assert letter.kind == "probe.normal"
        assert letter.payload == {"name": "hopeless", "failures": 3}
        assert letter.error == "RuntimeError"
        async with transaction() as tx:
            await rerun_dead(tx, [letter.id])
        await eventually(lambda: _has(runs, "hopeless done"))
    assert await list_dead(connection()) == []


async def test_what_a_failed_job_leaves_holds_no_personal_data(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", name="hopeless", failures=9)
    async with worker(probed):
        await eventually(_has_dead, within_s=15)
    rows = await fetch_all(connection(), "SELECT to_jsonb(l)::text AS text FROM pgqueuer_log l")
    (letter,) = await list_dead(connection())
    for text in (*(row["text"] for row in rows), letter.error):
        assert "11010519491231002X" not in text


async def test_giving_up_goes_straight_to_the_dead_letters(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", name="refused", give_up=True)
    async with worker(probed):
        await eventually(_has_dead)
    assert await runs() == ["refused"]


async def test_dead_jobs_of_one_key_are_put_back_whoever_waits_under_it(probed: App) -> None:
    async def enqueue() -> None:
        async with transaction() as tx:
            await probed.queue.enqueue(tx, [new_job("probe.normal", key="same", name="a")])

    for _ in range(2):  # as of a job that the calendar enqueues, on two bad nights
        await enqueue()
        await connection().execute_query("UPDATE pgqueuer SET status = 'failed'")
    await enqueue()
    async with transaction() as tx:
        await rerun_dead(tx, await lock_dead(tx))
    assert (await _waiting(), await list_dead(connection())) == (3, [])
    await enqueue()  # the one that waits keeps its key
    assert await _waiting() == 3


async def test_a_job_that_takes_too_long_is_ended(probed: App, runs: Runs, worker: Worker) -> None:
    await _enqueue(probed, "probe.once", name="slow", wait_s=60)
    async with worker(probed):
        await eventually(_has_dead)
    assert await runs() == ["slow"]


async def test_the_calendar_enqueues_what_is_due(probed: App, worker: Worker) -> None:
    async def ticks() -> int:
        row = await fetch_one(connection(), "SELECT count(*) AS n FROM probe_run WHERE name='tick'")
        assert row is not None
        return int(row["n"])

    async def has_ticked_twice() -> bool:
        return await ticks() >= 2

    started_s = time.monotonic()
    async with worker(probed), worker(probed):  # two workers are one calendar
        await eventually(has_ticked_twice)
    assert await ticks() <= time.monotonic() - started_s + 1


async def test_a_stopped_worker_finishes_what_it_runs(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", name="long", wait_s=0.7)
    async with worker(probed):
        await eventually(lambda: _has(runs, "long"))
    assert await runs() == ["long", "long done"]


async def test_a_job_is_not_lost_when_its_worker_ends_in_a_hurry(
    probed: App, runs: Runs, worker: Worker
) -> None:
    await _enqueue(probed, "probe.normal", name="long", wait_s=2)
    ours = asyncio.all_tasks()
    hurried = asyncio.create_task(work(probed, asyncio.Event()))
    await eventually(lambda: _has(runs, "long"))
    workers = asyncio.all_tasks() - ours
    assert hurried in workers
    for task in workers:  # as the end of an event loop does
        task.cancel()
    await asyncio.wait(workers)
    assert await runs() == ["long"]
    async with worker(probed):
        await eventually(lambda: _has(runs, "long done"), within_s=15)
    assert await runs() == ["long", "long", "long done"]


async def test_a_payload_that_is_no_longer_understood_is_kept(probed: App, worker: Worker) -> None:
    kind = "probe.ThingHappened>probe.on_thing_too"
    probed.queue.kinds[kind] = replace(probed.queue.kinds[kind], max_attempts=1)
    async with transaction() as tx:
        await probed.queue.enqueue(tx, [probe.once.later("older")])
        await tx.execute_query(
            "UPDATE pgqueuer SET entrypoint = $1, payload = $2",
            [kind, b'{"resident": "11010519491231002X"}'],
        )
    async with worker(probed):
        await eventually(_has_dead)
    (letter,) = await list_dead(connection())
    assert letter.error == "ValidationError"


async def _has(runs: Runs, name: str) -> bool:
    return name in await runs()


async def _has_dead() -> bool:
    return bool(await list_dead(connection()))
