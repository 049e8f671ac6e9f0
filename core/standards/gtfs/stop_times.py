"""The stop times of all trips: sorted, checked, and filled in where the feed has no time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.distances import metres
from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.tables import Ints, Table
from core.standards.gtfs.timetable import Bools, Stop, StopTimes, Trips
from core.standards.gtfs.values import parse_time

_NONE = -1


def read_stop_times(
    table: Table,
    trips: Trips,
    stops: Sequence[Stop],
    stop_numbers: Mapping[str, int],
    faults: Faults,
) -> tuple[Trips, StopTimes]:
    """The trips that can be used, with their rows. Raises FeedError where none can.

    A trip is left out whole where a stop is not known, times go back, its first or last time is
    missing, or it has fewer than two stops.
    """
    trip = _numbers(table, "trip_id", {ref: number for number, ref in enumerate(trips.refs)})
    stop = _numbers(table, "stop_id", stop_numbers)
    arrival = table.parsed("arrival_time", parse_time, _NONE, np.int32, "invalid_time")
    departure = table.parsed("departure_time", parse_time, _NONE, np.int32, "invalid_time")
    sequence = table.integers("stop_sequence", _NONE)
    distance = table.numbers("shape_dist_traveled")
    pickup = table.integers("pickup_type", 0, most=3)
    drop_off = table.integers("drop_off_type", 0, most=3)
    order = np.lexsort((sequence, trip))
    order = order[trip[order] >= 0]
    _count_unknown(table, trip, stop, faults)
    trip, stop, arrival, departure = (a[order] for a in (trip, stop, arrival, departure))
    sequence, distance = sequence[order], distance[order]
    arrival = np.where(arrival == _NONE, departure, arrival)
    departure = np.where(departure == _NONE, arrival, departure)
    bad = _bad_trips(table, trips, (trip, stop, arrival, departure, sequence), faults)
    good = ~bad[trip]
    trip, stop, arrival, departure = (a[good] for a in (trip, stop, arrival, departure))
    if not len(trip):
        raise FeedError("no_usable_trip", table.name)
    missing = arrival == _NONE
    if missing.any():
        along = _along(trip, stop, distance[good], stops)
        arrival, departure = _interpolate(trip, along, arrival, departure, missing)
    kept, rows = np.unique(trip, return_counts=True)
    first_row = np.concatenate(([0], np.cumsum(rows))).astype(np.int32)
    times = StopTimes(
        stop=stop,
        arrival=arrival,
        departure=departure,
        sequence=sequence[good],
        pickup=pickup[order][good],
        drop_off=drop_off[order][good],
        approximate=missing,
    )
    return _keep(trips, kept, first_row), times


def _numbers(table: Table, column: str, numbers: Mapping[str, int]) -> Ints:
    codes, values = table.codes(column)
    return np.array([numbers.get(value, _NONE) for value in values] or [_NONE], np.int32)[codes]


def _count_unknown(table: Table, trip: Ints, stop: Ints, faults: Faults) -> None:
    for column, numbers in (("trip_id", trip), ("stop_id", stop)):
        rows = np.flatnonzero(numbers < 0)
        samples = [f"{column} of row {row + 2}" for row in rows[:5]]
        faults.add("foreign_key_violation", table.name, samples, len(rows))


def _bad_trips(
    table: Table, trips: Trips, columns: tuple[Ints, Ints, Ints, Ints, Ints], faults: Faults
) -> Bools:
    """Which trips cannot be used."""
    trip, stop, arrival, departure, sequence = columns
    count = len(trips.refs)
    bad = np.zeros(count, np.bool_)

    def refuse(rule: str, numbers: NDArray[np.int64] | Ints) -> None:
        unique = np.unique(numbers)
        bad[unique] = True
        faults.add(rule, table.name, [trips.refs[one] for one in unique[:5]], len(unique))

    same = trip[1:] == trip[:-1]
    bad[np.unique(trip[stop < 0])] = True  # counted as a foreign key
    refuse("unusable_trip", np.flatnonzero(np.bincount(trip, minlength=count) < 2))
    refuse("duplicate_key", trip[1:][same & (sequence[1:] == sequence[:-1])])
    refuse("missing_required_field", trip[sequence < 0])
    edges = np.ones(len(trip), np.bool_)
    if len(trip):
        edges[1:-1] = ~same[:-1] | ~same[1:]
    refuse("missing_trip_edge", trip[edges & (arrival == _NONE)])
    known = np.flatnonzero(arrival != _NONE)
    before, after = known[:-1], known[1:]
    back = (trip[before] == trip[after]) & (arrival[after] < departure[before])
    refuse("stop_time_with_arrival_before_previous_departure_time", trip[after[back]])
    refuse("stop_time_with_departure_before_arrival_time", trip[departure < arrival])
    return bad


def _along(
    trip: Ints, stop: Ints, distance: NDArray[np.float64], stops: Sequence[Stop]
) -> NDArray[np.float64]:
    """How far each row is along its trip: as the feed tells it, else as the crow flies."""
    lat = np.array([one.lat for one in stops])
    lon = np.array([one.lon for one in stops])
    step = metres(lat[stop[:-1]], lon[stop[:-1]], lat[stop[1:]], lon[stop[1:]])
    flown = np.concatenate(([0.0], np.cumsum(np.nan_to_num(step))))
    has_distances = np.zeros(trip.max() + 1, np.bool_)
    has_distances[np.unique(trip[np.isnan(distance)])] = True
    falls = np.zeros(len(trip), np.bool_)
    falls[1:] = (trip[1:] == trip[:-1]) & (np.diff(np.nan_to_num(distance)) < 0)
    has_distances[np.unique(trip[falls])] = True
    return np.where(has_distances[trip], flown, distance)


def _interpolate(
    trip: Ints, along: NDArray[np.float64], arrival: Ints, departure: Ints, missing: Bools
) -> tuple[Ints, Ints]:
    """Times by distance between those that are known; each trip has its first and last."""
    known = np.flatnonzero(~missing)
    rows = np.flatnonzero(missing)
    place = np.searchsorted(known, rows)
    before, after = known[place - 1], known[place]
    whole = along[after] - along[before]
    part = np.where(whole > 0, (along[rows] - along[before]) / np.where(whole > 0, whole, 1), 0.5)
    found = departure[before] + part * (arrival[after] - departure[before])
    arrival, departure = arrival.copy(), departure.copy()
    arrival[rows] = departure[rows] = np.round(found).astype(np.int32)
    return arrival, departure


def _keep(trips: Trips, kept: Ints, first_row: Ints) -> Trips:
    return replace(
        trips,
        refs=[trips.refs[one] for one in kept],
        headsign=[trips.headsign[one] for one in kept],
        **{
            name: getattr(trips, name)[kept]
            for name in ("route", "service", "direction", "block", "wheelchair", "shape")
        },
        first_row=first_row,
    )
