"""Which feeds a city has (`cities/<city>/transit.toml`), and how they are fetched."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import StartError
from core.settings import Settings
from core.upstream.client import ANY, Response, Timeouts
from core.upstream.operation import Answer, Request, System

BUS_FEED = System("bus_feed")
_SCHEDULE_MAX_BYTES = 250_000_000
_REALTIME_MAX_BYTES = 50_000_000
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class Feed:
    """One agency's feed: its files below the address of the system `bus_feed`.

    `prefix` stands before its ids, so that no two feeds share one.
    """

    schedules: Sequence[str]
    """Today's, and those that take over from it on the day with which they begin."""
    realtime: Sequence[str] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Feeds:
    """All feeds of a city."""

    zone: str
    feeds: Sequence[Feed]
    max_walk_m: int = 1_200
    walk_detour: float = 1.3
    """How much longer a walk is than the straight line."""
    walk_m_s: float = 1.2
    between_stops_m: int = 400
    """So far one walks from a vehicle to the next."""
    change_s: int = 60
    """What it takes to get from one vehicle to another at one stop."""
    streets: Path | None = None
    """An extract of OpenStreetMap along whose streets people walk."""


def feeds_file(settings: Settings) -> Path:
    """Where the city's feeds are named."""
    return settings.city_file.with_suffix("") / "transit.toml"


def load_feeds(path: Path) -> Feeds:
    """The feeds of a city's file.

    Raises StartError for a file that is none of feeds, and for streets that are not there.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        feeds = [Feed(**feed) for feed in table.pop("feeds")]
        streets = path.parent / table.pop("streets") if "streets" in table else None
        config = Feeds(feeds=feeds, streets=streets, **table)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise StartError(f"{path}: {type(error).__name__}: {error}") from None
    if config.streets is not None and not config.streets.is_file():
        raise StartError(f"{path}: streets: there is no file {config.streets}")
    return config


@dataclass(frozen=True, slots=True)
class Schedule:
    """A zipped timetable; `etag` names this state of it."""

    etag: str
    data: bytes


def read_schedule_file(response: Response) -> Schedule | None:
    """The file; None where it has not changed."""
    if response.status == _NOT_MODIFIED:
        return None
    return Schedule(response.headers.get("ETag", ""), response.body)


@BUS_FEED.operation(
    "GET",
    "/gtfs.zip",
    answers=Answer(read_schedule_file),
    accept=ANY,
    timeouts=Timeouts(total_s=120),
    body_max_bytes=_SCHEDULE_MAX_BYTES,
)
def fetch_schedule(path: str, etag: str) -> Request:
    """The timetable at a path; None where it is still that of this ETag."""
    return Request(link=path, headers={"If-None-Match": etag} if etag else None)


@BUS_FEED.operation(
    "GET",
    "/realtime.pb",
    answers=Answer(lambda response: response.body),
    probe=lambda app, _: (load_feeds(feeds_file(app.settings)).feeds[0].realtime[0],),
    accept=ANY,
    body_max_bytes=_REALTIME_MAX_BYTES,
)
def fetch_realtime(path: str) -> Request:
    """A realtime message at a path, encoded."""
    return Request(link=path)
