"""A frugal HTTP/1.1 client for load: keep-alive connections, as many as are needed at once."""

import asyncio
from typing import cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "

Answer = tuple[int, bytes]
"""Status and body."""


class _Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._needs = 0
        self._answered: asyncio.Future[Answer] | None = None
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a request; the future is its answer."""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needs:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            head = self._buffer[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            self._head_size = end + len(_HEAD_END)
            self._needs = self._head_size + int(head[start:].split(b"\r\n", 1)[0])
        if len(self._buffer) < self._needs:
            return
        answer = int(self._buffer[9:12]), self._buffer[self._head_size :]
        self._buffer, self._needs = b"", 0
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionResetError("the server hung up"))

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


class Client:
    """A client of one server on this machine. Close it at the end."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._all: list[_Connection] = []

    async def post(self, path: str, body: bytes, headers: str = "") -> Answer:
        """Post JSON; see `send`."""
        return await self.send("POST", path, body, headers)

    async def send(self, method: str, path: str, body: bytes, headers: str = "") -> Answer:
        """Send JSON; `headers` are whole lines. Raises OSError where the connection breaks."""
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        connection = await self._take()
        answer = await connection.ask(request)
        self._idle.append(connection)
        return answer

    async def _take(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        self._all.append(made)
        return made

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._all:
            if connection.is_open:
                connection.close()
