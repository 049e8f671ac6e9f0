"""Other ways to find a journey: every trip tried from every stop, and MOTIS's engine (pynigiri)."""

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.standards.gtfs.timetable import Timetable
from modules.mobility.planning.search import Day, Journey, Question, find_journeys
from modules.mobility.planning.walking import Walks
from modules.mobility.timetable.feeds import Feeds

NEVER = 10**9
Times = Sequence[tuple[int, int, int]]
"""Of a trip: stop, arrival and departure in seconds."""


@dataclass(frozen=True)
class Trying:
    """Tries every trip from every stop at which it can be boarded, vehicle after vehicle."""

    trips: Sequence[Times]
    walks: Mapping[tuple[int, int], int]
    change_s: int
    stops: int

    def arrivals(self, origin: int, at_s: int, vehicles: int) -> list[list[int]]:
        """By number of vehicles, at most so many, the earliest arrival at each stop."""
        ready = [NEVER] * self.stops
        ready[origin] = at_s
        rounds = []
        best = [NEVER] * self.stops
        for _ in range(vehicles):
            reached = list(best)
            for trip in self.trips:
                for place, (stop, _, leaves) in enumerate(trip):
                    if ready[stop] <= leaves:
                        for there, arrives, _ in trip[place + 1 :]:
                            reached[there] = min(reached[there], arrives)
            best = reached
            rounds.append(best)
            ready = [one + self.change_s for one in best]
            for (a, b), walk_s in self.walks.items():
                ready[b] = min(ready[b], best[a] + walk_s)
        return rounds


def question(origin: int, destination: int, at_s: int, **changes: Any) -> Question:
    """From stop to stop, with all that is worth it."""

    def here(stop: int) -> tuple[Any, Any]:
        return np.array([stop], np.int32), np.zeros(1, np.int32)

    settings: dict[str, Any] = {"vehicles": 4, "journeys": 60, "slack_s": NEVER // 2}
    settings |= {"egress": here(destination)} | changes
    return Question(here(origin), direct_s=None, at_s=at_s, **settings)


def earliest(journeys: Sequence[Journey], vehicles: int) -> int:
    """The earliest arrival with at most so many vehicles."""
    return min((j.arrives_s for j in journeys if len(j.rides) <= vehicles), default=NEVER)


def walks_of(timetable: Timetable, change_s: int) -> Walks:
    """No walks but those that the feed tells."""
    feeds = Feeds(timetable.zone.key, [], between_stops_m=0, change_s=change_s)
    return Walks(timetable, feeds)


def is_feasible(day: Day, journey: Journey) -> bool:
    """Whether every change of a journey can be made."""
    paths, walks = day.forward, day.walks.forward
    for before, after in zip(journey.rides[:-1], journey.rides[1:], strict=True):
        here, there = int(paths.to_stop[before.last]), int(paths.from_stop[after.first])
        spare = int(paths.departure[after.first] - paths.arrival[before.last])
        span = slice(int(walks.first[here]), int(walks.first[here + 1]))
        walk = dict(zip(walks.to_stop[span].tolist(), walks.seconds[span].tolist(), strict=True))
        if spare < (int(walks.change[here]) if here == there else walk.get(there, NEVER)):
            return False
    return True


class Nigiri:
    """The engine of MOTIS on one feed; it knows whole minutes, and two of them to change."""

    change_s = 120

    def __init__(self, data: bytes, day: date, zone: str) -> None:
        import pynigiri

        self._api = pynigiri
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "feed.zip"
            path.write_bytes(data)
            source = pynigiri.TimetableSource("judge", str(path))
            source.loader_config = pynigiri.LoaderConfig()
            source.loader_config.link_stop_distance = 0
            source.loader_config.default_tz = zone
            options = pynigiri.FinalizeOptions()
            options.adjust_footpaths = False
            first, last = day - timedelta(days=2), day + timedelta(days=3)
            self._timetable = pynigiri.load_timetable([source], str(first), str(last), options)

    def earliest(self, origin: str, destination: str, at: int, changes: int) -> int | None:
        """The earliest arrival, Unix seconds; None where nothing goes."""
        api, query = self._api, self._api.Query()
        query.start = [api.Offset(self._timetable.find_location(origin), 0, 0)]
        query.destination = [api.Offset(self._timetable.find_location(destination), 0, 0)]
        query.start_time = at // 60
        query.max_transfers = changes
        query.start_match_mode = query.dest_match_mode = api.LocationMatchMode.EXACT
        found = api.route(self._timetable, query)
        return min((journey.arrival_time() * 60 for journey in found), default=None)


def _walks_into(day: Day, stop: int) -> tuple[Any, Any]:
    """The stop itself and those from which one walks to it: MOTIS ends a journey so too."""
    paths = day.walks.backward
    span = slice(int(paths.first[stop]), int(paths.first[stop + 1]))
    return np.append(paths.to_stop[span], np.int32(stop)), np.append(
        paths.seconds[span], np.int32(0)
    )


def agrees(
    nigiri: Nigiri, day: Day, draw: random.Random, stops: Sequence[int]
) -> tuple[str, str, int, int | None, int]:
    """One question put to both: origin, destination, moment, their answer and ours (NEVER)."""
    line = day.made.timeline
    origin, destination = draw.sample(stops, 2)
    while origin in _walks_into(day, destination)[0]:  # MOTIS answers no question less than a walk
        origin, destination = draw.sample(stops, 2)
    at_s = draw.randrange(5 * 60, 22 * 60) * 60
    refs = [line.timetable.stops[stop].ref for stop in (origin, destination)]
    theirs = nigiri.earliest(*refs, line.starts_at + at_s, 5)
    asked = question(
        origin, destination, at_s, vehicles=6, journeys=1, search_s=8 * 3600,
        egress=_walks_into(day, destination),
    )  # fmt: skip
    ours = earliest(find_journeys(day, asked), 6)
    return refs[0], refs[1], at_s, None if theirs is None else theirs - line.starts_at, ours
