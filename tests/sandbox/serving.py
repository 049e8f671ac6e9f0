"""Runs the sandbox as its own process on a free port, and talks to it over real sockets."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from core.id_documents import Document

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 90


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many neighbouring ports that nobody listens on.

    Below the ephemeral ones: those the system gives to any connection that goes out meanwhile.
    """
    while True:
        first = random.SystemRandom().randrange(10_000, 32_000 - count)
        with contextlib.suppress(OSError):
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first


@contextmanager
def sandbox_process(
    port: int,
    *,
    state: str = ":memory:",
    keys_dir: Path | None = None,
    seed: int = 20260101,
    api_url: str = "",
) -> Iterator[subprocess.Popen[bytes]]:
    """A running sandbox; on leaving, it is killed without warning, as after a power cut."""
    environment = os.environ | {"SANDBOX_PORT": str(port), "SANDBOX_STATE": state}
    environment |= {"SANDBOX_SEED": str(seed), "SANDBOX_EXAMPLES": "true"}
    environment |= {"SANDBOX_API_URL": api_url}
    if keys_dir is not None:
        environment["SANDBOX_KEYS_DIR"] = str(keys_dir)
    process = subprocess.Popen([sys.executable, "-m", "sandbox"], cwd=ROOT, env=environment)
    try:
        _wait_until_listening(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the sandbox ended while starting"
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the sandbox did not start")


class Client:
    """A JSON client of one sandbox. Each answer is its status and body."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    async def __aenter__(self) -> "Client":
        self.http = aiohttp.ClientSession(
            self.base, timeout=aiohttp.ClientTimeout(total=10), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.http.close()

    async def call(
        self, method: str, path: str, body: object = None, **options: Any
    ) -> tuple[int, Any]:
        """Send a request; a JSON answer comes back decoded, an empty one as None."""
        async with self.http.request(method, path, json=body, **options) as answer:
            raw = await answer.read()
            return answer.status, await answer.json() if raw else None

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: object, **options: Any) -> tuple[int, Any]:
        return await self.call("PUT", path, body, **options)

    async def issue(
        self, document: Document, name: str = "陳大文", parents: Sequence[str] = ()
    ) -> None:
        """A permit of the police's; `parents` of a child's, by the numbers of their documents."""
        told = {"kind": document.kind, "number": document.number, "name": name,
                "born_on": str(document.born_on), "parents": list(parents)}  # fmt: skip
        status, _ = await self.put("/_control/police/permits", told)
        assert status == 204

    async def person(self, key: str) -> dict[str, Any]:
        """A demo person."""
        _, people = await self.get("/_control/people")
        found: dict[str, Any] = next(person for person in people if person["key"] == key)
        return found
