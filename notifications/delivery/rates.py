"""How much a provider takes in a second, from all our processes together.

Bulk may use four fifths of it and normal nine tenths, so that there is always room for what is
critical. A process that finds a second used up waits for the next, in its own job: what is behind
it waits in the queue.
"""

import asyncio
import time
from collections.abc import Callable

from core.database import connection, fetch_one
from notifications.channels.port import Provider
from notifications.templates.domain import SendLane

SHARE = {
    SendLane.CRITICAL: 1.0,
    SendLane.NORMAL: 0.9,
    SendLane.BULK: 0.8,
    SendLane.DIGEST: 0.8,
}

WAITS_S = 5
"""Seconds in a job; then it goes back behind the others."""

_SECOND_NS = 1_000_000_000

_TAKE = """
INSERT INTO notifications_rate AS r (provider, second, used, granted)
VALUES ($1, $2, least($3::int, $4::int), least($3::int, $4::int))
ON CONFLICT (provider) DO UPDATE SET
  second = greatest(r.second, $2),
  granted = CASE WHEN r.second < $2 THEN least($3::int, $4::int)
                 ELSE greatest(0, least($3::int, $4::int - r.used)) END,
  used = CASE WHEN r.second < $2 THEN least($3::int, $4::int)
              ELSE r.used + greatest(0, least($3::int, $4::int - r.used)) END
RETURNING granted
"""


async def take(
    provider: Provider,
    lane: SendLane,
    wanted: int,
    *,
    wall_ns: Callable[[], int] = time.time_ns,
    waits_s: int = WAITS_S,
) -> int:
    """How many messages may be sent now; waits a while until there is room, 0 where none comes."""
    if provider.rate_per_s is None:
        return wanted
    limit = max(1, int(provider.rate_per_s * SHARE[lane]))
    for waited in range(waits_s + 1):
        second, rest_ns = divmod(wall_ns(), _SECOND_NS)  # the provider's time, not our clock's
        row = await fetch_one(connection(), _TAKE, provider.name, second, wanted, limit)
        assert row is not None
        if row["granted"]:
            return int(row["granted"])
        if waited < waits_s:
            await asyncio.sleep((_SECOND_NS - rest_ns) / _SECOND_NS)
    return 0
