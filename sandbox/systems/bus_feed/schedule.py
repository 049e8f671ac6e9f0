"""The bus feed's timetable as a zipped GTFS Schedule feed (gtfs.org)."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache

from sandbox.population.geography import Place
from sandbox.systems.bus_feed.network import METRO, WEEKDAY, WEEKEND, Network, make_network

AGENCIES = (("bus", "示范公交", "zh"), ("metro", "示范地铁", "zh"))
VALID_DAYS = 60
_FILES_AT = (1980, 1, 1, 0, 0, 0)


def clock(seconds: int) -> str:
    """Seconds of the day as GTFS has them, beyond 24 hours too."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@lru_cache(maxsize=2)
def make_feed(seed: int, size: str, centre: Place, today: date) -> tuple[bytes, str]:
    """The zip and its ETag; it is valid from a week before the month of `today`."""
    network = make_network(seed, size, centre)
    first = today.replace(day=1) - timedelta(days=7)
    last = first + timedelta(days=VALID_DAYS + 38)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, header, rows in _files(network, first, last):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\r\n")
            writer.writerow(header)
            writer.writerows(rows)
            info = zipfile.ZipInfo(f"{name}.txt", _FILES_AT)
            archive.writestr(info, text.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)
    body = packed.getvalue()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


Rows = Iterable[Sequence[object]]


def _files(network: Network, first: date, last: date) -> Iterable[tuple[str, Sequence[str], Rows]]:
    url, zone = "https://bus.example.com", "Asia/Shanghai"
    yield (
        "agency",
        ("agency_id", "agency_name", "agency_url", "agency_timezone", "agency_lang"),
        [(ref, name, url, zone, lang) for ref, name, lang in AGENCIES],
    )
    yield (
        "feed_info",
        (
            *("feed_publisher_name", "feed_publisher_url", "feed_lang", "feed_start_date"),
            *("feed_end_date", "feed_version", "feed_contact_url"),
        ),
        [("示范公交", url, "zh", f"{first:%Y%m%d}", f"{last:%Y%m%d}", f"{first:%Y%m}", url)],
    )
    days = "monday tuesday wednesday thursday friday saturday sunday".split()
    yield (
        "calendar",
        ("service_id", *days, "start_date", "end_date"),
        [
            (WEEKDAY, *(1, 1, 1, 1, 1, 0, 0), f"{first:%Y%m%d}", f"{last:%Y%m%d}"),
            (WEEKEND, *(0, 0, 0, 0, 0, 1, 1), f"{first:%Y%m%d}", f"{last:%Y%m%d}"),
        ],
    )
    yield from _stops_and_trips(network)
    yield from _long_files(network)


def _stops_and_trips(network: Network) -> Iterable[tuple[str, Sequence[str], Rows]]:
    yield (
        "stops",
        (
            *("stop_id", "stop_code", "stop_name", "stop_lat", "stop_lon", "location_type"),
            *("parent_station", "platform_code", "wheelchair_boarding"),
        ),
        [
            (
                s.ref,
                s.ref,
                s.name_zh,
                s.at.lat,
                s.at.lon,
                int(s.is_station),
                s.parent,
                s.platform,
                1,
            )
            for s in network.stops
        ],
    )
    yield (
        "routes",
        ("route_id", "agency_id", "route_short_name", "route_type", "route_color"),
        [
            (line.ref, "metro" if line.kind == METRO else "bus", line.name, line.kind, "1F6FB5")
            for line in network.lines
        ],
    )
    yield (
        "trips",
        (
            *("route_id", "service_id", "trip_id", "trip_headsign", "direction_id", "block_id"),
            *("shape_id", "wheelchair_accessible"),
        ),
        [
            (
                *(t.line.ref, t.service, t.ref, t.line.ways[t.direction][-1].name_zh),
                *(t.direction, t.block, f"{t.line.ref}-{t.direction}", 1),
            )
            for t in network.trips
        ],
    )


def _long_files(network: Network) -> Iterable[tuple[str, Sequence[str], Rows]]:
    yield (
        "stop_times",
        ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
        (
            (trip.ref, clock(arrival), clock(departure), stop.ref, number)
            for trip in network.trips
            for number, (stop, arrival, departure) in enumerate(trip.times(), 1)
        ),
    )
    yield (
        "shapes",
        ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
        (
            (f"{line.ref}-{direction}", stop.at.lat, stop.at.lon, number)
            for line in network.lines
            for direction, way in enumerate(line.ways)
            for number, stop in enumerate(way, 1)
        ),
    )
    yield (
        "fare_attributes",
        ("fare_id", "price", "currency_type", "payment_method", "transfers", "agency_id"),
        [("bus", "2.00", "CNY", 0, 0, "bus"), ("metro", "4.00", "CNY", 1, 0, "metro")],
    )
    yield (
        "fare_rules",
        ("fare_id", "route_id"),
        [("metro" if line.kind == METRO else "bus", line.ref) for line in network.lines],
    )
