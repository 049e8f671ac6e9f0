"""The lines of the sandbox's buses and metro: stops on a grid, trips by the clock, all drawn."""

import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from sandbox.population.geography import Place

BUS_MS, METRO_MS = 6.5, 14.0
"""Metres a second between stops."""
DWELL_S = {3: 20, 1: 30}
BUS, METRO = 3, 1
_LAYOVER_S, _NIGHT_S = 240, 1800
WEEKDAY, WEEKEND = "weekday", "weekend"


@dataclass(frozen=True)
class Size:
    """How large a city is."""

    side: int
    """Stops along each edge of its grid."""
    spacing_m: int
    bus_lines: int
    metro_lines: int
    line_stops: int
    peak_s: int
    """Between two buses of a line in the rush hours; twice as much at other times."""


SIZES = {
    "small": Size(9, 550, 10, 1, 8, 400),
    "city": Size(70, 420, 320, 6, 20, 400),
}


@dataclass(frozen=True)
class Stop:
    """A stop, or a metro station with a platform for each direction."""

    ref: str
    name_zh: str
    at: Place
    parent: str = ""
    is_station: bool = False
    platform: str = ""


@dataclass(frozen=True)
class Line:
    """A line: its stops one way, and its times there."""

    ref: str
    name: str
    kind: int
    ways: tuple[tuple[Stop, ...], tuple[Stop, ...]]
    arrivals: tuple[tuple[int, ...], tuple[int, ...]]
    """Seconds after the start, by direction; it leaves each stop a while later."""

    @property
    def dwell_s(self) -> int:
        """How long it stops."""
        return DWELL_S[self.kind]


class Trip(NamedTuple):
    """A run of a line."""

    ref: str
    line: Line
    direction: int
    service: str
    starts_s: int
    block: str

    def times(self) -> Iterator[tuple[Stop, int, int]]:
        """Each stop with arrival and departure, seconds of the day."""
        arrivals, dwell = self.line.arrivals[self.direction], self.line.dwell_s
        last = len(arrivals) - 1
        for place, stop in enumerate(self.line.ways[self.direction]):
            arrival = self.starts_s + arrivals[place]
            yield stop, arrival, arrival + (dwell if 0 < place < last else 0)

    @property
    def ends_s(self) -> int:
        """When it is at its last stop."""
        return self.starts_s + self.line.arrivals[self.direction][-1]


@dataclass(frozen=True)
class Network:
    """Everything that runs."""

    stops: Sequence[Stop]
    lines: Sequence[Line]
    trips: Sequence[Trip]


@lru_cache(maxsize=2)
def make_network(seed: int, size_name: str, centre: Place) -> Network:
    """The network of a seed and a size, around a place."""
    size, draw = SIZES[size_name], random.Random(f"{seed}:bus-network:{size_name}")
    grid = _grid(size, centre, draw)
    lines = [_line(size, grid, draw, number) for number in range(1, size.bus_lines + 1)]
    platforms: list[Stop] = []
    for number in range(1, size.metro_lines + 1):
        line, made = _metro(size, grid, draw, number)
        lines.append(line)
        platforms += made
    trips = [trip for line in lines for trip in _trips(line, size)]
    stops = [*grid.values(), *platforms]
    return Network(stops, lines, trips)


def _grid(size: Size, centre: Place, draw: random.Random) -> dict[tuple[int, int], Stop]:
    half = (size.side - 1) / 2
    grid = {}
    for row in range(size.side):
        for column in range(size.side):
            number = row * size.side + column + 1
            at = centre.moved(
                (column - half) * size.spacing_m + draw.uniform(-90, 90),
                (row - half) * size.spacing_m + draw.uniform(-90, 90),
            )
            grid[row, column] = Stop(f"S{number:04d}", f"示范{number}站", at)
    return grid


def _path(size: Size, draw: random.Random, steps: int, stride: int) -> list[tuple[int, int]]:
    """A walk over the grid that never turns back and stands on no stop twice."""
    while True:
        cell = draw.randrange(size.side), draw.randrange(size.side)
        heading = draw.randrange(4)
        path: list[tuple[int, int]] = []
        while 0 <= cell[0] < size.side and 0 <= cell[1] < size.side and len(path) < steps:
            if cell in path:
                break
            path.append(cell)
            if draw.random() < 0.25:
                heading = (heading + draw.choice((-1, 1))) % 4
            step = ((0, 1), (1, 0), (0, -1), (-1, 0))[heading]
            cell = cell[0] + step[0] * stride, cell[1] + step[1] * stride
        if len(path) >= max(4, steps // 2):
            return path


def _line(size: Size, grid: dict[tuple[int, int], Stop], draw: random.Random, number: int) -> Line:
    stops = tuple(grid[cell] for cell in _path(size, draw, size.line_stops, 1))
    return _with_times(f"B{number}", f"示范{number}路", BUS, stops, tuple(reversed(stops)))


def _metro(
    size: Size, grid: dict[tuple[int, int], Stop], draw: random.Random, number: int
) -> tuple[Line, list[Stop]]:
    cells = _path(size, draw, size.line_stops, 2)
    made: list[Stop] = []
    ways: tuple[list[Stop], list[Stop]] = [], []
    for place, cell in enumerate(cells, 1):
        at, ref = grid[cell].at.moved(60, 60), f"M{number}-{place:02d}"
        station = Stop(ref, f"地铁{number}号线{place}站", at, is_station=True)
        made.append(station)
        for direction, side in enumerate(("A", "B")):
            platform = Stop(f"{ref}{side}", station.name_zh, at.moved(8, 0), ref, platform=side)
            made.append(platform)
            ways[direction].append(platform)
    line = _with_times(
        f"M{number}", f"地铁{number}号线", METRO, tuple(ways[0]), tuple(reversed(ways[1]))
    )
    return line, made


def _with_times(
    ref: str, name: str, kind: int, there: tuple[Stop, ...], back: tuple[Stop, ...]
) -> Line:
    speed = METRO_MS if kind == METRO else BUS_MS
    arrivals = []
    for way in (there, back):
        at_s, times = 0, [0]
        for one, other in pairwise(way):
            dwell = DWELL_S[kind] if len(times) > 1 else 0
            at_s += dwell + max(30, math.ceil(one.at.distance_m(other.at) / speed))
            times.append(at_s)
        arrivals.append(tuple(times))
    return Line(ref, name, kind, (there, back), (arrivals[0], arrivals[1]))


def _trips(line: Line, size: Size) -> Iterator[Trip]:
    """From half past five until late, and every half hour through the night; on weekends half."""
    for service, factor in ((WEEKDAY, 1), (WEEKEND, 2)):
        starts: list[tuple[int, int]] = []
        at_s = 5 * 3600 + 1800
        while at_s < 23 * 3600 + 1800:
            hour = at_s // 3600
            starts += [(at_s, 0), (at_s + 120, 1)]
            at_s += size.peak_s * factor * (1 if hour in (7, 8, 17, 18) else 3)
        for night_s in range(at_s, 29 * 3600 + 1800, _NIGHT_S):
            starts += [(night_s, 0), (night_s + 120, 1)]
        yield from _with_blocks(line, service, starts)


def _with_blocks(line: Line, service: str, starts: Sequence[tuple[int, int]]) -> Iterator[Trip]:
    """Give each trip the vehicle that has come to its first stop longest ago."""
    waiting: tuple[deque[tuple[int, str]], deque[tuple[int, str]]] = deque(), deque()
    vehicles = 0
    for number, (starts_s, direction) in enumerate(starts):
        ready = waiting[direction]
        if ready and ready[0][0] <= starts_s:
            block = ready.popleft()[1]
        else:
            vehicles += 1
            block = f"{line.ref}-{service}-{vehicles:02d}"
        trip = Trip(f"{line.ref}-{service}-{number:03d}", line, direction, service, starts_s, block)
        waiting[1 - direction].append((trip.ends_s + _LAYOVER_S, block))
        yield trip
