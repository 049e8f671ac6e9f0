"""Utility outages: a GeoJSON feed of where water, power or gas is cut, why and until when."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

import orjson
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Place
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply

SCHEMA = """
CREATE TABLE outage (
    outage_id TEXT PRIMARY KEY, body BLOB NOT NULL, restored_at TEXT, updated_at TEXT NOT NULL
);
"""
Kind = Literal["WATER", "POWER", "GAS"]
KINDS: tuple[Kind, ...] = ("WATER", "POWER", "GAS")
SHOWN_DAYS = range(-1, 8)
SIDE_MIN_M, SIDE_MAX_M = 300, 1200
CAUSES = {
    True: (
        ("管线改造", "Pipeline works"), ("设备检修", "Maintenance"),
        ("道路施工配合", "Road works nearby"),
    ),
    False: (
        ("管道爆裂抢修", "Burst main"), ("设备故障抢修", "Equipment failure"),
        ("第三方施工损坏", "Damage by others"),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Outage:
    """One outage of a rectangle around a point."""

    outage_id: str
    kind: Kind
    planned: bool
    cause_zh: str
    cause_en: str
    at: Place
    side_m: int
    starts_at: datetime
    planned_restoration_at: datetime


class NewOutage(Body):
    """An outage to make known now; without a place it is around the first demo household."""

    kind: Kind
    planned: bool = False
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    side_m: int = Field(800, ge=50, le=20_000)
    starts_at: AwareDatetime | None = None
    hours: float = Field(4, gt=0, le=240)


async def feed(request: Request, city: City) -> Response:
    """What is, will be or has just been cut; `kind` narrows it; 304 by If-None-Match."""
    kind = request.query_params.get("kind")
    if kind not in (None, *KINDS):
        raise Refusal(400, "INVALID_REQUEST", f"kind must be one of {', '.join(KINDS)}")
    features = [_feature(city, outage) for outage in _outages(city) if kind in (None, outage.kind)]
    collection = {"type": "FeatureCollection", "features": features}
    body = orjson.dumps(collection)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(body, 200, {"ETag": etag}, "application/geo+json")


async def begin(request: Request, city: City) -> Response:
    """Cut something off."""
    body = await read_body(request, NewOutage)
    if (body.lat is None) != (body.lon is None):
        raise Refusal(400, "INVALID_REQUEST", "lat and lon come together")
    starts_at = body.starts_at or city.now()
    at = city.geography.home(1)
    if body.lat is not None and body.lon is not None:
        at = Place(body.lat, body.lon)
    outage_id = f"OT{city.serial('outage')}"
    members = {
        "kind": body.kind, "planned": body.planned, "lat": at.lat, "lon": at.lon,
        "side_m": body.side_m, "starts_at": starts_at.isoformat(),
        "planned_restoration_at": (starts_at + timedelta(hours=body.hours)).isoformat(),
    }  # fmt: skip
    city.state.run(
        "INSERT INTO outage VALUES (?, ?, NULL, ?)",
        (outage_id, orjson.dumps(members), city.timestamp()),
    )
    made = next(outage for outage in _made(city) if outage.outage_id == outage_id)
    return reply(_feature(city, made), 201)


async def restore(request: Request, city: City) -> Response:
    """Turn it on again, now."""
    outage_id = request.path_params["outage_id"]
    found = [outage for outage in _outages(city) if outage.outage_id == outage_id]
    if not found:
        raise Refusal(404, "NO_SUCH_OUTAGE", "no such outage in the feed")
    now = city.timestamp()
    city.state.run(
        "INSERT INTO outage VALUES (?1, 'null', ?2, ?2) ON CONFLICT (outage_id) DO UPDATE "
        "SET restored_at = coalesce(restored_at, ?2), updated_at = ?2",
        (outage_id, now),
    )
    return reply(_feature(city, found[0]))


def _outages(city: City) -> Iterator[Outage]:
    for ahead in SHOWN_DAYS:
        yield from _drawn(city, ahead)
    yield from _made(city)


def _drawn(city: City, ahead: int) -> Iterator[Outage]:
    """The outages of a day: planned ones known beforehand, others once they have begun."""
    day = city.today() + timedelta(days=ahead)
    for kind in KINDS:
        draw = random.Random(f"{city.settings.seed}:outages:{day}:{kind}")
        for number in range(2):
            planned = draw.random() < 0.6
            cause = draw.choice(CAUSES[planned])
            at = city.geography.somewhere(draw)
            side_m, hours = draw.randint(SIDE_MIN_M, SIDE_MAX_M), draw.choice((2, 4, 6, 8))
            begins = time(8 if planned else draw.randrange(24), draw.choice((0, 30)))
            starts_at = datetime.combine(day, begins, SHANGHAI)
            if kind == "WATER" and number == 0 and ahead == 1:
                planned, cause, at = True, CAUSES[True][0], city.geography.home(1)
            if planned or starts_at <= city.now():
                yield Outage(
                    f"OT{day:%Y%m%d}{kind[0]}{number}", kind, planned, *cause, at, side_m,
                    starts_at, starts_at + timedelta(hours=hours),
                )  # fmt: skip


def _made(city: City) -> Iterator[Outage]:
    for row in city.state.all("SELECT * FROM outage WHERE body <> 'null' ORDER BY outage_id"):
        members = orjson.loads(row["body"])
        yield Outage(
            row["outage_id"], members["kind"], members["planned"], *CAUSES[members["planned"]][0],
            Place(members["lat"], members["lon"]), members["side_m"],
            datetime.fromisoformat(members["starts_at"]).astimezone(SHANGHAI),
            datetime.fromisoformat(members["planned_restoration_at"]).astimezone(SHANGHAI),
        )  # fmt: skip


def _feature(city: City, outage: Outage) -> dict[str, object]:
    row = city.state.one("SELECT * FROM outage WHERE outage_id = ?", (outage.outage_id,))
    restored_at = None if row is None else row["restored_at"]
    if restored_at is None and outage.planned_restoration_at <= city.now():
        restored_at = outage.planned_restoration_at.isoformat()
    started = outage.starts_at <= city.now()
    known_at = outage.starts_at - timedelta(days=10 if outage.planned else 0)
    return {
        "type": "Feature",
        "id": outage.outage_id,
        "geometry": {"type": "Polygon", "coordinates": [_ring(outage)]},
        "properties": {
            "kind": outage.kind,
            "planned": outage.planned,
            "cause_zh": outage.cause_zh,
            "cause_en": outage.cause_en,
            "starts_at": outage.starts_at.isoformat(),
            "planned_restoration_at": outage.planned_restoration_at.isoformat(),
            "restored_at": restored_at,
            "status": "RESTORED" if restored_at else "ONGOING" if started else "SCHEDULED",
            "households_affected": outage.side_m * outage.side_m // 900,
            "updated_at": restored_at or known_at.isoformat(),
        },
    }


def _ring(outage: Outage) -> list[list[float]]:
    """The rectangle, counter-clockwise and closed (RFC 7946), as [lon, lat]."""
    half = outage.side_m / 2
    corners = ((-half, -half), (half, -half), (half, half), (-half, half), (-half, -half))
    points = [outage.at.moved(east, north) for east, north in corners]
    return [[point.lon, point.lat] for point in points]


SYSTEMS = (
    System(
        name="outages",
        title_zh="停水停电停气信息",
        title_en="Utility outages",
        schema=SCHEMA,
        operations=(Operation("feed", "GET", "/outages/feed.geojson", feed),),
        controls=(
            Operation("begin", "POST", "/_control/outages", begin),
            Operation("restore", "POST", "/_control/outages/{outage_id}/restore", restore),
        ),
    ),
)
