"""Counters that hold across processes: so many of something in a window of time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.clock import Clock
from core.database import Transaction, fetch_one, transaction
from core.errors import RateLimited
from core.texts import Text


@dataclass(frozen=True, slots=True)
class Use:
    """How often a key was used in its present window, and the seconds until the next begins."""

    count: int
    free_in_s: int


async def take(tx: Transaction, clock: Clock, key: str, *, limit: int, window: timedelta) -> int:
    """Count one use of `key`; returns 0 while within the limit, else the seconds until it frees.

    The count stands when `tx` commits, so a caller that refuses must do so after the transaction,
    not by rolling it back.
    """
    use = await count_use(tx, clock, key, window=window)
    return 0 if use.count <= limit else use.free_in_s


async def count_use(db: Transaction, clock: Clock, key: str, *, window: timedelta) -> Use:
    """Count one use of `key`. Windows are fixed and start at multiples of their length."""
    now = clock.now()
    length_s = window.total_seconds()
    number = math.floor(now.timestamp() / length_s)
    ends_at = datetime.fromtimestamp((number + 1) * length_s, UTC)
    row = await fetch_one(
        db,
        """INSERT INTO core_rate_counter (key, count, ends_at) VALUES ($1, 1, $2)
           ON CONFLICT (key) DO UPDATE SET
             count = CASE WHEN core_rate_counter.ends_at = $2
                          THEN core_rate_counter.count + 1 ELSE 1 END,
             ends_at = $2
           RETURNING count""",
        key,
        ends_at,
    )
    assert row is not None
    return Use(row["count"], max(1, math.ceil((ends_at - now).total_seconds())))


async def require(clock: Clock, key: str, *, limit: int, window: timedelta, refusal: Text) -> None:
    """Count one use of `key` in a transaction of its own. Raises RateLimited above the limit."""
    async with transaction() as tx:
        wait_s = await take(tx, clock, key, limit=limit, window=window)
    if wait_s:
        raise RateLimited(refusal, retry_after_s=wait_s)


async def is_any_used_up(db: Transaction, clock: Clock, limits: Mapping[str, int]) -> bool:
    """Whether one of several keys was used so often in its present window; counts nothing."""
    row = await fetch_one(
        db,
        """SELECT 1 FROM core_rate_counter c
             JOIN unnest($1::text[], $2::int[]) AS w (key, limit_) ON c.key = w.key
            WHERE c.count >= w.limit_ AND c.ends_at > $3 LIMIT 1""",
        list(limits),
        list(limits.values()),
        clock.now(),
    )
    return row is not None


async def blocked_s(tx: Transaction, clock: Clock, key: str, *, limit: int) -> int:
    """Seconds until a key that has used up its limit is free again, else 0; counts nothing."""
    now = clock.now()
    row = await fetch_one(
        tx,
        "SELECT ends_at FROM core_rate_counter WHERE key = $1 AND count >= $2 AND ends_at > $3",
        key,
        limit,
        now,
    )
    return math.ceil((row["ends_at"] - now).total_seconds()) if row else 0
