"""Service 8: no ghost bus. What is live says so, what is stale says so, what fails goes on."""

from collections.abc import Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.standards.gtfs.predictions import Freshness, without_reports
from core.standards.gtfs.schedule import read_schedule
from core.standards.gtfs.timeline import build_timeline
from core.upstream.readings import ReadStatus
from modules.mobility.arrivals import service
from modules.mobility.arrivals.domain import Arrival, list_arrivals
from modules.mobility.timetable.feeds import BUS_FEED
from modules.mobility.timetable.network import FAULTS
from tests.asgi import Client
from tests.conftest import NOON
from tests.gtfs import FakeFeed, add_trip, feed_files, message, zip_of
from tests.upstreams import by_operation

TRIPS = {
    "T1": [("A", "11:50:00"), ("B", "12:05:00"), ("C", "12:15:00")],
    "T2": [("A", "12:20:00"), ("B", "12:35:00"), ("C", "12:45:00")],
    "N": [("A", "24:20:00"), ("B", "24:40:00")],
}
FIELDS = "tripRef arrivesAt departsAt delayS freshness basis isCancelled isLast stopsAway occupancy"


@pytest.fixture
def feed() -> FakeFeed:
    """A line that is two minutes late."""
    made = FakeFeed(feed_files(TRIPS))
    made.trips = message(NOON)
    add_trip(made.trips, "T1", {2: 120})
    return made


@pytest.fixture
def upstreams(feed: FakeFeed) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(feed, BUS_FEED)


async def _at(call: Call, stop: str = "B") -> list[Arrival]:
    return list((await service.read_arrivals(call, stop, None, 10)).items)


def _age(feed: FakeFeed, clock: ManualClock, seconds: int) -> None:
    """Time goes on and the feed with it."""
    clock.move(timedelta(seconds=seconds))
    feed.trips.header.timestamp += seconds


async def test_anybody_sees_what_comes_to_a_stop_and_how_sure_that_is(client: Client) -> None:
    query = f'{{ transitArrivals(stopRef: "B") {{ status asOf items {{ {FIELDS} }} }} }}'
    found = (await client.data(query))["transitArrivals"]
    late, later = found["items"]
    assert found["status"] == "LIVE"
    assert late == {
        "tripRef": "T1", "arrivesAt": "2026-11-23T04:07:00.000Z",
        "departsAt": "2026-11-23T04:07:00.000Z", "delayS": 120, "freshness": "LIVE",
        "basis": "TRIP_UPDATE", "isCancelled": False, "isLast": False, "stopsAway": 0,
        "occupancy": "UNKNOWN",
    }  # fmt: skip
    assert (later["tripRef"], later["freshness"], later["stopsAway"]) == ("T2", "SCHEDULED", None)


async def test_the_last_of_the_day_and_the_end_of_a_line_are_marked(
    call: Any, clock: ManualClock
) -> None:
    clock.move(timedelta(hours=12, minutes=10))  # ten past midnight: still the day before's
    (last,) = await _at(call(), "A")
    assert (last.trip_ref, last.is_last, last.service_on) == ("N", True, NOON.date())
    (ends,) = await _at(call(), "B")
    assert ends.departs_at is None


def test_a_terminus_shows_when_a_vehicle_leaves_and_not_when_it_came() -> None:
    # vingerha/gtfs2#172: a loop that waits ten minutes where it begins and ends
    files = feed_files({"T": [("X", "14:43:00"), ("Y", "15:00:00"), ("X", "15:20:00")]})
    waits = "T,14:32:41,14:43:00,X,1"
    files["stop_times"] = files["stop_times"].replace("T,14:43:00,14:43:00,X,1", waits)
    table = read_schedule(zip_of(files))
    made = without_reports(build_timeline(table, NOON.date()))
    now = int((NOON + timedelta(hours=2, minutes=35)).timestamp())
    leaves, ends = list_arrivals(made, [0], now, 10, lines={})
    assert leaves.departs_at == NOON + timedelta(hours=2, minutes=43)
    assert (ends.departs_at, ends.arrives_at) == (None, NOON + timedelta(hours=3, minutes=20))


async def test_a_frozen_feed_turns_stale_and_recovers(
    call: Any, feed: FakeFeed, clock: ManualClock
) -> None:
    assert (await _at(call()))[0].freshness is Freshness.LIVE
    clock.move(timedelta(seconds=90))  # the feed's header stands still
    reading = await service.read_arrivals(call(), "B", None, 10)
    assert (reading.status, reading.reason) == (ReadStatus.STALE, "FROZEN")
    assert reading.items[0].freshness is Freshness.STALE
    _age(feed, clock, 120)
    feed.trips.header.timestamp += 90
    assert (await _at(call()))[0].freshness is Freshness.LIVE


@pytest.mark.parametrize("raw", [b"", b"<html>no</html>", b"\x0a\x0d\x0a\x032.0\x10\x00\x18"])
async def test_half_a_message_leaves_the_last_good_one(
    call: Any, feed: FakeFeed, clock: ManualClock, app: App, raw: bytes
) -> None:
    assert (await _at(call()))[0].delay_s == 120
    feed.raw = raw
    clock.move(timedelta(seconds=70))
    reading = await service.read_arrivals(call(), "B", None, 10)
    assert (reading.status, reading.reason) == (ReadStatus.STALE, "INVALID")
    assert reading.items[0].delay_s == 120
    feed.raw = None
    _age(feed, clock, 20)
    feed.trips.header.timestamp += 70
    assert (await _at(call()))[0].freshness is Freshness.LIVE


async def test_a_stream_begins_with_what_comes_now(call: Any) -> None:
    async with aclosing(service.watch_arrivals(call(), "B", None, 1)) as stream:
        first = await anext(stream)
    assert (first.status, first.items[0].trip_ref) == (ReadStatus.LIVE, "T1")


async def test_a_silent_feed_leaves_the_timetable(
    call: Any, feed: FakeFeed, clock: ManualClock
) -> None:
    await _at(call())
    feed.is_silent = True
    clock.move(timedelta(minutes=13))
    reading = await service.read_arrivals(call(), "C", None, 10)
    assert (reading.status, reading.reason) == (ReadStatus.STALE, "TIMEOUT")
    assert {one.freshness for one in reading.items} == {Freshness.SCHEDULED}


async def test_without_a_timetable_there_is_nothing(call: Any, feed: FakeFeed) -> None:
    feed.is_silent = True
    reading = await service.read_arrivals(call(), "B", None, 10)
    assert (reading.status, reading.reason, reading.items) == (
        ReadStatus.UNAVAILABLE, "TIMEOUT", (),
    )  # fmt: skip


async def test_a_feed_that_is_no_feed_says_why(call: Any, feed: FakeFeed) -> None:
    feed.files = {"stops": "stop_id\nA\n"}
    reading = await service.read_arrivals(call(), "B", None, 10)
    assert (reading.status, reading.reason) == (ReadStatus.UNAVAILABLE, "MISSING_REQUIRED_FILE")


async def test_a_cancelled_trip_is_shown_as_cancelled(call: Any, feed: FakeFeed) -> None:
    feed.trips = message(NOON)
    add_trip(feed.trips, "T1", {}, schedule_relationship=3)
    assert [one.is_cancelled for one in await _at(call())] == [True, False]


async def test_trips_that_match_nothing_are_counted_for_the_operator(
    call: Any, feed: FakeFeed, app: App
) -> None:
    add_trip(feed.trips, "no-such-trip", {1: 0})
    assert len(await _at(call())) == 2
    assert (await FAULTS.read(app))["E003"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", "INVALID_INPUT"),
        ('stopRef: "B", at: {lat: 36.67, lon: 117.0}', "INVALID_INPUT"),
        ("at: {lat: 0, lon: 0}", "OUTSIDE_CITY"),
        ("at: {lat: 117.0, lon: 36.67}", "POINTS_SWAPPED"),
        ("at: {lat: 36.67, lon: 117.0}, radiusM: 0", "INVALID_INPUT"),
        ('stopRef: "B", first: 101', "INVALID_INPUT"),
        ('stopRef: "Z"', "NOT_FOUND"),
        ('stopRef: "B", lineRef: "Z"', "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_asked_is_refused(client: Client, arguments: str, code: str) -> None:
    asked = f"({arguments})" if arguments else ""
    answer = await client.run(f"{{ transitArrivals{asked} {{ status }} }}")
    assert answer.json["data"] == {"transitArrivals": None}
    assert answer.json["errors"][0]["extensions"]["code"] == code
