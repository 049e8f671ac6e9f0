"""One contract for the fake and the real client: what the module relies on."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import UpstreamFailed
from modules._example.domain import Fountain, FountainState
from modules._example.upstream import NETWORK, find_fountain, list_fountains
from tests.conftest import NOON
from tests.modules._example.conftest import LIXIA, FakeFountains
from tests.upstreams import Connected, in_place_of, over_http

TOLD = [
    {"id": "f-1", "name": "泉城公园东门", "district": LIXIA, "open": True},
    {"id": "f-2", "name": "大明湖南门", "district": LIXIA, "open": False},
    {"id": "a/b?c", "name": "斜杠", "district": "370103", "open": True},
]


def _network(since: str = "2026-11-23T12:00:00+08:00") -> web.Application:
    async def many(request: web.Request) -> web.Response:
        found = [t | {"since": since} for t in TOLD if t["district"] == request.query["district"]]
        return web.json_response(found)

    async def one(request: web.Request) -> web.Response:
        for told in TOLD:
            if told["id"] == request.match_info["id"]:
                return web.json_response(told | {"since": since})
        return web.json_response({"title": "not found"}, status=404)

    application = web.Application()
    application.router.add_get("/fountains/fountains", many)
    application.router.add_get("/fountains/fountains/{id}", one)
    return application


@pytest.fixture(params=["fake", "http"])
async def network(request: pytest.FixtureRequest, app: App) -> AsyncIterator[Connected]:
    """Both in turn, with the same fountains."""
    if request.param == "fake":
        fake = FakeFountains()
        fake.close("f-2", NOON)
        fake.fountains["a/b?c"] = Fountain("a/b?c", "斜杠", "370103", FountainState.WORKING, NOON)
        yield in_place_of(NETWORK, fake)
        return
    async with TestServer(_network()) as server:
        yield over_http(app.http, str(server.make_url("")), NETWORK)


async def test_a_district_lists_its_fountains(network: Connected) -> None:
    listed = await list_fountains(network, Deadline.after(2), LIXIA)
    assert [(f.fountain_ref, f.state, f.since_at) for f in listed] == [
        ("f-1", FountainState.WORKING, NOON),
        ("f-2", FountainState.CLOSED, NOON),
    ]
    assert await list_fountains(network, Deadline.after(2), "370199") == []


async def test_a_fountain_is_found_by_any_id(network: Connected) -> None:
    found = await find_fountain(network, Deadline.after(2), "a/b?c")
    assert found is not None
    assert found.name == "斜杠"
    for unknown in ("f-9", "../fountains", "f-1/../f-2", "水"):
        assert await find_fountain(network, Deadline.after(2), unknown) is None


async def test_a_time_without_its_zone_is_a_failure_of_the_network(app: App) -> None:
    async with TestServer(_network(since="2026-11-23T12:00:00")) as server:
        network = over_http(app.http, str(server.make_url("")), NETWORK)
        with pytest.raises(UpstreamFailed, match="unknown form"):
            await list_fountains(network, Deadline.after(2), LIXIA)
