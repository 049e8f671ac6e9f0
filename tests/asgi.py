"""The API as its clients meet it: whole HTTP requests and WebSockets over ASGI, in this loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from bff.app import Api
from bff.transports.endpoint import Edge
from bff.trusted.documents import documents_of
from core.security.authentication import Viewer
from tests.machine import PATIENCE_S

GRAPHQL = "/graphql"


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of a GraphQL answer's errors."""
        return [error["extensions"]["code"] for error in self.json.get("errors", [])]


async def request(
    asgi: Callable[..., Awaitable[None]],
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One HTTP request to an application and its whole answer."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asgi(scope_of("http", method, target, headers), _receive_of(body), send)
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


class Client:
    """A client of one API process."""

    def __init__(self, edge: Edge) -> None:
        self.app = edge.app
        self.asgi = Api()
        self.asgi.open(edge)

    def scope(self, method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
        """The ASGI scope of an HTTP request to this process."""
        return scope_of("http", method, target, headers)

    def token(self, viewer: Viewer) -> dict[str, str]:
        """The header of a signed-in client."""
        return {"authorization": f"Bearer {self.app.tokens.issue(viewer)}"}

    async def run(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        viewer: Viewer | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post one operation; the answer's media type is application/json."""
        body = orjson.dumps({"query": query, "variables": variables or {}})
        given = (self.token(viewer) if viewer else {}) | dict(headers or {})
        return await self.post(body, headers={"accept-language": "en"} | given)

    async def data(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        viewer: Viewer | None = None,
    ) -> Any:
        """The data of an operation that must not fail."""
        answer = await self.run(query, variables, viewer=viewer)
        assert answer.status == 200, answer.body
        assert "errors" not in answer.json, answer.json
        return answer.json["data"]

    async def operate(
        self, name: str, variables: Mapping[str, Any] | None = None, *, viewer: Viewer | None = None
    ) -> Answer:
        """Run a trusted operation by its name, as apps do."""
        found = {op.name: op for op in documents_of(self.app.manifests).operations.values()}
        return await self.run(found[name].source, variables, viewer=viewer)

    async def post(
        self, body: bytes, *, path: str = GRAPHQL, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post a body as it is."""
        json = {"content-type": "application/json"}
        return await self.request("POST", path, body, headers=json | dict(headers or {}))

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One HTTP request and its whole answer."""
        return await request(self.asgi, method, target, body, headers)

    @asynccontextmanager
    async def events(
        self, query: str | bytes, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator["asyncio.Queue[bytes]"]:
        """A stream of server-sent events; the client hangs up at the end of the `with`.

        `query` is the document, or a whole body.
        """
        chunks: asyncio.Queue[bytes] = asyncio.Queue()
        hung_up = asyncio.Event()
        body = query if isinstance(query, bytes) else orjson.dumps({"query": query})
        head = {"content-type": "application/json", "accept": "text/event-stream"}
        whole = _receive_of(body)
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return await whole()
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message.get("body"):
                await chunks.put(message["body"])

        scope = scope_of("http", "POST", GRAPHQL, head | dict(headers or {}))
        serving = asyncio.create_task(self.asgi(scope, receive, send))
        try:
            yield chunks
        finally:
            hung_up.set()
            await asyncio.wait_for(serving, PATIENCE_S)

    @asynccontextmanager
    async def websocket(
        self, *, protocols: tuple[str, ...] = ("graphql-transport-ws",)
    ) -> AsyncIterator["Socket"]:
        """A WebSocket to the GraphQL endpoint."""
        socket = Socket()
        scope = scope_of("websocket", "GET", GRAPHQL, {}) | {"subprotocols": list(protocols)}
        await socket.inward.put({"type": "websocket.connect"})
        serving = asyncio.create_task(self.asgi(scope, socket.inward.get, socket.outward.put))
        try:
            yield socket
        finally:
            await socket.inward.put({"type": "websocket.disconnect", "code": 1000})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(serving, PATIENCE_S)
            assert serving.done()
            serving.result()


class Socket:
    """The client's end of a WebSocket."""

    def __init__(self) -> None:
        self.inward: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outward: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def accepted(self) -> str | None:
        """The protocol that the server chose."""
        message = await asyncio.wait_for(self.outward.get(), PATIENCE_S)
        assert message["type"] == "websocket.accept"
        return message.get("subprotocol")

    async def say(self, message: Any) -> None:
        """Send a message; text as it is, everything else as JSON."""
        text = message if isinstance(message, str) else orjson.dumps(message).decode()
        await self.inward.put({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict[str, Any]:
        """The next message that is no ping."""
        while True:
            message = await asyncio.wait_for(self.outward.get(), PATIENCE_S)
            assert message["type"] == "websocket.send", message
            heard: dict[str, Any] = orjson.loads(message["text"])
            if heard["type"] != "ping":
                return heard

    async def closed(self) -> int:
        """The code with which the server closed."""
        message = await asyncio.wait_for(self.outward.get(), PATIENCE_S)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def open(self, token: str | None = None) -> None:
        """Connect as graphql-transport-ws has it."""
        assert await self.accepted() == "graphql-transport-ws"
        payload = {"Authorization": f"Bearer {token}"} if token else {}
        await self.say({"type": "connection_init", "payload": payload})
        assert await self.hear() == {"type": "connection_ack"}


def scope_of(
    kind: str, method: str, target: str, headers: Mapping[str, str] | None
) -> dict[str, Any]:
    """The ASGI scope of a request."""
    parts = urlsplit(target)
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http" if kind == "http" else "ws",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {"host": "testserver", **(headers or {})}.items()
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("testserver", 80),
        "subprotocols": [],
        "state": {},
    }


def _receive_of(body: bytes) -> Any:
    """The body in pieces, as a network delivers it."""
    size = 16_384
    pieces = [body[i : i + size] for i in range(0, len(body), size)] or [b""]

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    return receive
