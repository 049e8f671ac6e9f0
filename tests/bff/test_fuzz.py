"""Odd requests over HTTP, server-sent events and WebSocket: each is answered, in time, without 5xx.

Free text runs, as outside production: what production refuses at once is walked here, too.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bff.trusted.documents import documents_of
from core.context.app import App
from core.settings import Settings
from tests.asgi import Client
from tests.bff.shapes import HttpRequest, Shapes

SLICE = 600
SOAK = 20_000
_LATE_S = 0.1
_REFUSED = (4400, 4401, 4403, 4409, 4429)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"rate_address": 0, "rate_device": 0})


@pytest.fixture
def client(edge: Any) -> Client:
    return Client(edge)


def shapes(app: App, seed: str) -> Shapes:
    operations = documents_of(app.manifests).operations.values()
    return Shapes(seed, [(one.id, one.source) for one in operations])


async def test_a_slice(client: Client) -> None:
    await fuzz(client, SLICE, "slice")


@pytest.mark.soak
@pytest.mark.parametrize("seed", ["1", "2"])
async def test_many(client: Client, seed: str) -> None:
    await fuzz(client, SOAK, seed)


async def fuzz(client: Client, count: int, seed: str) -> None:
    """So many requests, of which every fourth is a message on a WebSocket."""
    drawn = shapes(client.app, seed)
    left, statuses = count, Counter[int]()
    while left > 0:
        for request in (drawn.http() for _ in range(12)):
            statuses[await _one(client, request)] += 1
        left -= 12 + await _conversation(client, drawn.messages())
    assert {200, 400, 405, 406, 415} <= set(statuses), "the shapes reach every answer"
    assert statuses[200] >= count // 10, statuses


async def _one(client: Client, request: HttpRequest) -> int:
    limit_s = client.app.settings.request_deadline_s + _LATE_S
    started_s, busy_s = time.monotonic(), time.process_time()
    async with asyncio.timeout(limit_s * 3):
        status, body = await _answer(client, request)
    waited_s = time.monotonic() - started_s - (time.process_time() - busy_s)
    assert status < 500, (status, request, body[:500])
    assert b"INTERNAL_ERROR" not in body, (request, body[:500])
    assert waited_s <= limit_s, (waited_s, request)
    if "event-stream" in request.headers["accept"]:
        assert b"id: " not in body or _ids_are_ours(body), (request, body[:500])
    return status


async def _answer(client: Client, request: HttpRequest) -> tuple[int, bytes]:
    """The status and body; of a stream, what came before it fell silent."""
    sent: list[dict[str, Any]] = []
    silent = asyncio.Event()
    head = client.scope(request.method, request.target, request.headers)
    pieces = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if pieces:
            return pieces.pop()
        await silent.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message.get("more_body") and message["body"].startswith((b":", b"id:")):
            silent.set()

    await client.asgi(head, receive, send)
    assert sent, "never answered"
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _ids_are_ours(body: bytes) -> bool:
    ids = [line[4:] for line in body.splitlines() if line.startswith(b"id: ")]
    return all(set(id_) <= set(b"0123456789abcdef.") for id_ in ids)


async def _conversation(client: Client, messages: list[bytes]) -> int:
    """Every `subscribe` is answered by its id, or the connection ends with a code that says why."""
    ids = list(_subscribed(messages))
    async with client.websocket() as socket:
        await socket.open()
        for message in messages:
            await socket.say(message.decode("utf-8", "replace"))
        waiting, ended = set(ids), {one for one in ids if _completes(messages, one)}
        limit_s = client.app.settings.request_deadline_s + 5
        async with asyncio.timeout(limit_s):
            while waiting - ended:
                message = await socket.outward.get()
                if message["type"] == "websocket.close":
                    assert message["code"] in _REFUSED, (message, messages)
                    break
                heard = json.loads(message["text"])
                assert "INTERNAL_ERROR" not in message["text"], (messages, message)
                if heard["type"] in ("next", "error"):
                    waiting.discard(heard["id"])
    return len(messages)


def _subscribed(messages: list[bytes]) -> Iterator[str]:
    for message in messages:
        try:
            said = orjson.loads(message)
        except orjson.JSONDecodeError:
            return
        if isinstance(said, dict) and said.get("type") == "subscribe":
            yield said["id"]


def _completes(messages: list[bytes], id_: str) -> bool:
    """Whether the client itself takes back what it asked for; nothing need come then."""
    return any(b'"complete"' in one and b'"%b"' % id_.encode() in one for one in messages)
