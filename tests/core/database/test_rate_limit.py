"""Counters that hold across processes."""

import asyncio
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.database.rate_limit import take
from core.processes.housekeeping import forget_expired

HOUR = timedelta(hours=1)


async def _take(app: App, key: str = "key", *, limit: int = 3) -> int:
    async with transaction() as tx:
        return await take(tx, app.clock, key, limit=limit, window=HOUR)


async def test_so_many_pass_and_the_next_is_told_how_long(app: App, clock: ManualClock) -> None:
    clock.move(timedelta(minutes=50))  # noon is the start of a window
    assert [await _take(app) for _ in range(5)] == [0, 0, 0, 600, 600]
    assert await _take(app, "another key") == 0
    clock.move(timedelta(minutes=9, seconds=59, milliseconds=500))
    assert await _take(app) == 1  # never zero while refused
    clock.move(timedelta(milliseconds=500))
    assert await _take(app) == 0


async def test_a_hundred_at_once_are_counted_exactly(app: App) -> None:
    waits = await asyncio.gather(*(_take(app, limit=40) for _ in range(100)))
    assert waits.count(0) == 40


async def test_a_count_stands_only_when_its_transaction_commits(app: App) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await take(tx, app.clock, "key", limit=1, window=HOUR)
            raise ZeroDivisionError
    assert await _take(app, limit=1) == 0


async def test_windows_that_ended_are_forgotten(app: App, clock: ManualClock) -> None:
    await _take(app)
    await forget_expired(app)
    assert len(await _counters()) == 1
    clock.move(HOUR + timedelta(seconds=1))
    await _take(app, "of the next window")
    await forget_expired(app)
    assert await _counters() == ["of the next window"]


async def _counters() -> list[str]:
    rows = await fetch_all(connection(), "SELECT key FROM core_rate_counter ORDER BY key")
    return [row["key"] for row in rows]
