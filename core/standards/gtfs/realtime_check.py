"""Checks a realtime message against its timetable, by the rules of MobilityData's validator.

For operators and tests: serving needs less, and goes on where it can. The rules are described in
MobilityData/gtfs-realtime-validator, RULES.md; those that compare several messages, and warnings,
are left to that validator.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb

from core.standards.gtfs.faults import Faults
from core.standards.gtfs.realtime import text_of
from core.standards.gtfs.timetable import Timetable
from core.standards.gtfs.values import parse_date, parse_time

_POSIX = range(1_000_000_000, 100_000_000_000)
_TIME = re.compile(r"\d{2}:\d{2}:\d{2}")
_BUFFER_M = 200.0
_PER_DEGREE = 111_195.0
_UPDATE, _VEHICLE = "trip_update", "vehicle"
_OWN_TRIPS = (
    *(pb.TripDescriptor.ADDED, pb.TripDescriptor.NEW, pb.TripDescriptor.UNSCHEDULED),
    pb.TripDescriptor.REPLACEMENT,
)


def check_message(data: bytes, timetable: Timetable, name: str = "message") -> Faults:
    """What is wrong with a message."""
    faults = Faults()
    message = pb.FeedMessage()
    try:
        message.ParseFromString(data)
    except DecodeError:
        faults.add("invalid_protobuf", name, [name])
        return faults
    if not message.header.timestamp:
        faults.add("E048", "header", ["no timestamp"])
    elif message.header.timestamp not in _POSIX:
        faults.add("E001", "header", [message.header.timestamp])
    vehicles: set[str] = set()
    for entity in message.entity:
        if entity.HasField("trip_update"):
            _check_update(entity.trip_update, timetable, faults)
        if entity.HasField("vehicle"):
            _check_vehicle(entity.vehicle, timetable, faults, vehicles)
        if entity.HasField("alert") and not entity.alert.informed_entity:
            faults.add("E032", "alert", [entity.id])
    return faults


def _check_trip(trip: Any, timetable: Timetable, faults: Faults, where: str) -> int | None:
    """The number of the trip that is meant, where the timetable has it."""
    numbers = timetable.trip_numbers.get(trip.trip_id, ())
    if trip.trip_id and not numbers and trip.schedule_relationship not in _OWN_TRIPS:
        faults.add("E003", where, [trip.trip_id])
    if trip.route_id and trip.route_id not in timetable.route_numbers:
        faults.add("E004", where, [trip.route_id])
    elif trip.route_id and numbers:
        own = timetable.routes[timetable.trips.route[numbers[0]]].ref
        if own != trip.route_id:
            faults.add("E035", where, [f"{trip.trip_id} {trip.route_id}"])
    start_time, start_date = text_of(trip.start_time), text_of(trip.start_date)
    if start_time and not (_TIME.fullmatch(start_time) and _parses(parse_time, start_time)):
        faults.add("E020", where, [start_time])
    if start_date and not _parses(parse_date, start_date):
        faults.add("E021", where, [start_date])
    return numbers[0] if numbers else None


def _parses(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _check_update(update: Any, timetable: Timetable, faults: Faults) -> None:
    trip = _check_trip(update.trip, timetable, faults, _UPDATE)
    ref = update.trip.trip_id
    if update.timestamp and update.timestamp not in _POSIX:
        faults.add("E001", _UPDATE, [ref])
    stops = list(update.stop_time_update)
    cancelled = update.trip.schedule_relationship in (
        pb.TripDescriptor.CANCELED, pb.TripDescriptor.DELETED, pb.TripDescriptor.DUPLICATED,
    )  # fmt: skip
    if not stops and not cancelled:
        faults.add("E041", _UPDATE, [ref])
    sequences = [one.stop_sequence for one in stops if one.HasField("stop_sequence")]
    if any(b < a for a, b in pairwise(sequences)) or (
        not sequences and not _in_order(stops, trip, timetable)
    ):
        faults.add("E002", _UPDATE, [ref])
    for one in stops:
        _check_stop(one, ref, timetable, faults)
    times = list(_times(stops))
    if any(b < a for a, b in pairwise(times)):
        faults.add("E022", _UPDATE, [ref])


def _in_order(stops: list[Any], trip: int | None, timetable: Timetable) -> bool:
    """Whether stops that are named by their ids alone come in the order of the trip."""
    if trip is None:
        return True
    rows = slice(int(timetable.trips.first_row[trip]), int(timetable.trips.first_row[trip + 1]))
    way = [timetable.stops[number].ref for number in timetable.times.stop[rows].tolist()]
    places = [way.index(one.stop_id) for one in stops if one.stop_id in way]
    return places == sorted(places)


def _times(stops: list[Any]) -> Iterator[int]:
    """The moments that are told, in their order."""
    for one in stops:
        for event in (one.arrival, one.departure):
            if event.time:
                yield event.time


def _check_stop(one: Any, ref: str, timetable: Timetable, faults: Faults) -> None:
    kinds = pb.TripUpdate.StopTimeUpdate
    if not one.HasField("stop_sequence") and not one.stop_id:
        faults.add("E040", _UPDATE, [ref])
    if one.stop_id and one.stop_id not in timetable.stop_numbers:
        faults.add("E011", _UPDATE, [one.stop_id])
    events = [getattr(one, side) for side in ("arrival", "departure") if one.HasField(side)]
    if one.schedule_relationship == kinds.NO_DATA and events:
        faults.add("E042", _UPDATE, [ref])
    if one.schedule_relationship == kinds.SCHEDULED and not events:
        faults.add("E043", _UPDATE, [ref])
    for event in events:
        if not event.HasField("time") and not event.HasField("delay"):
            faults.add("E044", _UPDATE, [ref])
        if event.HasField("time") and event.time not in _POSIX:
            faults.add("E001", _UPDATE, [ref])
    if one.arrival.time and one.departure.time and one.departure.time < one.arrival.time:
        faults.add("E025", _UPDATE, [ref])


def _check_vehicle(one: Any, timetable: Timetable, faults: Faults, seen: set[str]) -> None:
    trip = _check_trip(one.trip, timetable, faults, _VEHICLE) if one.HasField("trip") else None
    ref = one.vehicle.id
    if ref and ref in seen:
        faults.add("E052", _VEHICLE, [ref])
    seen.add(ref)
    if one.timestamp and one.timestamp not in _POSIX:
        faults.add("E001", _VEHICLE, [ref])
    if one.stop_id and one.stop_id not in timetable.stop_numbers:
        faults.add("E011", _VEHICLE, [one.stop_id])
    lat, lon = one.position.latitude, one.position.longitude
    if not (0 < abs(lat) <= 90 and 0 < abs(lon) <= 180):
        faults.add("E026", _VEHICLE, [ref])
    elif trip is not None and _off_shape_m(timetable, trip, lat, lon) > _BUFFER_M:
        faults.add("E029", _VEHICLE, [ref])


def _off_shape_m(timetable: Timetable, trip: int, lat: float, lon: float) -> float:
    """How far a place is from the way of a trip, metres; 0 where that is not known."""
    shape = int(timetable.trips.shape[trip])
    if shape < 0:
        return 0.0
    shapes = timetable.shapes
    points = slice(int(shapes.first[shape]), int(shapes.first[shape + 1]))
    north = (shapes.lat[points] - lat) * _PER_DEGREE
    east = (shapes.lon[points] - lon) * _PER_DEGREE * np.cos(np.radians(lat))
    if len(north) < 2:
        return 0.0
    step_east, step_north = np.diff(east), np.diff(north)
    length = np.maximum(step_east**2 + step_north**2, 1e-6)
    part = np.clip(-(east[:-1] * step_east + north[:-1] * step_north) / length, 0, 1)
    return float(np.hypot(east[:-1] + part * step_east, north[:-1] + part * step_north).min())
