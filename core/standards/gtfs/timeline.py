"""The trips that run around one service day, laid out one after another: runs and their rows.

A run is one trip on one day; a trip with a frequency has many. Rows of run i are `first_row[i]` to
`first_row[i + 1]`; times are seconds after the day's start (`starts_at`), so what began yesterday
and goes on after midnight is there with its true time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from core.standards.gtfs.tables import Ints
from core.standards.gtfs.timetable import DAY_S, Timetable

LATE_S = 2 * 3600
"""A run that should have ended so long ago may still be on its way."""
AHEAD_S = 30 * 3600
"""Runs that begin until so long after the day's start are laid out."""


@dataclass(frozen=True)
class Timeline:
    """The runs around a day."""

    timetable: Timetable
    day: date
    starts_at: int
    """Unix seconds."""
    trip: Ints
    """By run, like those that follow."""
    service_day: Ints
    """Days after `day`, mostly 0 or -1."""
    starts_s: Ints
    """When it leaves its first stop by timetable."""
    by_frequency: Ints
    """1: it leaves every so often, not at exact times; 2: a frequency with exact times; 0: none."""
    first_row: Ints
    run: Ints
    """By row, like those that follow: which run."""
    source: Ints
    """Which row of the timetable."""
    stop: Ints
    arrival: Ints
    departure: Ints

    @cached_property
    def _by_stop(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.stop, kind="stable").astype(np.int32)
        counts = np.bincount(self.stop, minlength=len(self.timetable.stops))
        return order, np.concatenate(([0], np.cumsum(counts))).astype(np.int32)

    def rows_at(self, stops: Sequence[int]) -> Ints:
        """The rows at some stops."""
        order, first = self._by_stop
        parts = [order[first[stop] : first[stop + 1]] for stop in stops]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    @cached_property
    def runs_of(self) -> Mapping[int, Sequence[int]]:
        """The runs of each trip, by its number."""
        # tuples of numbers are nothing to the garbage collector, lists are
        runs: dict[int, tuple[int, ...]] = {}
        for run, trip in enumerate(self.trip.tolist()):
            runs[trip] = (*runs.get(trip, ()), run)
        return runs

    @cached_property
    def next_in_block(self) -> Mapping[int, int]:
        """For each run of a block the one that the same vehicle runs next."""
        block = self.timetable.trips.block[self.trip]
        runs = np.flatnonzero((block >= 0) & (self.by_frequency == 0))
        keys = self.starts_s[runs], self.service_day[runs], block[runs]
        order = runs[np.lexsort(keys)]
        same = (block[order[1:]] == block[order[:-1]]) & (
            self.service_day[order[1:]] == self.service_day[order[:-1]]
        )
        return dict(zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True))

    def warm(self) -> "Timeline":
        """The same, with all that is found by: for a thread, so that no request waits for it."""
        assert (self._by_stop, self.runs_of, self.next_in_block) is not None
        return self

    def find_run(self, trip_ref: str, service_on: date) -> int | None:
        """The first run of a trip on a service day."""
        for trip in self.timetable.trip_numbers.get(trip_ref, ()):
            for run in self.runs_of.get(trip, ()):
                if self.service_date(run) == service_on:
                    return run
        return None

    def service_date(self, run: int) -> date:
        """The service day of a run."""
        return self.day + timedelta(days=int(self.service_day[run]))


def build_timeline(timetable: Timetable, day: date) -> Timeline:
    """Lay out the runs that are under way on a day, or that begin until the next morning."""
    start = timetable.starts_at(day)
    longest = int(timetable.last_arrival.max()) + LATE_S
    until = max((one.until_s for one in timetable.frequencies), default=0)
    days_back = -(-max(longest, until) // DAY_S)
    parts = []
    for ahead in range(-days_back, 2):
        service_day = day + timedelta(days=ahead)
        shift = timetable.starts_at(service_day) - start
        running = timetable.active(service_day)[timetable.trips.service]
        trip, offset, kind = _runs(timetable, running)
        near = (timetable.last_arrival[trip] + offset + shift >= -LATE_S) & (
            timetable.first_departure[trip] + offset + shift < AHEAD_S
        )
        count = int(near.sum())
        parts.append(
            (trip[near], offset[near] + shift, kind[near], np.full(count, ahead, np.int32))
        )
    trip, shift_s, kind, service = (
        np.concatenate(c).astype(np.int32) for c in zip(*parts, strict=True)
    )
    first, last = timetable.trips.first_row[trip], timetable.trips.first_row[trip + 1]
    lengths = last - first
    first_row = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    run = np.repeat(np.arange(len(trip), dtype=np.int32), lengths)
    source = np.arange(len(run), dtype=np.int32) - first_row[run] + first[run]
    times = timetable.times
    return Timeline(
        timetable=timetable,
        day=day,
        starts_at=start,
        trip=trip,
        service_day=service,
        starts_s=timetable.first_departure[trip] + shift_s,
        by_frequency=kind,
        first_row=first_row,
        run=run,
        source=source,
        stop=times.stop[source],
        arrival=times.arrival[source] + shift_s[run],
        departure=times.departure[source] + shift_s[run],
    )


def _runs(timetable: Timetable, running: np.ndarray) -> tuple[Ints, Ints, Ints]:
    """Trips that run on a service day, how much later than written, and whether by a frequency.

    A trip with frequencies leaves at their times alone, once at each, and no more at the end.
    """
    plain = running.copy()
    starts: dict[tuple[int, int], int] = {}
    for one in timetable.frequencies:
        plain[one.trip] = False
        if running[one.trip]:
            written = int(timetable.first_departure[one.trip])
            for leaves in range(one.first_s, one.until_s, one.headway_s):
                starts.setdefault((one.trip, leaves - written), 2 if one.exact else 1)
    trips = np.flatnonzero(plain).astype(np.int32)
    zeros = np.zeros(len(trips), np.int32)
    if not starts:
        return trips, zeros, zeros
    extra = np.array([[trip, offset, kind] for (trip, offset), kind in starts.items()], np.int32)
    return (
        np.concatenate([trips, extra[:, 0]]),
        np.concatenate([zeros, extra[:, 1]]),
        np.concatenate([zeros, extra[:, 2]]),
    )
