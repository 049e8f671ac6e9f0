"""A timetable on arrays: stops, routes, trips and their stop times, and on which days they run.

Trips are numbered; the stop times of trip i are the rows `first_row[i]` to `first_row[i + 1]`, in
their order. Times are seconds after the service day's noon minus twelve hours, as GTFS has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.fares import Fares
from core.standards.gtfs.faults import Faults
from core.standards.gtfs.tables import Floats, Ints
from core.standards.gtfs.tracks import Track, straight_track, track_along

Bools = NDArray[np.bool_]
DAY_S = 86_400
STATION = 1


@dataclass(frozen=True, slots=True)
class Stop:
    """Where people get on and off, or the station (`location_type` 1) around such places."""

    ref: str
    code: str
    name: str
    lat: float
    lon: float
    location_type: int
    parent: int
    """The number of its station; -1 where it has none."""
    platform: str
    wheelchair: int
    """0: nobody knows, 1: some vehicles can be boarded, 2: none."""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A line; `kind` is its `route_type`."""

    ref: str
    short_name: str
    long_name: str
    kind: int
    agency: str
    color: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """On which days a service runs."""

    ref: str
    weekdays: tuple[bool, ...] = (False,) * 7
    first: date = date.max
    last: date = date.min
    added: frozenset[date] = frozenset()
    removed: frozenset[date] = frozenset()

    def runs_on(self, day: date) -> bool:
        """Whether it runs on a day."""
        if day in self.removed:
            return False
        return day in self.added or (
            self.first <= day <= self.last and self.weekdays[day.weekday()]
        )

    def between(self, first: date, last: date) -> "Calendar":
        """The same, on no day before `first` or after `last`."""
        return replace(
            self,
            first=max(self.first, first),
            last=min(self.last, last),
            added=frozenset(day for day in self.added if first <= day <= last),
        )


@dataclass(frozen=True, slots=True)
class Trips:
    """The trips, by number."""

    refs: Sequence[str]
    route: Ints
    service: Ints
    headsign: Sequence[str]
    direction: Ints
    block: Ints
    """Trips of one number are run by one vehicle, one after another; -1: of none."""
    wheelchair: Ints
    shape: Ints
    first_row: Ints
    """One more than there are trips."""


@dataclass(frozen=True, slots=True)
class StopTimes:
    """The stop times, by row."""

    stop: Ints
    arrival: Ints
    departure: Ints
    sequence: Ints
    pickup: Ints
    """`pickup_type`: 1 is none."""
    drop_off: Ints
    approximate: Bools
    """The feed has no time here: it follows from those around it."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """A trip that leaves every so often; `exact`: at just these times."""

    trip: int
    first_s: int
    until_s: int
    headway_s: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """How people change from a stop to another (`transfer_type` 0 to 3), or stay seated (4)."""

    from_stop: int
    to_stop: int
    kind: int
    min_s: int
    from_trip: int = -1
    to_trip: int = -1


@dataclass(frozen=True, slots=True)
class Shapes:
    """The ways that trips take: shape i has the points `first[i]` to `first[i + 1]`."""

    first: Ints
    lat: Floats
    lon: Floats


@dataclass(frozen=True)
class Timetable:
    """Everything of one feed, or of several put together."""

    zone: ZoneInfo
    stops: Sequence[Stop]
    routes: Sequence[Route]
    calendars: Sequence[Calendar]
    trips: Trips
    times: StopTimes
    frequencies: Sequence[Frequency]
    transfers: Sequence[Transfer]
    pathways: Sequence[tuple[int, int, int]]
    """From a stop, to a stop, in seconds."""
    shapes: Shapes
    fares: Sequence[Fares] = ()
    version: str = ""
    first_day: date = date.min
    last_day: date = date.max
    faults: Faults = field(default_factory=Faults)

    def starts_at(self, day: date) -> int:
        """From when the times of a service day count, Unix seconds: its noon minus twelve hours,
        which is no midnight where clocks are changed that night."""
        noon = datetime.combine(day, time(12), self.zone)
        return int(noon.astimezone(UTC).timestamp()) - DAY_S // 2

    def day_of(self, moment: datetime) -> date:
        """The civil date there."""
        return moment.astimezone(self.zone).date()

    def is_known(self, moment: datetime) -> bool:
        """Whether it tells what runs then: up to its last day, and the night after while runs of
        that day are under way."""
        ahead_s = int(moment.timestamp()) - self.starts_at(self.last_day)
        return ahead_s < max(DAY_S, int(self.last_arrival.max(initial=0)))

    def active(self, day: date) -> Bools:
        """Which services run on a day."""
        return np.array([calendar.runs_on(day) for calendar in self.calendars], np.bool_)

    @cached_property
    def stop_numbers(self) -> Mapping[str, int]:
        """Stops by their ref."""
        return {stop.ref: number for number, stop in enumerate(self.stops)}

    @cached_property
    def route_numbers(self) -> Mapping[str, int]:
        """Routes by their ref."""
        return {route.ref: number for number, route in enumerate(self.routes)}

    @cached_property
    def trip_numbers(self) -> Mapping[str, Sequence[int]]:
        """Trips by their ref: more than one where feed versions overlap."""
        numbers: dict[str, tuple[int, ...]] = {}
        for number, ref in enumerate(self.trips.refs):
            numbers[ref] = (*numbers.get(ref, ()), number)
        return numbers

    @cached_property
    def platforms(self) -> Mapping[int, Sequence[int]]:
        """For each station the numbers of its stops."""
        platforms: dict[int, list[int]] = {}
        for number, stop in enumerate(self.stops):
            if stop.parent >= 0 and stop.location_type == 0:
                platforms.setdefault(stop.parent, []).append(number)
        return platforms

    @cached_property
    def first_departure(self) -> Ints:
        """Of each trip."""
        return self.times.departure[self.trips.first_row[:-1]]

    @cached_property
    def last_arrival(self) -> Ints:
        """Of each trip."""
        return self.times.arrival[self.trips.first_row[1:] - 1]

    @cached_property
    def _tracks(self) -> dict[tuple[int, bytes], Track]:
        return {}

    def track_of(self, trip: int) -> Track:
        """The way of a trip; trips with the same shape and stops have one."""
        rows = slice(int(self.trips.first_row[trip]), int(self.trips.first_row[trip + 1]))
        numbers, shape = self.times.stop[rows], int(self.trips.shape[trip])
        key = shape, numbers.tobytes()
        if key not in self._tracks:
            stops = [self.stops[number] for number in numbers.tolist()]
            lat, lon = np.array([one.lat for one in stops]), np.array([one.lon for one in stops])
            if shape < 0:
                self._tracks[key] = straight_track(lat, lon)
            else:
                points = slice(int(self.shapes.first[shape]), int(self.shapes.first[shape + 1]))
                self._tracks[key] = track_along(
                    lat, lon, self.shapes.lat[points], self.shapes.lon[points]
                )
        return self._tracks[key]

    def boardable(self, number: int) -> Sequence[int]:
        """The stops where one boards at a stop or station."""
        if self.stops[number].location_type == STATION:
            return self.platforms.get(number, ())
        return (number,)

    def between(self, first: date, last: date) -> "Timetable":
        """The same, with service on no day outside these: what holds until its successor does."""
        return replace(
            self,
            calendars=[calendar.between(first, last) for calendar in self.calendars],
            fares=[replace(one, first_day=first, last_day=last) for one in self.fares],
        )


def versions(timetables: Sequence[Timetable]) -> list[Timetable]:
    """Versions of one feed, each cut off where the next that is newer begins."""
    ordered = sorted(timetables, key=lambda timetable: timetable.first_day)
    cut = []
    for number, timetable in enumerate(ordered):
        later = ordered[number + 1 :]
        last = min((one.first_day for one in later), default=date.max)
        first = timetable.first_day if number else date.min
        cut.append(timetable.between(first, last if not later else last - timedelta(days=1)))
    return cut
