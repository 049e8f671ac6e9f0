"""From door to door: the best journeys by time, vehicles and walking, forwards and backwards.

A journey is found by a scan from its beginning and then pressed together by one from its end, so
that nobody leaves earlier than they must. Seen backwards a day is a day with times below zero:
arriving by a moment is the same search from the other side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from core.standards.gtfs.predictions import Predictions
from core.standards.gtfs.scan_arrays import NEVER, Connections, Footpaths, Labels
from core.standards.gtfs.tables import Ints
from modules.mobility.planning.connections import connections_of, mirrored
from modules.mobility.planning.walking import Walks

SEARCH_S = 8 * 3600
"""No journey is looked for that begins or ends further from the moment that is asked about."""
SLACK_S = 3600
"""Journeys with fewer vehicles are looked for that arrive so much later."""
_STEP_S = 60


@dataclass(frozen=True)
class Day:
    """A day's connections, both ways."""

    made: Predictions
    walks: Walks
    now: int
    wheelchair: bool = False

    @cached_property
    def forward(self) -> Connections:
        """By departure."""
        return connections_of(self.made, self.now, wheelchair=self.wheelchair)

    @cached_property
    def backward(self) -> tuple[Connections, np.ndarray]:
        """By arrival, and which of the forward ones each is."""
        return mirrored(self.forward)


@dataclass(frozen=True, slots=True)
class Ride:
    """From the connection `first` to the connection `last` without leaving one's seat."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Journey:
    """From door to door; times are seconds after the timeline's start."""

    departs_s: int
    arrives_s: int
    access_s: int
    """The walk to the first stop; the whole way where there are no rides."""
    egress_s: int
    rides: tuple[Ride, ...]

    @property
    def walk_s(self) -> int:
        """What one walks at both ends."""
        return self.access_s + self.egress_s


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a day; `at_s` is seconds after the timeline's start."""

    access: tuple[Ints, Ints]
    """The stops around the origin and the walks to them, seconds."""
    egress: tuple[Ints, Ints]
    direct_s: int | None
    """The whole way on foot; None where that is too far."""
    at_s: int
    arrive_by: bool = False
    vehicles: int = 4
    journeys: int = 4
    search_s: int = SEARCH_S
    slack_s: int = SLACK_S


@dataclass(frozen=True)
class _Side:
    """One direction of the search."""

    connections: Connections
    footpaths: Footpaths
    access: tuple[Ints, Ints]
    egress: tuple[Ints, Ints]

    def scan_from(self, at_s: int, vehicles: int, until: int, slack: int) -> Labels:
        from core.standards.gtfs.scan import scan  # not before somebody plans: it compiles

        stops = len(self.footpaths.change)
        access, egress = (np.full(stops, NEVER, np.int32) for _ in range(2))
        access[self.access[0]] = at_s + self.access[1]
        egress[self.egress[0]] = self.egress[1]
        return scan(self.connections, self.footpaths, access, egress, vehicles, until, slack)

    def best(self, labels: Labels, vehicles: int) -> tuple[int, int]:
        """The earliest end with so many vehicles, and the stop before it."""
        stops, walks = self.egress
        ends = labels.reach[stops, vehicles].astype(np.int64) + walks
        place = int(np.argmin(ends))
        return int(ends[place]), int(stops[place])

    def rides(self, labels: Labels, vehicles: int, stop: int) -> list[Ride]:
        """How one gets to a stop with so many vehicles."""
        rides: list[Ride] = []
        for count in range(vehicles, 0, -1):
            ride = Ride(int(labels.boarded[stop, count]), int(labels.alighted[stop, count]))
            rides.append(ride)
            stop = int(self.connections.from_stop[ride.first])
            if count > 1:
                stop = int(labels.walked_from[stop, count - 1])
        return rides[::-1]


def find_journeys(day: Day, question: Question) -> list[Journey]:
    """The best journeys: none is beaten in departure, arrival, vehicles and walking at once."""
    found: list[Journey] = []
    if len(question.access[0]) and len(question.egress[0]):
        at_s, sign = question.at_s, -1 if question.arrive_by else 1
        until = sign * at_s + question.search_s
        moment = sign * at_s
        while len(found) < question.journeys:
            fresh = _round(day, question, moment, until)
            if not fresh:
                break
            found += [one for one in fresh if one not in found]
            starts = [-one.arrives_s if question.arrive_by else one.departs_s for one in fresh]
            moment = min(starts) + _STEP_S
    if question.direct_s is not None:
        begins = question.at_s - (question.direct_s if question.arrive_by else 0)
        found.append(Journey(begins, begins + question.direct_s, question.direct_s, 0, ()))
    best = [one for one in found if not any(_beats(other, one) for other in found)]
    if question.arrive_by:
        best.sort(key=lambda one: (-one.departs_s, len(one.rides)))
    else:
        best.sort(key=lambda one: (one.arrives_s, len(one.rides)))
    return best[: question.journeys]


def _beats(one: Journey, other: Journey) -> bool:
    mine = (-one.departs_s, one.arrives_s, len(one.rides), one.walk_s)
    theirs = (-other.departs_s, other.arrives_s, len(other.rides), other.walk_s)
    return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))


def _round(day: Day, question: Question, moment: int, until: int) -> list[Journey]:
    """The journeys from one moment on, one for each number of vehicles that is worth it."""
    forward = _Side(day.forward, day.walks.forward, question.access, question.egress)
    backward = _Side(day.backward[0], day.walks.backward, question.egress, question.access)
    one, other = (backward, forward) if question.arrive_by else (forward, backward)
    labels = one.scan_from(moment, question.vehicles, until, question.slack_s)
    journeys: list[Journey] = []
    best = until + 1
    for vehicles in range(1, question.vehicles + 1):
        ends, _ = one.best(labels, vehicles)
        if ends < best:
            best = ends
            journeys.append(_pressed(day, question, other, ends, vehicles, moment))
    return journeys


def _pressed(
    day: Day, question: Question, side: _Side, ends: int, vehicles: int, moment: int
) -> Journey:
    """The journey of so many vehicles at most that begins as late as it can and ends in time."""
    labels = side.scan_from(-ends, vehicles, -moment, 0)
    begins, stop, count = min((*side.best(labels, n), n) for n in range(1, vehicles + 1))
    rides = side.rides(labels, count, stop)
    if not question.arrive_by:  # the second scan went backwards
        order = day.backward[1]
        rides = [Ride(int(order[r.last]), int(order[r.first])) for r in reversed(rides)]
    first = int(day.forward.from_stop[rides[0].first])
    last = int(day.forward.to_stop[rides[-1].last])
    access = _walk_to(question.access, first)
    egress = _walk_to(question.egress, last)
    departs = int(day.forward.departure[rides[0].first]) - access
    arrives = int(day.forward.arrival[rides[-1].last]) + egress
    assert begins in (-departs, arrives)
    return Journey(departs, arrives, access, egress, tuple(rides))


def _walk_to(walks: tuple[Ints, Ints], stop: int) -> int:
    return int(walks[1][np.flatnonzero(walks[0] == stop)[0]])


def with_less_walking(question: Question, most_s: int) -> Question:
    """The same question of somebody who walks no further than so long at either end."""

    def near(walks: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
        kept = walks[1] <= most_s
        return walks[0][kept], walks[1][kept]

    return replace(
        question, access=near(question.access), egress=near(question.egress), direct_s=None
    )


def merge(lists: Sequence[Sequence[Journey]], question: Question) -> list[Journey]:
    """The best of several searches, no more than were asked for."""
    found = list(dict.fromkeys(one for some in lists for one in some))
    best = [one for one in found if not any(_beats(other, one) for other in found)]
    return sorted(best, key=lambda one: (one.arrives_s, len(one.rides)))[: question.journeys]
