"""Transit at a city's size: arrivals at a stop, plans from door to door, a realtime refresh.

The city is the sandbox's large one, with 326 lines, 5,200 stops and 3,000 vehicles. The peer of
plans is nigiri, the engine of MOTIS, through `pynigiri`: the same feed, the same doors with the
same walks to the stops, one moment; it knows no realtime here and whole minutes.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from core.processes.memory import settle_memory
from core.standards.coordinates import GeoPoint
from core.standards.gtfs.predictions import Predictions, Reports, predict, predict_slowly
from core.standards.gtfs.realtime import read_message
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import build_timeline
from core.standards.streets.graph import StreetGraph, make_graph
from modules.mobility.arrivals.domain import list_arrivals
from modules.mobility.planning.search import Day, Question, find_journeys
from modules.mobility.planning.walking import Walks
from modules.mobility.timetable.domain import lines_of
from modules.mobility.timetable.feed_state import FeedState
from modules.mobility.timetable.feeds import Feeds
from modules.mobility.timetable.network import in_slices
from sandbox.population.geography import Place
from sandbox.systems.bus_feed.messages import make_message
from sandbox.systems.bus_feed.network import SIZES, make_network
from sandbox.systems.bus_feed.schedule import make_feed

NOW = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
"""Eight in the morning."""
CENTRE, SEED, ZONE = Place(36.67, 117.0), 1, "Asia/Shanghai"
ARRIVALS, PLANS, REFRESHES = 2_000, 400, 5
BLOCKS, BLOCK_M = 300, 100
REACH_M = 6_000
"""So far apart are the doors of a plan, at most."""
Row = dict[str, Any]


class City:
    """The large city in memory, for one run of measurements."""

    def __init__(self) -> None:
        self.network = make_network(SEED, "city", CENTRE)
        self.feed, _ = make_feed(SEED, "city", CENTRE, NOW.date())
        began_s = time.perf_counter()
        self.timetable = read_schedule(self.feed, zone=ZONE)
        self.read_s = time.perf_counter() - began_s
        self.timeline = build_timeline(self.timetable, NOW.date()).warm()
        assert (self.timetable.trip_numbers, self.timetable.stop_numbers) is not None
        self.moment = int(NOW.timestamp())

    def message(self, kind: str, at: datetime = NOW) -> bytes:
        """A realtime message."""
        return make_message(self.network, SEED, kind, at, {})

    @cache  # noqa: B019 - one city for a run
    def predictions(self) -> Predictions:
        """What is predicted now."""
        trips = list(read_message(self.message("trip-updates")).trips.values())
        return predict(self.timeline, [Reports(self.moment, trips)], self.moment)


@cache
def _city() -> City:
    city = City()
    settle_memory()  # as processes do when they have started
    return city


def _times_ms(work: Callable[[Any], object], items: Sequence[Any]) -> list[float]:
    times = []
    for item in items:
        began_s = time.thread_time()
        work(item)
        times.append((time.thread_time() - began_s) * 1000)
    return sorted(times)


def _at(times: Sequence[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))]


def _arrivals() -> Row:
    city, draw = _city(), random.Random(SEED)
    made, lines = city.predictions(), lines_of(city.timetable)
    served = sorted(set(city.timeline.stop.tolist()))
    stops = draw.choices(served, k=ARRIVALS)
    times = _times_ms(lambda stop: list_arrivals(made, [stop], city.moment, 10, lines=lines), stops)
    return {
        "ours": round(_at(times, 0.99), 2), "peer": "none, absolute: at most 2 ms",
        "peer_value": 2.0, "ratio": round(_at(times, 0.99) / 2.0, 2), "unit": "ms of CPU, p99",
        "conditions": f"next ten at a stop of {len(served)}, {ARRIVALS} stops drawn, "
        f"p50 {_at(times, 0.5):.2f} ms",
    }  # fmt: skip


def _doors(city: City, walks: Walks, draw: random.Random) -> tuple[Any, Any, int]:
    """Two doors some kilometres apart, and a moment of the day in seconds."""
    size = SIZES["city"]
    half = size.side * size.spacing_m / 2 - REACH_M
    one = CENTRE.moved(draw.uniform(-half, half), draw.uniform(-half, half))
    other = one.moved(draw.uniform(-REACH_M, REACH_M), draw.uniform(-REACH_M, REACH_M))
    access, egress = (walks.to_stops(GeoPoint(door.lat, door.lon)) for door in (one, other))
    return access, egress, draw.randrange(8 * 60, 20 * 60) * 60


def _blocks() -> StreetGraph:
    """Streets every hundred metres around the centre, in pieces of twenty."""
    half = BLOCKS * BLOCK_M / 2
    along = np.linspace(-half, half, BLOCKS)
    corner = CENTRE.moved(1_000, 1_000)
    north, east = (corner.lat - CENTRE.lat) / 1_000, (corner.lon - CENTRE.lon) / 1_000
    lat = np.repeat(CENTRE.lat + along * north, BLOCKS)
    lon = np.tile(CENTRE.lon + along * east, BLOCKS)
    number = np.arange(BLOCKS**2, dtype=np.int32).reshape(BLOCKS, BLOCKS)
    sides = (number[:, :-1], number[:, 1:]), (number[:-1], number[1:])
    ends = np.concatenate([np.column_stack([a.ravel(), b.ravel()]) for a, b in sides])
    return make_graph(lat, lon, ends, np.zeros(len(ends), np.bool_))


def _walks_ms(city: City, draw: random.Random) -> Sequence[float]:
    """What finding the stops around a door takes, along streets."""
    walks = Walks(city.timetable, Feeds(ZONE, []), _blocks())
    half = SIZES["city"].side * SIZES["city"].spacing_m / 2
    doors = [CENTRE.moved(draw.uniform(-half, half), draw.uniform(-half, half)) for _ in range(100)]
    points = [GeoPoint(door.lat, door.lon) for door in doors]
    walks.to_stops(points[0])  # compiles, or reads what is compiled
    return _times_ms(walks.to_stops, points)


def _plan() -> Row:
    import pynigiri

    city, draw = _city(), random.Random(SEED)
    walks = Walks(city.timetable, Feeds(ZONE, []))
    began_s = time.perf_counter()
    day = Day(city.predictions(), walks, city.moment)
    assert len(day.backward[1]) == len(day.forward.departure)
    laid_out_s = time.perf_counter() - began_s
    doors = [_doors(city, walks, draw) for _ in range(PLANS)]

    def ours(one: Any, journeys: int = 1) -> Any:
        access, egress, at_s = one
        return find_journeys(day, Question(access, egress, None, at_s, journeys=journeys))

    ours(doors[0])  # compiles, or reads what is compiled
    theirs = _nigiri(pynigiri, city, doors)
    single, four = _times_ms(ours, doors), _times_ms(lambda one: ours(one, 4), doors)
    peer = _times_ms(theirs, doors)
    p50, peer_p50 = statistics.median(single), statistics.median(peer)
    found = sum(bool(ours(one)) for one in doors)
    walks_ms = _walks_ms(city, draw)
    return {
        "ours": round(p50, 2), "peer": "pynigiri (nigiri, MOTIS)",
        "peer_value": round(peer_p50, 2), "ratio": round(p50 / peer_p50, 2),
        "unit": "ms of CPU, p50",
        "conditions": f"{PLANS} pairs of doors up to {REACH_M} m apart each way, {found} with a "
        f"plan; all numbers of changes of one moment: p95 {_at(single, 0.95):.1f} ms against "
        f"{_at(peer, 0.95):.1f}; four ways one after another: p50 {_at(four, 0.5):.1f}, p95 "
        f"{_at(four, 0.95):.1f} ms; ours with {len(day.forward.departure):,} connections, "
        f"realtime and seconds; a day is laid out in {laid_out_s:.1f} s; along "
        f"streets with {BLOCKS**2:,} crossings the stops around a door are found in "
        f"p50 {_at(walks_ms, 0.5):.1f}, p95 {_at(walks_ms, 0.95):.1f} ms",
    }  # fmt: skip


def _nigiri(pynigiri: Any, city: City, doors: Sequence[Any]) -> Callable[[Any], Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.zip"
        path.write_bytes(city.feed)
        source = pynigiri.TimetableSource("city", str(path))
        source.loader_config = pynigiri.LoaderConfig()
        source.loader_config.default_tz = ZONE
        first, last = NOW.date() - timedelta(days=1), NOW.date() + timedelta(days=2)
        timetable = pynigiri.load_timetable([source], str(first), str(last))
    numbers = {
        stop: timetable.find_location(ref) for ref, stop in city.timetable.stop_numbers.items()
    }

    def ask(one: Any) -> Any:
        access, egress, at_s = one
        query = pynigiri.Query()
        query.start, query.destination = (
            [
                pynigiri.Offset(numbers[stop], -(-walk_s // 60), 0)
                for stop, walk_s in zip(stops.tolist(), walked.tolist(), strict=True)
            ]
            for stops, walked in (access, egress)
        )
        query.start_time = (city.timeline.starts_at + at_s) // 60
        query.max_transfers = 3
        query.start_match_mode = pynigiri.LocationMatchMode.INTERMODAL
        query.dest_match_mode = pynigiri.LocationMatchMode.INTERMODAL
        return pynigiri.route(timetable, query)

    ask(doors[0])
    return ask


async def _refresh() -> tuple[float, float]:
    """The longest hold of the loop (ms) and the seconds of a refresh, of the worst of several."""
    city = _city()
    state, holds, spent = FeedState(), [0.0], [0.0]

    async def watch() -> None:
        while True:
            began_s = time.thread_time()  # what others do on this machine holds no loop
            await asyncio.sleep(0)
            holds.append((time.thread_time() - began_s) * 1000)

    for number in range(REFRESHES):
        at = NOW + timedelta(seconds=15 * number)
        told = {kind: city.message(kind, at) for kind in ("trip-updates", "vehicle-positions")}
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        began_s, moment = time.perf_counter(), int(at.timestamp())
        for kind, data in told.items():
            await in_slices(state.take(kind, data, moment))
        await in_slices(predict_slowly(city.timeline, [state.reports()], moment))
        spent.append(time.perf_counter() - began_s)
        watching.cancel()
    return max(holds), max(spent)


def _ingest() -> Row:
    city = _city()
    hold_ms, spent_s = asyncio.run(_refresh())
    memory_mb = psutil.Process().memory_info().rss / 1e6
    return {
        "ours": round(hold_ms, 1), "peer": "none, absolute: at most 5 ms", "peer_value": 5.0,
        "ratio": round(hold_ms / 5.0, 2), "unit": "ms of CPU, longest hold of the event loop",
        "conditions": f"{len(city.predictions().reports):,} trip updates and as many positions in "
        f"{spent_s:.1f} s; a timetable of {len(city.timetable.times.stop):,} stop times is read in "
        f"{city.read_s:.1f} s, in a thread; {memory_mb:.0f} MB in all, the feed's maker included",
    }  # fmt: skip


ROWS: dict[str, Callable[[], Row]] = {
    "transit_arrivals": _arrivals,
    "transit_plan": _plan,
    "transit_ingest": _ingest,
}
