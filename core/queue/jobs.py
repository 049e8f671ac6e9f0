"""Queued work on pgqueuer, enqueued in the caller's own transaction.

The job and the rows it belongs to commit together or vanish together. A job runs at least once:
handlers are repeat-safe and the permanent business key stands in our tables, not in the queue.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.domain.types import JobId

from core.database import Transaction, fetch_all, raw_connection
from core.json import to_json
from core.manifest import EventHandler, JobKind, Lane, Manifest

_PRIORITY = {Lane.CRITICAL: 20, Lane.NORMAL: 10, Lane.BULK: 0}

LOOKS_EVERY = timedelta(seconds=2)
"""How often a lane looks, unwoken, for work and for when the next delayed job is due."""

WAKE_SQL = f"""
CREATE OR REPLACE FUNCTION core_wake_lanes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(channel, json_build_object(
            'channel', channel, 'operation', 'insert', 'sent_at', now(), 'table', TG_TABLE_NAME,
            'type', 'table_changed_event')::text)
     FROM (SELECT DISTINCT 'ch_pgqueuer_' || priority AS channel FROM added
            WHERE execute_after < now() + interval '{LOOKS_EVERY.total_seconds()} seconds') due;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER tg_pgqueuer_changed AFTER INSERT ON pgqueuer
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION core_wake_lanes();
"""  # noqa: S608 - no outside value in it
"""In the place of the queue's own trigger, which wakes every lane for each job that comes or goes.

A transaction that notifies holds a lock over its COMMIT which all others that notify wait for, so
what lets a lane sleep also lets commits share a flush. Safe to run again.
"""


_ENQUEUE = """
INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
SELECT n.priority, n.kind, n.payload, now() + n.after, n.key, 'queued'
  FROM unnest($1::int[], $2::text[], $3::bytea[], $4::interval[], $5::text[])
    AS n (priority, kind, payload, after, key)
ON CONFLICT (dedupe_key) WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL DO NOTHING
"""
"""The queue's own statement logs each job too, which nobody reads: metrics tell of jobs."""


def wake_channel(lane: Lane) -> str:
    """The channel on which a lane hears of new work."""
    return f"ch_pgqueuer_{_PRIORITY[lane]}"


class GiveUp(Exception):
    """Raised by a handler where repeating cannot help: straight to the dead letters."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that failed for good; it stays until somebody re-runs it."""

    id: int
    kind: str
    attempts: int
    payload: Mapping[str, Any]
    error: str


def kinds_of(manifests: Sequence[Manifest]) -> dict[str, JobKind]:
    """Every job kind of the house by name, event subscriptions included."""
    kinds = {job.kind: job for manifest in manifests for job in manifest.jobs}
    for manifest in manifests:
        for handler in manifest.handlers:
            job = subscription(manifest, handler)
            kinds[job.kind] = job
    return kinds


def subscription(manifest: Manifest, handler: EventHandler) -> JobKind:
    """The job kind that carries one event to one subscriber."""
    function = handler.handler.rpartition(":")[2]
    return JobKind(
        kind=f"{handler.event}>{manifest.name}.{function}",
        handler=handler.handler,
        lane=handler.lane,
        max_attempts=handler.max_attempts,
        timeout_s=handler.timeout_s,
    )


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue. The payload is what JSON can say, or JSON already.

    `key` drops the job where an equal one of its kind still waits; `after` delays it.
    """

    kind: str
    payload: Mapping[str, Any] | bytes
    key: str | None = None
    after: timedelta = timedelta(0)


class JobQueue:
    """Enqueues jobs of the kinds that manifests declare."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self.kinds = kinds_of(manifests)

    async def enqueue(
        self,
        tx: Transaction,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str | None = None,
        after: timedelta = timedelta(0),
    ) -> None:
        """Add a job that becomes visible when `tx` commits; see `NewJob`.

        Raises KeyError for a kind that no manifest declares.
        """
        await self.enqueue_all(tx, [NewJob(kind, payload, key, after)])

    async def enqueue_many(
        self,
        tx: Transaction,
        kind: str,
        payloads: Sequence[Mapping[str, Any]],
        *,
        keys: Sequence[str] | None = None,
        after: timedelta = timedelta(0),
    ) -> None:
        """Add many jobs of one kind in one statement."""
        names: Sequence[str | None] = keys or [None] * len(payloads)
        jobs = [NewJob(kind, p, k, after) for p, k in zip(payloads, names, strict=True)]
        await self.enqueue_all(tx, jobs)

    async def enqueue_all(self, tx: Transaction, jobs: Sequence[NewJob]) -> None:
        """Add jobs of any kinds in one statement; without jobs there is none."""
        if not jobs:
            return
        await raw_connection(tx).execute(
            _ENQUEUE,
            [_PRIORITY[self.kinds[job.kind].lane] for job in jobs],
            [job.kind for job in jobs],
            [
                job.payload if isinstance(job.payload, bytes) else to_json(job.payload)
                for job in jobs
            ],
            [job.after for job in jobs],
            [None if job.key is None else f"{job.kind}:{job.key}" for job in jobs],
        )

    async def drop(self, tx: Transaction, kind: str, key: str) -> None:
        """Take back a job that still waits and has nothing left to do; none is no error."""
        await raw_connection(tx).execute(
            "DELETE FROM pgqueuer WHERE dedupe_key = $1 AND status = 'queued'", f"{kind}:{key}"
        )


async def list_dead(
    db: Transaction, *, limit: int = 100, kind: str | None = None
) -> list[DeadLetter]:
    """The jobs that failed for good, newest first; of one kind where it is named."""
    rows = await fetch_all(
        db,
        """SELECT q.id, q.entrypoint, q.attempts, q.payload,
                  (SELECT l.traceback->>'exception_message' FROM pgqueuer_log l
                    WHERE l.job_id = q.id AND l.traceback IS NOT NULL
                    ORDER BY l.id DESC LIMIT 1) AS error
             FROM pgqueuer q WHERE q.status = 'failed' AND ($2::text IS NULL OR q.entrypoint = $2)
            ORDER BY q.id DESC LIMIT $1""",
        limit,
        kind,
    )
    return [
        DeadLetter(
            row["id"],
            row["entrypoint"],
            row["attempts"],
            orjson.loads(row["payload"] or b"{}"),
            row["error"] or "",
        )
        for row in rows
    ]


async def count_dead(db: Transaction) -> dict[str, int]:
    """How many jobs failed for good, by kind; kinds without any are not in it."""
    rows = await fetch_all(
        db,
        """SELECT entrypoint AS kind, count(*) AS jobs FROM pgqueuer
            WHERE status = 'failed' GROUP BY entrypoint ORDER BY entrypoint""",
    )
    return {row["kind"]: row["jobs"] for row in rows}


async def lock_dead(
    tx: Transaction, *, ids: Sequence[int] | None = None, kind: str | None = None
) -> list[int]:
    """The failed jobs among these ids, or of this kind, or all: locked until `tx` ends."""
    rows = await fetch_all(
        tx,
        """SELECT id FROM pgqueuer
            WHERE status = 'failed' AND ($1::bigint[] IS NULL OR id = ANY($1))
              AND ($2::text IS NULL OR entrypoint = $2)
            ORDER BY id FOR UPDATE""",
        ids,
        kind,
    )
    return [row["id"] for row in rows]


async def rerun_dead(tx: Transaction, ids: Sequence[int]) -> None:
    """Put failed jobs back into the queue."""
    await Queries(AsyncpgDriver(raw_connection(tx))).requeue_jobs([JobId(i) for i in ids])
