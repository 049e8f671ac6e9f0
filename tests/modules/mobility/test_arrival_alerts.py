"""Service 10: rings once, on what is live, and says so when its bus does not come."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.security.authentication import Viewer
from modules.mobility.arrival_alerts.domain import Threshold
from modules.mobility.arrival_alerts.models import ArrivalAlert
from modules.mobility.arrival_alerts.service import (
    WATCH,
    AlertPlace,
    AlertWish,
    set_alert,
    watch_arrivals,
)
from modules.mobility.timetable.feeds import BUS_FEED
from modules.mobility.timetable.network import network_of
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.core.waiting import eventually
from tests.gtfs import FakeFeed, add_trip, feed_files, message
from tests.upstreams import by_operation

TRIPS = {"T": [("A", "11:55:00"), ("B", "12:10:00"), ("C", "12:30:00")]}
FIVE = Threshold(5, None, by_schedule=False)


@pytest.fixture
def feed() -> FakeFeed:
    """A trip of which nothing is predicted yet."""
    return FakeFeed(feed_files(TRIPS))


@pytest.fixture
def upstreams(feed: FakeFeed) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(feed, BUS_FEED)


@pytest.fixture
async def me(citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]) -> Call:
    """Somebody signed in by phone."""
    return call(user_id=(await citizen(level=1)).user_id, level=1)


def _wish(threshold: Threshold = FIVE, trip: str = "T", stop: str = "B") -> AlertWish:
    return AlertWish(AlertPlace(stop, None, trip), "", threshold, service_on=NOON.date())


async def _set(me: Call, threshold: Threshold = FIVE) -> None:
    await set_alert(me, _wish(threshold), f"key-{new_id().hex}")


def _late(feed: FakeFeed, clock: ManualClock, seconds: int | None, **fields: Any) -> None:
    """From now on the trip is so late; None: nothing is predicted any more."""
    feed.trips = message(clock.now())
    if seconds is not None:
        add_trip(feed.trips, "T", {2: seconds}, **fields)


async def _told(app: App) -> list[str]:
    rows = await Message.all().order_by("position")
    return [app.vault.decrypt(bytes(row.title_sealed), "notifications.title") for row in rows]


async def test_it_rings_once_and_is_gone(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me)
    _late(feed, clock, 720)  # at 12:22
    await watch_arrivals(app)
    assert await _told(app) == []
    clock.move(timedelta(minutes=6))
    _late(feed, clock, 0)  # the bus has made it up: OneBusAway/onebusaway-android#916
    for _ in range(3):
        await watch_arrivals(app)
        clock.move(timedelta(seconds=15))
    assert await _told(app) == ["L1 is near"]
    assert not await ArrivalAlert.exists()


async def test_a_look_that_a_clock_calls_early_is_followed_by_another(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me)
    clock.move(timedelta(minutes=6))
    _late(feed, clock, 720)
    await watch_arrivals(app)
    clock.move(timedelta(seconds=14.9))
    await watch_arrivals(app)
    rows = await fetch_all(connection(), "SELECT FROM pgqueuer WHERE entrypoint = $1", WATCH.kind)
    assert len(rows) == 2


async def test_it_rings_by_the_timetable_where_that_is_wished(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me, Threshold(5, None, by_schedule=True))
    clock.move(timedelta(minutes=6))
    _late(feed, clock, 720)
    await watch_arrivals(app)
    assert await _told(app) == ["L1 is near"]


async def test_it_rings_so_many_stops_before(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me, Threshold(None, 1, by_schedule=False))
    _late(feed, clock, 60)
    await watch_arrivals(app)
    assert await _told(app) == ["L1 is near"]


async def test_nothing_rings_on_a_frozen_feed_and_all_recovers(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    _late(feed, clock, 60)
    await _set(me)
    await watch_arrivals(app)
    for _ in range(6):  # 90 s; the bus would be near after 60
        clock.move(timedelta(seconds=15))
        await watch_arrivals(app)
    clock.move(timedelta(minutes=6))
    await watch_arrivals(app)
    assert "L1 is near" not in await _told(app)
    _late(feed, clock, 120)
    await watch_arrivals(app)
    assert (await _told(app))[-1] == "L1 is near"


async def test_a_bus_that_vanishes_is_told_once_and_does_not_ring(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    _late(feed, clock, 60)
    await _set(me)
    await watch_arrivals(app)
    for _ in range(5):
        clock.move(timedelta(minutes=1))
        _late(feed, clock, None)
        await watch_arrivals(app)
    assert await _told(app) == ["L1 is no longer tracked"]


async def test_a_cancelled_trip_ends_its_alert_and_says_so(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me)
    feed.trips = message(NOON)
    add_trip(feed.trips, "T", {}, schedule_relationship=3)
    await watch_arrivals(app)
    await watch_arrivals(app)
    assert await _told(app) == ["L1 is cancelled"]
    assert not await ArrivalAlert.exists()


async def test_it_comes_again_on_its_weekdays_alone(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    window = (12 * 3600, 13 * 3600)
    wish = AlertWish(
        AlertPlace("B", "L1", None), "", FIVE, weekdays=[1, 3], window_s=window
    )  # Monday, Wednesday
    await set_alert(me, wish, "a-key-of-mine")
    clock.move(timedelta(minutes=6))
    for told in (1, 1, 2, 2):
        _late(feed, clock, 0)
        await watch_arrivals(app)
        assert len(await _told(app)) == told
        clock.move(timedelta(days=1))


@pytest.mark.parametrize(("weekday", "told"), [(1, 0), (2, 1)])
async def test_a_window_that_begins_at_midnight_rings_before_it(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock, weekday: int, told: int
) -> None:
    """The bus of ten past twelve, a quarter of an hour before, on the weekday of its coming."""
    feed.files = feed_files({"N": [("A", "24:00:00"), ("B", "24:10:00"), ("C", "24:30:00")]})
    quarter = Threshold(15, None, by_schedule=True)
    wish = AlertWish(
        AlertPlace("B", "L1", None), "", quarter, weekdays=[weekday], window_s=(0, 1800)
    )
    await set_alert(me, wish, "a-key-of-mine")
    clock.move(timedelta(hours=11, minutes=54))
    await watch_arrivals(app)
    assert await _told(app) == []
    for _ in range(3):  # at 23:56, 23:59 and 00:02
        clock.move(timedelta(minutes=2.5))
        await watch_arrivals(app)
        assert len(await _told(app)) == told
    clock.move(timedelta(days=7))
    await watch_arrivals(app)
    assert len(await _told(app)) == 2 * told


async def _publish(app: App, feed: FakeFeed, clock: ManualClock, files: dict[str, str]) -> None:
    """Ten minutes go by, and another timetable is there."""
    feed.files = dict(files)
    clock.move(timedelta(minutes=10))

    async def is_there() -> bool:
        reading = await network_of(app).read(Deadline.after(5.0))
        assert reading.value is not None
        return all(f",{ref}," in files["trips"] for ref in reading.value.timetable.trip_numbers)

    await eventually(is_there)


async def test_a_bus_that_is_in_no_timetable_any_more_is_told_and_may_come_back(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    clock.move(-timedelta(minutes=30))
    await _set(me)
    await _publish(app, feed, clock, feed_files({"T2": TRIPS["T"]}))
    for _ in range(3):
        await watch_arrivals(app)
    assert await _told(app) == ["T is no longer tracked"]
    await _publish(app, feed, clock, feed_files({"T": TRIPS["T"]}))
    clock.move(timedelta(minutes=16))
    _late(feed, clock, 0)
    await watch_arrivals(app)
    assert await _told(app) == ["T is no longer tracked", "L1 is near"]
    assert not await ArrivalAlert.exists()


async def test_a_bus_that_stays_out_of_the_timetable_ends_its_alert_when_it_was_due(
    app: App, me: Call, feed: FakeFeed, clock: ManualClock
) -> None:
    await _set(me)
    await _publish(app, feed, clock, feed_files({"T2": TRIPS["T"]}))
    await watch_arrivals(app)
    assert await ArrivalAlert.exists()
    clock.move(timedelta(minutes=1))
    await watch_arrivals(app)
    assert not await ArrivalAlert.exists()
    assert await _told(app) == ["T is no longer tracked"]


_REFUSED: dict[str, tuple[AlertWish, type[Exception]]] = {
    "no threshold": (_wish(Threshold(None, None, by_schedule=False)), InvalidInput),
    "two thresholds": (_wish(Threshold(5, 2, by_schedule=False)), InvalidInput),
    "too early": (_wish(Threshold(61, None, by_schedule=False)), InvalidInput),
    "no such stop": (_wish(stop="Z"), NotFound),
    "no such trip": (_wish(trip="Z"), NotFound),
    "neither kind": (AlertWish(AlertPlace("B", None, None), "", FIVE), InvalidInput),
    "an eighth weekday": (
        AlertWish(AlertPlace("B", "L1", None), "", FIVE, weekdays=[8], window_s=(0, 9)),
        InvalidInput,
    ),
    "a window that ends before it begins": (
        AlertWish(AlertPlace("B", "L1", None), "", FIVE, weekdays=[1], window_s=(9, 9)),
        InvalidInput,
    ),
}


@pytest.mark.parametrize(("wish", "refusal"), _REFUSED.values(), ids=_REFUSED)
async def test_what_cannot_ring_is_refused(
    me: Call, wish: AlertWish, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await set_alert(me, wish, "a-key-of-mine")
    assert not await ArrivalAlert.exists()
