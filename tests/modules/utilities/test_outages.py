"""Outages: where, for whom, told once; the feed's client against the sandbox and bad feeds."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import orjson
import pytest
from shapely import box

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.security.authentication import Viewer
from core.standards.coordinates import GeoPoint, cell_of, cells_of
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Response
from core.upstream.readings import ReadStatus
from kinds.subscription import list_mine, unsubscribe
from modules.utilities.outages.domain import OutageKind, OutageStatus
from modules.utilities.outages.lookup import read_outages
from modules.utilities.outages.models import OutageWatch
from modules.utilities.outages.subscription import WATCHES, spot_of, tell_outages, watch
from modules.utilities.outages.upstream import UTILITIES, LatestFeed, read_feed
from notifications.messages.models import Message
from tests.asgi import Client
from tests.conftest import NOON
from tests.modules.utilities.outage_feed import FakeOutages, make_outage
from tests.upstreams import by_operation, over_http

HOME, NEAR, FAR = GeoPoint(36.6, 117.0), GeoPoint(36.6009, 117.0009), GeoPoint(36.8, 117.2)
WATER, POWER = OutageKind.WATER, OutageKind.POWER
Citizen = Callable[..., Awaitable[Viewer]]


@pytest.fixture
def feed() -> FakeOutages:
    """The feed."""
    return FakeOutages()


@pytest.fixture
def upstreams(feed: FakeOutages) -> Mapping[Any, Any]:
    """The feed in the place of the client."""
    return by_operation(feed, UTILITIES)


@pytest.fixture
async def me(citizen: Citizen, call: Callable[..., Call]) -> Call:
    """Somebody signed in by phone."""
    return call(user_id=(await citizen(level=1)).user_id, level=1)


async def _watch(
    me: Call, spot: GeoPoint = HOME, kinds: tuple[OutageKind, ...] = ()
) -> OutageWatch:
    return await watch(me, "家", spot, kinds, f"key-{new_id().hex}")


async def _told(app: App) -> list[str]:
    rows = await Message.all().order_by("position")
    return [app.vault.decrypt(bytes(row.body_sealed), "notifications.body") for row in rows]


async def test_anybody_asks_for_a_place_an_area_and_a_kind(
    client: Client, feed: FakeOutages
) -> None:
    feed.outages = [
        make_outage("OT1", status=OutageStatus.RESTORED, starts_at=NOON - timedelta(days=1)),
        make_outage("OT2"),
        make_outage("OT3", POWER, shape=box(117.19, 36.79, 117.21, 36.81)),
    ]
    query = """query ($kind: OutageKind, $at: GeoPointInput, $area: GeoAreaInput) {
      utilityOutages(kind: $kind, at: $at, area: $area) {
        status items { code cause outline { lat lon } } } }"""
    here, there = {"lat": 36.6, "lon": 117.0}, {"lat": 36.8, "lon": 117.2}
    edge = {"south": 36.603, "west": 117.003, "north": 36.79, "east": 117.19}
    for asked, expected in (
        ({}, ["OT2", "OT3", "OT1"]),
        ({"at": here}, ["OT2", "OT1"]),
        ({"at": there}, ["OT3"]),
        ({"at": {"lat": 36.9, "lon": 117.2}}, []),
        ({"area": edge}, ["OT2", "OT3", "OT1"]),
        ({"area": edge, "kind": "POWER"}, ["OT3"]),
    ):
        answer = (await client.data(query, asked))["utilityOutages"]
        assert (answer["status"], [o["code"] for o in answer["items"]]) == ("LIVE", expected)
    (ring,) = (await client.data(query, {"at": there}))["utilityOutages"]["items"][0]["outline"]
    assert ring[0] == ring[-1] and {p["lat"] for p in ring} == {36.79, 36.81}


@pytest.mark.parametrize("at", ["{lat: 0, lon: 0}", "{lat: 117.0, lon: 36.6}", "{lat: 91, lon: 0}"])
async def test_what_is_no_place_of_the_city_is_refused(
    client: Client, me: Call, feed: FakeOutages, at: str
) -> None:
    asked = await client.run(f"{{ utilityOutages(at: {at}) {{ status }} }}", viewer=me.viewer)
    assert (
        asked.json["data"] == {"utilityOutages": None}
        and asked.json["errors"][0]["extensions"]["code"]
    )
    watch = f"""mutation {{ watchOutages(at: {at}, label: "x", idempotencyKey: "key-0001") {{
      ... on InvalidInput {{ code field }} }} }}"""
    refused = (await client.data(watch, viewer=me.viewer))["watchOutages"]
    assert refused["field"] == "at"
    assert await list_mine(me, WATCHES) == []


async def test_a_silent_feed_leaves_what_was_last_known(
    me: Call, feed: FakeOutages, clock: ManualClock
) -> None:
    feed.outages = [make_outage()]
    await read_outages(me, kind=None, at=HOME, area=None)
    feed.is_silent = True
    clock.move(timedelta(hours=1))
    stale = await read_outages(me, kind=None, at=HOME, area=None)
    assert (stale.status, stale.as_of, len(stale.value or ())) == (ReadStatus.STALE, NOON, 1)
    clock.move(timedelta(hours=2))
    gone = await read_outages(me, kind=None, at=HOME, area=None)
    assert (gone.status, gone.value) == (ReadStatus.UNAVAILABLE, None)


async def test_each_person_is_told_once_of_an_outage_and_once_of_its_end(
    app: App, me: Call, feed: FakeOutages
) -> None:
    await _watch(me)
    await _watch(me, NEAR)
    feed.outages = [make_outage()]
    for _ in range(3):
        await tell_outages(app)
    assert await _told(app) == [
        "家: Water outage from 11-23 12:00, Pipeline works, expected to be over at 11-23 14:00."
    ]
    feed.restore()
    for _ in range(3):
        await tell_outages(app)
    assert (await _told(app))[1:] == [
        "Water outage that began at 11-23 12:00 was over at 11-23 13:00."
    ]


async def test_others_are_not_told(
    app: App, me: Call, feed: FakeOutages, citizen: Citizen, call: Callable[..., Call]
) -> None:
    far = call(user_id=(await citizen(level=1)).user_id, level=1)
    await _watch(far, FAR)
    next_door = GeoPoint(36.6045, 117.0045)  # in the same cell, outside the outage
    await _watch(far, next_door)
    assert cell_of(next_door) == cell_of(HOME)
    await _watch(me, HOME, (POWER,))
    feed.outages = [make_outage()]
    await tell_outages(app)
    feed.restore()
    await tell_outages(app)
    assert await _told(app) == []


async def test_who_watches_later_is_told_while_it_lasts_and_not_after(
    app: App, me: Call, feed: FakeOutages
) -> None:
    feed.outages = [
        make_outage(),
        make_outage("OT2", status=OutageStatus.RESTORED, restored_at=NOON),
    ]
    await tell_outages(app)
    await _watch(me)
    await tell_outages(app)
    assert len(await _told(app)) == 1


async def test_an_outage_larger_than_a_city_disturbs_no_other(
    app: App, me: Call, feed: FakeOutages
) -> None:
    await _watch(me)
    feed.outages = [make_outage("OT0", shape=box(100, 20, 120, 40)), make_outage()]
    await tell_outages(app)
    assert len(await _told(app)) == 1


async def test_ten_places_and_no_more_and_one_a_key(me: Call) -> None:
    first = await watch(me, "家", HOME, (), "the-one-key")
    assert (await watch(me, "家", HOME, (), "the-one-key")).id == first.id
    with pytest.raises(Conflict):
        await watch(me, "家", NEAR, (), "the-one-key")
    with pytest.raises(InvalidInput):
        await watch(me, "x" * 17, HOME, (), "the-next-key")
    for _ in range(WATCHES.rows.most - 1):
        await _watch(me)
    with pytest.raises(Conflict) as refused:
        await _watch(me)
    assert refused.value.code == "TOO_MANY_WATCHES"
    assert await OutageWatch.all().count() == WATCHES.rows.most


async def test_a_place_is_its_owners_and_sealed(
    app: App, me: Call, citizen: Citizen, call: Callable[..., Call], client: Client
) -> None:
    row = await _watch(me, GeoPoint(36.60123, 117.00456))
    stored = await OutageWatch.get(id=row.id)
    assert b"36.60123" not in bytes(stored.spot_sealed) and stored.cell == "3660:11700"
    assert spot_of(app, stored) == GeoPoint(36.60123, 117.00456)
    stranger = call(user_id=(await citizen(level=1)).user_id, level=1)
    with pytest.raises(NotFound):
        await unsubscribe(stranger, WATCHES, "unwatch-1", id=row.id)
    assert await list_mine(stranger, WATCHES) == []
    refused = await client.run("{ outageWatches { id } }")
    assert refused.codes == ["LOGIN_REQUIRED"]
    await unsubscribe(me, WATCHES, "unwatch-1", id=row.id)
    assert await list_mine(me, WATCHES) == []


def test_every_point_of_an_outage_lies_in_its_cells() -> None:
    outage = make_outage()
    for lat in range(36_596, 36_605):
        for lon in range(116_996, 117_005):
            spot = GeoPoint(lat / 1000, lon / 1000)
            assert outage.covers(spot) and cell_of(spot) in cells_of(outage.shape)


async def test_the_client_reads_the_sandboxs_feed_and_asks_for_news_only(
    sandbox_port: int,
) -> None:
    base = f"http://127.0.0.1:{sandbox_port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as control:
        app, latest = over_http(http, base, UTILITIES), LatestFeed()
        first = await latest.update(app, Deadline.after(5))
        assert await latest.update(app, Deadline.after(5)) is first
        begun = {"kind": "GAS", "lat": 36.6, "lon": 117.0, "side_m": 800}
        async with control.post(f"{base}/_control/outages", json=begun) as answer:
            ref = (await answer.json())["id"]
        made = {o.outage_ref: o for o in await latest.update(app, Deadline.after(5))}[ref]
        assert (made.kind, made.status) == (OutageKind.GAS, OutageStatus.ONGOING)
        assert made.covers(NEAR) and not made.covers(FAR)
        async with control.post(f"{base}/_control/outages/{ref}/restore") as answer:
            assert answer.status == 200
        after = {o.outage_ref: o for o in await latest.update(app, Deadline.after(5))}[ref]
        assert after.status is OutageStatus.RESTORED and after.restored_at is not None


def _feature(**geometry: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": "OT1",
        "geometry": geometry,
        "properties": {
            "kind": "WATER", "planned": True, "cause_zh": "因", "cause_en": "c",
            "starts_at": "2026-11-23T12:00:00+08:00",
            "planned_restoration_at": "2026-11-23T14:00:00+08:00", "restored_at": None,
            "status": "SCHEDULED", "households_affected": 1,
            "updated_at": "2026-11-22T12:00:00+08:00",
        },
    }  # fmt: skip


def _response(told: Any) -> Response:
    return Response("outages", "fetch_feed", 200, {}, orjson.dumps(told))


RING = [[117.0, 36.6], [117.1, 36.6], [117.1, 36.7], [117.0, 36.6]]


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"type": "Feature"},
        {"type": "FeatureCollection", "features": [_feature(type="Point", coordinates=[117, 36])]},
        {"type": "FeatureCollection", "features": [_feature(type="Polygon", coordinates=[[]])]},
        {"type": "FeatureCollection", "features": [_feature(type="Polygon", coordinates="x")]},
        {
            "type": "FeatureCollection",
            "features": [{"id": "OT1", "geometry": None, "properties": {}}],
        },
    ],
)
def test_a_broken_feed_is_no_feed(told: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_feed(_response(told))


@pytest.mark.parametrize(
    "odd",
    [
        {"properties": {"kind": "HEATING"}},
        {"properties": {"planned_restoration_at": None}},
        {"properties": {"starts_at": "2026-02-30T00:00:00Z"}},
        {"geometry": {"type": "Polygon"}},
        {"geometry": {"type": "Polygon", "coordinates": [[1, 2]]}},
        {"geometry": None},
        {"properties": None},
    ],
)
def test_one_odd_outage_leaves_the_others(odd: dict[str, Any]) -> None:
    good = _feature(type="Polygon", coordinates=[RING])
    broken = good | {
        name: value if value is None else good[name] | value if name == "properties" else value
        for name, value in odd.items()
    }
    feed = read_feed(_response({"type": "FeatureCollection", "features": [broken, good]}))
    assert feed is not None
    assert ([one.outage_ref for one in feed.outages.items], feed.outages.unreadable) == (["OT1"], 1)


def test_an_outage_in_two_parts_has_two_outlines() -> None:
    other = [[lon + 1, lat] for lon, lat in RING]
    parts = _feature(type="MultiPolygon", coordinates=[[RING], [other]])
    feed = read_feed(_response({"type": "FeatureCollection", "features": [parts]}))
    assert feed is not None
    (outage,) = feed.outages.items
    assert len(outage.outline) == 2
    assert outage.covers(GeoPoint(36.65, 118.06)) and not outage.covers(GeoPoint(36.65, 117.5))
