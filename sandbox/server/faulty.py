"""An operation that misbehaves as its fault switch says: late, broken, silent or half done."""

import asyncio
import os
import socket
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.server.system import City, Operation
from sandbox.server.wire import Refusal, reply

HANG_MAX_S = 600


class FaultyOperation:
    """An operation as an ASGI application, with its system's faults in front and behind."""

    def __init__(self, city: City, system: str, operation: Operation) -> None:
        self._city = city
        self._system = system
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or misbehave as switched."""
        faults = self._city.faults
        request = Request(scope, receive)
        variants = self._operation.variants
        name = self._operation.name if variants is None else await variants.name_of(request)
        fault = faults.of(self._system, name)
        if fault.latency_ms or fault.latency_jitter_ms:
            delay_s = faults.latency_s(fault)
            faults.note_delay(request.headers.get("x-request-id", ""), delay_s)
            await asyncio.sleep(delay_s)
        if fault.hang:
            await _hang(scope, receive)
            return
        if faults.happens(fault.error_rate):
            body = {"code": fault.error_code, "message": "sandbox fault"}
            response = reply(body, fault.error_status)
        else:
            response = await answer(self._operation, request, self._city)
            if faults.happens(fault.lose_reply_rate):
                cut_connection(scope)
                return
            if fault.garbage:
                response = Response(b'\xff\xfe{"sandbox": "garb', 200, None, "application/json")
        await response(scope, receive, send)


async def answer(operation: Operation, request: Request, city: City) -> Response:
    """The operation's answer; a Refusal becomes `{code, message}` with its status."""
    try:
        return await operation.handler(request, city)
    except Refusal as refusal:
        return reply({"code": refusal.code, "message": refusal.message}, refusal.status)


def cut_connection(scope: Scope) -> None:
    """Shut the client's TCP connection so that it gets no answer at all.

    ASGI has no word for this, so the socket is found among this process's own by the client's
    address. Raises ConnectionAbortedError where the request did not come over a socket.
    """
    host, port = scope.get("client") or ("", 0)
    for fd in map(int, os.listdir("/dev/fd")):  # noqa: PTH208 - numbers, not paths
        with suppress(OSError), _socket_of(fd) as connection:
            if connection.getpeername()[:2] == (host, int(port)):
                connection.shutdown(socket.SHUT_RDWR)
                return
    raise ConnectionAbortedError("sandbox fault: no answer")


def _socket_of(fd: int) -> socket.socket:
    """A second handle on an open socket. Raises OSError where the descriptor is something else."""
    copy = os.dup(fd)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


async def _hang(scope: Scope, receive: Receive) -> None:
    """Wait until the client leaves, and no longer than ten minutes."""
    try:
        async with asyncio.timeout(HANG_MAX_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        cut_connection(scope)
