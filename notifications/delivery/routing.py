"""Which provider of a channel takes the next message: shares that follow what providers do.

A provider that fails or turns slow keeps a trickle of messages, by which its recovery is seen; the
others get the rest at once. What comes back begins small and doubles. Each process learns for
itself, within seconds; GOV.UK Notify moves ten points a minute by a shared table.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from notifications.channels.port import Provider

WINDOW_S = 10.0
BAD_SHARE = 0.3
BAD_MIN = 3
"""So many failures, and such a share of all, in the window: the provider is sick."""
TRICKLE = 0.02
PROBE_EVERY_S = 5.0
"""A sick provider is asked at least so often, if anything is sent at all."""
GOOD_IN_A_ROW = 3
DOUBLES_EVERY_S = 5.0


@dataclass
class Health:
    """What one provider has done lately, and the weight that follows."""

    monotonic: Callable[[], float] = time.monotonic
    _marks: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=1_000))
    is_sick: bool = False
    _good_in_a_row: int = 0
    _well_since_s: float | None = None
    chosen_at_s: float = float("-inf")

    def note(self, *, good: int = 0, bad: int = 0) -> None:
        """So many messages of one handing over went well, and so many badly."""
        now_s = self.monotonic()
        self._marks.extend([(now_s, True)] * good + [(now_s, False)] * bad)
        # nobody knows in which order: some that went well among others are no recovery
        self._good_in_a_row = 0 if bad else self._good_in_a_row + good
        if self.is_sick and self._good_in_a_row >= GOOD_IN_A_ROW:
            self.is_sick, self._well_since_s = False, now_s
            self._marks.clear()
        elif not self.is_sick and bad and self._is_bad(now_s):
            self.is_sick, self._well_since_s = True, None

    def weight(self) -> float:
        """From `TRICKLE`, of a sick one, to 1."""
        if self.is_sick:
            return TRICKLE
        if self._well_since_s is None:
            return 1.0
        doublings = (self.monotonic() - self._well_since_s) // DOUBLES_EVERY_S
        return float(min(1.0, 2 * TRICKLE * 2**doublings))

    @property
    def wants_probe(self) -> bool:
        """Whether a sick provider has not been asked for a while."""
        return self.is_sick and self.monotonic() - self.chosen_at_s >= PROBE_EVERY_S

    def _is_bad(self, now_s: float) -> bool:
        while self._marks and self._marks[0][0] < now_s - WINDOW_S:
            self._marks.popleft()
        bad = sum(not good for _, good in self._marks)
        return bad >= BAD_MIN and bad >= BAD_SHARE * len(self._marks)


class Router:
    """Divides the messages of a channel among its providers by their weights, without chance."""

    def __init__(
        self, providers: Sequence[Provider], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._providers = providers
        self._health = {provider.name: Health(monotonic) for provider in providers}
        self._credit = dict.fromkeys(self._health, 0.0)
        self._monotonic = monotonic

    def health(self, name: str) -> Health:
        """What a provider has done lately."""
        return self._health[name]

    def order(self, providers: Sequence[Provider]) -> list[Provider]:
        """The providers to try with one message: the one whose turn it is, then by weight."""
        if len(providers) < 2:
            return list(providers)
        first = next((p for p in providers if self._health[p.name].wants_probe), None)
        first = first or self._next_turn(self._on_duty(providers))
        self._health[first.name].chosen_at_s = self._monotonic()
        rest = [p for p in providers if p is not first]
        return [first, *sorted(rest, key=lambda p: -self._health[p.name].weight())]

    def _on_duty(self, providers: Sequence[Provider]) -> Sequence[Provider]:
        """Without those that stand by, as long as one of the others is well."""
        regular = [p for p in providers if not p.is_standby]
        well = any(not self._health[p.name].is_sick for p in regular)
        return regular if well else providers

    def _next_turn(self, providers: Sequence[Provider]) -> Provider:
        """Smooth weighted round robin: over any stretch each gets its share."""
        weights = {p.name: self._health[p.name].weight() for p in providers}
        for name, weight in weights.items():
            self._credit[name] += weight
        first = max(providers, key=lambda p: self._credit[p.name])
        self._credit[first.name] -= sum(weights.values())
        return first
