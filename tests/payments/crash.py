"""A crash at a chosen point: a coroutine that is cut off at its n-th wait."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any


class Cut:
    """Awaits a coroutine and cuts it at its n-th suspension, as a kill of its process would.

    What was sent is sent, and may or may not have been done; nothing of ours happens after it but
    giving connections back.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], after: int) -> None:
        self._coroutine = coroutine
        self._after = after

    def __await__(self) -> Generator[Any, Any, bool]:
        steps = self._coroutine.__await__()
        waits, was_cut, error = 0, False, None
        while True:
            try:
                waited = steps.throw(error) if error is not None else steps.send(None)
            except StopIteration:
                return was_cut
            except asyncio.CancelledError:
                if was_cut:
                    return True
                raise
            waits, error = waits + 1, None
            if waits > self._after and not was_cut:
                was_cut = True
                if not isinstance(waited, asyncio.Future):
                    error = asyncio.CancelledError()
                    continue
                waited.cancel()
            try:
                yield waited
            except BaseException as raised:
                error = raised


async def cut(coroutine: Coroutine[Any, Any, Any], after: int) -> bool:
    """Run a coroutine in a task; True where it was cut after `after` waits, else False.

    What it had started ends before this returns: two histories of one seed are alike.
    """

    async def run() -> bool:
        return await Cut(coroutine, after)

    before = asyncio.all_tasks()
    was_cut = await asyncio.create_task(run())
    if started := asyncio.all_tasks() - before:
        await asyncio.wait(started, timeout=5)
    return was_cut
