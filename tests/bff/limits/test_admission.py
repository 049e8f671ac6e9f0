"""Who is let in: quotas, requests at once, shedding by priority, and attacks over the whole app."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
import strawberry

from bff.app import Api, make_edge
from bff.limits.admission import Gate, Overloaded, Priority
from bff.limits.buckets import Buckets, Quota
from bff.request.context import Caller
from bff.transports.endpoint import Edge
from bff.trusted.documents import Documents
from core.context.app import App
from core.errors import RateLimited
from core.ids import new_id
from core.security.authentication import Viewer
from core.settings import Settings
from core.texts import Locale
from tests.asgi import Client
from tests.bff.attacks import attacks
from tests.bff.limits.test_document import Item, Named
from tests.bff.probes import STATE, probe_edge
from tests.bff.transports.test_websocket import subscribe
from tests.machine import PATIENCE_S, in_time

ANSWER_S = 0.05
_TRIES = 5


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def caller(address: str = "10.0.0.1", device: str | None = None) -> Caller:
    return Caller(None, Locale.EN, address, device, "request-1")


def gate(seconds: Seconds | None = None, **settings: int) -> Gate:
    return Gate(Settings(**settings), seconds or Seconds())


def test_a_bucket_empties_and_fills_again_evenly() -> None:
    seconds = Seconds()
    buckets = Buckets(Quota("person", 60), seconds)
    assert [buckets.take("a").remaining for _ in range(60)] == list(range(59, -1, -1))
    refused = buckets.take("a")
    assert (refused.remaining, refused.retry_after_s) == (0, 1)
    assert buckets.take("b").retry_after_s == 0
    seconds.now += 2.5
    assert [buckets.take("a").retry_after_s for _ in range(3)] == [0, 0, 1]


def test_each_quota_counts_by_its_own_key() -> None:
    door = gate(rate_address=3, rate_device=2, rate_person=100)
    for _ in range(2):
        door.arrive(caller(device="phone"))
    with pytest.raises(RateLimited):
        door.arrive(caller("10.0.0.2", device="phone"))
    door.arrive(caller())
    with pytest.raises(RateLimited):
        door.arrive(caller())


def test_a_persons_quota_follows_them_to_other_addresses(app: App) -> None:
    door = gate(rate_address=0, rate_device=0, rate_person=1)
    viewer = Viewer(new_id(), new_id(), 1, frozenset(), app.clock.now())
    taken = door.recognise(viewer, door.arrive(caller()))
    assert taken is not None and taken.remaining == 0
    with pytest.raises(RateLimited):
        door.recognise(viewer, door.arrive(caller("10.0.0.2")))


def test_no_quota_means_any_number() -> None:
    door = gate(rate_address=0, rate_device=0, rate_person=0)
    assert door.recognise(None, door.arrive(caller(device="phone"))) is None


def test_money_and_safety_are_shed_last() -> None:
    door = gate(requests_in_flight_max=10, requests_per_person_at_once=100)
    under_way = []
    for number, (priority, let_in) in enumerate(
        [(Priority.LOW, 6), (Priority.NORMAL, 8), (Priority.CRITICAL, 10)]
    ):
        while True:
            scope = door.entered(priority, f"{number}")
            try:
                scope.__enter__()
            except Overloaded:
                break
            under_way.append(scope)
        assert len(under_way) == let_in
    for scope in under_way:
        scope.__exit__(None, None, None)
    with door.entered(Priority.LOW, "after them all"):
        pass


def test_one_person_cannot_fill_the_process() -> None:
    door = gate(requests_per_person_at_once=2, streams_per_person=1)
    with door.entered(Priority.NORMAL, "a"), door.entered(Priority.NORMAL, "a"):
        with pytest.raises(RateLimited), door.entered(Priority.CRITICAL, "a"):
            pass
        with door.entered(Priority.NORMAL, "b"):
            pass
    with (
        door.streaming("a"),
        door.entered(Priority.NORMAL, "a"),
        pytest.raises(RateLimited),
        door.streaming("a"),
    ):
        pass


async def by_post(client: Client, query: str) -> bytes:
    return (await client.run(query)).body


async def by_get(client: Client, query: str) -> bytes:
    return (await client.request("GET", f"/graphql?query={quote(query)}")).body


async def as_events(client: Client, query: str) -> bytes:
    return (await client.run(query, headers={"accept": "text/event-stream"})).body


async def by_socket(client: Client, query: str) -> bytes:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", query))
        return orjson.dumps(await socket.hear())


WAYS = {"POST": by_post, "GET": by_get, "events": as_events, "WebSocket": by_socket}


@strawberry.type(name="Query")
class AttackedQuery:
    """The root that the attacks ask, answering."""

    @strawberry.field
    def item(self) -> Item:
        return Item(name="an item")

    @strawberry.field
    def items(self) -> list[Item]:
        return [Item(name="an item")] * 10

    @strawberry.field
    def other(self) -> Named:
        return Item(name="an item")


@strawberry.type
class SlowQuery:
    """A query that waits until it is let go."""

    @strawberry.field
    async def slow(self, info: strawberry.Info[Any, None]) -> str:
        await LET_GO.wait()
        return "done"


LET_GO = asyncio.Event()


def edge_with(app: App, query: type, *, trusted_only: bool = False) -> Edge:
    return make_edge(app, strawberry.Schema(query), Documents({}, {}), trusted_only=trusted_only)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def start(serve: Callable[[Any], Awaitable[str]], edge: Edge) -> str:
    api = Api()
    api.open(edge)
    return await serve(api) + "/graphql"


class TestOverHttp:
    """The same through the app."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_address": 3, "requests_in_flight_max": 5})

    async def test_refusals_tell_when_to_come_again(
        self, app: App, serve: Callable[[Any], Awaitable[str]], session: aiohttp.ClientSession
    ) -> None:
        url = await start(serve, edge_with(app, AttackedQuery))
        for left in (2, 1, 0):
            async with session.post(url, json={"query": "{ __typename }"}) as answer:
                assert answer.status == 200
                assert answer.headers["RateLimit-Policy"] == '"address";q=3;w=60'
                assert answer.headers["RateLimit"].startswith(f'"address";r={left};')
        async with session.post(url, json={"query": "{ __typename }"}) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) in range(1, 21)
            body = await answer.json(content_type=None)
            assert body["errors"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"

    async def test_a_full_process_sheds_free_text(
        self, app: App, serve: Callable[[Any], Awaitable[str]], session: aiohttp.ClientSession
    ) -> None:
        LET_GO.clear()
        edge = edge_with(app, SlowQuery)
        url = await start(serve, edge)
        waiting = [
            asyncio.create_task(session.post(url, json={"query": "{ slow }"})) for _ in range(3)
        ]
        async with asyncio.timeout(10):
            while edge.gate._in_flight < 3:  # noqa: ASYNC110 - it happens in a server
                await asyncio.sleep(0.01)
        edge.gate._addresses = Buckets(Quota("address", 0), time.monotonic)
        async with session.post(url, json={"query": "{ __typename }"}) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
            body = await answer.json(content_type=None)
            assert body["errors"][0]["extensions"]["code"] == "OVERLOADED"
        LET_GO.set()
        for answer in await asyncio.gather(*waiting):
            assert (await answer.json(content_type=None))["data"] == {"slow": "done"}


class TestTransports:
    """A query has one place among those under way, however it comes."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_address": 0, "requests_in_flight_max": 1})

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_full_process_sheds_whatever_comes(self, app: App, way: str) -> None:
        edge = probe_edge(app)
        client = Client(edge)
        async with asyncio.TaskGroup() as tasks, asyncio.timeout(PATIENCE_S):
            first = tasks.create_task(WAYS[way](client, "{ slow }"))
            while not STATE.begun:  # noqa: ASYNC110 - it happens in the server
                await asyncio.sleep(0.005)
            for ask in WAYS.values():
                assert b"OVERLOADED" in await ask(client, "{ slow }")
            assert (STATE.begun, edge.gate._in_flight) == (1, 1), "of them nothing was begun"
            STATE.go.set()
            assert b'"data":{"slow":"slow"}' in await first
        assert (edge.gate._in_flight, sum(edge.gate._streams.values())) == (0, 0)
        edge.drain()

    async def test_a_subscription_takes_no_querys_place(self, app: App) -> None:
        edge = probe_edge(app)
        client = Client(edge)
        async with client.events("subscription { ticks { number } }") as chunks:
            await asyncio.wait_for(chunks.get(), PATIENCE_S)
            assert (edge.gate._in_flight, sum(edge.gate._streams.values())) == (0, 1)
            assert (await client.run("{ quick }")).status == 200
        edge.drain()


class TestAttacks:
    """Bodies of up to 64 KB that keep naive servers busy."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"rate_address": 0})

    async def test_each_is_answered_in_time(
        self, app: App, serve: Callable[[Any], Awaitable[str]], session: aiohttp.ClientSession
    ) -> None:
        url = await start(serve, edge_with(app, AttackedQuery))
        bodies = {
            f"{name}, {size}": orjson.dumps(
                {"query": text.encode("utf-8", "replace").decode()[: size - 50]}
            )
            for size in (65_000, 8_000, 2_000)
            for name, text in attacks(size).items()
        }
        bodies["a batch"] = orjson.dumps([{"query": "{ item { name } }"}] * 1_500)
        bodies["deep JSON"] = b"[" * 60_000
        bodies["many members"] = orjson.dumps({f"m{n}": n for n in range(6_000)})
        bodies["many variables"] = orjson.dumps(
            {"query": "{ item { name } }", "variables": {f"v{n}": n for n in range(5_000)}}
        )
        slow = [
            name
            for name, body in bodies.items()
            if not await _is_quick(session, url, body[:99_000])
        ]
        assert slow == []

    async def test_production_runs_no_free_text_and_tells_nothing_of_its_schema(
        self, app: App, serve: Callable[[Any], Awaitable[str]], session: aiohttp.ClientSession
    ) -> None:
        url = await start(serve, edge_with(app, AttackedQuery, trusted_only=True))
        for query in ("{ __schema { types { name } } }", "{ item { nam } }", "{ item { name } }"):
            async with session.post(url, json={"query": query}) as answer:
                (error,) = (await answer.json(content_type=None))["errors"]
                assert answer.status == 400
                assert error["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
                assert "item" not in error["message"]


async def _is_quick(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    """Whether one of a few answers came in time."""
    for _ in range(_TRIES):
        if in_time(await _took_s(session, url, body), ANSWER_S, time.process_time):
            return True
    return False


async def _took_s(session: aiohttp.ClientSession, url: str, body: bytes) -> float:
    """The processor time of both sides: what a machine with nothing else to do would need."""
    headers = {"Content-Type": "application/json"}
    started_s = time.process_time()
    async with session.post(url, data=body, headers=headers) as answer:
        await answer.read()
        assert answer.status < 500, body[:200]
    return time.process_time() - started_s
