"""Linked plates and arrival alerts, for the contract suites in tests/kinds."""

from collections.abc import Mapping
from typing import Any

from core.context.call import Call
from modules.mobility.arrival_alerts import service as alerts
from modules.mobility.arrival_alerts.domain import Threshold
from modules.mobility.parking import service
from modules.mobility.parking.store import PLATES
from modules.mobility.timetable.feeds import BUS_FEED
from tests.gtfs import FakeFeed, add_trip, feed_files
from tests.kinds.owned_user import OwnedUser, SubscriptionUser, unsubscribe_by_id
from tests.upstreams import by_operation, fake_of

MINUTES = range(0, 60, 5)


async def _link(call: Call, n: int, key: str) -> None:
    await service.link_plate(call, f"鲁A{n:05d}", key)


def _lines(things: int) -> Mapping[Any, Any]:
    """Lines with a stop each, at which a vehicle comes every five minutes from noon on."""
    trips = {
        f"T{n}-{minute:02d}": [(f"S{n}", f"12:{minute:02d}:00"), ("END", "13:30:00")]
        for n in range(things)
        for minute in MINUTES
    }
    files = feed_files(trips, route_of={trip: f"L{trip[1:].partition('-')[0]}" for trip in trips})
    return by_operation(FakeFeed(files), BUS_FEED)


async def _alert(call: Call, n: int, key: str) -> None:
    wish = alerts.AlertWish(
        alerts.AlertPlace(f"S{n}", f"L{n}", None),
        "上班",
        Threshold(10, None, by_schedule=False),
        weekdays=range(1, 8),
        window_s=(12 * 3600, 13 * 3600),
    )
    await alerts.set_alert(call, wish, key)


def _come(fakes: Mapping[Any, Any], n: int) -> None:
    """The vehicles of a line are seen from now on."""
    for minute in MINUTES:
        add_trip(fake_of(fakes).trips, f"T{n}-{minute:02d}", {1: 0})


def _silence(fakes: Mapping[Any, Any], on: bool) -> None:
    fake_of(fakes).is_silent = on


USERS = [
    OwnedUser(PLATES, _link, service.unlink_plate),
    SubscriptionUser(
        alerts.ALERTS.rows,
        _alert,
        unsubscribe_by_id(alerts.ALERTS),
        _lines,
        _silence,
        subscription=alerts.ALERTS,
        happen=_come,
        run=alerts.watch_arrivals,
    ),
]
