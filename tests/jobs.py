"""Jobs with payloads that no declared function would write, such as poison."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from core.context.app import App
from core.database import connection
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
