"""Outages: valid GeoJSON, one over the first demo household, begun and ended by hand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from tests.sandbox.serving import Client

FEED = "/outages/feed.geojson"


async def features(city: Client, query: str = "") -> list[dict[str, Any]]:
    status, collection = await city.get(FEED + query)
    assert (status, collection["type"]) == (200, "FeatureCollection")
    return list(collection["features"])


def inside(feature: dict[str, Any], lat: float, lon: float) -> bool:
    ring = feature["geometry"]["coordinates"][0]
    lons, lats = [p[0] for p in ring], [p[1] for p in ring]
    return min(lons) <= lon <= max(lons) and min(lats) <= lat <= max(lats)


def area(ring: list[list[float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) / 2


async def test_the_feed_is_geojson(city: Client) -> None:
    found = await features(city)
    assert len({feature["id"] for feature in found}) == len(found) > 20
    for feature in found:
        ring = feature["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1] and len(ring) == 5 and area(ring) > 0
        told = feature["properties"]
        starts_at = datetime.fromisoformat(told["starts_at"])
        assert datetime.fromisoformat(told["planned_restoration_at"]) > starts_at
        begun = starts_at <= datetime.now(UTC)
        assert told["status"] in (("ONGOING", "RESTORED") if begun else ("SCHEDULED",))
        assert told["planned"] or begun, "nobody knows of a burst main before it bursts"
    kinds = {feature["properties"]["kind"] for feature in await features(city, "?kind=GAS")}
    assert kinds == {"GAS"}
    assert (await city.get(f"{FEED}?kind=BEER"))[0] == 400


async def test_tomorrow_the_demo_household_has_no_water(city: Client) -> None:
    household = (await city.person("citizen"))["household"]
    here = [f for f in await features(city) if inside(f, household["lat"], household["lon"])]
    tomorrow = [f for f in here if f["properties"]["status"] == "SCHEDULED"]
    assert any(f["properties"]["kind"] == "WATER" and f["properties"]["planned"] for f in tomorrow)


async def test_an_unchanged_feed_is_not_sent_again(city: Client) -> None:
    async with city.http.get(FEED) as answer:
        etag = answer.headers["ETag"]
        assert answer.content_type == "application/geo+json"
    async with city.http.get(FEED, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
    await city.post("/_control/outages", {"kind": "GAS"})
    async with city.http.get(FEED, headers={"If-None-Match": etag}) as answer:
        assert answer.status == 200


async def test_an_outage_begins_and_ends_by_hand(city: Client) -> None:
    household = (await city.person("citizen"))["household"]
    status, made = await city.post("/_control/outages", {"kind": "POWER", "hours": 2})
    assert (status, made["properties"]["status"]) == (201, "ONGOING")
    assert inside(made, household["lat"], household["lon"])
    assert made in await features(city, "?kind=POWER")
    _, over = await city.post(f"/_control/outages/{made['id']}/restore")
    told = over["properties"]
    assert told["status"] == "RESTORED"
    took = datetime.now(UTC) - datetime.fromisoformat(told["restored_at"])
    assert took < timedelta(seconds=10)
    assert over in await features(city)
    assert (await city.post("/_control/outages/none/restore"))[0] == 404
    assert (await city.post("/_control/outages", {"kind": "GAS", "lat": 1.0}))[0] == 400


async def test_a_drawn_outage_ends_by_hand_too(city: Client) -> None:
    planned = next(f for f in await features(city) if f["properties"]["status"] == "SCHEDULED")
    _, over = await city.post(f"/_control/outages/{planned['id']}/restore")
    assert over["properties"]["status"] == "RESTORED"


async def test_the_feed_can_fail(city: Client) -> None:
    await city.put("/_control/faults/outages", {"lose_reply_rate": 1})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await city.get(FEED)
