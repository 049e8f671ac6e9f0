"""Jobs in tests: payloads that no declared function would write, and running what is queued."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from core.context.app import App
from core.database import connection, fetch_all
from core.queue.jobs import Lane

_PRIORITY = {Lane.CRITICAL: 20, Lane.NORMAL: 10, Lane.BULK: 0}


async def enqueue_raw(
    app: App,
    kind: str,
    payload: Mapping[str, Any],
    number: int = 1,
    *,
    after: timedelta = timedelta(0),
) -> None:
    """Put equal jobs of a kind into its lane as they are."""
    await connection().execute_query(
        """INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
           SELECT $1, $2, $3, now() + $4, 'queued' FROM generate_series(1, $5)""",
        [_PRIORITY[app.queue.kinds[kind].lane], kind, orjson.dumps(payload), after, number],
    )


async def run_due(app: App, *kinds: str) -> int:
    """Run queued jobs of these kinds, those that they enqueue too, until none is due; how many."""
    done = 0
    while rows := await fetch_all(
        connection(),
        """DELETE FROM pgqueuer WHERE entrypoint = ANY($1) AND status = 'queued'
              AND execute_after <= now() RETURNING entrypoint, payload""",
        list(kinds),
    ):
        for row in rows:
            await app.queue.kinds[row["entrypoint"]].run(app, bytes(row["payload"]))
        done += len(rows)
    return done
