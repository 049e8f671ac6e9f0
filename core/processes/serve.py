"""One process, one event loop, one ASGI application: how the API and the sandbox are served."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server import embed
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.processes.memory import settle_memory

_BACKLOG = 1024
_GRACE_S = 8
_IDLE_S = 75
"""How long a connection may be silent between requests: longer than proxies keep theirs."""
_HEAD_S = 30.0
_HEAD_MAX_BYTES = 65_536
_BODY_S = 30.0
_BODY_BYTES_PER_S = 8_192
"""A body may take so long, and a second more for so many bytes of it."""
_MESSAGE_MAX_BYTES = 524_288
"""Of a WebSocket's message; the application has smaller limits of its own."""
_LAST_WORDS_S = 0.1


def serve(
    factory: Callable[[], Any], host: str, port: int, http2_port: int = 0, notice_s: float = 0.0
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way.

    An application with a `leave()` is told first, and for `notice_s` seconds everything goes on: a
    balancer that asks for readiness meanwhile sends nobody to a closed door. Then one with a
    `drain()` is told, so that its streams end and their clients go
    elsewhere; what does not end by itself is cut after 8 s. Exits with 3 where the application
    does not start, with 1 where the port is taken.
    """
    uvloop.run(_serve(factory, host, port, http2_port, notice_s))


async def _serve(
    factory: Callable[[], Any], host: str, port: int, http2_port: int, notice_s: float
) -> None:
    server = Server(factory(), host, port, http2_port, notice_s)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
    if not server.started:
        raise SystemExit(3)


class Server(uvicorn.Server):
    """HTTP/1.1 and WebSockets in this event loop: `serve()` returns when all has ended after
    `stop()`.

    Uvicorn reads requests where they are answered; granian, which hands each over from a thread of
    its own, costs half as much again per request, but speaks HTTP/2: where a port for that is
    named, it serves the same application there, without TLS, for a proxy that ends it.
    """

    def __init__(
        self,
        application: ASGIApp,
        host: str,
        port: int,
        http2_port: int = 0,
        notice_s: float = 0.0,
    ) -> None:
        config = uvicorn.Config(
            application,
            host,
            port,
            backlog=_BACKLOG,
            http=_Protocol,
            ws="websockets-sansio",
            ws_max_size=_MESSAGE_MAX_BYTES,
            ws_ping_interval=None,  # what is pinged, and how often, is for the application to say
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who the caller is, is for the application to say
            server_header=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
        super().__init__(config)
        self._application = application
        self._notice_s = notice_s
        self._http2 = _http2(application, host, http2_port) if http2_port else None
        self._serving_http2: asyncio.Future[None] | None = None

    def stop(self) -> None:
        """Begin nothing new, and end what is under way within 8 s."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application, then the doors."""
        await super().startup(sockets)
        settle_memory()
        if self._http2 is not None and self.started:
            self._serving_http2 = asyncio.ensure_future(self._http2.serve())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the process, which may have others to tell."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Give notice, close the door, let streams end in their own words, wait for the rest."""
        leave = getattr(self._application, "leave", None)
        if leave is not None and self._notice_s:
            leave()
            await asyncio.sleep(self._notice_s)
        for server in self.servers:
            server.close()
        drain = getattr(self._application, "drain", None)
        if drain is not None:
            drain()
            await asyncio.sleep(_LAST_WORDS_S)
        if self._http2 is not None and self._serving_http2 is not None:
            self._http2.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait({self._serving_http2}, timeout=_GRACE_S)
            self._serving_http2.cancel()
        await super().shutdown(sockets)


def _http2(application: ASGIApp, host: str, port: int) -> embed.Server:
    # without a lifespan: the application is opened once, by the other server
    return embed.Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http2,
        backlog=_BACKLOG,
    )


class _AtOnce:
    """A transport that sends what is written in one turn of the loop by one call of the system.

    Head and body of an answer are two writes; each would wake the reader.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._parts: list[bytes] = []
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send with the next turn, or before the end."""
        if not self._parts:
            self._call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what is written, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts and not self.is_closing():
            self._transport.writelines(self._parts)
        self._parts.clear()


class _Protocol(HttpToolsProtocol):
    """Uvicorn's own, and nobody takes long over a request or fills memory with its head."""

    _head_bytes = 0
    _head_due_s = 0.0
    _body_due_s = 0.0
    _body_timer: asyncio.TimerHandle | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """What comes after the body is no header (RFC 9110, 6.5.1): a proxy never saw it."""
        scope: Any = self.scope
        if "method" not in scope:  # set when the head is whole
            super().on_header(name, value)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection on which nothing is said is closed like one that fell silent."""
        super().connection_made(_AtOnce(transport, self.loop))  # type: ignore[arg-type]
        self.timeout_keep_alive_task = self.loop.call_later(
            _HEAD_S, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """Most heads come whole; of one that does not, its bytes and its time are counted."""
        super().data_received(data)
        scope: Any = self.scope  # None before the first request
        if scope is None or "method" in scope:
            self._head_bytes = 0
            self._wait_for_body(len(data))
        elif not self.transport.is_closing():
            self._wait_for_head(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        if self._body_timer is not None:
            self._body_timer.cancel()
        super().connection_lost(exc)

    def _wait_for_body(self, received_bytes: int) -> None:
        """Most bodies come with their heads; of one that does not, the time is counted."""
        cycle = self.cycle
        if cycle is None or not cycle.more_body:
            if self._body_timer is not None:
                self._body_timer.cancel()
                self._body_timer = None
            return
        if self._body_timer is None:
            self._body_due_s = self.loop.time() + _BODY_S
            self._body_timer = self.loop.call_at(self._body_due_s, self._end_body)
        else:
            self._body_due_s += received_bytes / _BODY_BYTES_PER_S

    def _end_body(self) -> None:
        """Close the connection of a body that has not come in its time."""
        self._body_timer = None
        if self.transport.is_closing() or self.cycle is None or not self.cycle.more_body:
            return
        if self.flow.read_paused:  # it is we who do not take what has come
            self._body_due_s = self.loop.time() + _BODY_S
        if self.loop.time() < self._body_due_s:
            self._body_timer = self.loop.call_at(self._body_due_s, self._end_body)
        else:
            self.transport.close()

    def _wait_for_head(self, received_bytes: int) -> None:
        if not self._head_bytes:
            self._head_due_s = self.loop.time() + _HEAD_S
        self._head_bytes += received_bytes
        if self._head_bytes > _HEAD_MAX_BYTES:
            self.send_400_response("The head of the request is too long.")
            return
        self.timeout_keep_alive_task = self.loop.call_at(
            self._head_due_s, self.timeout_keep_alive_handler
        )
