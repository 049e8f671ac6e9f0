"""How a lane asks the queue for work: seldom enough that a busy one finds many jobs at once.

pgqueuer's manager asks up to five times for each job that comes: for jobs, for more jobs, for any
that are due, for when the next is due, and whether there are any at all.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

from pgqueuer import Queries
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter

PACE = timedelta(milliseconds=25)
"""A lane that has just looked waits so long before it looks again, unless it found a full batch."""

_NEXT_DUE = """
SELECT execute_after - now() AS wait FROM pgqueuer
 WHERE status = 'queued' AND entrypoint = ANY($1) ORDER BY execute_after LIMIT 1
"""


@dataclass
class LaneQueries(Queries):
    """The queue as one manager that runs until it is stopped asks it: two questions a look."""

    _looked_at_s: float = field(default=0.0, init=False)
    _is_dry: bool = field(default=False, init=False)
    _wait: timedelta | None = field(default=None, init=False)

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Jobs for this lane. After a batch that was not full there is no second look."""
        if self._is_dry:
            self._is_dry = False
            return []
        await asyncio.sleep(self._looked_at_s + PACE.total_seconds() - time.monotonic())
        jobs = await super().dequeue(
            batch_size, entrypoints, queue_manager_id, global_concurrency_limit, heartbeat_timeout
        )
        is_full = len(jobs) == batch_size
        self._looked_at_s = 0.0 if is_full else time.monotonic()
        self._is_dry = bool(jobs) and not is_full
        return jobs

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """Whether a job is due; the manager asks this first, and the other two at once after it."""
        rows = await self.driver.fetch(_NEXT_DUE, entrypoints)
        self._wait = cast(timedelta, rows[0]["wait"]) if rows else None
        return int(self._wait is not None and self._wait <= timedelta(0))

    async def next_deferred_eta(self, _entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        """The wait until the next job is due, as `eligible_queued_work` has just seen it."""
        return self._wait

    async def queued_work(self, _entrypoints: list[QueueEntrypoint]) -> int:
        """Whether any job waits, as `eligible_queued_work` has just seen it."""
        return int(self._wait is not None)
