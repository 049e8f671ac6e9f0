"""A step that comes before its time is put back for it, not dropped.

Another run may have moved the time, or a clock been wrong. The sweep of what is overdue stands
behind: a step that is early once more is left to it.
"""

from datetime import datetime, timedelta
from typing import TypeVarTuple

from core.context.app import App
from core.database import transaction
from core.queue.jobs import JobKind

Ts = TypeVarTuple("Ts")

TOLERANCE = timedelta(seconds=2)
"""How much before its time a queued step may run: clocks of two machines differ."""


async def put_back(app: App, kind: JobKind[*Ts], due_at: datetime | None, *arguments: *Ts) -> bool:
    """Whether it is too early for a step; its job then waits in the queue until it is due."""
    wait = timedelta(0) if due_at is None else due_at - app.clock.now()
    if wait <= TOLERANCE:
        return False
    key = ":".join([*map(str, arguments), "early"])
    async with transaction() as tx:
        await kind.enqueue(app, tx, *arguments, key=key, after=wait)
    return True
