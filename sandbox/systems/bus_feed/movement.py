"""Where the vehicles of the sandbox are at a moment, and how late: it follows from the seed."""

import bisect
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from sandbox.population.geography import Place
from sandbox.server.system import SHANGHAI
from sandbox.systems.bus_feed.network import METRO, WEEKDAY, WEEKEND, Network, Trip

BEFORE_S = 600
"""So long before it leaves a vehicle waits at its first stop."""
LATE_MAX_S = 240


@dataclass(frozen=True)
class Run:
    """A trip on a day, with its true times in Unix seconds."""

    trip: Trip
    day: date
    starts_at: int
    """When its service day starts."""
    delays: Sequence[int]

    @property
    def vehicle(self) -> str:
        """The vehicle's id."""
        return f"V-{self.trip.block}"

    @property
    def times(self) -> list[tuple[int, int]]:
        """True arrival and departure at each stop."""
        return [
            (self.starts_at + arrival + delay, self.starts_at + departure + delay)
            for (_, arrival, departure), delay in zip(self.trip.times(), self.delays, strict=True)
        ]

    def place(self, now: int) -> tuple[int, Place, bool]:
        """The stop it is at or goes to (from 0), where it is, and whether it stands there."""
        times, stops = self.times, self.trip.line.ways[self.trip.direction]
        index = bisect.bisect_left([departure for _, departure in times], now)
        index = min(index, len(times) - 1)
        arrival, _ = times[index]
        if now >= arrival or index == 0:
            return index, stops[index].at, True
        left = times[index - 1][1]
        part = (now - left) / max(1, arrival - left)
        one, other = stops[index - 1].at, stops[index].at
        lat, lon = one.lat + part * (other.lat - one.lat), one.lon + part * (other.lon - one.lon)
        return index, Place(lat, lon), False


def runs_at(network: Network, seed: int, now: datetime) -> Iterator[Run]:
    """The runs under way, or about to begin, one for each vehicle."""
    local = now.astimezone(SHANGHAI)
    moment = int(now.timestamp())
    seen: set[str] = set()
    for day in (local.date() - timedelta(days=1), local.date()):
        starts_at = int(datetime.combine(day, time(), SHANGHAI).timestamp())
        service = WEEKDAY if day.isoweekday() <= 5 else WEEKEND
        for trip in _near(network, service, moment - starts_at):
            run = Run(trip, day, starts_at, _delays(seed, trip, day))
            if run.times[-1][0] >= moment and run.vehicle not in seen:
                seen.add(run.vehicle)
                yield run


def _near(network: Network, service: str, second: int) -> Iterator[Trip]:
    for trip in network.trips:
        if (
            trip.service == service
            and trip.line.kind != METRO
            and trip.starts_s - BEFORE_S <= second <= trip.ends_s + LATE_MAX_S
        ):
            yield trip


@lru_cache(maxsize=8_192)
def _delays(seed: int, trip: Trip, day: date) -> tuple[int, ...]:
    """How late it is at each stop: it leaves on time and falls behind, or keeps up."""
    draw = random.Random(f"{seed}:late:{trip.ref}:{day}")
    count = len(trip.line.arrivals[trip.direction])
    worst = max(0, draw.randint(-120, LATE_MAX_S))
    return tuple(worst * place // max(1, count - 1) for place in range(count))
