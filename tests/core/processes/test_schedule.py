"""The calendar's jobs: due by our clock, and made up when they could not be enqueued in time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pgqueuer.core.executors import ScheduleExecutorFactoryParameters
from pgqueuer.domain.models import Schedule
from pgqueuer.domain.types import CronEntrypoint, CronExpression

from core.clock import ManualClock
from core.context.app import App
from core.database import Transaction, connection, fetch_all
from core.processes.schedule import ClockSchedule
from core.queue.jobs import JobQueue, NewJob
from tests.core.conftest import Worker
from tests.core.waiting import eventually

NIGHTLY = "payments.reconcile"


@pytest.mark.parametrize(
    ("now", "wait"),
    [
        (datetime(2026, 12, 31, 16, 0, 30, tzinfo=UTC), timedelta(seconds=30)),
        (datetime(2027, 12, 31, 16, 1, tzinfo=UTC), timedelta(days=1)),
        (datetime(2028, 2, 28, 16, 1, 1, tzinfo=UTC), timedelta(days=1, seconds=-1)),
    ],
)
def test_a_schedule_is_due_by_the_clock_of_the_process(now: datetime, wait: timedelta) -> None:
    async def nothing(_due: Schedule) -> None:
        """Never run."""

    parameters = ScheduleExecutorFactoryParameters(
        CronEntrypoint("nightly"), CronExpression("1 16 * * *"), nothing, clean_old=True
    )
    assert ClockSchedule(parameters, ManualClock(now)).next_in() == wait


async def test_what_came_due_without_a_worker_is_made_up(probed: App, worker: Worker) -> None:
    async with worker(probed):
        await eventually(_is_scheduled)
    await _set_overdue()
    async with worker(probed):
        await eventually(lambda: _is_queued(NIGHTLY))


async def test_what_a_worker_died_over_is_taken_again(probed: App, worker: Worker) -> None:
    async with worker(probed):
        await eventually(_is_scheduled)
    await connection().execute_query(
        """UPDATE pgqueuer_schedules SET status = 'picked', heartbeat = now() - interval '1 minute',
                  next_run = now() + interval '1 day' WHERE entrypoint = $1""",
        [NIGHTLY],
    )
    await connection().execute_query("DELETE FROM pgqueuer")
    async with worker(probed):
        await eventually(lambda: _is_queued(NIGHTLY))


async def test_what_the_database_refuses_at_the_hour_is_enqueued_after_it(
    probed: App, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, enqueue = [1, 2], JobQueue.enqueue

    async def refuse_twice(self: JobQueue, tx: Transaction, jobs: Sequence[NewJob]) -> None:
        if refused and jobs[0].kind == NIGHTLY:
            refused.pop()
            raise asyncpg.DiskFullError
        await enqueue(self, tx, jobs)

    monkeypatch.setattr(JobQueue, "enqueue", refuse_twice)
    async with worker(probed):
        await eventually(_is_scheduled)
    await _set_overdue()
    async with worker(probed):
        await eventually(lambda: _is_queued(NIGHTLY))
    assert not refused


async def _set_overdue() -> None:
    await connection().execute_query(
        """UPDATE pgqueuer_schedules SET next_run = now() - interval '1 minute'
            WHERE entrypoint = $1""",
        [NIGHTLY],
    )
    await connection().execute_query("DELETE FROM pgqueuer")


async def _is_scheduled() -> bool:
    sql = "SELECT FROM pgqueuer_schedules WHERE entrypoint = $1"
    return bool(await fetch_all(connection(), sql, NIGHTLY))


async def _is_queued(kind: str) -> bool:
    return bool(await fetch_all(connection(), "SELECT FROM pgqueuer WHERE entrypoint = $1", kind))
