"""The circuit breaker: stops asking an upstream that does not answer, and probes when to ask again.

closed → open after a run of failures, or a high share of failures among the latest calls;
open → half-open when the pause is over: one probe goes through (or as many as the policy says),
everyone else is refused; half-open → closed if a probe succeeds, → open again if one fails.

Not thread-safe: a breaker belongs to one event loop.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from core.deadline import Monotonic


class BreakerState(IntEnum):
    """The value is what the metric shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and for how long."""

    consecutive_failures: int = 5
    failure_ratio: float = 0.5
    """Share of failures among the calls in the window that opens the breaker."""
    window_s: float = 30.0
    window_calls: int = 100
    """The window holds at most this many of the latest calls."""
    window_calls_min: int = 20
    """The share says nothing below this many calls."""
    open_s: float = 5.0
    probes_max: int = 1
    """Calls that may probe at once when the pause is over; the first that succeeds closes it."""


class Permit:
    """Leave to make one call. Settle it once; later settlements change nothing."""

    __slots__ = ("_breaker", "_epoch", "_settled")

    def __init__(self, breaker: "Breaker", epoch: int) -> None:
        self._breaker = breaker
        self._epoch = epoch
        self._settled = False

    def succeed(self) -> None:
        """The upstream answered."""
        self._settle(False)

    def fail(self) -> None:
        """The upstream failed: it timed out, broke the connection or answered with a 5xx."""
        self._settle(True)

    def abandon(self) -> None:
        """The call ended and says nothing about the upstream, for example because of a cancel."""
        self._settle(None)

    def _settle(self, failed: bool | None) -> None:
        if not self._settled:
            self._settled = True
            self._breaker._settle(self._epoch, failed)


class Breaker:
    """The breaker of one operation of one upstream."""

    def __init__(
        self,
        policy: BreakerPolicy | None = None,
        *,
        monotonic: Monotonic = time.monotonic,
        on_change: Callable[[BreakerState], None] | None = None,
    ) -> None:
        self._policy = policy or BreakerPolicy()
        self._monotonic = monotonic
        self._on_change = on_change
        self._state = BreakerState.CLOSED
        self._epoch = 0  # one per state: a late result of an earlier state is not evidence
        self._probes = 0
        self._opened_at = 0.0
        self._run = 0
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed_calls = 0

    @property
    def state(self) -> BreakerState:
        """The present state. An open breaker turns half-open only when somebody asks to call."""
        return self._state

    @property
    def ready(self) -> bool:
        """Whether `admit` would give a permit now. Asking changes nothing."""
        if self._state is BreakerState.OPEN:
            return self._monotonic() - self._opened_at >= self._policy.open_s
        return self._probes < self._policy.probes_max

    def admit(self) -> Permit | None:
        """A permit for one call, which the caller must settle; None when it must not be made."""
        if self._state is BreakerState.CLOSED:
            return Permit(self, self._epoch)
        if self._state is BreakerState.OPEN:
            if self._monotonic() - self._opened_at < self._policy.open_s:
                return None
            self._enter(BreakerState.HALF_OPEN)
        if self._probes >= self._policy.probes_max:
            return None
        self._probes += 1
        return Permit(self, self._epoch)

    def trip(self) -> None:
        """Open now: one failure was proof enough. A probe under way counts no more."""
        if self._state is not BreakerState.OPEN:
            self._enter(BreakerState.OPEN)

    def _settle(self, epoch: int, failed: bool | None) -> None:
        if epoch != self._epoch:
            return
        if self._state is BreakerState.CLOSED:
            if failed is not None:
                self._record(failed)
        elif failed is None:
            self._probes -= 1
        else:
            self._enter(BreakerState.OPEN if failed else BreakerState.CLOSED)

    def _record(self, failed: bool) -> None:
        now = self._monotonic()
        self._calls.append((now, failed))
        self._failed_calls += failed
        self._run = self._run + 1 if failed else 0
        oldest = now - self._policy.window_s
        while len(self._calls) > self._policy.window_calls or self._calls[0][0] < oldest:
            self._failed_calls -= self._calls.popleft()[1]
        if failed and self._must_open():
            self._enter(BreakerState.OPEN)

    def _must_open(self) -> bool:
        if self._run >= self._policy.consecutive_failures:
            return True
        calls = len(self._calls)
        return (
            calls >= self._policy.window_calls_min
            and self._failed_calls >= self._policy.failure_ratio * calls
        )

    def _enter(self, state: BreakerState) -> None:
        self._state = state
        self._epoch += 1
        self._probes = 0
        self._run = 0
        self._calls.clear()
        self._failed_calls = 0
        if state is BreakerState.OPEN:
            self._opened_at = self._monotonic()
        if self._on_change is not None:
            self._on_change(state)
