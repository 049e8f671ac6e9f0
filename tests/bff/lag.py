"""Limits on time that a busy machine does not break: how late it runs us is taken off."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_EVERY_S = 0.01


class Lag:
    """How late this machine runs us, so that its other work is not blamed on ours."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self.sum_s = 0.0

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Lag"]:
        """Measure while the block runs."""
        watching = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        while True:
            asked_at = time.monotonic()
            await asyncio.sleep(_EVERY_S)
            late_s = time.monotonic() - asked_at - _EVERY_S
            self.worst_s = max(self.worst_s, late_s)
            self.sum_s += late_s


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """Fail where the block takes longer, the machine's own lateness apart."""
    started_at = time.monotonic()
    async with Lag().watching() as lag:
        yield
        took_s = time.monotonic() - started_at
    assert took_s - lag.sum_s <= limit_s, (took_s, lag.sum_s)
