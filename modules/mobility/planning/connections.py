"""Connections of a day with what is predicted, and the same day seen from its end."""

import numpy as np

from core.standards.gtfs.predictions import STALE_S, Predictions, Row
from core.standards.gtfs.scan_arrays import ALIGHT, BOARD, Connections
from core.standards.gtfs.timeline import Timeline

_NOT_AVAILABLE = 1
_INACCESSIBLE = 2


def connections_of(made: Predictions, now: int, *, wheelchair: bool = False) -> Connections:
    """The connections of all runs that are not cancelled; skipped stops are passed through.

    With `wheelchair`, nobody gets on or off where that is known to be impossible. What was
    predicted long ago (`now` in Unix seconds) is forgotten.
    """
    timeline = made.timeline
    gone = now > made.live_until + STALE_S
    arrival = np.where(gone[timeline.run], timeline.arrival, made.arrival)
    departure = np.where(gone[timeline.run], timeline.departure, made.departure)
    served = ~made.cancelled[timeline.run] & (made.rows != Row.SKIPPED)
    rows = np.flatnonzero(served).astype(np.int32)
    same = timeline.run[rows[1:]] == timeline.run[rows[:-1]]
    first, last = rows[:-1][same], rows[1:][same]
    flags = _flags(timeline, wheelchair)
    ends = np.ones(len(first), np.uint8)
    ends[:-1] = timeline.run[first[1:]] != timeline.run[first[:-1]]
    columns = {
        "departure": departure[first],
        "arrival": np.maximum(arrival[last], departure[first]),
        "from_stop": timeline.stop[first],
        "to_stop": timeline.stop[last],
        "run": timeline.run[first],
        "flags": (flags[first] & BOARD) | (flags[last] & ALIGHT),
        "row": first,
        "is_last": ends,
    }
    for name, extra in _added(made, now).items():
        columns[name] = np.concatenate([columns[name], extra.astype(columns[name].dtype)])
    order = np.argsort(columns["departure"], kind="stable")
    runs = len(timeline.trip) + len(made.added)
    onward = np.full(runs, -1, np.int32)
    onward[: len(timeline.trip)] = _onward(timeline)
    return Connections(
        **{name: np.ascontiguousarray(column[order]) for name, column in columns.items()},
        runs=runs,
        onward=onward,
    )


def mirrored(connections: Connections) -> tuple[Connections, np.ndarray]:
    """The same day backwards, from its arrivals to its departures, with times below zero; and
    which of the connections each is."""
    # at the same moment the later one of a run comes first
    backwards = np.arange(len(connections.arrival))[::-1]
    order = backwards[np.argsort(-connections.arrival[backwards], kind="stable")]
    flags = connections.flags[order]
    swapped = ((flags & BOARD) << 1) | ((flags & ALIGHT) >> 1)
    before = np.full(connections.runs, -1, np.int32)
    seated = np.flatnonzero(connections.onward >= 0)
    before[connections.onward[seated]] = seated
    run = connections.run[order]
    ends = np.zeros(len(order), np.uint8)
    _, at = np.unique(run[::-1], return_index=True)
    ends[len(run) - 1 - at] = 1
    made = Connections(
        departure=-connections.arrival[order],
        arrival=-connections.departure[order],
        from_stop=connections.to_stop[order],
        to_stop=connections.from_stop[order],
        run=run,
        flags=swapped.astype(np.uint8),
        row=connections.row[order],
        runs=connections.runs,
        onward=before,
        is_last=ends,
    )
    return made, order


def _flags(timeline: Timeline, wheelchair: bool) -> np.ndarray:
    times, source = timeline.timetable.times, timeline.source
    flags = np.where(times.pickup[source] != _NOT_AVAILABLE, BOARD, 0)
    flags |= np.where(times.drop_off[source] != _NOT_AVAILABLE, ALIGHT, 0)
    if wheelchair:
        stops = timeline.timetable.stops
        inherited = [
            (one.wheelchair or (stops[one.parent].wheelchair if one.parent >= 0 else 0))
            for one in stops
        ]
        no_stop = (np.array(inherited) == _INACCESSIBLE)[timeline.stop]
        no_trip = timeline.timetable.trips.wheelchair == _INACCESSIBLE
        flags[no_stop | no_trip[timeline.trip[timeline.run]]] = 0
    return flags.astype(np.uint8)


def _onward(timeline: Timeline) -> np.ndarray:
    """The run of the same block that goes on where a run ends."""
    onward = np.full(len(timeline.trip), -1, np.int32)
    pairs = timeline.next_in_block
    if pairs:
        runs = np.array(list(pairs), np.int64)
        following = np.array(list(pairs.values()), np.int64)
        ends = timeline.stop[timeline.first_row[runs + 1] - 1]
        begins = timeline.stop[timeline.first_row[following]]
        there = ends == begins
        onward[runs[there]] = following[there]
    return onward


def _added(made: Predictions, now: int) -> dict[str, np.ndarray]:
    """The connections of added runs that are still known."""
    parts = []
    for number, run in enumerate(made.added):
        if now <= run.seen_at + STALE_S:
            last = len(run.stops) - 2
            parts += [
                (
                    *(run.departures[i], run.arrivals[i + 1], run.stops[i], run.stops[i + 1]),
                    *(len(made.timeline.trip) + number, BOARD | ALIGHT, -1 - i, int(i == last)),
                )
                for i in range(last + 1)
            ]
    names = ("departure", "arrival", "from_stop", "to_stop", "run", "flags", "row", "is_last")
    table = np.array(parts, np.int64).reshape(len(parts), len(names))
    return dict(zip(names, table.T, strict=True))
