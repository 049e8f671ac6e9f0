"""Hedged reads: a system that dawdles over a read is asked once more, and the first answer counts.

The second attempt starts when the first has taken longer than nearly all of the latest ones. A
budget bounds the extra load whatever happens: a system that has become slow as a whole must not
be asked twice for everything. Dean and Barroso, "The Tail at Scale" (2013).
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass


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
