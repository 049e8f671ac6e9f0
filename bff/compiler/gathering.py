"""Awaiting several fields at once, turn for turn as graphql-core does, for less of its time."""

from __future__ import annotations

from asyncio import CancelledError, Future, ensure_future, gather, get_running_loop
from collections.abc import Awaitable, Iterable
from types import CoroutineType
from typing import Any


async def gather_fields(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
    """What graphql-core's `gather_with_cancel` does: the first failure cancels the others.

    It takes as many turns of the event loop, too: where several fields fail, the turns decide
    which of them is told of, and both executors must tell the same. `asyncio.gather` alone costs
    as much again as the tasks that it gathers.
    """
    create_task = get_running_loop().create_task
    tasks: list[Future[Any]] = [
        create_task(one) if type(one) is CoroutineType else ensure_future(one)
        for one in awaitables
    ]
    try:
        await _AllDone(tasks)
    except Exception:
        for task in tasks:
            task.cancel()
        await gather(*tasks, return_exceptions=True)
        raise
    return [task.result() for task in tasks]


class _AllDone(Future[None]):
    """Done when all tasks are, or the first of them fails; cancelling it cancels them."""

    def __init__(self, tasks: list[Future[Any]]) -> None:
        super().__init__(loop=get_running_loop())
        self._tasks = tasks
        self._left = len(tasks)
        self._is_cancelled = False
        for task in tasks:
            task.add_done_callback(self._count)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the tasks; whoever waits hears of it when they have ended."""
        if self.done():
            return False
        asked = [task.cancel(msg) for task in self._tasks]
        self._is_cancelled = self._is_cancelled or any(asked)
        return any(asked)

    def _count(self, task: Future[Any]) -> None:
        self._left -= 1
        error = CancelledError() if task.cancelled() else task.exception()
        if self.done():
            return
        if error is None and not self._left and self._is_cancelled:
            error = CancelledError()
        if error is not None:
            self.set_exception(error)
        elif not self._left:
            self.set_result(None)
