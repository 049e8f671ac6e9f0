"""Buses and metro: GTFS Schedule and GTFS-Realtime, moving in real time.

Its own faults stand beside those that every system has: the feed can freeze, vehicles vanish or
leap, its clock be wrong, its trips be unknown ones or cancelled, its messages cut off.
"""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Place
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body, reply
from sandbox.systems.bus_feed.messages import make_message
from sandbox.systems.bus_feed.network import Network, make_network
from sandbox.systems.bus_feed.schedule import make_feed

SCHEMA = "CREATE TABLE bus_feed_fault (name TEXT PRIMARY KEY, value REAL NOT NULL);"
PROTOBUF = "application/x-protobuf"
Name = Literal[
    "frozen", "vanished", "teleporting", "clock_skew", "wrong_trips", "cancelled", "truncated"
]


class FeedFault(Body):
    """What goes wrong with the feed from now on."""

    name: Name
    skew_s: int = Field(0, ge=-86_400, le=86_400, description="How far a skewed clock is ahead.")


async def schedule(request: Request, city: City) -> Response:
    """The timetable; 304 by If-None-Match."""
    settings = city.settings
    body, etag = make_feed(settings.seed, settings.transit, _centre(city), city.today())
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(body, 200, {"ETag": etag}, "application/zip")


async def realtime(request: Request, city: City) -> Response:
    """A realtime message of now."""
    # to the five seconds, as a feed that is written every so often
    now = city.now()
    now -= timedelta(seconds=now.timestamp() % 5)
    kind = request.url.path.rpartition("/")[2].removesuffix(".pb")
    body = make_message(_network(city), city.settings.seed, kind, now, _faults(city))
    return Response(body, 200, media_type=PROTOBUF)


async def break_feed(request: Request, city: City) -> Response:
    """Make one thing go wrong."""
    fault = await read_body(request, FeedFault)
    value = {"frozen": city.now().timestamp(), "clock_skew": fault.skew_s}.get(fault.name, 1)
    city.state.run("INSERT OR REPLACE INTO bus_feed_fault VALUES (?, ?)", (fault.name, value))
    return reply(_faults(city))


async def mend_feed(request: Request, city: City) -> Response:
    """All is well again."""
    city.state.run("DELETE FROM bus_feed_fault")
    return Response(status_code=204)


def _faults(city: City) -> dict[str, float]:
    return {row["name"]: row["value"] for row in city.state.all("SELECT * FROM bus_feed_fault")}


def _centre(city: City) -> Place:
    return Place(city.settings.centre_lat, city.settings.centre_lon)


def _network(city: City) -> Network:
    return make_network(city.settings.seed, city.settings.transit, _centre(city))


SYSTEMS = (
    System(
        name="bus_feed",
        title_zh="公交地铁运行数据",
        title_en="Bus and metro feed",
        operations=(
            Operation("schedule", "GET", "/bus-feed/gtfs.zip", schedule),
            Operation("trip_updates", "GET", "/bus-feed/trip-updates.pb", realtime),
            Operation("vehicle_positions", "GET", "/bus-feed/vehicle-positions.pb", realtime),
            Operation("alerts", "GET", "/bus-feed/alerts.pb", realtime),
        ),
        controls=(
            Operation("break_feed", "PUT", "/_control/bus-feed", break_feed),
            Operation("mend_feed", "DELETE", "/_control/bus-feed", mend_feed),
        ),
        schema=SCHEMA,
    ),
)
