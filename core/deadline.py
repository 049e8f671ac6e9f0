"""The moment by which an answer is worth having, handed down from a request to its calls.

A deadline is a point on the monotonic clock, not a duration: time spent waiting anywhere on the
way is time gone for everyone below.
"""

import asyncio
import time
from asyncio import CancelledError, TimerHandle, current_task, get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from functools import partial
from types import coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")
Waiting = Generator[Any, Any, T]

_SECOND_LOOK_S = 0.02

Monotonic = Callable[[], float]
"""A source of monotonic seconds, `time.monotonic` outside tests."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in monotonic time."""

    at_monotonic: float
    monotonic: Monotonic = field(default=time.monotonic, repr=False, compare=False)

    @classmethod
    def after(cls, seconds: float, *, monotonic: Monotonic = time.monotonic) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(monotonic() + seconds, monotonic)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at_monotonic - self.monotonic())

    @property
    def expired(self) -> bool:
        """True when no time is left."""
        return self.remaining() == 0.0

    def share(self, *, fraction: float = 1.0, cap_s: float | None = None) -> "Deadline":
        """A child deadline: that fraction of what is left, at most `cap_s`, never later than this.

        Raises ValueError for a fraction outside 0..1 or a negative cap.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError("a share lies between 0 and 1")
        if cap_s is not None and cap_s < 0:
            raise ValueError("a cap is not negative")
        left_s = self.remaining() * fraction
        child_s = left_s if cap_s is None else min(left_s, cap_s)
        at_monotonic = min(self.at_monotonic, self.monotonic() + child_s)
        return Deadline(at_monotonic, self.monotonic)


class TimeLimit:
    """`asyncio.timeout` as a plain `with`, for what runs with every request: a third of its cost.

    Leaving it raises TimeoutError where the time was over before the end. Inside a task only.
    """

    __slots__ = ("_cancelling", "_is_over", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        loop = get_running_loop()
        task = current_task(loop)
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._is_over = False
        self._timer: TimerHandle = loop.call_later(self._seconds, self._end)

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> None:
        self._timer.cancel()
        # somebody else's cancellation is not ours to swallow
        if self._is_over and self._task.uncancel() <= self._cancelling and kind is CancelledError:
            raise TimeoutError


@coroutine
def within(deadline: Deadline, grace_s: float, work: Coroutine[Any, Any, T]) -> Waiting[T]:
    """What a coroutine returns. Raises TimeoutError where it waits beyond the deadline and grace.

    What waits for nothing costs no timer: most answers from memory do not.
    """
    try:
        wanted = work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    with TimeLimit(deadline.remaining() + grace_s):
        return (yield from _go_on(work, wanted))


@coroutine
def _go_on(work: Coroutine[Any, Any, T], wanted: Any) -> Waiting[T]:
    """The rest of a coroutine that waits for `wanted`: what `await` does, from there on."""
    while True:
        try:
            given = yield wanted
        except BaseException as error:
            go_on = partial(work.throw, error)
        else:
            go_on = partial(work.send, given)
        try:
            wanted = go_on()
        except StopIteration as done:
            return cast(T, done.value)


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; once begun it ends, though whoever waits for it gives up.

    As `asyncio.shield`, but what waits for nothing costs no task and no turn of the loop.
    """
    try:
        wanted = work.send(None)
    except StopIteration as done:
        return cast(T, done.value)

    async def rest() -> T:
        return await _go_on(work, wanted)

    return await asyncio.shield(rest())


async def in_time(awaitable: Awaitable[T], within_s: float) -> T:
    """The result, if it comes in time; raises TimeoutError as soon as it does not.

    Unlike `asyncio.timeout` it does not wait for what it gives up: ending a database query can take
    as long as the query.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        done, _ = await asyncio.wait({task}, timeout=within_s)
        if not done:  # the loop itself may have been held: what arrived meanwhile is read first
            done, _ = await asyncio.wait({task}, timeout=_SECOND_LOOK_S)
    except BaseException:
        task.cancel()
        raise
    if not done:
        task.cancel()
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise TimeoutError
    return task.result()
