"""Load on one server from one core: how many requests a second, and how long each takes.

The generator writes raw HTTP/1.1 and reads answers by their length: on one core it asks for some
30,000 answers of 10 KB a second, several times more than the fastest server here gives.
"""

import asyncio
import os
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask, and the bytes of the question."""

    port: int
    request: bytes

    @classmethod
    def post(cls, port: int, body: bytes, headers: str = "") -> "Target":
        """A POST of JSON to /graphql."""
        head = (
            "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        return cls(port, head.encode() + body)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of an open loop: milliseconds from when a request was due, queueing included."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    answered: int


class _Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self._due_s = 0.0
        self._needs = 0
        self.status = b""
        self.body = b""
        self.count = 0
        self.is_looping = False
        self.on_answer: Callable[[_Connection, float], None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, due_s: float = 0.0) -> None:
        """Send the request."""
        self._due_s = due_s
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._needs:
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return
            head = self._buffer[:end].lower()
            start = head.index(_LENGTH) + len(_LENGTH)
            self.status = head[9:12]
            self._needs = end + len(_HEAD_END) + int(head[start:].split(b"\r\n", 1)[0])
        if len(self._buffer) < self._needs:
            return
        self.body, self._buffer, self._needs = self._buffer, b"", 0
        self.count += 1
        if self.is_looping:
            self._transport.write(self._request)
        else:
            self.on_answer(self, self._due_s)

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()


async def _connect(target: Target, count: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    return [
        (
            await loop.create_connection(
                lambda: _Connection(target.request), "127.0.0.1", target.port
            )
        )[1]
        for _ in range(count)
    ]


def ask(target: Target) -> bytes:
    """One answer's body. Raises AssertionError where it is not a 200."""

    async def once() -> bytes:
        (connection,) = await _connect(target, 1)
        answered = asyncio.get_running_loop().create_future()
        connection.on_answer = lambda _connection, _due_s: answered.set_result(None)
        connection.ask()
        await asyncio.wait_for(answered, 20)
        connection.close()
        assert connection.status == b"200", connection.body
        return connection.body.partition(_HEAD_END)[2]

    return uvloop.run(once())


def requests_per_second(target: Target, *, seconds: float = 2.0, connections: int = 32) -> float:
    """Answers a second when as many clients as `connections` ask again as soon as answered."""

    async def saturate() -> float:
        asking = await _connect(target, connections)
        for connection in asking:
            connection.is_looping = True
            connection.ask()
        await asyncio.sleep(seconds / 5)
        before = sum(connection.count for connection in asking)
        started_s = time.perf_counter()
        await asyncio.sleep(seconds)
        elapsed_s = time.perf_counter() - started_s
        answered = sum(connection.count for connection in asking) - before
        # of a slow server some clients still wait for their first answer
        assert all(connection.status in (b"", b"200") for connection in asking)
        for connection in asking:
            connection.close()
        return answered / elapsed_s

    return uvloop.run(saturate())


def count_answers(target: Target, *, seconds: float, connections: int) -> int:
    """How many answers of any status so many clients get in a time, asking as soon as answered."""

    async def run() -> int:
        asking = await _connect(target, connections)
        for connection in asking:
            connection.is_looping = True
            connection.ask()
        await asyncio.sleep(seconds)
        for connection in asking:
            connection.close()
        return sum(connection.count for connection in asking)

    return uvloop.run(run())


def open_loop(
    target: Target, rate: float, *, seconds: float = 4.0, connections: int = 64
) -> Latencies:
    """Latencies when requests come `rate` a second, whether earlier ones are answered or not."""

    async def run() -> Latencies:
        idle = deque(await _connect(target, connections))
        everyone = list(idle)
        waiting: deque[float] = deque()
        took_ms: list[float] = []

        def answered(connection: _Connection, due_s: float) -> None:
            took_ms.append((time.perf_counter() - due_s) * 1000)
            if waiting:
                connection.ask(waiting.popleft())
            else:
                idle.append(connection)

        for connection in everyone:
            connection.on_answer = answered
        started_s = time.perf_counter()
        due = 0
        while (now_s := time.perf_counter() - started_s) < seconds:
            while due < now_s * rate:
                due_s = started_s + due / rate
                if idle:
                    idle.popleft().ask(due_s)
                else:
                    waiting.append(due_s)
                due += 1
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.5)
        for connection in everyone:
            connection.close()
        cuts = statistics.quantiles(took_ms, n=100)
        return Latencies(
            round(cuts[49], 2), round(cuts[98], 2), round(max(took_ms), 2), len(took_ms)
        )

    return uvloop.run(run())


def pin(core: int) -> None:
    """Keep this process on one core."""
    os.sched_setaffinity(0, {core})
