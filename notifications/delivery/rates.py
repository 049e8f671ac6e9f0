"""How much a provider takes in a second, from all our processes together.

Bulk may use four fifths of it and normal nine tenths, so that there is always room for what is
critical. A process that finds a second used up waits for the next, in its own job: what is behind
it waits in the queue.
"""

import asyncio

from core.database import connection, fetch_one
from notifications.channels.port import Provider
from notifications.templates.domain import SendLane

SHARE = {
    SendLane.SECURITY: 1.0,
    SendLane.CRITICAL: 1.0,
    SendLane.NORMAL: 0.9,
    SendLane.BULK: 0.8,
    SendLane.DIGEST: 0.8,
}

WAITS_S = 5
"""Seconds in a job; then it goes back behind the others."""

_TAKE = """
WITH moment AS (
  SELECT coalesce($4, extract(epoch FROM clock_timestamp())::float8) AS at_s
)
INSERT INTO notifications_rate AS r (provider, second, used, granted)
SELECT $1, floor(at_s), least($2::int, $3::int), least($2::int, $3::int) FROM moment
ON CONFLICT (provider) DO UPDATE SET
  second = greatest(r.second, excluded.second),
  granted = CASE WHEN r.second < excluded.second THEN excluded.used
                 ELSE greatest(0, least($2::int, $3::int - r.used)) END,
  used = CASE WHEN r.second < excluded.second THEN excluded.used
              ELSE r.used + greatest(0, least($2::int, $3::int - r.used)) END
RETURNING granted, (SELECT 1 - (at_s - floor(at_s)) FROM moment) AS rest_s
"""
"""By the database's seconds: a machine whose clock is ahead would use up those of all others."""


async def take(
    provider: Provider,
    lane: SendLane,
    wanted: int,
    *,
    at_s: float | None = None,
    waits_s: int = WAITS_S,
) -> int:
    """How many messages may be sent now; waits a while until there is room, 0 where none comes.
    `at_s` is another moment than the database's, in seconds of the epoch."""
    if provider.rate_per_s is None:
        return wanted
    limit = max(1, int(provider.rate_per_s * SHARE[lane]))
    for waited in range(waits_s + 1):
        row = await fetch_one(connection(), _TAKE, provider.name, wanted, limit, at_s)
        assert row is not None
        if row["granted"]:
            return int(row["granted"])
        if waited < waits_s:
            await asyncio.sleep(row["rest_s"])
    return 0
