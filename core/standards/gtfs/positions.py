"""Where along its run a vehicle is, and how late that is."""

from dataclasses import dataclass

import numpy as np

from core.standards.gtfs.realtime import VehicleReport
from core.standards.gtfs.timeline import Timeline

_OFF_ROUTE_M = 500.0
_BEND = 0.25
"""A road may lie so much of the way between two stops beside the straight line."""
_AS_NEAR_M = 60.0
"""Of two places on a loop that are as near as this, the one counts where it is less late."""
_PER_DEGREE = 111_195.0
_AT_STOP_M = 40.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Between the stops `index` and `index + 1` of a run."""

    index: int
    delay_s: int
    has_left: bool


def find_spot(timeline: Timeline, run: int, report: VehicleReport, at: int) -> Spot | None:
    """Where a vehicle was at a moment (Unix seconds); None for one that is nowhere near its trip.

    It goes along the trip's shape where the feed has one, else straight from stop to stop; its time
    between two stops counts as even.
    """
    first, last = int(timeline.first_row[run]), int(timeline.first_row[run + 1])
    arrival = timeline.arrival[first:last] + timeline.starts_at
    departure = timeline.departure[first:last] + timeline.starts_at
    if report.sequence is not None and report.at_stop:
        source = int(timeline.source[first])
        sequences = timeline.timetable.times.sequence[source : source + last - first]
        places = np.flatnonzero(sequences == report.sequence)
        if len(places):
            return _at_stop(int(places[0]), arrival, departure, at)
    track = timeline.timetable.track_of(int(timeline.trip[run]))
    north = (track.lat - report.lat) * _PER_DEGREE
    east = (track.lon - report.lon) * _PER_DEGREE * np.cos(np.radians(report.lat))
    step_east, step_north = np.diff(east), np.diff(north)
    length = np.maximum(step_east**2 + step_north**2, 1.0)
    part = np.clip(-(east[:-1] * step_east + north[:-1] * step_north) / length, 0, 1)
    off = np.hypot(east[:-1] + part * step_east, north[:-1] + part * step_north)
    if (off > np.maximum(_OFF_ROUTE_M, _BEND * np.sqrt(length))).all():
        return None
    share = track.begins + part * (track.ends - track.begins)
    leaves, reaches = departure[track.leg], arrival[track.leg + 1]
    late = at - (leaves + share * (reaches - leaves))
    near = off <= off.min() + _AS_NEAR_M
    piece = int(np.argmin(np.where(near, abs(late), np.inf)))
    index = int(track.leg[piece])
    if index == 0 and np.hypot(east[0], north[0]) < _AT_STOP_M:
        return Spot(0, max(0, round(at - int(departure[0]))), has_left=False)
    return Spot(index, round(float(late[piece])), has_left=True)


def _at_stop(index: int, arrival: np.ndarray, departure: np.ndarray, at: int) -> Spot:
    """How late a vehicle is that stands at a stop: not at all between its times there."""
    late = max(0, at - int(departure[index])) or min(0, at - int(arrival[index]))
    return Spot(index, late if index else max(0, late), has_left=index > 0)
