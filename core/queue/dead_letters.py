"""Jobs that failed for good: they stay until somebody re-runs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.domain.types import JobId

from core.database import Transaction, fetch_all, raw_connection


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that failed for good; it stays until somebody re-runs it."""

    id: int
    kind: str
    attempts: int
    payload: Mapping[str, Any]
    error: str


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
    """Put failed jobs back into the queue, without their keys: of equal ones, or where one waits
    already, none can be told to be the other's double any more, and running twice does no harm."""
    await raw_connection(tx).execute(
        "UPDATE pgqueuer SET dedupe_key = NULL WHERE id = ANY($1) AND status = 'failed'", list(ids)
    )
    await Queries(AsyncpgDriver(raw_connection(tx))).requeue_jobs([JobId(i) for i in ids])
