"""How a lane asks the queue for work: seldom enough that a busy one finds many jobs at once.

pgqueuer's own manager runs the lane; the statements are ours. Its own ask up to five times for each
job that comes, read past every job that is not due yet, and write three rows of log for each that
is done; ours read due jobs by the index of their times and log failures alone.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from pgqueuer import Queries
from pgqueuer.domain.types import JOB_STATUS, QueueEntrypoint, QueueManagerId
from pgqueuer.models import Job, TracebackRecord
from pgqueuer.ports.repository import EntrypointExecutionParameter

from core.database import CONNECTION_LOST
from core.queue.jobs import LOOKS_EVERY, Lane, wake_payload

PACE = {
    Lane.CRITICAL: timedelta(milliseconds=25),
    Lane.NORMAL: timedelta(milliseconds=100),
    Lane.BULK: timedelta(milliseconds=250),
}
"""A lane that has just looked waits so long before it looks again, unless it found a full batch.

Work that comes after a pause longer than that is taken at once.
"""

_TAKE = """
WITH running AS (
  SELECT entrypoint AS kind, count(*) AS jobs FROM pgqueuer
   WHERE queue_manager_id = $3 AND entrypoint = ANY($2) AND heartbeat >= now() - $5::interval
   GROUP BY entrypoint
), room AS (
  SELECT greatest(least($1, $4 - coalesce(sum(jobs), 0)), 0)::int AS jobs FROM running
), candidate AS (
  SELECT job.id, job.execute_after, kind,
         row_number() OVER (PARTITION BY kind, again ORDER BY job.execute_after) AS turn,
         row_number() OVER (PARTITION BY kind ORDER BY again, job.execute_after) AS place
    FROM unnest($2::text[]) AS kind CROSS JOIN (VALUES (false), (true)) AS tried (again)
   CROSS JOIN LATERAL (
    SELECT q.id, q.execute_after FROM pgqueuer q
     WHERE q.entrypoint = kind AND q.status = 'queued' AND q.execute_after < now()
       AND (q.attempts > 0) = again
     ORDER BY q.execute_after LIMIT (SELECT jobs FROM room) FOR UPDATE SKIP LOCKED) job
), due AS (
  SELECT candidate.id FROM candidate LEFT JOIN running USING (kind)
   WHERE candidate.place <= $6 - coalesce(running.jobs, 0)
   ORDER BY candidate.turn, candidate.execute_after LIMIT (SELECT jobs FROM room)
), left_alone AS (
  SELECT q.id FROM pgqueuer q
   WHERE q.status = 'picked' AND q.entrypoint = ANY($2) AND q.heartbeat < now() - $5::interval
   ORDER BY q.heartbeat LIMIT (SELECT jobs FROM room) FOR UPDATE SKIP LOCKED
)
UPDATE pgqueuer q SET status = 'picked', updated = now(), heartbeat = now(), queue_manager_id = $3,
       attempts = q.attempts + taken.lost
  FROM (SELECT id, 1 AS lost FROM left_alone UNION ALL SELECT id, 0 FROM due
         LIMIT (SELECT jobs FROM room)) taken
 WHERE q.id = taken.id RETURNING q.*
"""
"""Kinds take turns, and in each kind jobs that have failed before with those that have not: a flood
of one, or of repeats, delays no other by more than a batch. One kind leaves slots to the others, so
that jobs which hang never hold the whole lane. A job that a worker left behind has used up an
attempt, or one that kills its worker would do so for ever; it holds no slot, or twenty that could
not be put back (a full disk) would hold their own worker's lane for good.
"""

NEXT_DUE = """
SELECT min(job.execute_after) - now() AS wait FROM unnest($1::text[]) AS kind CROSS JOIN LATERAL (
  SELECT q.execute_after FROM pgqueuer q WHERE q.entrypoint = kind AND q.status = 'queued'
   ORDER BY q.execute_after LIMIT 1) job
"""


def most_of_one_kind(slots: int) -> int:
    """How many of a lane's slots one kind of job may hold: three quarters."""
    return slots - max(1, slots // 4)


_Ended = tuple[Job, JOB_STATUS, TracebackRecord | None]


@dataclass
class LaneQueries(Queries):
    """The queue as one manager that runs until it is stopped asks it: two questions a look."""

    pace: timedelta = PACE[Lane.CRITICAL]
    looked: Callable[[], None] = lambda: None
    """Called whenever the lane has looked for work."""
    lost: Callable[[], None] = lambda: None
    """Called when the lane could not look for work, before the error is raised."""
    _looked_at_s: float = field(default=0.0, init=False)
    _is_dry: bool = field(default=False, init=False)
    _wait: timedelta | None = field(default=None, init=False)

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Jobs for this lane, the longest due first, abandoned ones before all.

        After a batch that was not full there is no second look.
        """
        if self._is_dry:
            self._is_dry = False
            return []
        await asyncio.sleep(self._looked_at_s + self.pace.total_seconds() - time.monotonic())
        assert global_concurrency_limit is not None
        rows = await self._look(
            _TAKE,
            batch_size,
            list(entrypoints),
            queue_manager_id,
            global_concurrency_limit,
            heartbeat_timeout,
            most_of_one_kind(global_concurrency_limit),
        )
        jobs = [Job.model_validate(row) for row in rows]
        is_full = len(jobs) == batch_size
        self._looked_at_s = 0.0 if is_full else time.monotonic()
        self._is_dry = bool(jobs) and not is_full
        return jobs

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """Whether a job is due; the manager asks this first, and the other two at once after it."""
        rows = await self._look(NEXT_DUE, entrypoints)
        self._wait = cast(timedelta | None, rows[0]["wait"])
        return int(self._wait is not None and self._wait <= timedelta(0))

    async def _look(self, sql: str, *values: object) -> list[dict[str, object]]:
        try:
            rows = await self.driver.fetch(sql, *values)
        except CONNECTION_LOST:
            self.lost()
            raise
        self.looked()
        return rows

    async def next_deferred_eta(self, _entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        """The wait until the next job is due, as `eligible_queued_work` has just seen it."""
        return self._wait

    async def queued_work(self, _entrypoints: list[QueueEntrypoint]) -> int:
        """Whether any job waits, as `eligible_queued_work` has just seen it."""
        return int(self._wait is not None)

    async def retry_job(
        self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None
    ) -> None:
        """Put a job back into the queue. Without a database it stays taken, and as its heart beats
        no more, it is taken again as an abandoned one: the manager would count it as failed."""
        with suppress(*CONNECTION_LOST):
            await super().retry_job(job, delay, traceback_record)
            if delay < LOOKS_EVERY:
                # what the lane saw last says nothing of a job that was put back meanwhile
                channel = self.qbe.settings.channel
                await self.driver.execute(
                    "SELECT pg_notify($1, $2)", channel, wake_payload(channel)
                )

    async def log_jobs(self, job_status: Sequence[_Ended]) -> None:
        """Remove jobs that are done, keep those that failed for good, and log these alone."""
        done = [job.id for job, status, _ in job_status if status == "successful"]
        if done:
            await self.driver.execute("DELETE FROM pgqueuer WHERE id = ANY($1::bigint[])", done)
        if others := [ended for ended in job_status if ended[1] != "successful"]:
            await super().log_jobs(others)
