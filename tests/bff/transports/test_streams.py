"""How long a stream may go on: no longer than the token that opened it, whatever the database does,
and each of its events has an end."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
import strawberry

from bff.app import make_edge
from bff.transports.endpoint import Edge, Pings
from bff.transports.websocket import _Connection
from bff.trusted.documents import Documents, gather
from bff.trusted.shipped import ShippedOperation, document_id
from core.clock import ManualClock
from core.context.app import App
from core.graphql import Info
from core.security.authentication import Revocations, Viewer
from core.settings import Settings
from tests.asgi import Client
from tests.bff.probes import Query, probe_edge
from tests.bff.transports.test_websocket import INIT, closed, ended, subscribe, until
from tests.machine import PATIENCE_S

TICKS = "subscription { ticks { number } }"
OFTEN = Pings(first_s=0.02, every_s=0.02)

Citizen = Callable[..., Awaitable[Viewer]]


class Away(Revocations):
    """The list of revoked sessions, which cannot be read while the database is away."""

    is_away = False

    async def refuse_revoked(self, viewer: Viewer) -> None:
        """See Revocations."""
        if self.is_away:
            raise ConnectionRefusedError(111, "refused")
        await super().refuse_revoked(viewer)


@pytest.fixture
def away(app: App) -> Away:
    return Away(app.clock, app.bus)


@pytest.fixture
def edge(app: App, away: Away) -> Iterator[Edge]:
    opened = replace(probe_edge(replace(app, revocations=away)), pings=OFTEN)
    yield opened
    opened.drain()


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


async def _heard(chunks: "asyncio.Queue[bytes]", edge: Edge) -> bytes:
    """What a stream says until it ends."""
    await until(lambda: not edge.drains)
    return b"".join(chunks.get_nowait() for _ in range(chunks.qsize()))


async def test_events_end_with_the_token(
    client: Client, edge: Edge, clock: ManualClock, citizen: Citizen
) -> None:
    async with client.events(TICKS, headers=client.token(await citizen())) as chunks:
        assert b"event: next" in await chunks.get()
        clock.move(timedelta(minutes=14))
        assert await chunks.get() == b":\n\n"
        clock.move(timedelta(minutes=1))
        assert b"complete" not in await _heard(chunks, edge), "its client comes back"


async def test_a_connection_ends_with_the_token(
    client: Client, clock: ManualClock, citizen: Citizen
) -> None:
    async with client.websocket() as socket:
        await socket.open(client.app.tokens.issue(await citizen()))
        await socket.say(subscribe("1", "{ slow }"))
        clock.move(timedelta(minutes=15))
        end = await ended(socket)
        assert (end["code"], end["reason"]) == (4403, "Token expired")


async def test_who_said_not_who_they_are_stays(client: Client, clock: ManualClock) -> None:
    async with client.events(TICKS) as chunks:
        clock.move(timedelta(days=1))
        for _ in range(5):
            await chunks.get()


async def test_streams_go_on_while_the_database_is_away(
    client: Client, away: Away, citizen: Citizen
) -> None:
    viewer = await citizen()
    async with (
        client.events(TICKS, headers=client.token(viewer)) as chunks,
        client.websocket() as socket,
    ):
        await socket.open(client.app.tokens.issue(viewer))
        away.is_away = True
        for _ in range(10):
            assert (await asyncio.wait_for(chunks.get(), PATIENCE_S)).endswith(b"\n\n")
            await socket.say({"type": "pong"})
        await socket.say(subscribe("1", "{ quick }"))
        assert (await socket.hear())["payload"]["data"] == {"quick": "quick"}
        away.is_away = False


@pytest.mark.parametrize(("kind", "code"), [(ConnectionRefusedError, 1013), (LookupError, 1011)])
async def test_a_connection_that_cannot_begin_says_why(
    app: App, citizen: Citizen, kind: type[Exception], code: int
) -> None:
    class Failing(Revocations):
        """Nobody can be looked up."""

        async def refuse_revoked(self, viewer: Viewer) -> None:
            """See Revocations."""
            raise kind(111, "refused")

    edge = probe_edge(replace(app, revocations=Failing(app.clock, app.bus)))
    async with Client(edge).websocket() as socket:
        await socket.accepted()
        token = app.tokens.issue(await citizen())
        await socket.say(INIT | {"payload": {"Authorization": f"Bearer {token}"}})
        assert await closed(socket) == code


async def test_of_a_refused_connection_nothing_is_left(app: App) -> None:
    none = app.settings.model_copy(update={"sockets_per_address": 0})
    client = Client(probe_edge(replace(app, settings=none)))
    for _ in range(5):
        async with client.websocket() as socket:
            await socket.accepted()
            assert await closed(socket) == 1013
    await asyncio.sleep(0)
    gc.collect()
    assert [one for one in gc.get_objects() if type(one) is _Connection] == []


@strawberry.type
class Number:
    """An event; the first takes for ever."""

    value: int

    @strawberry.field
    async def late(self) -> int:
        if self.value == 1:
            await asyncio.Event().wait()
        return self.value


@strawberry.type
class Subscription:
    """Streams that wait where they should not."""

    @strawberry.subscription
    async def numbers(self) -> AsyncIterator[Number]:
        """Two, at once."""
        yield Number(value=1)
        yield Number(value=2)

    @strawberry.subscription
    async def steps(self, info: Info) -> AsyncIterator[int]:
        """One at each news."""
        async for step in info.context.app.bus.stream("steps"):
            yield step


class TestEvents:
    """Events, and documents that are withdrawn while they come."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"request_deadline_s": 0.1})

    @pytest.fixture
    def edge(self, app: App) -> Iterator[Edge]:
        shipped = [ShippedOperation(document_id(STEPS), "Steps", STEPS)]
        documents: Documents = gather((), {"ios-1.4.0": shipped})
        schema = strawberry.Schema(Query, subscription=Subscription)
        opened = make_edge(app, schema, documents, trusted_only=False)
        yield opened
        opened.drain()

    async def test_an_event_that_hangs_is_given_up_and_the_next_comes(self, client: Client) -> None:
        async with client.events("subscription { numbers { value late } }") as chunks:
            first = _data(await asyncio.wait_for(chunks.get(), PATIENCE_S))
            second = _data(await asyncio.wait_for(chunks.get(), PATIENCE_S))
        assert [error["extensions"]["code"] for error in first["errors"]] == ["DEADLINE_PASSED"]
        assert second["data"] == {"numbers": {"value": 2, "late": 2}}

    async def test_a_stream_ends_when_its_document_is_withdrawn(
        self, client: Client, edge: Edge
    ) -> None:
        body = orjson.dumps({"documentId": document_id(STEPS)})
        async with client.events(body) as chunks:
            await until(lambda: "steps" in client.app.bus._listeners)
            (listener,) = client.app.bus._listeners["steps"]
            listener(1)
            assert _data(await chunks.get())["data"] == {"steps": 1}
            edge.library.withdraw(document_id(STEPS))
            listener(2)
            last = _data(await chunks.get())
            assert "data" not in last
            (error,) = last["errors"]
            assert error["extensions"]["code"] == "DOCUMENT_WITHDRAWN"
            assert await chunks.get() == b"event: complete\ndata:\n\n"

    async def test_a_stream_that_lost_news_says_so(self, client: Client) -> None:
        async with client.events(STEPS) as chunks:
            await until(lambda: "steps" in client.app.bus._listeners)
            for hook in list(client.app.bus._gap_hooks):
                hook()
            (error,) = _data(await chunks.get())["errors"]
            assert error["extensions"]["code"] == "UNAVAILABLE"
            assert await chunks.get() == b"event: complete\ndata:\n\n"


STEPS = "subscription Steps { steps }"


def _data(chunk: bytes) -> dict[str, object]:
    (line,) = [line for line in chunk.splitlines() if line.startswith(b"data: ")]
    found: dict[str, object] = orjson.loads(line[6:])
    return found
