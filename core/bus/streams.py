"""Streams that end when the ground they stand on is taken away."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from core.bus.bus import Bus

T = TypeVar("T")


async def ended_by(
    bus: Bus,
    items: AsyncGenerator[T],
    topics: Sequence[tuple[str, Any]],
    verify: Callable[[], Awaitable[None]],
) -> AsyncGenerator[T]:
    """The items as long as `verify` does not raise; its error is the stream's end.

    It is asked at the beginning, before each item, and at once when one of the bus messages
    (topic, message) arrives or may have been missed.
    """
    news = asyncio.Event()

    def hear(expected: Any) -> Callable[[Any], None]:
        return lambda message: news.set() if message == expected else None

    stops = [bus.listen(topic, hear(message)) for topic, message in topics]
    forget_gap = bus.on_gap(news.set)
    waiting: asyncio.Task[T] | None = None
    notified: asyncio.Task[bool] | None = None
    try:
        await verify()
        while True:
            waiting = waiting or asyncio.ensure_future(_next(items))
            notified = notified or asyncio.ensure_future(news.wait())
            await asyncio.wait({waiting, notified}, return_when=asyncio.FIRST_COMPLETED)
            if notified.done():
                news.clear()
                notified = None
            await verify()
            if waiting.done():
                try:
                    item = waiting.result()
                except _Ended:
                    return
                waiting = None
                yield item
    finally:
        for stop in [*stops, forget_gap]:
            stop()
        left = {task for task in (waiting, notified) if task is not None}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        await items.aclose()


async def _next(items: AsyncGenerator[T]) -> T:
    try:
        return await anext(items)
    except StopAsyncIteration:
        raise _Ended from None


class _Ended(Exception):
    """StopAsyncIteration cannot leave a task."""
