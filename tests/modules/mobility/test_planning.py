"""Service 9: as early as can be, by every judge; and why where there is no way."""

import csv
import io
import random
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.standards.gtfs.predictions import Reports, predict, without_reports
from core.standards.gtfs.realtime import read_message
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import build_timeline
from core.standards.gtfs.timetable import Timetable
from modules.mobility.planning.search import Day, find_journeys
from modules.mobility.timetable.feeds import BUS_FEED
from sandbox.population.geography import Place
from sandbox.systems.bus_feed.network import METRO, WEEKDAY, make_network
from tests.asgi import Client
from tests.conftest import NOON
from tests.gtfs import FakeFeed, add_trip, feed_files, message, zip_of
from tests.modules.mobility.judges import (
    NEVER,
    Nigiri,
    Trying,
    agrees,
    earliest,
    is_feasible,
    question,
    walks_of,
)
from tests.shared_data import SHARED, shared
from tests.upstreams import by_operation

DAY = NOON.date()
SLICE, ALL = 30, 500
QUESTIONS, ALL_QUESTIONS = 120, 1_200
CALTRAIN = "transit/caltrain-gtfs.zip"
"""As 511.org published it on 7 November 2023."""


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def _draw_feed(draw: random.Random) -> tuple[dict[str, Any], dict[str, list[tuple[str, int]]]]:
    """Some trips over a few stops, some a second time at a stop, and a walk or two."""
    names = [f"S{n}" for n in range(draw.randint(3, 8))]
    trips: dict[str, list[tuple[str, int]]] = {}
    for number in range(draw.randint(2, 14)):
        minute, way = draw.randint(360, 660), []
        for stop in draw.choices(names, k=draw.randint(2, 5)):
            if not way or way[-1][0] != stop:
                way.append((stop, minute))
                minute += draw.randint(0, 25)
        if len(way) > 1:
            trips[f"T{number}"] = way
    trips["last"] = [(names[0], 690), (names[-1], 700)]
    files = feed_files({t: [(s, _clock(m)) for s, m in way] for t, way in trips.items()})
    refs = sorted({stop for way in trips.values() for stop, _ in way})
    rows = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n"
    for _ in range(draw.randint(0, 3)):
        a, b = draw.sample(refs, 2)
        rows += f"{a},{b},2,{draw.choice((120, 300, 600))}\n"
    return files | {"transfers": rows}, trips


def _disturb(draw: random.Random, trips: Mapping[str, list[tuple[str, int]]]) -> tuple[Any, dict]:
    """Delays, skipped stops and cancellations; and what each trip does then, in seconds."""
    made, truth = message(NOON - timedelta(hours=7)), {}
    for trip, way in trips.items():
        chance, late = draw.random(), draw.choice((0, 60, 300, 1200))
        truth[trip] = [(stop, minute * 60) for stop, minute in way]
        if chance < 0.15:
            add_trip(made, trip, {}, schedule_relationship=3)
            truth[trip] = []
        elif chance < 0.55:
            delays: dict[int, int | None] = {1: late}
            skipped = draw.randint(2, len(way)) if draw.random() < 0.3 else 0
            if skipped:
                delays[skipped] = None
            add_trip(made, trip, delays)
            served = enumerate(truth[trip], 1)
            truth[trip] = [(stop, s + late) for n, (stop, s) in served if n != skipped]
    return made, truth


def _compare(seed: int) -> None:
    draw = random.Random(seed)
    files, trips = _draw_feed(draw)
    table = read_schedule(zip_of(files))
    line = build_timeline(table, DAY)
    made, truth = _disturb(draw, trips)
    told = read_message(made.SerializeToString())
    now = told.timestamp
    day = Day(
        predict(line, [Reports(now, list(told.trips.values()))], now), walks_of(table, 60), now
    )
    numbers = table.stop_numbers
    walks = {(t.from_stop, t.to_stop): t.min_s for t in table.transfers}
    naive = [[(numbers[stop], second, second) for stop, second in way] for way in truth.values()]
    judge = Trying(naive, walks, 60, len(table.stops))
    for _ in range(4):
        origin, destination = draw.sample(range(len(table.stops)), 2)
        at_s = draw.randrange(6 * 3600, 11 * 3600)
        rounds = judge.arrivals(origin, at_s, 4)
        found = find_journeys(day, question(origin, destination, at_s))
        assert all(is_feasible(day, one) and one.departs_s >= at_s for one in found), seed
        for vehicles in range(1, 5):
            expected = rounds[vehicles - 1][destination]
            assert earliest(found, vehicles) == expected, (seed, origin, destination, at_s)
        by = find_journeys(day, question(origin, destination, at_s + 7200, arrive_by=True))
        latest = max((one.departs_s for one in by), default=-1)
        assert all(is_feasible(day, one) and one.arrives_s <= at_s + 7200 for one in by), seed
        if latest >= 0:
            assert judge.arrivals(origin, latest, 4)[3][destination] <= at_s + 7200, seed
        after = judge.arrivals(origin, latest + 1, 4)[3][destination]
        assert after > at_s + 7200 or latest < at_s + 7200 - 8 * 3600, seed


@pytest.mark.parametrize("seed", range(SLICE))
def test_no_journey_is_earlier_than_trying_everything(seed: int) -> None:
    _compare(seed)


@pytest.mark.soak
def test_no_journey_is_earlier_than_trying_everything_on_five_hundred_feeds() -> None:
    for seed in range(ALL):
        _compare(seed)


def _whole_minutes() -> bytes:
    """The sandbox's buses, to the minute."""
    network = make_network(7, "small", Place(36.67, 117.0))
    trips, stops = {}, {}
    for trip in network.trips:
        if trip.service == WEEKDAY and trip.line.kind != METRO:
            trips[trip.ref] = [(stop.ref, _clock(at // 60)) for stop, at, _ in trip.times()]
            stops |= {stop.ref: (stop.at.lat, stop.at.lon) for stop, _, _ in trip.times()}
    return zip_of(feed_files(trips, stops=stops))


def _caltrain() -> bytes:
    """The published feed, without stations: platforms are joined by transfers that both read."""
    with zipfile.ZipFile(shared(CALTRAIN)) as archive:
        files = {name[:-4]: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    rows = list(csv.DictReader(io.StringIO(files["stops"])))
    stations: dict[str, list[str]] = {}
    for row in rows:
        if row["parent_station"]:
            stations.setdefault(row["parent_station"], []).append(row["stop_id"])
        row["parent_station"] = ""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(row for row in rows if row["location_type"] != "1")
    files["stops"] = text.getvalue()
    files["transfers"] = "from_stop_id,to_stop_id,transfer_type,min_transfer_time\n" + "".join(
        f"{a},{b},2,180\n" for one in stations.values() for a in one for b in one if a != b
    )
    return zip_of(files)


def _judge(data: bytes, on: date, zone: str, count: int) -> None:
    pytest.importorskip("pynigiri", reason="the judge is installed with the tools for development")
    table: Timetable = read_schedule(data)
    nigiri = Nigiri(data, on, zone)
    line = build_timeline(table, on)
    day = Day(without_reports(line), walks_of(table, Nigiri.change_s), 0)
    stops = sorted(set(table.times.stop.tolist()))
    draw, found = random.Random(5), 0
    for _ in range(count):
        *asked, theirs, ours = agrees(nigiri, day, draw, stops)
        if theirs is not None and theirs <= asked[2] + 4 * 3600:
            found += 1
            assert ours == theirs, asked
        elif ours != NEVER:
            assert theirs is not None, asked
    assert found > count // 4


def test_arrivals_agree_with_motis_on_the_generated_city() -> None:
    _judge(_whole_minutes(), DAY, "Asia/Shanghai", QUESTIONS)


def test_arrivals_agree_with_motis_on_a_published_feed() -> None:
    _judge(_caltrain(), date(2023, 11, 7), "America/Los_Angeles", QUESTIONS)


@pytest.mark.soak
def test_arrivals_agree_with_motis_on_many_questions() -> None:
    _judge(_whole_minutes(), DAY, "Asia/Shanghai", ALL_QUESTIONS)
    if (SHARED / "data" / CALTRAIN).exists():
        _judge(_caltrain(), date(2023, 11, 7), "America/Los_Angeles", ALL_QUESTIONS)


# two lines that meet at M: from A to C one changes there
LINES = {
    "one": [("A", "12:10:00"), ("M", "12:20:00"), ("B", "12:30:00")],
    "two": [("D", "12:10:00"), ("M", "12:23:00"), ("C", "12:35:00")],
    "three": [("D", "12:40:00"), ("M", "12:53:00"), ("C", "13:05:00")],
}
PLACES = {"A": (36.62, 117.0), "M": (36.66, 117.0), "B": (36.70, 117.0), "D": (36.66, 116.95),
          "C": (36.66, 117.05)}  # fmt: skip


@pytest.fixture
def feed() -> FakeFeed:
    """Two lines; nothing is predicted of them."""
    lines = {"one": "L1", "two": "L2", "three": "L2"}
    return FakeFeed(feed_files(LINES, stops=PLACES, route_of=lines) | FARES)


FARES = {
    "fare_attributes": "fare_id,price,currency_type,payment_method,transfers\n"
    "one,2.00,CNY,0,0\ntwo,3.50,CNY,0,0\n",
    "fare_rules": "fare_id,route_id\none,L1\ntwo,L2\n",
}


@pytest.fixture
def upstreams(feed: FakeFeed) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(feed, BUS_FEED)


_QUERY = """query ($to: GeoPointInput!, $at: DateTime, $by: Boolean!, $from: GeoPointInput!) {
  tripPlans(origin: $from, destination: $to, at: $at, arriveBy: $by, first: 1) { status reason
    answer { problem plans { arrivesAt changeCount hasTightChange fare
      legs { mode tripRef change freshness delayS alerts { header } } } } } }"""


async def _plan(client: Client, **changes: Any) -> Any:
    asked = {"from": _at("A"), "to": _at("C"), "at": None, "by": False} | changes
    return (await client.data(_QUERY, asked))["tripPlans"]


def _at(stop: str) -> dict[str, float]:
    lat, lon = PLACES[stop]
    return {"lat": lat, "lon": lon}


def _trips(found: Any) -> list[str]:
    (plan,) = found["answer"]["plans"]
    return [leg["tripRef"] for leg in plan["legs"] if leg["tripRef"]]


async def test_a_plan_changes_where_lines_meet(client: Client) -> None:
    found = await _plan(client)
    assert (_trips(found), found["answer"]["problem"]) == (["one", "two"], None)
    (plan,) = found["answer"]["plans"]
    assert (plan["arrivesAt"], plan["fare"]) == ("2026-11-23T04:35:00.000Z", 550)


async def test_a_fare_that_is_not_in_yuan_is_not_told(client: Client, feed: FakeFeed) -> None:
    feed.files = {**feed.files, "fare_attributes": FARES["fare_attributes"].replace("CNY", "HKD")}
    (plan,) = (await _plan(client))["answer"]["plans"]
    assert plan["fare"] is None


async def test_a_late_vehicle_misses_its_change_and_the_plan_knows(
    client: Client, feed: FakeFeed
) -> None:
    feed.trips = message(NOON)
    add_trip(feed.trips, "one", {1: 240})
    alert = feed.alerts.entity.add(id="works").alert
    alert.informed_entity.add(route_id="L1")
    alert.header_text.translation.add(language="en", text="Works")
    found = await _plan(client)
    assert _trips(found) == ["one", "three"]
    legs = found["answer"]["plans"][0]["legs"]
    assert [leg["freshness"] for leg in legs if leg["tripRef"]] == ["LIVE", "SCHEDULED"]
    assert legs[0]["alerts"] == [{"header": "Works"}]


async def test_a_change_without_time_to_spare_is_warned_of(client: Client, feed: FakeFeed) -> None:
    feed.trips = message(NOON)
    add_trip(feed.trips, "one", {1: 60})
    (plan,) = (await _plan(client))["answer"]["plans"]
    assert plan["hasTightChange"]


async def test_arriving_by_a_moment_leaves_as_late_as_can_be(client: Client) -> None:
    found = await _plan(client, at="2026-11-23T05:05:00Z", by=True)
    assert _trips(found) == ["one", "two"]  # three leaves M later, and A no later
    found = await _plan(client, **{"from": _at("D")}, at="2026-11-23T05:05:00Z", by=True)
    assert _trips(found) == ["three"]
    found = await _plan(client, at="2026-11-23T04:34:00Z", by=True)
    assert found["answer"]["problem"] == "NO_SERVICE"


async def test_why_there_is_no_plan(client: Client) -> None:
    lonely = {"lat": 36.5, "lon": 116.9}
    assert (await _plan(client, **{"from": lonely}))["answer"]["problem"] == "ORIGIN_TOO_FAR"
    assert (await _plan(client, to=lonely))["answer"]["problem"] == "DESTINATION_TOO_FAR"
    night = await _plan(client, at="2026-11-23T06:00:00Z")
    assert (night["answer"]["problem"], night["answer"]["plans"]) == ("NO_SERVICE", [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"at": "2027-11-23T04:00:00Z"}, "INVALID_INPUT"),
        ({"at": "2026-11-22T04:00:00Z"}, "INVALID_INPUT"),
        ({"from": {"lat": 0.0, "lon": 0.0}}, "OUTSIDE_CITY"),
        ({"to": {"lat": 117.0, "lon": 36.67}}, "POINTS_SWAPPED"),
    ],
)
async def test_what_cannot_be_planned_is_refused(
    client: Client, changes: dict[str, Any], code: str
) -> None:
    asked = {"from": _at("A"), "to": _at("C"), "at": None, "by": False} | changes
    answer = await client.run(_QUERY, asked)
    assert answer.json["data"] == {"tripPlans": None}
    assert answer.json["errors"][0]["extensions"]["code"] == code


async def test_without_a_timetable_there_is_no_plan(
    client: Client, feed: FakeFeed, clock: ManualClock
) -> None:
    feed.is_silent = True
    found = await _plan(client)
    assert (found["status"], found["reason"], found["answer"]) == ("UNAVAILABLE", "TIMEOUT", None)


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("2026-11-24T00:10:00+08:00", None),  # the night bus of the last day
        ("2026-11-23T16:10:00Z", None),
        ("2026-11-24T06:00:00+08:00", "OUTSIDE_TIMETABLE"),
        ("2026-11-23T22:00:00Z", "OUTSIDE_TIMETABLE"),
    ],
)
async def test_a_timetable_ends_with_the_night_of_its_last_day_there(
    client: Client, feed: FakeFeed, at: str, problem: str | None
) -> None:
    info = "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date\n"
    info += "a,https://a.example,zh,20260101,20261123\n"
    night = {"night": [("A", "24:20:00"), ("D", "24:50:00")]}
    feed.files = feed_files(night, stops=PLACES) | {"feed_info": info}
    found = await _plan(client, at=at, to=_at("D"))
    assert found["answer"]["problem"] == problem
    assert bool(found["answer"]["plans"]) is (problem is None)
