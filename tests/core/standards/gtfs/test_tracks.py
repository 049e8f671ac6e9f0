"""Where a vehicle is on its way: along the shape, however it winds."""

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from core.standards.gtfs.positions import Spot, find_spot
from core.standards.gtfs.realtime import read_message
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import Timeline, build_timeline
from core.standards.gtfs.tracks import straight_track, track_along
from tests.gtfs import feed_files, message, zip_of
from tests.shared_data import shared

DAY = date(2026, 11, 23)
TEN = datetime(2026, 11, 23, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
NORTH, EAST = 1 / 111.195, 1 / 111.195 / 0.8026
HOME = (36.62, 117.0)
Way = list[tuple[float, float]]


def _at(north_km: float, east_km: float) -> tuple[float, float]:
    return HOME[0] + north_km * NORTH, HOME[1] + east_km * EAST


def _timeline(shape: Way | None, *stops: tuple[float, float]) -> Timeline:
    """One trip with a stop every ten minutes from ten o'clock on."""
    times = [(f"S{n}", f"10:{10 * n:02d}:00") for n in range(len(stops))]
    places = {f"S{n}": _at(*stop) for n, stop in enumerate(stops)}
    files = feed_files({"T": times}, stops=places)
    if shape is not None:
        files["trips"] = "route_id,service_id,trip_id,shape_id\nL1,daily,T,s\n"
        files["shapes"] = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n" + "".join(
            "s,{:.7f},{:.7f},{}\n".format(*_at(*point), n) for n, point in enumerate(shape)
        )
    return build_timeline(read_schedule(zip_of(files)), DAY)


def _spot(line: Timeline, place: tuple[float, float], minutes: float) -> Spot | None:
    at = TEN + timedelta(minutes=minutes)
    made = message(at)
    vehicle = made.entity.add(id="1").vehicle
    vehicle.trip.trip_id = "T"
    vehicle.vehicle.id, vehicle.timestamp = "V", int(at.timestamp())
    vehicle.position.latitude, vehicle.position.longitude = _at(*place)
    (report,) = read_message(made.SerializeToString()).vehicles.values()
    return find_spot(line, 0, report, int(at.timestamp()))


AROUND: Way = [(0, 0), (2, 0), (2, 2), (0, 2)]
"""North, east and south again: six kilometres between two stops that are two apart."""


def test_a_way_around_is_as_long_as_it_is() -> None:
    line = _timeline(AROUND, (0, 0), (0, 2))
    for place, part in (((1, 0), 1 / 6), ((2, 1), 3 / 6), ((1, 2), 5 / 6)):
        spot = _spot(line, place, 10 * part + 2)
        assert spot is not None and spot.index == 0
        assert spot.delay_s == pytest.approx(120, abs=3)
    assert _spot(line, (1, 1), 5) is None  # a kilometre from every street of it
    assert _spot(_timeline(None, (0, 0), (0, 2)), (2, 1), 5) is None


def test_a_shape_that_crosses_itself_is_gone_along_in_order() -> None:
    eight: Way = [(0, 0), (1, 1), (2, 2), (2, 0), (1, 1), (0, 2)]
    line = _timeline(eight, (0, 0), (1, 1), (2, 2), (2, 0), (1, 1), (0, 2))
    track = line.timetable.track_of(0)
    assert sorted(set(track.leg.tolist())) == [0, 1, 2, 3, 4]
    for minutes, index in ((10.5, 1), (40.5, 4)):  # at the crossing, the first or second time
        spot = _spot(line, (1.05, 1.05) if index == 1 else (0.95, 1.05), minutes)
        assert spot is not None and spot.index == index


def test_the_shape_of_another_trip_is_not_followed() -> None:
    far: Way = [(5, 0), (5, 2)]
    line = _timeline(far, (0, 0), (0, 2))
    spot = _spot(line, (0, 1), 5)
    assert spot is not None and spot.delay_s == pytest.approx(0, abs=3)


def test_drawn_ways_are_whole_and_in_order() -> None:
    """Every leg's parts go from 0 to 1 without a gap, wherever stops and points lie."""
    draw = random.Random(3)
    for _ in range(200):
        points = np.array([_at(draw.uniform(0, 3), draw.uniform(0, 3)) for _ in range(9)])
        stops = points[sorted(draw.choices(range(9), k=draw.randint(2, 6)))]
        stops = stops + draw.uniform(-1, 1) * 0.001
        track = track_along(stops[:, 0], stops[:, 1], points[:, 0], points[:, 1])
        assert (np.diff(track.leg) >= 0).all()
        same = track.leg[1:] == track.leg[:-1]
        assert np.allclose(track.ends[:-1][same], track.begins[1:][same])
        assert ((track.begins <= track.ends + 1e-9) & (track.ends <= 1)).all()


def test_a_shape_of_one_point_is_none() -> None:
    lat, lon = np.array([36.0, 36.1]), np.array([117.0, 117.0])
    found = track_along(lat, lon, lat[:1], lon[:1])
    assert np.array_equal(found.lat, straight_track(lat, lon).lat)


def test_the_shapes_of_a_published_feed_pass_their_stops() -> None:
    made = read_schedule(shared("transit/caltrain-gtfs.zip").read_bytes())
    shaped = [trip for trip in range(len(made.trips.refs)) if made.trips.shape[trip] >= 0]
    assert len(shaped) > 100
    for trip in shaped:
        track = made.track_of(trip)
        rows = made.trips.first_row[trip + 1] - made.trips.first_row[trip]
        assert len(track.leg) > rows - 1  # along the rails, not straight
        assert set(track.leg.tolist()) == set(range(int(rows) - 1))
