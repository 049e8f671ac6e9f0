"""A process that is told to stop finishes what is under way, ends its streams, begins nothing."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

import aiohttp
import pytest
import uvicorn
from uvicorn.server import ServerState

from core.processes.serve import _Protocol
from tests.conftest import ROOT

SERVED = """
import asyncio, sys
from core.processes.serve import serve


class App:
    def __init__(self):
        self.drained = None

    def leave(self):
        print("leaving", flush=True)

    def drain(self):
        self.drained.set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            self.drained = asyncio.Event()
            while True:
                kind = (await receive())["type"]
                await send({"type": kind + ".complete"})
                if kind == "lifespan.shutdown":
                    print("closed", flush=True)
                    return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/headers":
            while (await receive()).get("more_body"):
                pass
            body = b", ".join(name + b"=" + value for name, value in scope["headers"])
            await send({"type": "http.response.body", "body": body})
            return
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        if scope["path"] == "/stream":
            await self.drained.wait()
        else:
            await self.drained.wait()
            await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"ended"})


serve(App, "127.0.0.1", int(sys.argv[1]), notice_s=0.3)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def process(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVED, str(port)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
    yield started
    if started.returncode is None:
        started.kill()
        await started.wait()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_under_way_is_finished_and_nothing_new_begins(
    process: asyncio.subprocess.Process, port: int, stop: signal.Signals
) -> None:
    url = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        stream, slow = await session.get(f"{url}/stream"), await session.get(f"{url}/slow")
        for begun in (stream, slow):
            assert await begun.content.readexactly(6) == b"begun "
        process.send_signal(stop)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"leaving\n"
        async with session.get(f"{url}/headers") as late:
            assert late.status == 200, "whom the balancer still sends is served"
        assert await stream.content.read() == b"ended"
        assert await slow.content.read() == b"ended", "a request is not cut off"
        assert (await process.stdout.read()).endswith(b"closed\n"), "the application is told"
        assert await process.wait() == 0
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{url}/slow")


async def test_a_head_without_end_is_refused(
    process: asyncio.subprocess.Process, port: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\n")
    async with asyncio.timeout(20):
        for number in range(7):
            writer.write(b"x-%d: %s\r\n" % (number, b"a" * 10_000))
            await writer.drain()
            await asyncio.sleep(0.02)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


class Timers:
    """A loop whose time stands still until it is moved; it runs nothing by itself."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._timers: list[tuple[float, Timer]] = []

    def time(self) -> float:
        return self.now_s

    def call_at(self, due_s: float, call: Callable[[], None]) -> "Timer":
        self._timers.append((due_s, timer := Timer(call)))
        return timer

    def call_later(self, delay_s: float, call: Callable[[], None]) -> "Timer":
        return self.call_at(self.now_s + delay_s, call)

    def call_soon(self, call: Callable[[], None]) -> None:
        pass

    def create_task(self, work: Coroutine[Any, Any, None], **_: object) -> asyncio.Future[None]:
        work.close()
        return asyncio.get_running_loop().create_future()

    def pass_s(self, seconds: float) -> None:
        """Move the time and run what has become due."""
        self.now_s += seconds
        for timer in [timer for due_s, timer in self._timers if due_s <= self.now_s]:
            timer.run()


class Timer:
    """A call that is run once, unless it is cancelled."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    def run(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Wire(asyncio.Transport):
    """A connection's other end, which notes only that it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


HEAD = b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 900000\r\n\r\n"


@pytest.fixture
async def request_head() -> tuple[Timers, Wire, asyncio.Protocol]:
    """A connection on which the head of a request has come, and nothing of its body."""

    async def application(scope: object, receive: object, send: object) -> None:
        pass

    config = uvicorn.Config(application, http=_Protocol, loop="none", log_config=None)
    config.load()
    timers, wire = Timers(), Wire()
    protocol = _Protocol(config, ServerState(), {}, _loop=cast(Any, timers))
    protocol.connection_made(wire)
    protocol.data_received(HEAD)
    return timers, wire, protocol


async def test_a_body_that_does_not_come_is_not_waited_for(
    request_head: tuple[Timers, Wire, asyncio.Protocol],
) -> None:
    timers, wire, protocol = request_head
    for _ in range(29):
        timers.pass_s(1)
        protocol.data_received(b"a")
    assert not wire.is_closed
    timers.pass_s(2)
    assert wire.is_closed


async def test_a_long_body_has_the_time_that_it_takes(
    request_head: tuple[Timers, Wire, asyncio.Protocol],
) -> None:
    timers, wire, protocol = request_head
    for _ in range(50):
        timers.pass_s(1)
        protocol.data_received(b"a" * 10_000)
    assert not wire.is_closed
    protocol.data_received(b"a" * 400_000)
    timers.pass_s(1_000)
    assert not wire.is_closed, "it is whole: the answer takes as long as it takes"


async def test_what_comes_after_the_body_is_no_header(
    process: asyncio.subprocess.Process, port: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        for _ in range(2):  # the second request on the connection has its own head
            writer.write(
                b"POST /headers HTTP/1.1\r\nhost: here\r\nx-forwarded-for: 203.0.113.4\r\n"
                b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
                b"x-forwarded-for: 8.8.8.8\r\nauthorization: Bearer good\r\n\r\n"
            )
            reply = await reader.readuntil(b"\r\n0\r\n\r\n")
            assert b"x-forwarded-for=203.0.113.4" in reply
            assert b"8.8.8.8" not in reply and b"authorization" not in reply
    writer.close()
