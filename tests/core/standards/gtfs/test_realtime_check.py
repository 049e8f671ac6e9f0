"""Each rule of the realtime validator that is checked is raised by what breaks it, and by no more.

The cases follow the published error messages of interline-io/transitland-lib (testdata/rt/errors).
"""

from collections.abc import Callable
from typing import Any

import pytest

from core.standards.gtfs.realtime_check import check_message
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timetable import Timetable
from tests.conftest import NOON
from tests.gtfs import feed_files, message, zip_of

AT = int(NOON.timestamp())
WAY = [("A", "12:00:00"), ("B", "12:10:00"), ("C", "12:20:00")]


@pytest.fixture(scope="module")
def timetable() -> Timetable:
    """One trip with a shape."""
    files = feed_files({"T": WAY})
    files["trips"] = "route_id,service_id,trip_id,shape_id\nL1,daily,T,s\n"
    files["shapes"] = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n" + "".join(
        f"s,{36.62 + 0.009 * n},117.0,{n}\n" for n in range(3)
    )
    return read_schedule(zip_of(files))


def _message() -> Any:
    """A sound message of an update and a vehicle."""
    made = message(NOON)
    update = made.entity.add(id="1").trip_update
    update.trip.trip_id, update.trip.route_id, update.trip.start_date = "T", "L1", "20261123"
    update.trip.start_time, update.timestamp = "12:00:00", AT
    for number, stop in enumerate("ABC", 1):
        one = update.stop_time_update.add(stop_sequence=number, stop_id=stop)
        one.schedule_relationship = 0
        one.arrival.time = one.departure.time = AT + 600 * (number - 1)
    vehicle = made.entity.add(id="2").vehicle
    vehicle.trip.trip_id, vehicle.vehicle.id, vehicle.stop_id = "T", "V", "B"
    vehicle.position.latitude, vehicle.position.longitude = 36.625, 117.0
    vehicle.timestamp = AT
    return made


def _set(path: str, value: object) -> Callable[[Any], None]:
    """Sets a field: "0.trip.trip_id" of the update's first stop, "trip.x" of the update …"""

    def change(made: Any) -> None:
        target = made
        *parts, name = path.split(".")
        for part in parts:
            target = target[int(part)] if part.isdigit() else getattr(target, part)
        setattr(target, name, value)

    return change


def _clear(place: int, *fields: str) -> Callable[[Any], None]:
    def change(made: Any) -> None:
        for field in fields:
            made.entity[0].trip_update.stop_time_update[place].ClearField(field)

    return change


UPDATE, STOP, VEHICLE = "entity.0.trip_update", "entity.0.trip_update.stop_time_update", "entity.1"


def _twice(made: Any) -> None:
    made.entity.add().CopyFrom(made.entity[1])


def _without_time(made: Any) -> None:
    stop = made.entity[0].trip_update.stop_time_update[1]
    stop.arrival.Clear()
    stop.arrival.uncertainty = 0


def _alert(made: Any) -> None:
    made.entity.add(id="3").alert.header_text.translation.add(text="x")


def _without_stops(made: Any) -> None:
    del made.entity[0].trip_update.stop_time_update[:]


BROKEN: list[tuple[str, Callable[[Any], None]]] = [
    ("E001", _set("header.timestamp", AT * 1000)),
    ("E001", _set(f"{UPDATE}.timestamp", AT * 1000)),
    ("E001", _set(f"{STOP}.0.arrival.time", 12)),
    ("E002", _set(f"{STOP}.0.stop_sequence", 9)),
    ("E003", _set(f"{UPDATE}.trip.trip_id", "unknown")),
    ("E003", _set(f"{VEHICLE}.vehicle.trip.trip_id", "unknown")),
    ("E004", _set(f"{UPDATE}.trip.route_id", "unknown")),
    ("E011", _set(f"{STOP}.0.stop_id", "unknown")),
    ("E011", _set(f"{VEHICLE}.vehicle.stop_id", "unknown")),
    ("E020", _set(f"{UPDATE}.trip.start_time", "12:60:00")),
    ("E020", _set(f"{UPDATE}.trip.start_time", "9:00:00")),
    ("E021", _set(f"{UPDATE}.trip.start_date", "20261332")),
    ("E021", _set(f"{UPDATE}.trip.start_date", "2026-11-23")),
    ("E022", _set(f"{STOP}.1.arrival.time", AT - 600)),
    ("E025", _set(f"{STOP}.1.departure.time", AT + 300)),
    ("E026", _set(f"{VEHICLE}.vehicle.position.latitude", 91.0)),
    ("E026", _set(f"{VEHICLE}.vehicle.position.longitude", 0.0)),
    ("E029", _set(f"{VEHICLE}.vehicle.position.longitude", 117.003)),
    ("E032", _alert),
    ("E040", _clear(1, "stop_sequence", "stop_id")),
    ("E041", _without_stops),
    ("E042", _set(f"{STOP}.1.schedule_relationship", 2)),
    ("E043", _clear(1, "arrival", "departure")),
    ("E044", _without_time),
    ("E048", _set("header.timestamp", 0)),
    ("E052", _twice),
]


def test_a_sound_message_breaks_no_rule(timetable: Timetable) -> None:
    assert list(check_message(_message().SerializeToString(), timetable)) == []


@pytest.mark.parametrize(("rule", "breaks"), BROKEN, ids=[rule for rule, _ in BROKEN])
def test_what_breaks_a_rule_is_listed_under_its_name(
    timetable: Timetable, rule: str, breaks: Callable[[Any], None]
) -> None:
    made = _message()
    breaks(made)
    found = {fault.rule for fault in check_message(made.SerializePartialToString(), timetable)}
    assert rule in found
    assert found <= {rule, "E022"}


def test_half_a_message_is_listed_as_such(timetable: Timetable) -> None:
    half = _message().SerializeToString()[:-5]
    assert check_message(half, timetable).count("invalid_protobuf") == 1
