"""Tasks that take their first step at once, as Python 3.12 has them."""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, Task, current_task
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

if sys.version_info >= (3, 12):

    def start(coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> Task[Any]:
        """A task that has run to where it first waits; done, where it waits for nothing."""
        return Task(coroutine, loop=loop, eager_start=True)

else:
    from asyncio import _enter_task, _leave_task

    def start(coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> Task[Any]:
        """A task that has run to where it first waits; done, where it waits for nothing.

        A task asks its loop to call its first step soon. This one is told to call us instead,
        and we step aside as the current task for that long, as task implementations shall.
        """
        current = current_task(loop)
        assert current is not None
        steps: list[tuple[Context, Callable[[], object]]] = []
        loop.call_soon = lambda step, context: steps.append((context, step))  # type: ignore
        try:
            task = Task(coroutine, loop=loop)
        finally:
            del loop.call_soon
        ((context, step),) = steps
        _leave_task(loop, current)
        try:
            context.run(step)
        finally:
            _enter_task(loop, current)
        return task
