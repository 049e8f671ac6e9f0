"""GraphQL over WebSocket: the graphql-transport-ws protocol.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. The token comes in the payload of
`connection_init` ({"Authorization": "Bearer …"}) or in the header of the handshake. The server
pings every 12 s, because phones and proxies forget silent connections.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from bff.context import viewer_of
from bff.executor import Executor, Operation, RequestError
from core.app import App
from core.auth import Viewer
from core.call import Call
from core.deadline import Deadline
from core.errors import LoginRequired
from core.logging import request_scope
from core.texts import Locale

PROTOCOL = "graphql-transport-ws"

_INIT_WITHIN_S = 10.0
_PING_S = 12.0
_OPERATIONS_MAX = 50
_MESSAGE_MAX_CHARS = 100_000


class _Close(Exception):
    """The protocol demands that the connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def graphql_websocket(app: App, executor: Executor, websocket: WebSocket) -> None:
    """Serve one connection until either side ends it."""
    if PROTOCOL not in websocket.scope.get("subprotocols", ()):
        await websocket.accept()
        await websocket.close(4406, "Subprotocol not acceptable")
        return
    await websocket.accept(PROTOCOL)
    connection = _Connection(app, executor, websocket)
    try:
        await connection.serve()
    except _Close as end:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(end.code, end.reason)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        await connection.end()


class _Connection:
    """One client: who they are and what they have running."""

    def __init__(self, app: App, executor: Executor, websocket: WebSocket) -> None:
        self._app = app
        self._executor = executor
        self._websocket = websocket
        self._viewer: Viewer | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pinging: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Take messages until the connection closes."""
        try:
            async with asyncio.timeout(_INIT_WITHIN_S):
                first = await self._receive()
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        if first["type"] != "connection_init":
            raise _Close(4401, "Unauthorized")
        await self._init(first.get("payload"))
        while True:
            await self._take(await self._receive())

    async def end(self) -> None:
        """Stop whatever still runs for this client."""
        tasks = [*self._running.values(), *([self._pinging] if self._pinging else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _init(self, payload: Any) -> None:
        given = payload if isinstance(payload, Mapping) else {}
        token = given.get("Authorization") or given.get("authorization")
        header = self._websocket.headers.get("authorization")
        try:
            self._viewer = await viewer_of(self._app, str(token) if token else header)
        except LoginRequired:
            raise _Close(4403, "Forbidden") from None
        await self._send({"type": "connection_ack"})
        self._pinging = asyncio.create_task(self._ping_forever())

    async def _take(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._start(message)
            case "complete":
                task = self._running.pop(str(message.get("id")), None)
                if task is not None:
                    task.cancel()
            case "connection_init":
                raise _Close(4429, "Too many initialisation requests")
            case _:
                raise _Close(4400, "Unknown message type")

    def _start(self, message: Mapping[str, Any]) -> None:
        operation_id, payload = message.get("id"), message.get("payload")
        if not isinstance(operation_id, str) or not isinstance(payload, dict):
            raise _Close(4400, "`subscribe` needs an id and a payload")
        if operation_id in self._running:
            raise _Close(4409, f"Subscriber for {operation_id} already exists")
        if len(self._running) >= _OPERATIONS_MAX:
            raise _Close(4400, "Too many operations")
        self._running[operation_id] = asyncio.create_task(self._run(operation_id, payload))

    async def _run(self, operation_id: str, payload: Mapping[str, Any]) -> None:
        try:
            with request_scope() as request_id:
                await self._stream(operation_id, payload, request_id)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client is gone; `serve` learns of it on its own
        finally:
            if self._running.get(operation_id) is asyncio.current_task():
                del self._running[operation_id]

    async def _stream(self, operation_id: str, payload: Mapping[str, Any], request_id: str) -> None:
        try:
            operation = _operation(payload)
            prepared = self._executor.prepare(operation)
        except RequestError as error:
            errors = [e.formatted for e in error.errors]
            await self._send({"type": "error", "id": operation_id, "payload": errors})
            return
        results = self._executor.stream(self._call(request_id), prepared, operation.variables or {})
        async for result in results:
            head = orjson.dumps({"type": "next", "id": operation_id})
            await self._send_text(head[:-1] + b',"payload":' + result + b"}")
        await self._send({"type": "complete", "id": operation_id})

    def _call(self, request_id: str) -> Call:
        headers = self._websocket.headers
        client = self._websocket.client
        return Call(
            app=self._app,
            deadline=Deadline.after(self._app.settings.request_deadline_s),
            request_id=request_id,
            viewer=self._viewer,
            locale=Locale.from_header(headers.get("accept-language")),
            address=client.host if client else "",
        )

    async def _receive(self) -> Mapping[str, Any]:
        try:
            text = await self._websocket.receive_text()
        except KeyError:
            raise _Close(4400, "Messages are text") from None
        try:
            message = orjson.loads(text) if len(text) <= _MESSAGE_MAX_CHARS else None
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(4400, "Invalid message")
        return message

    async def _ping_forever(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await asyncio.sleep(_PING_S)
                await self._send({"type": "ping"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, message: bytes) -> None:
        async with self._sending:
            await self._websocket.send_text(message.decode())


def _operation(payload: Mapping[str, Any]) -> Operation:
    texts = {name: payload.get(name) for name in ("query", "documentId", "operationName")}
    variables = payload.get("variables")
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise RequestError(f"`{name}` is not a string")
    if variables is not None and not isinstance(variables, dict):
        raise RequestError("`variables` is not an object")
    return Operation(texts["query"], texts["documentId"], texts["operationName"], variables)
