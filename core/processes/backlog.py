"""How far the queue is behind: what is due and not taken, and what failed for good."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.context.gauges import GaugeSource
from core.database import connection, fetch_all
from core.queue.dead_letters import count_dead
from core.queue.jobs import Lane

if TYPE_CHECKING:
    from core.context.app import App

LATE_S = {Lane.CRITICAL: 30.0, Lane.NORMAL: 300.0, Lane.BULK: 3_600.0}
"""Where a due job has waited longer than this, its lane stands still."""

_OLDEST_DUE = """
SELECT k.lane, extract(epoch FROM max(now() - job.since))::float8 AS age_s
  FROM unnest($1::text[], $2::text[]) AS k (kind, lane) CROSS JOIN LATERAL (
    (SELECT q.execute_after AS since FROM pgqueuer q
      WHERE q.entrypoint = k.kind AND q.status = 'queued' AND q.execute_after < now()
      ORDER BY q.execute_after LIMIT 1)
    UNION ALL
    (SELECT min(q.heartbeat) FROM pgqueuer q
      WHERE q.entrypoint = k.kind AND q.status = 'picked'
        AND q.heartbeat < now() - interval '30 seconds')
  ) job
 GROUP BY k.lane
"""
"""A job whose worker died is due as well; its heart stopped when it was last well."""


async def oldest_due_s(app: "App") -> dict[Lane, float]:
    """How long each lane's oldest due job has waited, in seconds; 0 where none is due."""
    kinds = app.queue.kinds.values()
    rows = await fetch_all(
        connection(), _OLDEST_DUE, [job.kind for job in kinds], [job.lane.value for job in kinds]
    )
    ages = {row["lane"]: row["age_s"] or 0.0 for row in rows}
    return {lane: ages.get(lane.value, 0.0) for lane in Lane}


async def find_standstill(app: "App") -> str | None:
    """Which lane stands still, in words for an operator; None where work goes on."""
    for lane, age_s in (await oldest_due_s(app)).items():
        if age_s > LATE_S[lane]:
            return f"no worker takes what is due: the {lane} lane is {age_s:.0f} s late"
    return None


async def _oldest_due(app: "App") -> Mapping[str, float]:
    return {lane.value: age_s for lane, age_s in (await oldest_due_s(app)).items()}


async def _dead(_app: "App") -> Mapping[str, float]:
    return await count_dead(connection())


SOURCES = (
    GaugeSource(
        "jobs_oldest_due_seconds", "How long the oldest due job waits.", "lane", _oldest_due
    ),
    GaugeSource("jobs_dead", "Jobs that failed for good and wait for somebody.", "kind", _dead),
)
