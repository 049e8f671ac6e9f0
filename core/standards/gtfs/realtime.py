"""Reads a GTFS-Realtime protobuf into reports: of trips, of vehicles, and alerts.

The message is walked entity by entity, so that reading a large one can be interrupted between any
two; one that is cut off or malformed is refused whole. The reference is
gtfs.org/documentation/realtime/reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as pb

from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.framing import split_message
from core.standards.gtfs.values import parse_date, parse_time

MESSAGE_MAX_BYTES = 50_000_000
ENTITIES_MAX = 200_000
_POSIX_MAX = 100_000_000_000
"""A moment that is larger is counted in milliseconds."""
_HEADER, _ENTITY = 1, 2


class TripKind(StrEnum):
    """What becomes of a trip: SCHEDULED as by timetable; CANCELED, which includes what is deleted
    from it; ADDED beside it, which includes copies of trips and such without a timetable."""

    SCHEDULED = "SCHEDULED"
    CANCELED = "CANCELED"
    ADDED = "ADDED"


_TRIP_KINDS = {
    pb.TripDescriptor.CANCELED: TripKind.CANCELED,
    pb.TripDescriptor.DELETED: TripKind.CANCELED,
    pb.TripDescriptor.ADDED: TripKind.ADDED,
    pb.TripDescriptor.NEW: TripKind.ADDED,
    pb.TripDescriptor.DUPLICATED: TripKind.ADDED,
}


class Occupancy(StrEnum):
    """How full a vehicle is. UNKNOWN: nobody says. EMPTY, MANY_SEATS, FEW_SEATS: there are seats.
    STANDING: room to stand. CRUSHED: little room. FULL: no room. CLOSED: it takes nobody.
    """

    UNKNOWN = "UNKNOWN"
    EMPTY = "EMPTY"
    MANY_SEATS = "MANY_SEATS"
    FEW_SEATS = "FEW_SEATS"
    STANDING = "STANDING"
    CRUSHED = "CRUSHED"
    FULL = "FULL"
    CLOSED = "CLOSED"


_OCCUPANCY = (
    *(Occupancy.EMPTY, Occupancy.MANY_SEATS, Occupancy.FEW_SEATS, Occupancy.STANDING),
    *(Occupancy.CRUSHED, Occupancy.FULL, Occupancy.CLOSED, Occupancy.UNKNOWN, Occupancy.CLOSED),
)
"""By the numbers of `OccupancyStatus`."""


@dataclass(frozen=True, slots=True)
class TripKey:
    """By what a report names a run; what it does not say is empty or None."""

    trip_ref: str
    route_ref: str = ""
    direction: int | None = None
    start_date: date | None = None
    start_s: int | None = None


@dataclass(frozen=True, slots=True)
class StopReport:
    """What is said of one stop of a trip; times are Unix seconds, delays seconds."""

    sequence: int | None
    stop_ref: str
    arrival: int | None = None
    arrival_delay: int | None = None
    departure: int | None = None
    departure_delay: int | None = None
    skipped: bool = False
    no_data: bool = False


@dataclass(frozen=True, slots=True)
class TripReport:
    """What is said of one run; `seen_at` is Unix seconds, 0 where it is not said."""

    key: TripKey
    kind: TripKind
    update: Any
    """The protobuf's own; as objects of ours the stops of a large city's trips, tens of thousands,
    would hold the collector up at each message."""
    seen_at: int
    prefix: str = ""
    delay: int | None = None
    new_ref: str = ""
    """Of a copy of a trip: its own id."""
    new_start_s: int | None = None
    new_date: date | None = None

    @property
    def stops(self) -> Sequence[StopReport]:
        """What is said of its stops, read anew at each call; what cannot be read is left out."""
        return _stops(self.update, self.prefix, self.key, Faults())


@dataclass(frozen=True, slots=True)
class VehicleReport:
    """Where a vehicle is."""

    vehicle_ref: str
    key: TripKey | None
    lat: float
    lon: float
    seen_at: int
    sequence: int | None
    at_stop: bool
    occupancy: Occupancy
    bearing: float | None


@dataclass(frozen=True, slots=True)
class Concern:
    """Whom an alert concerns: what it does not say is empty."""

    agency_ref: str = ""
    route_ref: str = ""
    trip_ref: str = ""
    stop_ref: str = ""
    direction: int | None = None


@dataclass(frozen=True, slots=True)
class AlertReport:
    """Something that riders must know."""

    ref: str
    periods: Sequence[tuple[int, int]]
    """From when until when, Unix seconds; none means always."""
    concerns: Sequence[Concern]
    effect: str
    header: tuple[str, str]
    """In Chinese and in English."""
    text: tuple[str, str]
    url: str

    def is_active(self, now: int) -> bool:
        """Whether it holds at a moment."""
        return not self.periods or any(first <= now < last for first, last in self.periods)


@dataclass(slots=True)
class Message:
    """One message of a feed; reports by the id of their entity."""

    timestamp: int
    differential: bool
    prefix: str = ""
    """Stands before the ids of the timetable, where there are several feeds."""
    trips: dict[str, TripReport] = field(default_factory=dict)
    vehicles: dict[str, VehicleReport] = field(default_factory=dict)
    alerts: dict[str, AlertReport] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)


def read_message(data: bytes) -> Message:
    """A whole message. Raises FeedError for what is none."""
    message = None
    for message in read_slowly(data):  # noqa: B007
        pass
    assert message is not None
    return message


def read_slowly(data: bytes, prefix: str = "") -> Iterator[Message]:
    """The same, pausing after each entity; what the last step gives is whole.

    `prefix` is put before the ids of the timetable. Raises FeedError for what is no message, or is
    counted in milliseconds.
    """
    if len(data) > MESSAGE_MAX_BYTES:
        raise FeedError("too_large", "realtime")
    message: Message | None = None
    try:
        for number, (field_number, part) in enumerate(split_message(data)):
            if field_number == _HEADER:
                message = _start(pb.FeedHeader.FromString(part), prefix)
            elif message is None:
                raise FeedError("invalid_protobuf", "the header does not come first")
            elif field_number == _ENTITY:
                _add(message, pb.FeedEntity.FromString(part))
            if number > ENTITIES_MAX:
                raise FeedError("too_large", "too many entities")
            if message is not None:
                yield message
    except DecodeError:
        raise FeedError("invalid_protobuf") from None
    if message is None:
        raise FeedError("invalid_protobuf", "no header")


def _start(header: Any, prefix: str) -> Message:
    if header.timestamp > _POSIX_MAX:
        raise FeedError("E001", "the header's time is no POSIX time")
    differential = header.incrementality == pb.FeedHeader.DIFFERENTIAL
    message = Message(header.timestamp, differential, prefix)
    if not header.timestamp:
        message.faults.add("E048", "header", ["no timestamp"])
    return message


def _add(message: Message, entity: Any) -> None:
    ref = text_of(entity.id)
    if entity.is_deleted:
        message.deleted.add(ref)
        return
    if entity.HasField("trip_update"):
        trip = _trip(entity.trip_update, message)
        if trip is not None:
            message.trips[ref] = trip
    if entity.HasField("vehicle"):
        vehicle = _vehicle(entity, message)
        if vehicle is not None:
            message.vehicles[ref] = vehicle
    if entity.HasField("alert"):
        alert = _alert(ref, entity.alert, message)
        if alert is not None:
            message.alerts[ref] = alert


def text_of(text: str | bytes) -> str:
    """A text; one that is no UTF-8 comes as bytes, against its declared type."""
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _prefixed(prefix: str, ref: str | bytes) -> str:
    return prefix + text_of(ref) if ref else ""


def _key(trip: Any, message: Message) -> TripKey:
    faults, prefix = message.faults, message.prefix
    start_date = start_s = None
    try:
        start_date = parse_date(text_of(trip.start_date)) if trip.start_date else None
    except ValueError:
        faults.add("E021", "trip", [text_of(trip.start_date)])
    try:
        start_s = parse_time(text_of(trip.start_time)) if trip.start_time else None
    except ValueError:
        faults.add("E020", "trip", [text_of(trip.start_time)])
    direction = trip.direction_id if trip.HasField("direction_id") else None
    trip_ref, route_ref = (_prefixed(prefix, ref) for ref in (trip.trip_id, trip.route_id))
    return TripKey(trip_ref, route_ref, direction, start_date, start_s)


def _trip(update: Any, message: Message) -> TripReport | None:
    key, kind = _key(update.trip, message), update.trip.schedule_relationship
    if update.timestamp > _POSIX_MAX:
        message.faults.add("E001", "trip_update", [key.trip_ref])
        return None
    _stops(update, message.prefix, key, message.faults)  # counts what cannot be read
    properties = update.trip_properties
    return TripReport(
        key=key,
        kind=_TRIP_KINDS.get(kind, TripKind.SCHEDULED),
        update=update,
        seen_at=update.timestamp,
        prefix=message.prefix,
        delay=update.delay if update.HasField("delay") else None,
        new_ref=text_of(properties.trip_id),
        new_start_s=_or_none(parse_time, properties.start_time),
        new_date=_or_none(parse_date, properties.start_date),
    )


def _or_none(parse: Any, text: str | bytes) -> Any:
    try:
        return parse(text_of(text)) if text else None
    except ValueError:
        return None


def _stops(update: Any, prefix: str, key: TripKey, faults: Faults) -> list[StopReport]:
    stops = (_stop(one, prefix, key, faults) for one in update.stop_time_update)
    return [stop for stop in stops if stop is not None]


def _stop(one: Any, prefix: str, key: TripKey, faults: Faults) -> StopReport | None:
    sequence = one.stop_sequence if one.HasField("stop_sequence") else None
    if sequence is None and not one.stop_id:
        faults.add("E040", "trip_update", [key.trip_ref])
        return None
    if max(one.arrival.time, one.departure.time) > _POSIX_MAX:
        faults.add("E001", "trip_update", [key.trip_ref])
        return None
    relationship = one.schedule_relationship
    return StopReport(
        sequence,
        _prefixed(prefix, one.stop_id),
        *_event(one, "arrival"),
        *_event(one, "departure"),
        skipped=relationship == pb.TripUpdate.StopTimeUpdate.SKIPPED,
        no_data=relationship == pb.TripUpdate.StopTimeUpdate.NO_DATA,
    )


def _event(one: Any, name: str) -> tuple[int | None, int | None]:
    if not one.HasField(name):
        return None, None
    event = getattr(one, name)
    return event.time or None, event.delay if event.HasField("delay") else None


def _vehicle(entity: Any, message: Message) -> VehicleReport | None:
    one, faults = entity.vehicle, message.faults
    ref = text_of(one.vehicle.id or entity.id)
    lat, lon = one.position.latitude, one.position.longitude
    if one.timestamp > _POSIX_MAX:
        faults.add("E001", "vehicle", [ref])
        return None
    if not (abs(lat) <= 90 and abs(lon) <= 180) or (abs(lat) < 1 and abs(lon) < 1):
        faults.add("E026", "vehicle", [ref])
        return None
    occupancy = Occupancy.UNKNOWN
    if one.HasField("occupancy_status") and one.occupancy_status < len(_OCCUPANCY):
        occupancy = _OCCUPANCY[one.occupancy_status]
    return VehicleReport(
        vehicle_ref=ref,
        key=_key(one.trip, message) if one.HasField("trip") else None,
        lat=lat,
        lon=lon,
        seen_at=one.timestamp,
        sequence=one.current_stop_sequence if one.HasField("current_stop_sequence") else None,
        at_stop=one.current_status == pb.VehiclePosition.STOPPED_AT,
        occupancy=occupancy,
        bearing=_finite(one.position.bearing) if one.position.HasField("bearing") else None,
    )


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def _alert(ref: str, alert: Any, message: Message) -> AlertReport | None:
    concerns = [
        Concern(
            _prefixed(message.prefix, one.agency_id),
            _prefixed(message.prefix, one.route_id or one.trip.route_id),
            _prefixed(message.prefix, one.trip.trip_id),
            _prefixed(message.prefix, one.stop_id),
            one.direction_id if one.HasField("direction_id") else None,
        )
        for one in alert.informed_entity
    ]
    if not concerns:
        message.faults.add("E032", "alert", [ref])
        return None
    last = _POSIX_MAX
    return AlertReport(
        ref=ref,
        periods=[(one.start, one.end or last) for one in alert.active_period],
        concerns=concerns,
        effect=pb.Alert.Effect.Name(alert.effect) if alert.effect else "UNKNOWN_EFFECT",
        header=_words(alert.header_text),
        text=_words(alert.description_text),
        url=_words(alert.url)[0],
    )


def _words(text: Any) -> tuple[str, str]:
    """In Chinese and in English; what is not there in one is as in the other."""
    by_language = {
        text_of(one.language).partition("-")[0].lower(): text_of(one.text)
        for one in text.translation
    }
    first = next(iter(by_language.values()), "")
    default = by_language.get("", first)
    return (
        by_language.get("zh", default) or by_language.get("en", default),
        by_language.get("en", default) or by_language.get("zh", default),
    )
