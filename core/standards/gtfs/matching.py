"""Which run a report means, and which of its stops."""

from collections.abc import Mapping, Sequence

from core.standards.gtfs.faults import Faults
from core.standards.gtfs.realtime import StopReport, TripKey
from core.standards.gtfs.timeline import Timeline

_EARLY_S, _LATE_S = 3600, 7200
_SAME_START_S = 60


def find_run(timeline: Timeline, key: TripKey, seen_at: int) -> int | None:
    """The run that a report of this moment means; None where there is none.

    Without a date it is the one under way or nearest to it; without a trip it is the one of the
    route and direction that leaves at the time that is told, where there is just one.
    """
    if key.trip_ref:
        trips = timeline.timetable.trip_numbers.get(key.trip_ref, ())
        runs = [run for trip in trips for run in timeline.runs_of.get(trip, ())]
    else:
        runs = _by_route(timeline, key)
    if key.start_date is not None:
        runs = [run for run in runs if timeline.service_date(run) == key.start_date]
    if key.start_s is not None and len(runs) > 1:
        leaves = key.start_s
        runs = sorted(runs, key=lambda run: abs(_own_start(timeline, run) - leaves))
        if key.start_date is not None or not timeline.by_frequency[runs[0]]:
            same = [r for r in runs if abs(_own_start(timeline, r) - leaves) <= _SAME_START_S]
            runs = same or runs[:1]
    if not key.trip_ref and len(runs) != 1:
        return None
    now = seen_at - timeline.starts_at
    return min(runs, key=lambda run: _far(timeline, run, now), default=None)


def _by_route(timeline: Timeline, key: TripKey) -> list[int]:
    route = timeline.timetable.route_numbers.get(key.route_ref)
    if route is None or key.start_s is None or key.start_date is None:
        return []
    trips = timeline.timetable.trips
    return [
        run
        for trip, runs in timeline.runs_of.items()
        if trips.route[trip] == route and key.direction in (None, trips.direction[trip])
        for run in runs
        if _own_start(timeline, run) == key.start_s
    ]


def _own_start(timeline: Timeline, run: int) -> int:
    """When a run leaves, seconds after the start of its own service day."""
    shift = timeline.timetable.starts_at(timeline.service_date(run)) - timeline.starts_at
    return int(timeline.starts_s[run]) - shift


def _far(timeline: Timeline, run: int, now_s: int) -> int:
    """How far a moment is from a run: 0 while it may be under way."""
    first = int(timeline.starts_s[run]) - _EARLY_S
    last = int(timeline.arrival[timeline.first_row[run + 1] - 1]) + _LATE_S
    return max(first - now_s, now_s - last, 0)


def place_stops(
    timeline: Timeline, run: int, stops: Sequence[StopReport], faults: Faults
) -> Mapping[int, StopReport]:
    """What is said of the stops of a run, by their place in it.

    A stop that is named by its id alone and stands in the run twice is applied to neither.
    """
    times, timetable = timeline.timetable.times, timeline.timetable
    source = int(timeline.source[timeline.first_row[run]])
    count = int(timeline.first_row[run + 1] - timeline.first_row[run])
    by_sequence = {
        int(sequence): index
        for index, sequence in enumerate(times.sequence[source : source + count])
    }
    numbers = times.stop[source : source + count].tolist()
    said: dict[int, StopReport] = {}
    ref = timetable.trips.refs[timeline.trip[run]]
    for stop in stops:
        index = by_sequence.get(stop.sequence) if stop.sequence is not None else None
        if index is None and stop.stop_ref:
            number = timetable.stop_numbers.get(stop.stop_ref)
            places = [place for place, one in enumerate(numbers) if one == number]
            if len(places) > 1:
                faults.add("E009", "trip_update", [f"{ref} {stop.stop_ref}"])
                continue
            index = places[0] if places else None
        elif index is not None and stop.stop_ref not in ("", timetable.stops[numbers[index]].ref):
            faults.add("E045", "trip_update", [f"{ref} {stop.stop_ref}"])
        if index is None:
            rule = "E011" if stop.sequence is None else "E051"
            faults.add(rule, "trip_update", [f"{ref} {stop.stop_ref or stop.sequence}"])
        else:
            said[index] = stop
    return said
