"""A command that is cancelled at any of its waits costs the pool no connection."""

import asyncio

from core.context.app import App
from core.database import connection, fetch_one, transaction
from tests.machine import PATIENCE_S
from tests.payments.crash import cut


async def _write(n: int) -> None:
    async with transaction() as tx:
        await tx.execute_query(
            "INSERT INTO core_rate_counter (key, count, ends_at) VALUES ($1, 1, now())", [str(n)]
        )


async def test_a_command_cut_anywhere_gives_its_connection_back(app: App) -> None:
    ended = 0
    for _ in range(3):
        for after in range(15):
            ended += not await cut(_write(ended * 100 + after), after)
    assert 0 < ended < 45
    size = app.settings.database_pool_size
    async with asyncio.timeout(PATIENCE_S):
        # as many at once as the pool has; none of them is inside an old transaction
        await asyncio.gather(*(_write(10_000 + n) for n in range(size)))
        row = await fetch_one(
            connection(),
            """SELECT count(*) AS n FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'""",
        )
    assert row == {"n": 0}
