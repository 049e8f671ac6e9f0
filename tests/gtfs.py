"""Small GTFS feeds and realtime messages for tests, written as the standard has them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.transit import gtfs_realtime_pb2 as pb

from modules.mobility.timetable.feeds import Schedule
from tests.fakes import Silence

CALENDAR = (
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "daily,1,1,1,1,1,1,1,20260101,20271231\n"
)
STOP_TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"


def zip_of(files: Mapping[str, str | bytes]) -> bytes:
    """A zipped feed of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.txt", content)
    return packed.getvalue()


def feed_files(
    trips: Mapping[str, Sequence[tuple[str, str]]],
    *,
    stops: Mapping[str, tuple[float, float]] | None = None,
    route_of: Mapping[str, str] | None = None,
    zone: str = "Asia/Shanghai",
) -> dict[str, str]:
    """A feed of trips, each a list of stops with its time there; all run every day on one line.

    Stops that have no place lie a kilometre apart from south to north through the city's centre.
    """
    names = dict.fromkeys(stop for times in trips.values() for stop, _ in times)
    places = {name: (36.62 + 0.009 * i, 117.0) for i, name in enumerate(names)} | dict(stops or {})
    lines = {trip: (route_of or {}).get(trip, "L1") for trip in trips}
    return {
        "agency": f"agency_id,agency_name,agency_url,agency_timezone\na,A,https://a.example,{zone}\n",
        "stops": "stop_id,stop_name,stop_lat,stop_lon\n"
        + "".join(f"{name},{name},{lat},{lon}\n" for name, (lat, lon) in places.items()),
        "routes": "route_id,agency_id,route_short_name,route_type\n"
        + "".join(f"{line},a,{line},3\n" for line in dict.fromkeys(lines.values())),
        "calendar": CALENDAR,
        "trips": "route_id,service_id,trip_id,trip_headsign,direction_id\n"
        + "".join(f"{lines[trip]},daily,{trip},{trips[trip][-1][0]},0\n" for trip in trips),
        "stop_times": STOP_TIMES
        + "".join(
            f"{trip},{time},{time},{stop},{number}\n"
            for trip, times in trips.items()
            for number, (stop, time) in enumerate(times, 1)
        ),
    }


def message(at: datetime | None = None) -> Any:
    """An empty realtime message of a moment; without one it says no time."""
    made = pb.FeedMessage()
    made.header.gtfs_realtime_version = "2.0"
    if at is not None:
        made.header.timestamp = int(at.timestamp())
    return made


def add_trip(made: Any, trip: str, delays: Mapping[int, int | None], **fields: Any) -> Any:
    """Add an update of a trip: by stop sequence its delay (s), or None for skipped."""
    update = made.entity.add(id=f"t{len(made.entity)}").trip_update
    update.trip.trip_id = trip
    for name, value in fields.items():
        setattr(update.trip, name, value)
    for sequence, delay in delays.items():
        stop = update.stop_time_update.add(stop_sequence=sequence)
        if delay is None:
            stop.schedule_relationship = pb.TripUpdate.StopTimeUpdate.SKIPPED
        else:
            stop.arrival.delay = stop.departure.delay = delay
    return update


class FakeFeed(Silence):
    """A city's feed in memory."""

    name = "bus_feed"

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        super().__init__()
        self.files = files
        self.trips = message()
        self.vehicles = message()
        self.alerts = message()
        self.raw: bytes | None = None
        """What is sent in the place of every message."""

    async def fetch_schedule(self, path: str, etag: str) -> Schedule | None:
        """See modules.mobility.timetable.feeds."""
        self.answer("fetch_schedule")
        return Schedule("", zip_of(self.files))

    async def fetch_realtime(self, path: str) -> bytes:
        """See modules.mobility.timetable.feeds."""
        self.answer("fetch_realtime")
        if self.raw is not None:
            return self.raw
        kind = {"/trip-updates.pb": self.trips, "/vehicle-positions.pb": self.vehicles}
        encoded: bytes = kind.get(path, self.alerts).SerializeToString()
        return encoded
