"""Hedged reads: a system that dawdles over a read is asked once more, and the first answer counts.

The second attempt starts when the first has taken longer than nearly all of the latest ones. A
budget bounds the extra load whatever happens: a system that has become slow as a whole must not
be asked twice for everything. Dean and Barroso, "The Tail at Scale" (2013).
"""

import asyncio
from asyncio import CancelledError
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HedgePolicy:
    """When a call is sent a second time, and how often at most."""

    quantile: float = 0.95
    """The share of calls that are answered before a second attempt would start."""
    calls_per_hedge: int = 20
    """So many calls earn one second attempt: 5 % more load at most."""
    saved_max: int = 5
    """Second attempts that may be saved up for a bad moment."""
    calls_min: int = 20
    """Nothing is sent twice before so many durations are known."""
    window_calls: int = 200
    """The latest durations that count."""


class Hedging:
    """The second attempts of one operation of one upstream."""

    def __init__(self, policy: HedgePolicy | None = None) -> None:
        self._policy = policy or HedgePolicy()
        self._latest_s: deque[float] = deque()
        self._sorted_s: list[float] = []
        self._earned = 0

    def begin(self) -> float | None:
        """A call begins. Returns after how many seconds to send it again, None while unknown."""
        policy = self._policy
        self._earned = min(self._earned + 1, policy.saved_max * policy.calls_per_hedge)
        return self._quantile_s()

    def spend(self) -> bool:
        """Take one second attempt from the budget; False where none is left."""
        if self._earned < self._policy.calls_per_hedge:
            return False
        self._earned -= self._policy.calls_per_hedge
        return True

    def learn(self, duration_s: float, *, answered: bool) -> None:
        """An attempt ended. One that was given up took at least this long: a short one tells
        nothing, a long one that the operation is slow."""
        if not answered:
            slow_s = self._quantile_s()
            if slow_s is None or duration_s < slow_s:
                return
        self._latest_s.append(duration_s)
        insort(self._sorted_s, duration_s)
        if len(self._latest_s) > self._policy.window_calls:
            del self._sorted_s[bisect_left(self._sorted_s, self._latest_s.popleft())]

    def _quantile_s(self) -> float | None:
        known = len(self._sorted_s)
        if known < self._policy.calls_min:
            return None
        return self._sorted_s[min(int(known * self._policy.quantile), known - 1)]


class SecondAttempt(Generic[T]):
    """A second attempt beside the first, as a plain `with` around that, in the first one's task.

    It begins `after_s` later where `may_begin` then says so. Its answer ends the first attempt, and
    the `with` is left in silence; what `is_answer` says of a task tells answers from failures. Most
    calls are answered before it begins: a task of their own for each first attempt, and the waiting
    for it, cost as much as all else that the client does for a call. Inside a task only; `end` it.
    """

    __slots__ = (
        "_after_s",
        "_attempt",
        "_cancelling",
        "_first",
        "_has_won",
        "_is_answer",
        "_is_over",
        "_may_begin",
        "_task",
        "_timer",
    )

    def __init__(
        self,
        attempt: Callable[[], Coroutine[Any, Any, T]],
        after_s: float,
        *,
        may_begin: Callable[[], bool],
        is_answer: Callable[[asyncio.Task[T]], bool],
    ) -> None:
        self._attempt = attempt
        self._after_s = after_s
        self._may_begin = may_begin
        self._is_answer = is_answer
        self._has_won = self._is_over = False
        self._task: asyncio.Task[T] | None = None

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        first = asyncio.current_task(loop)
        assert first is not None
        self._first = first
        self._cancelling = first.cancelling()
        self._timer = loop.call_later(self._after_s, self._begin)

    def _begin(self) -> None:
        if self._may_begin():
            self._task = asyncio.create_task(self._attempt())
            self._task.add_done_callback(self._overtake)

    def _overtake(self, task: asyncio.Task[T]) -> None:
        if not self._is_over and not task.cancelled() and self._is_answer(task):
            self._has_won = True
            self._first.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> bool:
        self._is_over = True
        self._timer.cancel()
        if not self._has_won:
            return False
        # somebody else's cancellation is not ours to swallow
        return self._first.uncancel() <= self._cancelling and kind is CancelledError

    @property
    def may_answer(self) -> bool:
        """Whether it has begun and has not failed."""
        return self._task is not None and (not self._task.done() or self._is_answer(self._task))

    async def result(self) -> T:
        """What it brings. Raises what it raised."""
        assert self._task is not None
        return await self._task

    async def end(self) -> None:
        """Give it up, unless it has ended. Repeat-safe."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
