"""graphql-transport-ws to the letter: what is answered, with which code a connection ends, limits.

Stock clients speak it in `test_conformance`; here is what a stock client never does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bff.transports.endpoint import Edge, Pings
from core.context.app import App
from core.security.authentication import Viewer
from core.settings import Settings
from tests.asgi import Client, Socket
from tests.bff.probes import SECRET, STATE, probe_edge
from tests.machine import PATIENCE_S

INIT = {"type": "connection_init"}
DEEP = "[" * 1_000 + "]" * 1_000
"""Deeper than Python writes out, not too deep to be read."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = {"streams_per_person": 2, "requests_per_person_at_once": 2, "rate_address": 0}
    return settings.model_copy(update=limits)


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    opened = probe_edge(app)
    yield opened
    opened.drain()


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


def subscribe(id_: str, query: str) -> dict[str, Any]:
    return {"type": "subscribe", "id": id_, "payload": {"query": query}}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - it happens in the connection's own tasks
            await asyncio.sleep(0.005)


async def ended(socket: Socket) -> dict[str, Any]:
    """How the server closes, whatever it says before."""
    while True:
        message = await asyncio.wait_for(socket.outward.get(), PATIENCE_S)
        if message["type"] == "websocket.close":
            return message


async def closed(socket: Socket) -> int:
    """The code with which the server closes."""
    return int((await ended(socket))["code"])


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (subscribe("1", "{ quick }"), 4401),
        ({"type": "complete", "id": "1"}, 4401),
        ("half a {", 4400),
        ("[]", 4400),
        ('"connection_init"', 4400),
        ({"type": 1}, 4400),
        ({"no": "type"}, 4400),
        ({"type": "connection_init", "payload": {"x": "y" * 100_000}}, 4400),
        ({"type": "connection_init", "payload": {"Authorization": "Bearer forged"}}, 4403),
        ({"type": "connection_init", "payload": {"authorization": "Basic eDp5"}}, 4403),
        ({"type": "connection_init", "payload": {"authorization": 7}}, 4403),
        (f'{{"type": "connection_init", "payload": {{"Authorization": {DEEP}}}}}', 4403),
    ],
)
async def test_a_connection_that_begins_badly_is_closed(
    client: Client, said: Any, code: int
) -> None:
    async with client.websocket() as socket:
        await socket.accepted()
        await socket.say(said)
        assert await closed(socket) == code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (INIT, 4429),
        ({"type": "start", "id": "1", "payload": {"query": "{ quick }"}}, 4400),
        ({"type": "subscribe", "payload": {"query": "{ quick }"}}, 4400),
        ({"type": "subscribe", "id": 1, "payload": {"query": "{ quick }"}}, 4400),
        ({"type": "subscribe", "id": "1", "payload": "{ quick }"}, 4400),
        (subscribe("1" * 201, "{ quick }"), 4400),
        ({"type": "complete"}, 4400),
        ({"type": "complete", "id": 1}, 4400),
        (f'{{"type": "complete", "id": {DEEP}}}', 4400),
        (f'{{"type": {DEEP}}}', 4400),
        ("no JSON", 4400),
    ],
)
async def test_a_message_out_of_place_ends_the_connection(
    client: Client, said: Any, code: int
) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(said)
        assert await closed(socket) == code


async def test_pings_are_answered_at_any_time(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.accepted()
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
        await socket.say({"type": "pong"})
        await socket.say(INIT)
        assert await socket.hear() == {"type": "connection_ack"}
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}


async def test_messages_are_text(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.inward.put({"type": "websocket.receive", "bytes": b"{}"})
        assert await closed(socket) == 4400


async def test_another_protocol_is_not_spoken(client: Client) -> None:
    async with client.websocket(protocols=("graphql-ws",)) as socket:
        assert await socket.accepted() is None
        assert await socket.closed() == 4406


async def test_a_connection_that_says_nothing_is_closed(edge: Edge) -> None:
    async with Client(replace(edge, pings=Pings(init_s=0.05))).websocket() as socket:
        await socket.accepted()
        assert await closed(socket) == 4408


async def test_a_client_that_hears_no_ping_is_gone(edge: Edge) -> None:
    async with Client(replace(edge, pings=Pings(every_s=0.01))).websocket() as socket:
        await socket.open()
        assert await closed(socket) == 4408


async def test_a_client_that_answers_pings_stays(edge: Edge) -> None:
    async with Client(replace(edge, pings=Pings(every_s=0.01))).websocket() as socket:
        await socket.open()
        for _ in range(10):
            message = await asyncio.wait_for(socket.outward.get(), PATIENCE_S)
            assert message["type"] == "websocket.send", "three unanswered pings would end it"
            await socket.say({"type": "pong"})


async def test_strangers_at_one_address_have_so_many_connections(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    few = app.settings.model_copy(update={"sockets_per_address": 2})
    edge = probe_edge(replace(app, settings=few))
    client, viewer = Client(edge), await citizen()
    async with client.websocket() as first, client.websocket() as second:
        await first.open()
        await second.open()
        async with client.websocket() as third:
            await third.accepted()
            assert await closed(third) == 1013
        await second.inward.put({"type": "websocket.disconnect", "code": 1000})
        await until(lambda: sum(edge.gate._sockets.values()) == 1)
        for _ in range(3):  # who has signed in takes no stranger's place
            async with client.websocket() as known:
                await known.open(app.tokens.issue(viewer))
                async with client.websocket() as stranger:
                    await stranger.open()


async def test_a_person_has_so_many_connections(
    app: App, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    few = app.settings.model_copy(update={"sockets_per_person": 2, "sockets_per_address": 2})
    edge = probe_edge(replace(app, settings=few))
    client, token = Client(edge), app.tokens.issue(await citizen())
    async with client.websocket() as first, client.websocket() as second:
        await first.open(token)
        await second.open(token)
        async with client.websocket() as third:
            await third.accepted()
            await third.say(INIT | {"payload": {"Authorization": f"Bearer {token}"}})
            assert await closed(third) == 1013, "and nothing is acknowledged"
        async with client.websocket() as another:
            await another.open(app.tokens.issue(await citizen()))
        await second.inward.put({"type": "websocket.disconnect", "code": 1000})
        await until(lambda: sum(edge.gate._signed_in.values()) == 1)
        async with client.websocket() as again:
            await again.open(token)
    assert not edge.gate._signed_in and not edge.gate._sockets


async def test_pings_are_answered_and_pongs_are_not(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say({"type": "pong"})
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
        assert socket.outward.empty()


async def test_operations_run_side_by_side_under_their_ids(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("late", "{ slow }"))
        await until(lambda: STATE.begun)
        await socket.say(subscribe("soon", "{ quick }"))
        heard = [await socket.hear() for _ in range(2)]
        assert [(m["type"], m["id"]) for m in heard] == [("next", "soon"), ("complete", "soon")]
        assert heard[0]["payload"]["data"] == {"quick": "quick"}
        STATE.go.set()
        assert (await socket.hear())["payload"]["data"] == {"slow": "slow"}
        assert await socket.hear() == {"type": "complete", "id": "late"}
        await socket.say(subscribe("soon", "{ quick }"))
        assert (await socket.hear())["id"] == "soon", "an id that is done may be used again"


@pytest.mark.parametrize("id_", ["1", "1" * 200, "水" * 200])
async def test_an_id_in_use_is_taken(client: Client, id_: str) -> None:
    async with client.websocket() as socket:
        await socket.open()
        for _ in range(2):
            await socket.say(subscribe(id_, "subscription { ticks { number } }"))
        end = await ended(socket)
        assert (end["code"], end["reason"][:16]) == (4409, f"Subscriber for {id_[0]}")
        assert len(end["reason"].encode()) <= 123, "more is no close frame"
    await until(lambda: STATE.begun == len(STATE.ended))


async def test_what_a_client_completes_stops(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", "subscription { ticks { number } }"))
        assert (await socket.hear())["payload"]["data"] == {"ticks": {"number": 1}}
        await socket.say({"type": "complete", "id": "1"})
        await until(lambda: STATE.ended == ["ticks"])
        await socket.say({"type": "complete", "id": "never begun"})
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}, "no word of what was completed"


async def test_whoever_leaves_leaves_nothing_running(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", "subscription { ticks { number } }"))
        await socket.hear()
        await socket.say(subscribe("2", "{ slow }"))
        await until(lambda: STATE.begun == 2)
    await until(lambda: sorted(STATE.ended) == ["cancelled", "ticks"])


async def test_a_process_that_stops_says_come_again(edge: Edge, client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", "subscription { ticks { number } }"))
        await socket.hear()
        edge.drain()
        assert await closed(socket) == 1012
    await until(lambda: STATE.ended == ["ticks"])
    assert not edge.drains


async def test_a_document_that_does_not_fit_is_an_error_of_its_own(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", "{ nothingOfThatName }"))
        heard = await socket.hear()
        assert (heard["type"], heard["id"]) == ("error", "1")
        assert heard["payload"][0]["extensions"] == {"code": "BAD_REQUEST"}
        await socket.say(subscribe("1", "{ quick }"))
        assert (await socket.hear())["type"] == "next"


async def test_defects_are_masked(client: Client) -> None:
    async with client.websocket() as socket:
        await socket.open()
        await socket.say(subscribe("1", "{ broken }"))
        heard = [await socket.hear() for _ in range(2)]
        await socket.say(subscribe("2", "subscription { breaking }"))
        heard += [await socket.hear() for _ in range(3)]
        assert SECRET not in str(heard)
        for number in (0, 3):
            (error,) = heard[number]["payload"]["errors"]
            assert error["extensions"]["code"] == "INTERNAL_ERROR"
            assert error["extensions"]["errorId"]
        assert [m["type"] for m in heard] == ["next", "complete", "next", "next", "complete"]


@pytest.mark.parametrize("query", ["subscription { ticks { number } }", "{ slow }"])
async def test_one_person_has_so_many_at_once(client: Client, query: str) -> None:
    async with client.websocket() as socket:
        await socket.open()
        for number in range(2):
            await socket.say(subscribe(f"{number}", query))
        await until(lambda: STATE.begun == 2)
        await socket.say(subscribe("one too many", query))
        while (heard := await socket.hear())["type"] == "next":
            pass
        assert (heard["type"], heard["id"]) == ("error", "one too many")
        assert heard["payload"][0]["extensions"]["code"] == "TOO_MANY_AT_ONCE"


class TestManyOperations:
    """Nothing but the protocol's own bound."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"streams_per_person": 1_000})

    async def test_a_connection_carries_fifty(self, client: Client) -> None:
        async with client.websocket() as socket:
            await socket.open()
            for number in range(51):
                await socket.say(subscribe(f"{number}", "subscription { ticks { number } }"))
            assert await closed(socket) == 4400
        await until(lambda: len(STATE.ended) == STATE.begun)
