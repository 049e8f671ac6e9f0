"""GTFS Schedule: kind to how feeds are written, strict in what they say; faults by their rules."""

import io
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.standards.gtfs.combine import combine
from core.standards.gtfs.faults import FeedError
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import Timeline, build_timeline
from core.standards.gtfs.timetable import Timetable, versions
from tests.gtfs import STOP_TIMES, feed_files, zip_of

DAY = date(2026, 11, 27)
ABCD = [("A", "10:00:00"), ("B", "10:10:00"), ("C", "10:20:00"), ("D", "10:30:00")]


def _files(**changes: str) -> dict[str, Any]:
    return feed_files({"T": ABCD}) | changes


def _read(**changes: str) -> Timetable:
    return read_schedule(zip_of(_files(**changes)))


def _times(made: Timetable) -> list[int]:
    return made.times.arrival.tolist()


@pytest.mark.parametrize(
    ("begins", "runs_on", "asked_on", "expected"),
    [
        ("25:30:00", "20261127", date(2026, 11, 28), 5400),
        ("49:30:00", "20261127", date(2026, 11, 29), 5400),
    ],
)
def test_a_trip_of_an_earlier_service_day_runs_after_midnight(
    begins: str, runs_on: str, asked_on: date, expected: int
) -> None:
    # OneBusAway/maglev#453, #664; r5py/r5py#508: also where the later day has no service
    files = feed_files({"T": [("A", "10:00:00"), ("B", begins)]})
    del files["calendar"]
    files["calendar_dates"] = f"service_id,date,exception_type\ndaily,{runs_on},1\n"
    line = build_timeline(read_schedule(zip_of(files)), asked_on)
    assert [int(line.arrival[row]) for row in range(1, len(line.run), 2)] == [expected]
    assert line.service_date(0) == DAY


def test_hours_without_a_leading_zero_are_numbers() -> None:
    trips = {"T": [("A", "9:59:00"), ("B", "10:00:00")]}
    assert _times(read_schedule(zip_of(feed_files(trips)))) == [35940, 36000]


def test_times_count_from_noon_minus_twelve_hours() -> None:
    # google/transit#328: on the day on which clocks go back, 08:00 is 08:00 standard time
    files = feed_files({"T": ABCD}, zone="America/Los_Angeles")
    made = read_schedule(zip_of(files))
    eight = made.starts_at(date(2023, 11, 5)) + 8 * 3600
    local = datetime.fromtimestamp(eight, UTC).astimezone(ZoneInfo("America/Los_Angeles"))
    assert (local.hour, local.tzname()) == (8, "PST")


def test_the_way_a_feed_is_written_changes_nothing() -> None:
    plain = _read()
    quirky = {
        name: "\ufeff"
        + content.replace("stop_id,stop_name", '"stop_id",stop_name').replace("\n", "\r\n")
        + "\r\n"
        for name, content in _files().items()
    }
    quirky["routes"] = quirky["routes"].replace("L1,3", '"L1",3')
    made = read_schedule(zip_of(quirky | {"unheard_of": "a,b\n1,2\n"}))
    assert (_times(made), made.stops, made.routes) == (_times(plain), plain.stops, plain.routes)
    assert {fault.rule for fault in made.faults} == {"unknown_file"}


def test_a_quoted_line_break_and_an_unknown_column_are_silent() -> None:
    stops = 'stop_id,stop_name,stop_lat,stop_lon,mood\nA,"A\nsquare",36.6,117,x\n'
    stops += "".join(f"{name},{name},36.7,117,y\n" for name in "BCD")
    made = _read(stops=stops)
    assert (made.stops[0].name, len(made.faults)) == ("A\nsquare", 0)


@pytest.mark.parametrize("content", ["fare_id,price", "", "\n", 'fare_id,price\n"a,1\n', "\x00"])
def test_a_file_without_a_row_that_can_be_read_is_passed_over(content: str) -> None:
    made = _read(fare_attributes=content)
    assert (_times(made), made.fares) == (_times(_read()), ())


def test_chinese_in_gb18030_is_read_and_counted() -> None:
    files = _files()
    files["stops"] = files["stops"].replace("A,A,", "A,泉城广场,").encode("gb18030")
    made = read_schedule(zip_of(files))
    assert made.stops[0].name == "泉城广场"
    assert made.faults.count("invalid_character") == 1


def test_stops_without_times_are_filled_in_by_distance() -> None:
    # hove-io/navitia#1362; opentripplanner/OpenTripPlanner#1821, #2392
    times = STOP_TIMES + "T,10:00:00,10:00:00,A,1\nT,,,B,2\nT,,,C,3\nT,10:30:00,10:30:00,D,4\n"
    made = _read(stop_times=times)
    assert _times(made) == [36000, 36600, 37200, 37800]
    assert made.times.approximate.tolist() == [False, True, True, False]


def test_a_trip_without_its_last_time_is_left_out_and_the_rest_served() -> None:
    more = STOP_TIMES + "T,10:00:00,10:00:00,A,1\nT,,,B,2\nU,11:00:00,11:00:00,A,1\n"
    more += "U,11:10:00,11:10:00,B,2\n"
    trips = "route_id,service_id,trip_id\nL1,daily,T\nL1,daily,U\n"
    made = _read(stop_times=more, trips=trips)
    assert made.trips.refs == ["U"]
    assert made.faults.count("missing_trip_edge") == 1


def _starts(line: Timeline) -> list[int]:
    """When the runs of the day leave, in minutes."""
    return (line.starts_s[line.service_day == 0] // 60).tolist()


def test_frequencies_leave_at_their_own_times_alone() -> None:
    # mapourtransit/gtfs-maker#15; UrbanAnalyst/gtfsrouter#89
    times = STOP_TIMES + "T,07:45:00,07:45:00,A,1\nT,07:55:00,07:55:00,B,2\n"
    header = "trip_id,start_time,end_time,headway_secs,exact_times\n"
    made = _read(stop_times=times, frequencies=header + "T,06:00:00,06:30:00,420,0\n")
    line = build_timeline(made, DAY)
    today = [
        int(s) // 60 for s, day in zip(line.starts_s, line.service_day, strict=True) if not day
    ]
    assert today == [360, 367, 374, 381, 388]
    rows = range(int(line.first_row[0]), int(line.first_row[1]))
    assert line.arrival[rows[1]] - line.departure[rows[0]] == 600


def test_overlapping_frequencies_start_each_run_once() -> None:
    # google/transit#604
    header = "trip_id,start_time,end_time,headway_secs,exact_times\n"
    rows = "T,06:00:00,06:20:00,300,1\nT,06:10:00,06:40:00,600,1\n"
    made = _read(frequencies=header + rows)
    line = build_timeline(made, DAY)
    assert sorted(_starts(line)) == [360, 365, 370, 375, 380, 390]
    assert made.faults.count("overlapping_frequency") == 1


_BAD: dict[str, tuple[dict[str, str], str]] = {
    "times go back": (
        {"stop_times": STOP_TIMES + "T,10:00:00,10:00:00,A,1\nT,09:00:00,09:00:00,B,2\n"},
        "no_usable_trip",
    ),
    "no stop times": ({"stop_times": STOP_TIMES}, "missing_required_file"),
    "unknown zone": (
        {"agency": "agency_id,agency_name,agency_url,agency_timezone\na,A,u,Mars/Olympus\n"},
        "invalid_timezone",
    ),
}


@pytest.mark.parametrize(("changes", "rule"), _BAD.values(), ids=_BAD)
def test_a_feed_that_cannot_be_used_is_refused_by_name(changes: dict[str, str], rule: str) -> None:
    with pytest.raises(FeedError) as refusal:
        _read(**changes)
    assert refusal.value.rule == rule


def test_another_time_zone_than_the_citys_is_refused() -> None:
    with pytest.raises(FeedError, match="inconsistent_agency_timezone"):
        read_schedule(zip_of(_files()), zone="Asia/Tokyo")


_COUNTED: dict[str, tuple[str, str, str]] = {
    "stop at the null island": ("stops", "E,E,0,0\n", "point_near_origin"),
    "stop without a place": ("stops", "E,E,,\n", "stop_without_location"),
    "stop beyond the pole": ("stops", "E,E,200,117\n", "stop_without_location"),
    "stop twice": ("stops", "A,A,36.6,117\n", "duplicate_key"),
    "row cut short": ("stops", "E,E\n", "invalid_row_length"),
    "unknown stop": ("stop_times", "U,10:00:00,10:00:00,Z,1\n", "foreign_key_violation"),
    "no time at all": ("stop_times", "T,ten,10:40:00,D,5\n", "invalid_time"),
    "unknown route": ("trips", "L9,daily,V,x,0\n", "foreign_key_violation"),
    "unknown service": ("trips", "L1,never,V,x,0\n", "foreign_key_violation"),
    "line without a name": ("routes", "L2,a,,3\n", "route_both_short_and_long_name_missing"),
    "no such weekday": ("calendar", "x,1,1,1,7,1,1,1,20260101,20261231\n", "number_out_of_range"),
    "ends before it begins": (
        "calendar", "x,1,1,1,1,1,1,1,20270101,20261231\n", "start_and_end_range_out_of_order",
    ),
    "no such day": ("calendar", "x,1,1,1,1,1,1,1,20260101,20261332\n", "invalid_date"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "row", "rule"), _COUNTED.values(), ids=_COUNTED)
def test_what_is_broken_is_counted_and_the_rest_served(file: str, row: str, rule: str) -> None:
    files = _files()
    made = read_schedule(zip_of(files | {file: files[file] + row}))
    assert made.faults.count(rule) >= 1
    assert made.trips.refs == ["T"]


def test_a_row_that_ends_early_leaves_the_rest_empty_and_a_longer_one_is_no_row() -> None:
    files = _files()
    header, *rows = files["stop_times"].splitlines()
    longer = [f"{row},," for row in rows[:2]] + rows[2:]
    table = "\n".join([f"{header},pickup_type,drop_off_type", *longer, "U,1,2,3,4,5,6,7,8,9", ""])
    made = read_schedule(zip_of(files | {"stop_times": table}))
    assert made.times.stop.tolist() == read_schedule(zip_of(files)).times.stop.tolist()
    assert made.faults.count("invalid_row_length") == len(rows) - 2 + 1


def test_bombs_and_what_is_no_zip_are_refused() -> None:
    with pytest.raises(FeedError, match="too_large"):
        read_schedule(zip_of(_files(stops="x" * 2_000_000)), unpacked_max=1_000_000)
    with pytest.raises(FeedError, match="too_many_files"):
        read_schedule(zip_of({f"f{n}": "a\n" for n in range(600)}))
    for data in (b"", b"PK\x05\x06" + bytes(9), zip_of(_files())[:-40]):
        with pytest.raises(FeedError, match="unreadable_zip"):
            read_schedule(data)


def test_a_feed_in_a_folder_is_read_and_two_are_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in _files().items():
            archive.writestr(f"google_transit/{name}.txt", content)
    made = read_schedule(packed.getvalue())
    assert made.faults.count("invalid_input_files_in_subfolder") == 1
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("other/stops.txt", "stop_id\n")
    with pytest.raises(FeedError, match="ambiguous_feed"):
        read_schedule(packed.getvalue())


def test_feeds_of_several_agencies_are_one_with_prefixes() -> None:
    made = combine([("bus:", _read()), ("metro:", _read())])
    assert [stop.ref for stop in made.stops[::4]] == ["bus:A", "metro:A"]
    line = build_timeline(made, DAY)
    today = line.trip[line.service_day == 0]
    assert [made.trips.refs[trip] for trip in today] == ["bus:T", "metro:T"]
    with pytest.raises(FeedError, match="inconsistent_agency_timezone"):
        combine(
            [
                ("", _read()),
                ("x:", read_schedule(zip_of(feed_files({"T": ABCD}, zone="Asia/Tokyo")))),
            ]
        )


def test_tomorrows_timetable_takes_over_at_its_date_without_a_gap() -> None:
    info = "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date\n"
    old = _read(feed_info=info + "A,u,zh,20260101,20271231\n")
    later = feed_files({"N": [("A", "12:00:00"), ("D", "12:40:00")]})
    new = read_schedule(zip_of(later | {"feed_info": info + "A,u,zh,20261128,20271231\n"}))
    made = combine([("", one) for one in versions([new, old])])
    assert len(made.stops) == 4
    for day, ref in ((date(2026, 11, 27), "T"), (date(2026, 11, 28), "N")):
        line = build_timeline(made, day)
        assert [made.trips.refs[t] for t in line.trip[line.service_day == 0]] == [ref]
