"""The bus feed's GTFS-Realtime messages, and what is wrong with them on purpose."""

from collections.abc import Mapping
from datetime import UTC, datetime

from google.transit import gtfs_realtime_pb2 as pb

from sandbox.systems.bus_feed.movement import Run, runs_at
from sandbox.systems.bus_feed.network import Network

Faults = Mapping[str, float]
"""The faults that are on, each with its figure."""
_THIRD = 3
_LEAP_DEGREES = 0.3


def make_message(network: Network, seed: int, kind: str, now: datetime, faults: Faults) -> bytes:
    """A message of a kind: "trip-updates", "vehicle-positions" or "alerts"."""
    moment = datetime.fromtimestamp(faults.get("frozen", now.timestamp()), UTC)
    message = pb.FeedMessage()
    message.header.gtfs_realtime_version = "2.0"
    message.header.incrementality = pb.FeedHeader.FULL_DATASET
    skew = int(faults.get("clock_skew", 0))
    at = int(moment.timestamp())
    message.header.timestamp = at + skew
    if kind == "alerts":
        _add_alert(message, network, at)
    else:
        for number, run in enumerate(runs_at(network, seed, moment)):
            if "vanished" in faults and number % _THIRD == 0 and kind == "vehicle-positions":
                continue
            add = _add_trip if kind == "trip-updates" else _add_vehicle
            add(message, run, at, faults, number)
            part = message.entity[-1]
            entity = part.trip_update if kind == "trip-updates" else part.vehicle
            entity.timestamp += skew
    body: bytes = message.SerializeToString()
    return body[: len(body) // 2] if "truncated" in faults else body


def _describe(trip: pb.TripDescriptor, run: Run, faults: Faults) -> None:
    trip.trip_id = f"no-{run.trip.ref}" if "wrong_trips" in faults else run.trip.ref
    trip.route_id = run.trip.line.ref
    trip.direction_id = run.trip.direction
    trip.start_date = f"{run.day:%Y%m%d}"
    trip.schedule_relationship = pb.TripDescriptor.SCHEDULED


def _add_trip(message: pb.FeedMessage, run: Run, at: int, faults: Faults, number: int) -> None:
    update = message.entity.add(id=f"t-{run.trip.ref}").trip_update
    _describe(update.trip, run, faults)
    update.vehicle.id = run.vehicle
    update.timestamp = at
    if faults.get("cancelled") and number % _THIRD == 0:
        update.trip.schedule_relationship = pb.TripDescriptor.CANCELED
        return
    stops = run.trip.line.ways[run.trip.direction]
    for place, (arrival, departure) in enumerate(run.times):
        if departure < at:
            continue
        stop = update.stop_time_update.add(stop_sequence=place + 1, stop_id=stops[place].ref)
        stop.schedule_relationship = pb.TripUpdate.StopTimeUpdate.SCHEDULED
        stop.arrival.time, stop.arrival.delay = arrival, run.delays[place]
        stop.departure.time, stop.departure.delay = departure, run.delays[place]


def _add_vehicle(message: pb.FeedMessage, run: Run, at: int, faults: Faults, number: int) -> None:
    vehicle = message.entity.add(id=f"v-{run.trip.ref}").vehicle
    _describe(vehicle.trip, run, faults)
    vehicle.vehicle.id = run.vehicle
    place, where, stands = run.place(at)
    leap = "teleporting" in faults and number % _THIRD == 0 and at // 30 % 2
    vehicle.position.latitude = where.lat + (_LEAP_DEGREES if leap else 0)
    vehicle.position.longitude = where.lon
    vehicle.current_stop_sequence = place + 1
    vehicle.stop_id = run.trip.line.ways[run.trip.direction][place].ref
    status = pb.VehiclePosition.STOPPED_AT if stands else pb.VehiclePosition.IN_TRANSIT_TO
    vehicle.current_status = status
    vehicle.occupancy_status = sum(run.vehicle.encode()) % 6
    vehicle.timestamp = at


def _add_alert(message: pb.FeedMessage, network: Network, at: int) -> None:
    alert = message.entity.add(id="works").alert
    alert.active_period.add(start=at - 86_400, end=at + 86_400)
    alert.informed_entity.add(route_id=network.lines[0].ref)
    alert.cause, alert.effect = pb.Alert.CONSTRUCTION, pb.Alert.DETOUR
    texts = (("zh", "道路施工,绕行"), ("en", "Roadworks: a detour"))
    for field in (alert.header_text, alert.description_text):
        for language, text in texts:
            field.translation.add(language=language, text=text)
