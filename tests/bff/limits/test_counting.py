"""Requests are counted before anything is done for them, also those that fail at once."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from bff.limits.buckets import Buckets, Quota
from bff.request.context import caller_of
from bff.transports.endpoint import Edge, Pings
from core.context.app import App
from core.security.authentication import Viewer
from core.settings import Settings
from tests.asgi import Client
from tests.bff.probes import probe_edge
from tests.bff.transports.test_websocket import INIT, closed, subscribe
from tests.machine import PATIENCE_S

JSON = {"content-type": "application/json"}
NESTED = b'{"query":"{__typename}","variables":{"a":%b}}' % (b"[" * 400 + b"]" * 400)
FAILING: dict[str, tuple[bytes, dict[str, str]]] = {
    "no JSON": (b"{", JSON),
    "no document": (b"{}", JSON),
    "an invalid document": (b'{"query":"{ nothing }"}', JSON),
    "nested variables": (NESTED, JSON),
    "a form": (b"query={quick}", {"content-type": "application/x-www-form-urlencoded"}),
    "nothing acceptable": (b'{"query":"{ quick }"}', JSON | {"accept": "image/png"}),
    "a forged token": (b'{"query":"{ quick }"}', JSON | {"authorization": "Bearer forged"}),
    "an unknown document": (b'{"documentId":"sha256:00"}', JSON),
}
ALLOWED = 3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_address": ALLOWED})


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    opened = probe_edge(app)
    yield opened
    opened.drain()


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


@pytest.mark.parametrize("kind", FAILING)
async def test_what_fails_counts(client: Client, kind: str) -> None:
    body, headers = FAILING[kind]
    statuses = [(await client.post(body, headers=headers)).status for _ in range(ALLOWED + 1)]
    assert all(400 <= status < 429 or status == 200 for status in statuses[:-1]), statuses
    assert statuses[-1] == 429


async def test_nothing_is_parsed_for_an_address_that_is_over_its_limit(client: Client) -> None:
    for _ in range(ALLOWED):
        await client.run("{ quick }")
    answer = await client.post(b"no JSON", headers=JSON)
    assert (answer.status, answer.codes) == (429, ["TOO_MANY_REQUESTS"])
    assert int(answer.headers["retry-after"]) > 0


async def test_operations_of_a_socket_count_before_they_are_read(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        for number in range(ALLOWED - 1):
            await socket.say(subscribe(f"{number}", "{ nothing }"))
        for _ in range(ALLOWED - 1):
            assert (await socket.hear())["payload"][0]["extensions"]["code"] == "BAD_REQUEST"
        await socket.say(subscribe("over", "{ nothing }"))
        heard = await socket.hear()
        assert heard["id"] == "over"
        assert heard["payload"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"


@pytest.mark.parametrize(
    "said", [{"type": "ping"}, {"type": "pong"}, {"type": "complete", "id": "1"}]
)
async def test_other_messages_count_too(client: Client, said: dict[str, Any]) -> None:
    async with client.websocket() as socket:
        await socket.open()
        for _ in range(ALLOWED):
            await socket.say(said)
        assert await closed(socket) == 1013


async def test_a_pong_that_we_asked_for_counts_for_nobody(edge: Edge) -> None:
    client = Client(replace(edge, pings=Pings(every_s=0.01)))
    async with client.websocket() as socket:
        await socket.open()
        for _ in range(5 * ALLOWED):
            message = await asyncio.wait_for(socket.outward.get(), PATIENCE_S)
            assert message["type"] == "websocket.send", message
            await socket.say({"type": "pong"})
        assert (await client.run("{ quick }")).status == 200


async def test_who_is_known_is_counted_as_themselves_and_not_by_the_address_of_many(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    few = app.settings.model_copy(update={"rate_person": 2 * ALLOWED})
    client = Client(probe_edge(replace(app, settings=few)))
    async with client.websocket() as socket:
        await socket.open(app.tokens.issue(await citizen()))
        for _ in range(2 * ALLOWED):
            await socket.say({"type": "ping"})
            assert await socket.hear() == {"type": "pong"}
        assert (await client.run("{ quick }", viewer=await citizen())).status == 200
        await socket.say({"type": "ping"})
        assert await closed(socket) == 1013


async def test_connections_count(client: Client) -> None:
    for _ in range(ALLOWED):
        async with client.websocket() as socket:
            await socket.open()
    async with client.websocket() as socket:
        await socket.accepted()
        await socket.say(INIT)
        assert await closed(socket) == 1013


def _scope(headers: dict[bytes, bytes]) -> dict[str, Any]:
    return {"client": ("127.0.0.1", 1), "headers": list(headers.items())}


def test_keys_of_the_clients_own_choosing_are_short() -> None:
    long = {b"x-device-id": b"d" * 30_000, b"x-forwarded-for": b"1" * 30_000}
    caller = caller_of(_scope(long), long, trusted_proxies=1)
    assert caller.device is not None
    assert len(caller.device) <= 64 and len(caller.address) <= 64


def test_no_more_is_remembered_of_a_header_than_it_may_hold() -> None:
    long = b"1" * 30_000
    tracemalloc.start()
    try:
        for number in range(200):
            chosen = long + b"%d" % number
            headers = {b"x-forwarded-for": chosen, b"accept-language": chosen}
            caller_of(_scope(headers), headers, trusted_proxies=1)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def test_an_address_over_its_limit_adds_no_device(edge: Edge) -> None:
    for number in range(ALLOWED + 20):
        headers = {b"x-device-id": b"%d" % number}
        caller = caller_of(_scope(headers), headers, trusted_proxies=0)
        try:
            edge.gate.arrive(caller)
        except Exception:
            continue
    assert len(edge.gate._devices) == ALLOWED


def test_buckets_that_are_full_again_are_forgotten() -> None:
    now_s = 0.0
    buckets = Buckets(Quota("device", 10), lambda: now_s)
    for number in range(1_000):
        buckets.take(f"{number}")
    now_s = 61.0
    for number in range(1_000):
        buckets.take(f"later {number}")
    assert len(buckets) == 1_000


async def test_a_nested_shape_costs_next_to_nothing(client: Client) -> None:
    """Of any transport, and as extensions or as variables."""
    deep = orjson.loads(b"[" * 400 + b"]" * 400)
    async with client.websocket() as socket:
        await socket.open()
        message = NESTED.decode()
        await socket.say(f'{{"type":"subscribe","id":"deep","payload":{message}}}')
        async with asyncio.timeout(PATIENCE_S):
            heard = await socket.hear()
    assert (heard["type"], heard["id"]) == ("error", "deep")
    assert heard["payload"][0]["extensions"]["code"] == "VARIABLES_TOO_DEEP"
    answer = await client.post(b'{"query":"{quick}","extensions":{"a":%b}}' % _nested(deep))
    assert answer.status == 200


def _nested(value: Any) -> bytes:
    """JSON deeper than the writer goes."""
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    return b"[" * depth + b"]" * depth
