"""Reads a GTFS Schedule feed into a timetable. What is broken is counted and left out.

Only a feed without which nothing could be served is refused (`FeedError`): no zip, no stops, no
trips, no time zone. The reference is gtfs.org/documentation/schedule/reference.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from core.standards.gtfs.calendars import read_calendars
from core.standards.gtfs.fare_tables import FARE_FILES, read_fares
from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.stop_times import read_stop_times
from core.standards.gtfs.tables import UNPACKED_MAX_BYTES, Ints, Table, open_tables
from core.standards.gtfs.timetable import (
    STATION,
    Frequency,
    Route,
    Shapes,
    Stop,
    Timetable,
    Transfer,
    Trips,
)
from core.standards.gtfs.values import parse_date, parse_time

_WANTED: Mapping[str, Sequence[str]] = {
    "agency.txt": ("agency_id", "agency_name", "agency_timezone"),
    "stops.txt": (
        "stop_id stop_code stop_name stop_lat stop_lon zone_id location_type parent_station "
        "platform_code wheelchair_boarding"
    ).split(),
    "routes.txt": (
        "route_id agency_id route_short_name route_long_name route_type route_color network_id"
    ).split(),
    "trips.txt": (
        "route_id service_id trip_id trip_headsign direction_id block_id shape_id "
        "wheelchair_accessible"
    ).split(),
    "stop_times.txt": (
        "trip_id arrival_time departure_time stop_id stop_sequence pickup_type drop_off_type "
        "shape_dist_traveled"
    ).split(),
    "calendar.txt": (
        "service_id monday tuesday wednesday thursday friday saturday sunday start_date end_date"
    ).split(),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs", "exact_times"),
    "transfers.txt": (
        "from_stop_id to_stop_id transfer_type min_transfer_time from_trip_id to_trip_id"
    ).split(),
    "pathways.txt": (
        "from_stop_id to_stop_id pathway_mode is_bidirectional traversal_time length"
    ).split(),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "feed_info.txt": ("feed_start_date", "feed_end_date", "feed_version"),
    **FARE_FILES,
}
_REQUIRED = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
_WALKING_MS = 1.1
"""Metres a second in a station, where a pathway tells its length alone."""
_COLOR = re.compile(r"[0-9A-Fa-f]{6}")


def read_schedule(
    data: bytes, *, zone: str | None = None, unpacked_max: int = UNPACKED_MAX_BYTES
) -> Timetable:
    """The timetable of a zipped feed, with the faults that were found.

    `zone` is the time zone that it must have. Raises FeedError for a feed that cannot be used.
    """
    faults = Faults()
    tables = open_tables(data, _WANTED, faults, unpacked_max=unpacked_max)
    for name in _REQUIRED:
        if name not in tables or not tables[name].rows:
            raise FeedError("missing_required_file", name)
    if not {"calendar.txt", "calendar_dates.txt"} & tables.keys():
        raise FeedError("missing_calendar_and_calendar_date_files")
    agencies, own_zone = _agencies(tables["agency.txt"], faults)
    if zone is not None and own_zone.key != zone:
        raise FeedError("inconsistent_agency_timezone", f"{own_zone.key} and not {zone}")
    stops = _stops(tables["stops.txt"], faults)
    routes = _routes(tables["routes.txt"], agencies, faults)
    calendars = read_calendars(tables, faults)
    shape_numbers, shapes = _shapes(tables.get("shapes.txt"), faults)
    trips = _trips(
        tables["trips.txt"],
        _numbers(route.ref for route in routes),
        _numbers(calendar.ref for calendar in calendars),
        shape_numbers,
        faults,
    )
    stop_numbers = _numbers(stop.ref for stop in stops)
    trips, times = read_stop_times(tables["stop_times.txt"], trips, stops, stop_numbers, faults)
    trip_numbers = _numbers(trips.refs)
    version, first_day, last_day = _feed_info(tables.get("feed_info.txt"))
    fares = read_fares(tables, stops, calendars, faults)
    return Timetable(
        zone=own_zone,
        stops=stops,
        routes=routes,
        calendars=calendars,
        trips=trips,
        times=times,
        frequencies=_frequencies(tables.get("frequencies.txt"), trip_numbers, faults),
        transfers=_transfers(tables.get("transfers.txt"), stop_numbers, trip_numbers, faults),
        pathways=_pathways(tables.get("pathways.txt"), stop_numbers, faults),
        shapes=shapes,
        fares=(fares,) if fares else (),
        version=version,
        first_day=first_day,
        last_day=last_day,
        faults=faults,
    )


def _numbers(refs: Sequence[str] | object) -> dict[str, int]:
    return {ref: number for number, ref in enumerate(refs)}  # type: ignore[var-annotated, arg-type]


def _agencies(table: Table, faults: Faults) -> tuple[dict[str, str], ZoneInfo]:
    names = dict(zip(table.texts("agency_id"), table.texts("agency_name"), strict=True))
    zones = table.texts("agency_timezone")
    if len(set(zones)) > 1:
        faults.add("inconsistent_agency_timezone", table.name, zones)
    try:
        return names, ZoneInfo(zones[0])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise FeedError("invalid_timezone", zones[0][:40]) from None


def _distinct(table: Table, column: str, faults: Faults) -> list[int]:
    """The rows with an id that no row before them has."""
    seen: set[str] = set()
    kept, twice = [], []
    for row, ref in enumerate(table.texts(column)):
        if not ref:
            faults.add("missing_required_field", table.name, [f"row {row + 2}: {column}"])
        elif ref in seen:
            twice.append(ref)
        else:
            seen.add(ref)
            kept.append(row)
    faults.add("duplicate_key", table.name, twice)
    return kept


def _stops(table: Table, faults: Faults) -> list[Stop]:
    refs, rows = table.texts("stop_id"), _distinct(table, "stop_id", faults)
    lat, lon = table.numbers("stop_lat"), table.numbers("stop_lon")
    kind = table.integers("location_type", 0, most=4)
    on_globe = (abs(lat) <= 90) & (abs(lon) <= 180)
    near_origin = on_globe & (abs(lat) <= 1) & (abs(lon) <= 1)
    placed = on_globe & ~near_origin
    faults.add("point_near_origin", table.name, [refs[r] for r in rows if near_origin[r]])
    # only generic nodes and boarding areas need no place of their own
    lost = [refs[row] for row in rows if not on_globe[row] and kind[row] < 3]
    faults.add("stop_without_location", table.name, lost)
    kept = [row for row in rows if placed[row] or (kind[row] >= 3 and not near_origin[row])]
    numbers = {refs[row]: number for number, row in enumerate(kept)}
    parents = table.texts("parent_station")
    unknown = [parents[row] for row in kept if parents[row] and parents[row] not in numbers]
    faults.add("foreign_key_violation", table.name, [f"parent_station={ref}" for ref in unknown])
    codes, names, zones = (table.texts(name) for name in ("stop_code", "stop_name", "zone_id"))
    platforms = table.texts("platform_code")
    wheelchair = table.integers("wheelchair_boarding", 0, most=2)
    stops = [
        Stop(
            ref=refs[row],
            code=codes[row],
            name=names[row] or refs[row],
            lat=float(lat[row]) if placed[row] else float("nan"),
            lon=float(lon[row]) if placed[row] else float("nan"),
            location_type=int(kind[row]),
            parent=numbers.get(parents[row], -1) if parents[row] else -1,
            platform=platforms[row],
            wheelchair=int(wheelchair[row]),
            zone=zones[row],
        )
        for row in kept
    ]
    wrong = [s.ref for s in stops if s.location_type == STATION and s.parent >= 0]
    faults.add("station_with_parent_station", table.name, wrong)
    return stops


def _routes(table: Table, agencies: Mapping[str, str], faults: Faults) -> list[Route]:
    only = next(iter(agencies.values())) if len(agencies) == 1 else ""
    kinds, colors = table.integers("route_type", 3, most=1_800), table.texts("route_color")
    refs, agency = table.texts("route_id"), table.texts("agency_id")
    short, long = table.texts("route_short_name"), table.texts("route_long_name")
    rows = _distinct(table, "route_id", faults)
    nameless = [refs[row] for row in rows if not short[row] and not long[row]]
    faults.add("route_both_short_and_long_name_missing", table.name, nameless)
    unknown = [
        f"agency_id={agency[row]}" for row in rows if agency[row] and agency[row] not in agencies
    ]
    faults.add("foreign_key_violation", table.name, unknown)
    return [
        Route(
            ref=refs[row],
            short_name=short[row] or long[row] or refs[row],
            long_name=long[row],
            kind=int(kinds[row]),
            agency=agencies.get(agency[row], only),
            color=colors[row] if _COLOR.fullmatch(colors[row]) else "",
        )
        for row in rows
    ]


def _trips(
    table: Table,
    routes: Mapping[str, int],
    services: Mapping[str, int],
    shapes: Mapping[str, int],
    faults: Faults,
) -> Trips:
    """The trips of known routes and services, not yet with rows."""
    refs = table.texts("trip_id")
    route, service = _lookup(table, "route_id", routes), _lookup(table, "service_id", services)
    for column, numbers in (("route_id", route), ("service_id", service)):
        bad = np.flatnonzero(numbers < 0)
        samples = [f"{column} of {refs[row]}" for row in bad[:5]]
        faults.add("foreign_key_violation", table.name, samples, len(bad))
    rows = np.array(_distinct(table, "trip_id", faults), np.int64)
    rows = rows[(route[rows] >= 0) & (service[rows] >= 0)]
    blocks, block_names = table.codes("block_id")
    if "" in block_names:
        blocks = np.where(blocks == block_names.index(""), -1, blocks)
    signs = table.texts("trip_headsign")
    return Trips(
        refs=[refs[row] for row in rows],
        route=route[rows],
        service=service[rows],
        headsign=[signs[row] for row in rows],
        direction=table.integers("direction_id", -1, most=1)[rows],
        block=blocks[rows].astype(np.int32),
        wheelchair=table.integers("wheelchair_accessible", 0, most=2)[rows],
        shape=_lookup(table, "shape_id", shapes)[rows],
        first_row=np.zeros(len(rows) + 1, np.int32),
    )


def _lookup(table: Table, column: str, numbers: Mapping[str, int]) -> Ints:
    """A column of refs as numbers; -1 for what is not known."""
    codes, values = table.codes(column)
    known = np.array([numbers.get(value, -1) for value in values] or [-1], np.int32)
    return known[codes]


def _frequencies(table: Table | None, trips: Mapping[str, int], faults: Faults) -> list[Frequency]:
    if table is None:
        return []
    trip = _lookup(table, "trip_id", trips)
    first = table.parsed("start_time", parse_time, -1, np.int32, "invalid_time")
    until = table.parsed("end_time", parse_time, -1, np.int32, "invalid_time")
    headway = table.integers("headway_secs", 0, least=1, most=86_400)
    exact = table.integers("exact_times", 0, most=1)
    good = (trip >= 0) & (first >= 0) & (until > first) & (headway > 0)
    bad = np.flatnonzero(~good)
    faults.add("start_and_end_range_out_of_order", table.name, bad[:5] + 2, len(bad))
    order = sorted(np.flatnonzero(good), key=lambda row: (trip[row], first[row], until[row]))
    for row, after in pairwise(order):
        if trip[after] == trip[row] and first[after] < until[row]:
            faults.add("overlapping_frequency", table.name, [f"row {after + 2}"])
    return [
        Frequency(
            int(trip[row]), int(first[row]), int(until[row]), int(headway[row]), bool(exact[row])
        )
        for row in order
    ]


def _transfers(
    table: Table | None, stops: Mapping[str, int], trips: Mapping[str, int], faults: Faults
) -> list[Transfer]:
    if table is None:
        return []
    kind = table.integers("transfer_type", 0, most=5)
    seconds = table.integers("min_transfer_time", 0, most=86_400)
    from_stop, to_stop = _lookup(table, "from_stop_id", stops), _lookup(table, "to_stop_id", stops)
    from_trip, to_trip = _lookup(table, "from_trip_id", trips), _lookup(table, "to_trip_id", trips)
    found = []
    for row in range(table.rows):
        between_trips = kind[row] in (4, 5) and from_trip[row] >= 0 and to_trip[row] >= 0
        if between_trips or (from_stop[row] >= 0 and to_stop[row] >= 0):
            numbers = (from_stop, to_stop, kind, seconds, from_trip, to_trip)
            found.append(Transfer(*(int(column[row]) for column in numbers)))
        else:
            faults.add("foreign_key_violation", table.name, [f"row {row + 2}"])
    return found


def _pathways(
    table: Table | None, stops: Mapping[str, int], faults: Faults
) -> list[tuple[int, int, int]]:
    if table is None:
        return []
    from_stop, to_stop = _lookup(table, "from_stop_id", stops), _lookup(table, "to_stop_id", stops)
    seconds, metres = table.integers("traversal_time", -1), table.numbers("length")
    both_ways = table.integers("is_bidirectional", 0, most=1)
    found = []
    for row in range(table.rows):
        if from_stop[row] < 0 or to_stop[row] < 0:
            faults.add("foreign_key_violation", table.name, [f"row {row + 2}"])
            continue
        walk_s = int(seconds[row])
        if walk_s < 0:
            walk_s = 60 if np.isnan(metres[row]) else round(metres[row] / _WALKING_MS)
        found.append((int(from_stop[row]), int(to_stop[row]), walk_s))
        if both_ways[row]:
            found.append((int(to_stop[row]), int(from_stop[row]), walk_s))
    return found


def _shapes(table: Table | None, faults: Faults) -> tuple[dict[str, int], Shapes]:
    if table is None or not table.rows:
        return {}, Shapes(np.zeros(1, np.int32), np.empty(0), np.empty(0))
    codes, refs = table.codes("shape_id")
    lat, lon = table.numbers("shape_pt_lat"), table.numbers("shape_pt_lon")
    sequence = table.integers("shape_pt_sequence", -1)
    good = (abs(lat) <= 90) & (abs(lon) <= 180) & (sequence >= 0)
    bad = np.flatnonzero(~good)
    faults.add("invalid_shape_point", table.name, bad[:5] + 2, len(bad))
    order = np.lexsort((sequence, codes))
    order = order[good[order]]
    counts = np.bincount(codes[order], minlength=len(refs))
    first = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    numbers = {ref: number for number, ref in enumerate(refs) if ref}
    return numbers, Shapes(first, lat[order], lon[order])


def _feed_info(table: Table | None) -> tuple[str, date, date]:
    if table is None or not table.rows:
        return "", date.min, date.max
    first, last = (table.texts(name)[0] for name in ("feed_start_date", "feed_end_date"))
    return table.texts("feed_version")[0], _day(first, date.min), _day(last, date.max)


def _day(text: str, otherwise: date) -> date:
    try:
        return parse_date(text) if text else otherwise
    except ValueError:
        return otherwise
