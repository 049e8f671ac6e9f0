"""The edge as stock clients see it: HTTP audits, graphql-sse and graphql-ws over real sockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp

from bff.app import Api
from bff.transports.endpoint import Edge, Pings
from core.context.app import App
from core.database import transaction
from core.security.authentication import Viewer, revoke
from notifications import api as notifications
from tests.bff.inboxes import until, until_listening, write, write_now
from tests.bff.lag import within
from tests.machine import PATIENCE_S
from tests.served import served

MESSAGES = {"query": "subscription { messageReceived { title } }"}
EVENTS = {"Accept": "text/event-stream"}

Node = Callable[..., Awaitable[str]]


async def impatient(edge: Edge, serve: Callable[[Any], Awaitable[str]]) -> str:
    """The same edge, pinging soon."""
    api = Api()
    api.open(replace(edge, pings=Pings(first_s=0.05, every_s=0.1)))
    return await serve(api) + "/graphql"


def lines(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


class EventStream:
    """A subscription over SSE, read as the bytes come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.last_event_id: str | None = None
        self.has_completed = False

    async def block(self) -> dict[str, str]:
        """The next block, its fields by name; empty for a bare ping or the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while (line := (await self.response.content.readline()).decode()) not in ("\n", ""):
                name, _, value = line.rstrip("\n").partition(":")
                fields[name] = value.strip()
        self.last_event_id = fields.get("id", self.last_event_id)
        self.has_completed |= fields.get("event") == "complete"
        return fields

    async def title(self) -> str:
        """The title of the next message."""
        while "data" not in (fields := await self.block()):
            pass
        return str(json.loads(fields["data"])["data"]["messageReceived"]["title"])


async def subscribe(
    session: aiohttp.ClientSession, url: str, token: str, last_event_id: str | None = None
) -> EventStream:
    headers = EVENTS | {"Authorization": f"Bearer {token}"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    return EventStream(await session.post(url, json=MESSAGES, headers=headers))


async def test_http_audits_pass_without_a_warning(url: str, node: Node) -> None:
    results = json.loads(await node("audits.mjs", url))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61


async def test_one_http2_connection_carries_many_requests_at_once(api: Api, node: Node) -> None:
    async with served(api, http2=True) as url:
        said = lines(await node("http2.mjs", f"{url}/graphql", "12"))
    assert {(line["status"], line["protocol"]) for line in said} == {(200, "h2c")}
    answers = [line["answer"]["data"] for line in said]
    assert answers == [{f"answer{number}": "Query"} for number in range(12)]


async def test_graphql_sse_client_receives_and_resumes_after_a_lost_connection(
    app: App, edge: Edge, url: str, viewer: Viewer, node: Node
) -> None:
    token, heard = app.tokens.issue(viewer), list[str]()
    running = asyncio.create_task(node("sse.mjs", url, token, "4", heard=heard))
    await until_listening(app, viewer)
    await write_now(app, viewer.user_id, "一", "二")
    await until(lambda: "二" in "".join(heard))
    edge.drain()
    await write_now(app, viewer.user_id, "三")
    await until(lambda: edge.drains)
    await write_now(app, viewer.user_id, "四")
    said = lines(await running)
    titles = [line["data"]["messageReceived"]["title"] for line in said if "data" in line]
    assert titles == ["一", "二", "三", "四"]
    assert sum("connected" in line for line in said) == 2


async def test_graphql_ws_client_queries_subscribes_and_resumes(
    app: App, url: str, viewer: Viewer, node: Node
) -> None:
    async with transaction() as tx:
        seen = await write(app, tx, viewer.user_id, "读过")
    await write_now(app, viewer.user_id, "错过")
    running = asyncio.create_task(node("ws.mjs", url, app.tokens.issue(viewer), "2", seen.hex))
    await until_listening(app, viewer)
    await write_now(app, viewer.user_id, "新的")
    said = lines(await running)
    assert said[0]["data"] == {"__typename": "Query"}
    assert said[1]["refused"][0]["extensions"] == {"code": "BAD_REQUEST"}
    titles = [line["data"]["messageReceived"]["title"] for line in said[2:4]]
    assert titles == ["错过", "新的"]
    assert said[4]["closed"] == 1000


async def test_graphql_ws_client_is_pinged(
    app: App, edge: Edge, serve: Callable[[Any], Awaitable[str]], viewer: Viewer, node: Node
) -> None:
    assert Pings().every_s <= 15
    url = await impatient(edge, serve)
    said = lines(await node("ws.mjs", url, app.tokens.issue(viewer), "0", "", "pings"))
    assert {"pinged": True} in said


async def test_sse_pings_before_proxies_forget_the_connection(
    app: App, edge: Edge, serve: Callable[[Any], Awaitable[str]], viewer: Viewer
) -> None:
    url = await impatient(edge, serve)
    async with aiohttp.ClientSession() as session:
        stream = await subscribe(session, url, app.tokens.issue(viewer))
        assert await stream.block() == {"id": stream.last_event_id, "": ""}
        assert stream.last_event_id
        stream.response.close()


async def test_who_saw_no_event_resumes_where_the_stream_began(
    app: App, edge: Edge, serve: Callable[[Any], Awaitable[str]], viewer: Viewer
) -> None:
    url = await impatient(edge, serve)
    await write_now(app, viewer.user_id, "旧的")
    token = app.tokens.issue(viewer)
    async with aiohttp.ClientSession() as session:
        first = await subscribe(session, url, token)
        await first.block()
        first.response.close()
        await write_now(app, viewer.user_id, "错过")
        again = await subscribe(session, url, token, first.last_event_id)
        assert await again.title() == "错过"
        again.response.close()


async def test_resuming_gets_what_committed_late_and_nothing_twice(
    url: str, app: App, viewer: Viewer
) -> None:
    """An id is made before its transaction commits: a lower one may become visible later."""
    token = app.tokens.issue(viewer)
    ready, commit = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with transaction() as tx:
            await write(app, tx, viewer.user_id, "慢")
            ready.set()
            await commit.wait()

    writing = asyncio.create_task(slow())
    await ready.wait()
    async with aiohttp.ClientSession() as session:
        stream = await subscribe(session, url, token)
        await until_listening(app, viewer)
        await write_now(app, viewer.user_id, "快")
        assert await stream.title() == "快"
        stream.response.close()
        commit.set()
        await writing
        again = await subscribe(session, url, token, stream.last_event_id)
        assert await again.title() == "慢"
        await write_now(app, viewer.user_id, "后")
        assert await again.title() == "后"
        again.response.close()


async def test_revocation_ends_a_stream_within_a_second(url: str, app: App, viewer: Viewer) -> None:
    async with aiohttp.ClientSession() as session:
        stream = await subscribe(session, url, app.tokens.issue(viewer))
        await until_listening(app, viewer)
        async with transaction() as tx:
            await revoke(tx, app.clock, viewer.session_id)
        async with within(1.0):
            last = await stream.block()
            await stream.block()
        (error,) = json.loads(last["data"])["errors"]
        assert error["extensions"]["code"] == "SESSION_EXPIRED"
        assert stream.has_completed


async def test_revocation_closes_a_websocket_within_a_second(
    url: str, app: App, edge: Edge, viewer: Viewer, node: Node
) -> None:
    running = asyncio.create_task(node("ws.mjs", url, app.tokens.issue(viewer), "1"))
    await until_listening(app, viewer)
    async with transaction() as tx:
        await revoke(tx, app.clock, viewer.session_id)
    async with within(1.0):
        await until(lambda: not edge.drains)
    assert {"closed": 4403, "reason": "Forbidden"} in lines(await running)


async def test_a_client_that_leaves_leaves_nothing_behind(
    url: str, app: App, edge: Edge, viewer: Viewer
) -> None:
    topic = notifications.inbox_topic(viewer.user_id)
    async with aiohttp.ClientSession() as session:
        stream = await subscribe(session, url, app.tokens.issue(viewer))
        await until(lambda: topic in app.bus._listeners)
        stream.response.close()
    await until(lambda: not edge.drains and topic not in app.bus._listeners)


async def test_subscriptions_need_a_transport_that_streams(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json=MESSAGES) as response:
            assert response.status == 406
        async with session.post(url, json=MESSAGES, headers={"Accept": "image/png"}) as response:
            assert response.status == 406
