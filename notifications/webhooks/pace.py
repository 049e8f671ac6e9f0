"""How fast receivers answer this process: a slow one holds few of the slots that all share."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.queue.jobs import Early

SLOW_S = 3.0
"""An answer that takes longer is slow."""
AT_ONCE = 2
"""Requests of this process to a receiver whose last answer was slow."""
WAIT = timedelta(seconds=30)
"""How long its other events wait then: this was no attempt."""


@dataclass
class _Pace:
    in_hand: int = 0
    is_slow: bool = False


@asynccontextmanager
async def turn(app: App, endpoint_id: UUID) -> AsyncIterator[None]:
    """One request to an endpoint. Raises Early where it is slow and has enough in hand."""
    paces = app.once(_Pace, dict[UUID, _Pace])
    pace = paces.setdefault(endpoint_id, _Pace())
    if pace.is_slow and pace.in_hand >= AT_ONCE:
        raise Early(WAIT)
    started_s = time.monotonic()
    pace.in_hand += 1
    try:
        yield
    finally:
        pace.in_hand -= 1
        pace.is_slow = time.monotonic() - started_s > SLOW_S
