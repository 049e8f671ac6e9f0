"""GTFS-Realtime: what is predicted, of what, and how fresh that is."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.transit import gtfs_realtime_pb2 as pb

from core.standards.gtfs.faults import Faults, FeedError
from core.standards.gtfs.predictions import Basis, Freshness, Predictions, Reports, Row, predict
from core.standards.gtfs.realtime import Message, TripKind, read_message, read_slowly
from core.standards.gtfs.realtime_check import check_message
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import Timeline, build_timeline
from core.standards.gtfs.timetable import Timetable
from core.standards.gtfs.vehicles import Fleet
from tests.gtfs import add_trip, feed_files, message, zip_of
from tests.shared_data import shared

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)
TEN = datetime(2026, 11, 23, 10, tzinfo=SHANGHAI)
EIGHT = [(f"S{n}", f"10:{n * 5:02d}:00") for n in range(1, 9)]


def _timetable(**trips: Any) -> Timetable:
    return read_schedule(zip_of(feed_files(trips or {"T": EIGHT})))


def _predict(line: Timeline, made: Any, now: datetime = TEN) -> Predictions:
    told = read_message(made.SerializeToString())
    fleet, faults = Fleet(), Faults()
    moment = int(now.timestamp())
    at = told.timestamp or moment
    fleet.take(told.vehicles.values(), at, moment, faults)
    reports = Reports(at, list(told.trips.values()), fleet.vehicles, at)
    found = predict(line, [reports], moment)
    found.faults.merge(told.faults)
    found.faults.merge(faults)
    return found


def _delays(found: Predictions, run: int = 0) -> list[int | str]:
    """By stop: its delay, or what else is known."""
    line = found.timeline
    rows = range(int(line.first_row[run]), int(line.first_row[run + 1]))
    names = {Row.SKIPPED: "skipped", Row.PASSED: "passed", Row.TIMETABLE: "timetable"}
    return [names.get(Row(int(found.rows[row])), found.delay_s(row)) for row in rows]


def _add_no_data(update: Any, sequence: int) -> None:
    stop = update.stop_time_update.add(stop_sequence=sequence)
    stop.schedule_relationship = pb.TripUpdate.StopTimeUpdate.NO_DATA


def test_delays_are_carried_on_past_skipped_stops_until_there_is_no_data() -> None:
    # CUTR-at-USF/gtfs-realtime-validator#27; google/transit#139; OpenTripPlanner#2780
    made = message(TEN)
    _add_no_data(add_trip(made, "T", {5: 60, 6: None}), 8)
    found = _predict(build_timeline(_timetable(), DAY), made)
    assert _delays(found) == [*["timetable"] * 4, 60, "skipped", 60, "timetable"]
    first = int(found.timeline.first_row[0])
    fresh = [found.freshness(0, first + place, int(TEN.timestamp())) for place in (4, 7)]
    assert fresh == [Freshness.LIVE, Freshness.SCHEDULED]


@pytest.mark.parametrize(("late_s", "next_departs"), [(480, 10 * 60 + 8), (-180, 10 * 60 + 5)])
def test_a_vehicle_that_is_late_begins_its_next_trip_late(late_s: int, next_departs: int) -> None:
    # OneBusAway/onebusaway-android#606: and one that is early waits
    files = feed_files(
        {
            "A": [("X", "09:30:00"), ("Y", "10:00:00")],
            "B": [("Y", "10:05:00"), ("X", "10:35:00")],
        }
    )
    header, *rows = files["trips"].splitlines()
    files["trips"] = "\n".join([f"{header},block_id", *(f"{row},b1" for row in rows)])
    line = build_timeline(read_schedule(zip_of(files)), DAY)
    made = message(TEN - timedelta(minutes=5))
    add_trip(made, "A", {2: late_s})
    found = _predict(line, made, TEN - timedelta(minutes=5))
    (run,) = [r for r in line.runs_of[1] if line.service_date(r) == DAY]
    row = int(line.first_row[run])
    assert int(found.departure[row]) // 60 == next_departs
    assert found.basis[run] is Basis.BLOCK


def _with_vehicle(made: Any, at: datetime, lat: float = 36.62, ref: str = "V") -> Any:
    vehicle = made.entity.add(id=f"{ref}{len(made.entity)}").vehicle
    vehicle.vehicle.id, vehicle.trip.trip_id = ref, "T"
    vehicle.position.latitude, vehicle.position.longitude = lat, 117.0
    vehicle.timestamp = int(at.timestamp())
    return made


def _seen(*told: tuple[int, float]) -> tuple[Any, Faults]:
    """A fleet after reports (seconds after ten, latitude), each in a message of that second."""
    fleet, faults = Fleet(), Faults()
    for second, lat in told:
        at = TEN + timedelta(seconds=second)
        read = read_message(_with_vehicle(message(at), at, lat).SerializeToString())
        now = int((TEN + timedelta(seconds=max(s for s, _ in told))).timestamp())
        fleet.take(read.vehicles.values(), read.timestamp, now, faults)
    return fleet.vehicles["V"], faults


def test_an_older_report_changes_nothing() -> None:
    # OneBusAway/maglev#476, #527
    vehicle, faults = _seen((100, 36.64), (70, 36.63))
    assert vehicle.report.seen_at == int(TEN.timestamp()) + 100
    assert faults.count("older_than_known") == 1


def test_a_vehicle_that_leaps_is_believed_when_it_says_so_again() -> None:
    vehicle, faults = _seen((0, 36.62), (15, 36.92))
    assert (round(vehicle.report.lat, 2), faults.count("teleported")) == (36.62, 1)
    vehicle, _ = _seen((0, 36.62), (15, 36.92), (30, 36.92))
    assert round(vehicle.report.lat, 2) == 36.92


def test_one_silent_vehicle_is_stale_in_a_feed_that_is_alive() -> None:
    # MobilityData/gtfs-realtime-validator#162
    trips = {"T": EIGHT, "U": EIGHT}
    line = build_timeline(_timetable(**trips), DAY)
    made = message(TEN)
    add_trip(made, "T", {1: 60}).timestamp = int(TEN.timestamp()) - 95
    add_trip(made, "U", {1: 60}).timestamp = int(TEN.timestamp()) - 10
    found = _predict(line, made)
    runs = [next(r for r in line.runs_of[t] if line.service_date(r) == DAY) for t in (0, 1)]
    rows = [int(line.first_row[run]) + 3 for run in runs]
    now = int(TEN.timestamp())
    fresh = [found.freshness(run, row, now) for run, row in zip(runs, rows, strict=True)]
    assert fresh == [Freshness.STALE, Freshness.LIVE]
    assert found.freshness(runs[1], rows[1], now + 66) is Freshness.STALE
    assert found.freshness(runs[1], rows[1], now + 700) is Freshness.SCHEDULED


def test_times_in_milliseconds_are_refused() -> None:
    made = message()
    made.header.timestamp = int(TEN.timestamp()) * 1000
    with pytest.raises(FeedError, match="E001"):
        read_message(made.SerializeToString())
    made = _with_vehicle(message(TEN), TEN)
    made.entity[0].vehicle.timestamp *= 1000
    found = _predict(build_timeline(_timetable(), DAY), made)
    assert (found.matched_vehicles, found.faults.count("E001")) == (0, 1)


def test_a_stop_that_stands_in_a_trip_twice_is_not_guessed() -> None:
    # vingerha/gtfs2#172
    loop = [("X", "10:00:00"), ("Y", "10:10:00"), ("X", "10:20:00")]
    line = build_timeline(_timetable(T=loop), DAY)
    made = message(TEN)
    update = made.entity.add(id="1").trip_update
    update.trip.trip_id = "T"
    update.stop_time_update.add(stop_id="X").arrival.delay = 120
    found = _predict(line, made)
    assert (_delays(found), found.faults.count("E009")) == (["timetable"] * 3, 1)


def test_a_vehicle_alone_predicts_by_where_it_is() -> None:
    # half way from S1 (10:05) to S2 (10:10) at 10:10: two and a half minutes late
    at = TEN + timedelta(minutes=10)
    made = _with_vehicle(message(at), at, 36.62 + 0.0045)
    found = _predict(build_timeline(_timetable(), DAY), made, at)
    assert _delays(found)[0] == "passed"
    assert [int(delay) for delay in _delays(found)[1:]] == pytest.approx([150] * 7, abs=2)
    assert found.basis[0] is Basis.POSITION


def test_a_vehicle_that_stands_still_beyond_its_timetable_is_not_believed() -> None:
    line, fleet, faults = build_timeline(_timetable(), DAY), Fleet(), Faults()
    for minute in range(7, 21):
        at = TEN + timedelta(minutes=minute)
        read = read_message(_with_vehicle(message(at), at, 36.6245).SerializeToString())
        fleet.take(read.vehicles.values(), read.timestamp, read.timestamp, faults)
    made = message(at)
    add_trip(made, "T", {2: 600})
    told = read_message(made.SerializeToString())
    now = int(at.timestamp())
    reports = Reports(now, list(told.trips.values()), fleet.vehicles, now)
    found = predict(line, [reports], now)
    assert found.freshness(0, 2, now) is not Freshness.LIVE


def test_added_cancelled_and_copied_trips() -> None:
    made = message(TEN)
    add_trip(made, "T", {}, schedule_relationship=pb.TripDescriptor.CANCELED)
    added = made.entity.add(id="new").trip_update
    added.trip.trip_id, added.trip.route_id = "extra", "L1"
    added.trip.schedule_relationship = pb.TripDescriptor.NEW
    for number, stop in enumerate(("S1", "S2"), 1):
        one = added.stop_time_update.add(stop_sequence=number, stop_id=stop)
        one.arrival.time = int(TEN.timestamp()) + 300 * number
    copy = made.entity.add(id="copy").trip_update
    copy.trip.trip_id, copy.trip_properties.trip_id = "T", "T-again"
    copy.trip.schedule_relationship = pb.TripDescriptor.DUPLICATED
    copy.trip_properties.start_time = "11:05:00"
    found = _predict(build_timeline(_timetable(), DAY), made)
    assert found.cancelled[0]
    assert [run.trip_ref for run in found.added] == ["extra", "T-again"]
    assert found.added[0].arrivals == [10 * 3600 + 300, 10 * 3600 + 600]
    assert found.added[1].departures[0] == 11 * 3600 + 300
    assert {report.kind for report in found.reports.values()} == {TripKind.CANCELED}


def test_a_message_that_is_cut_off_or_none_is_refused_wherever_it_ends() -> None:
    made = message(TEN)
    add_trip(made, "T", {1: 60, 2: 60})
    whole = made.SerializeToString()
    ends = {place for place in range(len(whole)) if not _reads(whole[:place])}
    # what ends just behind the header is a message without entities
    assert ends == set(range(len(whole))) - {2 + whole[1]}
    for data in (b"", b"<html>", bytes(17), b"\xff" * 40):
        assert not _reads(data)


def _reads(data: bytes) -> bool:
    try:
        read_message(data)
    except FeedError:
        return False
    return True


@pytest.mark.parametrize("delay", [2**31 - 1, -(2**31), 200_000])
def test_a_delay_of_days_is_no_delay(delay: int) -> None:
    made = message(TEN)
    add_trip(made, "T", {1: 60, 4: delay})
    found = _predict(build_timeline(_timetable(), DAY), made)
    assert (_delays(found)[0], found.faults.count("implausible_delay")) == (60, 1)
    made.entity[0].trip_update.stop_time_update[1].arrival.time = 90_000_000_000
    assert _predict(build_timeline(_timetable(), DAY), made).faults.count("implausible_delay") == 1


def test_no_spoilt_message_breaks_more_than_itself() -> None:
    line, draw = build_timeline(_timetable(), DAY), random.Random(3)
    for _ in range(400):
        made = _with_vehicle(_draw_message(draw), TEN - timedelta(hours=1))
        trip = made.entity[0].trip_update.trip
        trip.route_id, trip.start_date, trip.start_time = "L1", "20261123", "10:00:00"
        alert = made.entity.add(id="alert").alert
        alert.informed_entity.add(route_id="L1", stop_id="S1")
        alert.header_text.translation.add(language="zh-CN", text="绕行")
        spoilt = bytearray(made.SerializeToString())
        for _ in range(draw.randint(1, 4)):
            spoilt[draw.randrange(len(spoilt))] = draw.randrange(256)
        check_message(bytes(spoilt), line.timetable)
        try:
            *_, told = read_slowly(bytes(spoilt), draw.choice(("", "bus:")))
        except FeedError:
            continue
        assert all(type(text) is str for one in told.alerts.values() for text in one.header)
        fleet, now = Fleet(), int(TEN.timestamp())
        fleet.take(told.vehicles.values(), told.timestamp, now, told.faults)
        reports = Reports(told.timestamp, list(told.trips.values()), fleet.vehicles, told.timestamp)
        found = predict(line, [reports], now)
        assert abs(found.arrival).max() < 10 * 86_400


def test_an_alert_without_an_entity_is_left_out_and_languages_are_kept() -> None:
    made = message(TEN)
    made.entity.add(id="empty").alert.header_text.translation.add(text="x")
    alert = made.entity.add(id="whole").alert
    alert.informed_entity.add(route_id="L1")
    for language, text in (("zh-CN", "绕行"), ("en", "Detour")):
        alert.header_text.translation.add(language=language, text=text)
    read: Message = read_message(made.SerializeToString())
    assert read.faults.count("E032") == 1
    assert read.alerts["whole"].header == ("绕行", "Detour")


def _read_naively(made: Any, times: Mapping[int, int]) -> dict[int, int | None]:
    """Stop sequence to predicted second, by the words of the reference alone."""
    predicted: dict[int, int | None] = dict(times)
    (entity,) = made.entity
    delay, told = 0, {one.stop_sequence: one for one in entity.trip_update.stop_time_update}
    for sequence in sorted(times):
        one = told.get(sequence)
        if one is not None and one.schedule_relationship == one.SKIPPED:
            predicted[sequence] = None
        elif one is not None and one.schedule_relationship == one.NO_DATA:
            delay = 0
        else:
            delay = one.arrival.delay if one is not None else delay
            predicted[sequence] = times[sequence] + delay
    return predicted


def _draw_message(draw: random.Random) -> Any:
    made = message(TEN - timedelta(hours=1))
    delays: dict[int, int | None] = {}
    late = 0
    for sequence in sorted(draw.sample(range(1, 9), draw.randint(1, 6))):
        late += draw.randint(0, 120)
        delays[sequence] = None if draw.random() < 0.2 else late
    update = add_trip(made, "T", delays)
    for one in update.stop_time_update:
        if one.schedule_relationship == one.SCHEDULED and draw.random() < 0.15:
            one.ClearField("arrival")
            one.ClearField("departure")
            one.schedule_relationship = one.NO_DATA
    return made


def test_predictions_agree_with_a_naive_reading_of_two_hundred_messages() -> None:
    line = build_timeline(_timetable(), DAY)
    times = {n: 10 * 3600 + n * 300 for n in range(1, 9)}
    for seed in range(200):
        made = _draw_message(random.Random(seed))
        found = _predict(line, made, TEN - timedelta(hours=1))
        for sequence, expected in _read_naively(made, times).items():
            row = int(line.first_row[0]) + sequence - 1
            if expected is None:
                assert found.rows[row] == Row.SKIPPED, (seed, sequence)
            else:
                assert int(found.arrival[row]) == expected, (seed, sequence)


def test_a_published_feed_and_its_messages_match_whole() -> None:
    made = read_schedule(shared("transit/caltrain-gtfs.zip").read_bytes())
    trips = read_message(shared("transit/caltrain-trip-updates.pb").read_bytes())
    vehicles = read_message(shared("transit/caltrain-vehicle-positions.pb").read_bytes())
    late = made.times.arrival >= 24 * 3600
    assert (int(late.sum()), int(made.times.arrival.max())) == (134, 25 * 3600 + 49 * 60)
    now, fleet = vehicles.timestamp, Fleet()
    fleet.take(vehicles.vehicles.values(), now, now, vehicles.faults)
    day = made.day_of(datetime.fromtimestamp(now, made.zone))
    reports = Reports(trips.timestamp, list(trips.trips.values()), fleet.vehicles, now)
    found = predict(build_timeline(made, day), [reports], now)
    assert (len(trips.trips), found.matched_trips) == (19, 19)
    assert (len(vehicles.vehicles), found.matched_vehicles) == (14, 14)
    assert found.faults.count("E003") == found.faults.count("E011") == 0
