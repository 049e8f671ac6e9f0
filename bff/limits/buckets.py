"""Token buckets: how many requests somebody may send, kept in this process.

With several API processes each keeps its own count, so a limit is held per process: whoever is
spread over n of them may send n times as much. It protects the process; what must hold across
processes (codes sent, attempts at a password) is counted in the database by its own command.
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from core.deadline import Monotonic

_KEYS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Quota:
    """So many requests a window; all of them may come at once. None at all where it is 0."""

    name: str
    requests: int
    window_s: float = 60.0

    @property
    def policy(self) -> str:
        """As the RateLimit-Policy header has it."""
        return f'"{self.name}";q={self.requests};w={self.window_s:.0f}'


class Taken(NamedTuple):
    """What became of one request at one bucket."""

    quota: Quota
    remaining: int
    retry_after_s: int
    """0 where the request may go on."""


class Buckets:
    """The buckets of one quota by key; those used longest ago are forgotten first.

    A bucket that nobody has used for a window is full, as one is that does not exist: it goes.
    """

    def __init__(self, quota: Quota, monotonic: Monotonic) -> None:
        self.quota = quota
        self._monotonic = monotonic
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: str) -> Taken:
        """One request more for this key."""
        quota = self.quota
        rate = quota.requests / quota.window_s
        now_s = self._monotonic()
        level, filled_at_s = self._levels.pop(key, (float(quota.requests), now_s))
        level = min(quota.requests, level + (now_s - filled_at_s) * rate)
        if level < 1:
            self._levels[key] = (level, now_s)
            return Taken(quota, 0, max(1, ceil((1 - level) / rate)))
        self._levels[key] = (level - 1, now_s)
        self._forget(now_s - quota.window_s)
        return Taken(quota, int(level - 1), 0)

    def _forget(self, full_since_s: float) -> None:
        """Drop what is full again: two at most, so that each request costs the same."""
        for _ in range(2):
            oldest = next(iter(self._levels))
            if len(self._levels) > _KEYS_MAX or self._levels[oldest][1] <= full_since_s:
                del self._levels[oldest]
