"""Fixtures of the whole house: one throw-away PostgreSQL per worker, a fresh database per test.

`app` is an open App on a database cloned from a migrated template, `call` makes calls on it for a
viewer of any level. Outside systems are given by tests: written fakes, or the sandbox over HTTP.
"""

import gc
import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as drawn
from tortoise.apps import Apps

from bff.app import edge_of
from core.assurance import Assurance
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import parse_url
from core.deadline import Deadline
from core.id_documents import Document
from core.ids import new_id
from core.manifest import Manifest, discover
from core.processes.embedded import (
    DATABASE,
    OWNER_ROLE,
    DatabaseUrls,
    EmbeddedPostgres,
    database_urls,
)
from core.processes.memory import settle_memory
from core.processes.open_app import open_app
from core.security.authentication import Viewer
from core.security.authorization import scopes_of
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings
from core.texts import Locale
from tests.asgi import Client
from tests.cluster import copy_cluster
from tests.people import make_citizen
from tests.sandbox.serving import Client as Sandbox
from tests.sandbox.serving import free_port, sandbox_process
from tests.scheduling import ByCity

# how long a drawn case takes says something of the machine, and nothing of the code
drawn.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
drawn.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""A Monday noon in Shanghai, where test clocks begin."""


MEMORY = Path("/dev/shm")
ROOM = 8 * 2**30


def pytest_configure() -> None:
    """Set up what makes a run cheap, for this process and those that it starts.

    Temporary folders lie in memory where it has room: databases are cloned ten times faster there.
    Compiled modules are kept, also where the environment says not to, or every worker and every
    started process compiles the tree anew. Until the tests begin nothing is garbage.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    gc.disable()
    _prepare_models_once()
    _parse_files_once()
    _keep_no_logger()


def _parse_files_once() -> None:
    """Parse a TOML text that was met before no more: a city's files are read at each start."""
    parse = lru_cache(maxsize=256)(tomllib.loads)
    tomllib.loads = lambda text, /: deepcopy(parse(text))


def _keep_no_logger() -> None:
    """Have no logger keep how it was set up when it was used first: a test sets it up anew."""
    configure = structlog.configure

    def configure_anew(**how: Any) -> None:
        configure(**{**how, "cache_logger_on_first_use": False})

    structlog.configure = configure_anew


def _prepare_models_once() -> None:
    """Let the ORM prepare its models at the first start alone.

    It does so at each, as if for another database: half the processor time of opening an App.
    """
    build, prepared = Apps._build_initial_querysets, set[type]()

    def build_the_new(apps: Apps) -> None:
        models = {model for app in apps.apps.values() for model in app.values()}
        if not models <= prepared:
            build(apps)
            prepared.update(models)

    Apps._build_initial_querysets = build_the_new  # type: ignore[method-assign]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCity:
    """Divide the tests among the workers, in the order of the collection."""
    config.option.loadscopereorder = False
    return ByCity(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys first: met last, they would leave the other workers waiting."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/journeys/"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the modules and the collected tests, a million objects, out of the collector's sight."""
    settle_memory()
    gc.enable()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what a divided run has cost, workers and all that they started included."""
    if config.getoption("numprocesses", None):
        user, system, children_user, children_system, _ = os.times()
        user_s, system_s = user + children_user, system + children_system
        terminalreporter.write_line(
            f"processor time: {user_s + system_s:.0f} s (user {user_s:.0f}, system {system_s:.0f})"
        )


@pytest.fixture(autouse=True)
def plain_log() -> None:
    """Log without structlog's drawn tracebacks: with a process's objects in them they take seconds
    of the one event loop."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session")
def manifests() -> tuple[Manifest, ...]:
    """Every manifest, the example module's included."""
    return discover(examples=True)


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sandbox keys."""
    folder = tmp_path_factory.mktemp("keys")
    ensure_sandbox_keys(folder)
    return folder


@pytest.fixture(scope="session")
def running_sandbox(keys_dir: Path) -> Iterator[int]:
    """The port of this worker's sandbox city."""
    port = free_port()
    with sandbox_process(port, keys_dir=keys_dir):
        yield port


@pytest.fixture(scope="module")
def sandbox_port(running_sandbox: int) -> int:
    """The same, put back to its beginning for each module."""
    reset = Request(f"http://127.0.0.1:{running_sandbox}/_control/reset", method="POST")
    urlopen(reset, timeout=10).close()
    return running_sandbox


@pytest.fixture(scope="session")
def server(manifests: tuple[Manifest, ...]) -> Iterator[Path]:
    """The data folder of a running, migrated PostgreSQL that forgets all when the power goes.

    Not under pytest's own temporary folder: started as root, the server is another user, and any
    pytest that starts meanwhile closes that folder to others.
    """
    with TemporaryDirectory(prefix="quancheng-test-") as name:
        folder = Path(name)
        copy_cluster(folder, manifests)
        with EmbeddedPostgres(folder, durable=False):
            yield folder


@pytest.fixture
async def sandbox(sandbox_port: int) -> AsyncIterator[Sandbox]:
    """The sandbox city as at its beginning, nothing in it broken."""
    async with Sandbox(sandbox_port) as city:
        assert (await city.post("/_control/reset"))[0] == 204
        yield city


class Databases:
    """Makes and drops databases, each a clone of the migrated one."""

    def __init__(self, server: Path, admin: asyncpg.Connection) -> None:
        self._server = server
        self._admin = admin
        self._number = 0

    async def create(self) -> DatabaseUrls:
        """A fresh database."""
        return await self._create(f'TEMPLATE "{DATABASE}"')

    async def create_empty(self) -> DatabaseUrls:
        """A database without a single table, as its owner first meets it."""
        return await self._create("")

    async def drop(self, urls: DatabaseUrls) -> None:
        """Remove a database, whoever is still connected."""
        name = parse_url(urls.app)["database"]
        await self._admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _create(self, template: str) -> DatabaseUrls:
        self._number += 1
        name = f"test_{self._number}"
        await self._admin.execute(
            f'CREATE DATABASE "{name}" {template} OWNER "{OWNER_ROLE}" STRATEGY FILE_COPY'
        )
        # a database's own privileges are not copied with its template
        await self._admin.execute(f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
        return database_urls(self._server, name)


@pytest.fixture(scope="session")
async def databases(server: Path) -> AsyncIterator[Databases]:
    """The maker of databases."""
    admin = await asyncpg.connect(**parse_url(database_urls(server, "postgres").admin))
    yield Databases(server, admin)
    await admin.close()


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[DatabaseUrls]:
    """A fresh, migrated, empty database."""
    urls = await databases.create()
    yield urls
    await databases.drop(urls)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at noon until a test moves it."""
    return ManualClock(NOON)


@pytest.fixture
def settings(database: DatabaseUrls, keys_dir: Path, tmp_path: Path) -> Settings:
    """Settings of a process on the test's own database and folder."""
    return Settings(
        database_url=database.app,
        database_owner_url=database.owner,
        keys_dir=keys_dir,
        data_dir=tmp_path,
        city_file=ROOT / "cities/jinan.toml",
        database_pool_size=10,
    )


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """The outside systems by protocol; a test module overrides this with its fakes."""
    return {}


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """What an App has beside the product's wings; a test module overrides this with its own."""
    return ()


@pytest.fixture
async def app(
    settings: Settings,
    clock: ManualClock,
    manifests: tuple[Manifest, ...],
    wings: tuple[Manifest, ...],
    upstreams: Mapping[Any, Any],
) -> AsyncIterator[App]:
    """An open App on a fresh database."""
    async with open_app(
        settings,
        clock=clock,
        manifests=(*manifests, *wings),
        upstreams=upstreams,
        application="test",
    ) as opened:
        yield opened


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    """A client of the API over ASGI."""
    edge = edge_of(app)
    yield Client(edge)
    edge.drain()


@pytest.fixture
async def citizen(app: App) -> Callable[..., Awaitable[Viewer]]:
    """Makes citizens with accounts: `await citizen()`, `await citizen(level=1, name="…")`."""

    async def make(
        *,
        level: int = 2,
        name: str = "张三",
        locale: str = "en",
        number: str | None = None,
        document: Document | None = None,
    ) -> Viewer:
        return await make_citizen(
            app, level=level, name=name, locale=locale, number=number, document=document
        )

    return make


@pytest.fixture
def call(app: App) -> Callable[..., Call]:
    """Makes calls: `call()` for a stranger, `call(level=2)` for somebody, `call(user_id=…)`."""

    def make(
        *,
        user_id: UUID | None = None,
        level: int = 0,
        roles: frozenset[str] = frozenset(),
        session_id: UUID | None = None,
        locale: Locale = Locale.EN,
        deadline_s: float = 5.0,
        assurance: Assurance = Assurance.NETWORK_ID,
    ) -> Call:
        viewer = None
        if user_id is not None or level:
            viewer = Viewer(
                user_id or new_id(),
                session_id or new_id(),
                level or 1,
                roles,
                app.clock.now(),
                scopes_of(roles),
                assurance=assurance if level >= 2 else None,
            )
        return Call(app, Deadline.after(deadline_s), "test-request", viewer, locale, "127.0.0.1")

    return make
