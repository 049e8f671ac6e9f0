"""Work that the sandbox does beside its answers: turn after turn, whatever becomes of one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from sandbox.server.wire import Refusal

_log = structlog.get_logger(__name__)
Turn = Callable[[], Awaitable[None]]


@asynccontextmanager
async def repeated(*turns: Turn, every_s: float, again_after_s: float = 1.0) -> AsyncIterator[None]:
    """Take each of the turns again and again for as long as the block lasts.

    A turn that failed for want of keys or of room on the disk is taken again like any other.
    """
    tasks = [asyncio.create_task(_repeat(turn, every_s, again_after_s)) for turn in turns]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(turn: Turn, every_s: float, again_after_s: float) -> None:
    while True:
        try:
            await turn()
        except (Refusal, sqlite3.OperationalError) as error:
            _log.warning("work beside the answers failed, again later", error=str(error))
            await asyncio.sleep(again_after_s)
        await asyncio.sleep(every_s)
