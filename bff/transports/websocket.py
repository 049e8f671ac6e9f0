"""GraphQL over WebSocket: the graphql-transport-ws protocol.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. The token comes in the payload of
`connection_init` ({"Authorization": "Bearer …"}) or in the header of the handshake. The server
pings, because phones and proxies forget silent connections.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, aclosing
from typing import Any

import orjson
from graphql import OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from bff.execution.errors import broken, refusal, status_of
from bff.limits.admission import who_of
from bff.request.context import call_for, caller_of, deadline_of, headers_of
from bff.request.operation import Operation, RequestError, operation_of
from bff.transports.endpoint import Edge
from bff.transports.streams import Ending, Stop
from bff.trusted.library import Prepared
from core.bus.position import Resume
from core.context.call import Call
from core.context.http import viewer_of
from core.errors import AppError, LoginRequired, RateLimited, Unavailable
from core.security.authentication import Viewer
from core.telemetry.logging import request_scope

PROTOCOL = "graphql-transport-ws"

_OPERATIONS_MAX = 50
_ID_MAX_CHARS = 200
_MESSAGE_MAX_CHARS = 100_000
_REASON_MAX_BYTES = 123
"""Of a close frame (RFC 6455, 5.5)."""


class _Close(Exception):
    """The protocol demands that the connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_REASON_MAX_BYTES].decode(errors="ignore")


_CLOSES = {
    Ending.REVOKED: (4403, "Forbidden"),
    Ending.EXPIRED: (4403, "Token expired"),
    Ending.DRAINING: (1012, "Service Restart"),
}
_TRY_LATER = (1013, "Try again later")
_BROKEN = (1011, "Internal error")
_UNHEARD_PINGS_MAX = 3
"""After so many pings without a word the client is gone, whatever its connection says."""


async def graphql_websocket(edge: Edge, websocket: WebSocket) -> None:
    """Serve one connection until either side ends it."""
    if PROTOCOL not in websocket.scope.get("subprotocols", ()):
        await websocket.accept()
        await websocket.close(4406, "Subprotocol not acceptable")
        return
    await websocket.accept(PROTOCOL)
    connection = _Connection(edge, websocket)
    try:
        await connection.serve()
    except WebSocketDisconnect:
        pass
    except Exception as error:
        end = connection.ending(error)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the client may be gone
            await websocket.close(end.code, end.reason)
    finally:
        await connection.end()


class _Connection:
    """One client: who they are and what they have running."""

    def __init__(self, edge: Edge, websocket: WebSocket) -> None:
        self._edge = edge
        self._websocket = websocket
        self._caller = caller_of(
            websocket.scope,
            headers_of(websocket.scope),
            trusted_proxies=edge.app.settings.trusted_proxies,
        )
        self._viewer: Viewer | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._pinging: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()
        self._places = contextlib.ExitStack()
        self._unheard_pings = 0
        self._awaited_pongs = 0

    async def serve(self) -> None:
        """Take messages until the connection closes, the session is revoked or we stop."""
        self._count()
        self._keep(self._edge.gate.connected(self._caller.address))
        try:
            async with asyncio.timeout(self._edge.pings.init_s):
                first = await self._first()
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        if first["type"] != "connection_init":
            raise _Close(4401, "Unauthorized")
        await self._init(first.get("payload"))
        async with Stop(self._edge, self._viewer).watching() as stop:
            self._pinging = asyncio.create_task(self._ping_forever())
            taking = asyncio.create_task(self._take_forever())
            stopping = asyncio.create_task(stop.wait())
            ends = {taking, stopping, self._pinging}
            try:
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if stop.ending is not None:
                    raise _Close(*_CLOSES[stop.ending])
                if taking.done():
                    taking.result()
                raise _Close(4408, "No answer to pings")
            finally:
                taking.cancel()
                stopping.cancel()
                await asyncio.wait({taking, stopping})

    async def _first(self) -> Mapping[str, Any]:
        """The first message that is no ping: those are answered at any time."""
        while (message := await self._receive())["type"] in ("ping", "pong"):
            await self._take(message)
        return message

    def _count(self) -> None:
        """What the client does besides its operations is counted too: by its person, once they are
        known, because many share a carrier's address."""
        gate = self._edge.gate
        try:
            if self._viewer is None:
                gate.arrive(self._caller)
            else:
                gate.recognise(self._viewer, None)
        except RateLimited:
            raise _Close(*_TRY_LATER) from None

    def _keep(self, place: AbstractContextManager[None]) -> None:
        """Take a place among the connections that are open, until this one ends."""
        try:
            self._places.enter_context(place)
        except RateLimited:
            raise _Close(*_TRY_LATER) from None

    async def _take_forever(self) -> None:
        while True:
            await self._take(await self._receive())

    def ending(self, error: Exception) -> _Close:
        """With what the connection ends that met this error."""
        if isinstance(error, _Close):
            return error
        can_be_tried_again = status_of(broken(error, self._caller.locale)) == 503
        return _Close(*(_TRY_LATER if can_be_tried_again else _BROKEN))

    async def end(self) -> None:
        """Stop whatever still runs for this client."""
        self._places.close()
        tasks = [*self._running.values(), *([self._pinging] if self._pinging else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _init(self, payload: Any) -> None:
        given = payload if isinstance(payload, Mapping) else {}
        token = given.get("Authorization") or given.get("authorization")
        authorization = token or self._caller.authorization
        if not isinstance(authorization, str | None):
            raise _Close(4403, "Forbidden")
        try:
            app = self._edge.app
            self._viewer = await viewer_of(app, authorization, deadline_of(app))
        except LoginRequired:
            raise _Close(4403, "Forbidden") from None
        except Unavailable:
            raise _Close(*_TRY_LATER) from None
        if self._viewer is not None:  # no stranger's connection any more
            self._places.close()
            self._keep(self._edge.gate.signed_in(self._viewer))
        await self._send({"type": "connection_ack"})

    async def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "pong" and self._awaited_pongs:
            self._awaited_pongs -= 1  # it is we who asked for it
            return
        if message["type"] != "subscribe":
            self._count()
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                self._start(message)
            case "complete":
                task = self._running.pop(_id_of(message), None)
                if task is not None:
                    task.cancel()
            case "connection_init":
                raise _Close(4429, "Too many initialisation requests")
            case _:
                raise _Close(4400, "Unknown message type")

    def _start(self, message: Mapping[str, Any]) -> None:
        operation_id, payload = _id_of(message), message.get("payload")
        if not isinstance(payload, dict):
            raise _Close(4400, "`subscribe` needs a payload")
        if operation_id in self._running:
            raise _Close(4409, f"Subscriber for {operation_id} already exists")
        if len(self._running) >= _OPERATIONS_MAX:
            raise _Close(4400, "Too many operations")
        self._running[operation_id] = asyncio.create_task(self._run(operation_id, payload))

    async def _run(self, operation_id: str, payload: Mapping[str, Any]) -> None:
        try:
            with request_scope() as request_id:
                await self._stream(operation_id, payload, request_id)
        except WebSocketDisconnect:
            pass  # the client is gone; `serve` learns of it on its own
        finally:
            if self._running.get(operation_id) is asyncio.current_task():
                del self._running[operation_id]

    async def _stream(self, operation_id: str, payload: Mapping[str, Any], request_id: str) -> None:
        """Every operation is answered by its id, with an `error` where it cannot be run."""
        gate, locale = self._edge.gate, self._caller.locale
        try:
            gate.recognise(self._viewer, gate.arrive(self._caller))
            operation = operation_of(payload)
            prepared = self._edge.executor.prepare(operation)
            if prepared.document_id is not None:
                self._edge.usage.count(prepared.document_id, self._caller.app_version)
            app = self._edge.app
            call = call_for(app, self._caller, request_id, self._viewer, deadline_of(app))
            call.once(Resume, Resume).come_back(operation.last_event_id)
            await self._answer(operation_id, call, prepared, operation)
            return
        except WebSocketDisconnect:
            raise
        except RequestError as error:
            errors = error.errors
        except AppError as error:
            errors = [refusal(error, locale)]
        except Exception as error:
            errors = [broken(error, locale)]
        payloads = [error.formatted for error in errors]
        await self._send({"type": "error", "id": operation_id, "payload": payloads})

    async def _answer(
        self, operation_id: str, call: Call, prepared: Prepared, operation: Operation
    ) -> None:
        """Send what an operation responds; whoever reads it slowly keeps no place for that among
        the queries under way."""
        gate, executor, variables = self._edge.gate, self._edge.executor, operation.variables
        who = who_of(self._viewer, self._caller)
        if prepared.kind is OperationType.SUBSCRIPTION:
            with gate.streaming(who):
                async with aclosing(executor.stream(call, prepared, variables)) as events:
                    async for event in events:
                        await self._send_next(operation_id, event.body)
        else:
            with gate.entered(prepared.priority, who):
                body = await executor.respond(call, prepared, variables)
            await self._send_next(operation_id, body)
        await self._send({"type": "complete", "id": operation_id})

    async def _send_next(self, operation_id: str, body: bytes) -> None:
        head = orjson.dumps({"type": "next", "id": operation_id})[:-1]
        await self._send_text(head + b',"payload":' + body + b"}")

    async def _receive(self) -> Mapping[str, Any]:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1006)  # a message could not be sent
        try:
            text = await self._websocket.receive_text()
            self._unheard_pings = 0
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
        """Returns where the client is gone: a connection alone may stay open for days."""
        with contextlib.suppress(WebSocketDisconnect):
            while self._unheard_pings < _UNHEARD_PINGS_MAX:
                await asyncio.sleep(self._edge.pings.every_s)
                self._unheard_pings += 1
                self._awaited_pongs += 1
                await self._send({"type": "ping"})

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, message: bytes) -> None:
        async with self._sending:
            try:
                await self._websocket.send_text(message.decode())
            except RuntimeError as error:  # closed already, by us or by the client
                raise WebSocketDisconnect(1006) from error


def _id_of(message: Mapping[str, Any]) -> str:
    """The id of an operation; it may be anything until here."""
    found = message.get("id")
    if not isinstance(found, str) or len(found) > _ID_MAX_CHARS:
        raise _Close(4400, f"An id is a text of at most {_ID_MAX_CHARS} characters")
    return found
