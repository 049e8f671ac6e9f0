"""What can go wrong with a house: each kind of fault, done to a stage and undone again.

A fault is drawn whole from a random source (target, length, how it ends), so that a seed
reproduces it. Signals go to processes of the stage alone.
"""

import asyncio
import errno
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from journeys.nemesis import strangers
from journeys.nemesis.stage import Stage

from bff.client.city import CityClient, ClientError
from core.database import CONNECTION_LOST, parse_url
from core.processes.embedded import database_urls
from core.security.keys import add_data_key, add_token_key

Spoil = Callable[[Stage], AbstractAsyncContextManager[None]]

_HEARD_WITHIN_S = 60.0
_SKEWS_S = (-600, -5, 5, 600)
_LOCKED = ("payments_intent", "payments_balance", "bills_bill", "core_idempotency", "pgqueuer")
_APPLICATIONS = ("", "quancheng api", "quancheng worker", "quancheng_bus")
_UPSTREAMS: Mapping[str, str] = {
    "wechatpay": "order_h5",
    "alipay": "trade_query",
    "biller_water": "write_off",
    "sms": "send",
}
_LIES: tuple[Mapping[str, Any], ...] = (
    {"garbage": True},
    {"error_rate": 1.0},
    {"hang": True},
    {"lose_reply_rate": 1.0},
    {"latency_ms": 2_500},
)
_LATE_NEWS: tuple[Mapping[str, Any], ...] = (
    {"duplicate_callbacks": 3, "callback_speedup": 30},
    {"reorder_callbacks": True, "callback_speedup": 30},
    {"delay_callbacks_ms": 1_500, "callback_speedup": 30},
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong for a while."""

    kind: str
    told: str
    """Which, in words."""
    lasts_s: float
    spoil: Spoil
    stays: bool = False
    """Whether it goes on until everything has come to rest: the house must do without its end."""
    silences_api: bool = False
    """Whether answers are not to be expected meanwhile."""
    blinds_api: bool = False
    """Whether the API cannot use its database meanwhile, and must say that it is not ready."""
    asks_sandbox: bool = False
    """Whether the sandbox must be there to begin it."""
    deafens: bool = False
    """Whether the news between processes are lost without a word."""


def kill(draw: random.Random, victim: str | None = None) -> Fault:
    """`kill -9` of a process; it comes back by itself."""
    name = victim or draw.choice(("api", "worker", "postgres", "sandbox"))

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        await asyncio.to_thread(stage.kill, name)
        yield

    return Fault("kill", name, draw.uniform(0.2, 1.0), spoil, silences_api=name == "api")


def pause(draw: random.Random, victim: str | None = None, lasts_s: float = 0.0) -> Fault:
    """SIGSTOP of a process, of the whole database server, or of one of its connections."""
    names = ("api", "worker", "sandbox", "database", "database", "backend")
    name = victim or draw.choice(names)
    lasts_s = lasts_s or draw.choice((draw.uniform(0.3, 1.5), draw.uniform(4.0, 5.0)))
    place = draw.random()

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        if name == "database":
            paused = list(stage.database.processes)
        elif name == "backend":
            backends = [p for p in stage.database.processes[1:] if _is_backend(p)]
            paused = [backends[int(place * len(backends))]] if backends else []
        else:
            paused = stage.processes_of(name)[:1]
        try:
            stage.pause(paused)
            yield
        finally:
            stage.wake(paused)

    whole = name == "database"
    return Fault("pause", name, lasts_s, spoil, silences_api=name == "api", blinds_api=whole)


def _is_backend(process: Any) -> bool:
    with suppress(Exception):
        return "quancheng_app" in " ".join(process.cmdline())
    return False


def clock(draw: random.Random, victim: str | None = None, step_s: int = 0) -> Fault:
    """The machine's clock of a process is set to another time."""
    name, step_s = victim or draw.choice(("api", "worker")), step_s or draw.choice(_SKEWS_S)

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        stage.clocks.step(name, timedelta(seconds=step_s))
        try:
            yield
        finally:
            stage.clocks.step(name, timedelta(0))

    return Fault("clock", f"{name} by {step_s} s", draw.uniform(1.0, 2.0), spoil, stays=True)


def lock(draw: random.Random, table: str | None = None, lasts_s: float = 0.0) -> Fault:
    """Somebody holds a table for themselves."""
    table = table or draw.choice(_LOCKED)

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        try:
            holder = await _connect(stage)
        except CONNECTION_LOST:  # the other fault of this point was quicker
            yield
            return
        try:
            await holder.execute(f"BEGIN; SET lock_timeout = '3s'; LOCK TABLE {table}")
            yield
        except asyncpg.PostgresError:
            yield
        finally:
            holder.terminate()

    return Fault("lock", table, lasts_s or draw.uniform(0.5, 4.5), spoil)


def half_open(draw: random.Random, application: str | None = None, lasts_s: float = 0.0) -> Fault:
    """Connections to the database fall silent without being closed."""
    name = draw.choice(_APPLICATIONS) if application is None else application
    vanished, cut = draw.random() < 0.5, draw.random() < 0.5
    lasts_s = lasts_s or draw.uniform(0.5, 4.5)

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        stage.proxy.hold(name, new=vanished)
        try:
            yield
        finally:
            stage.proxy.release(cut=cut)

    return Fault(
        "half-open",
        f"{name or 'all'}{', new ones too' if vanished else ''}{', then cut' if cut else ''}",
        lasts_s,
        spoil,
        blinds_api=name == "" and vanished,
        deafens=name == "quancheng_bus",
    )


def slow(draw: random.Random) -> Fault:
    """The way to the database takes longer."""
    delay_s = draw.uniform(0.02, 0.15)

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        stage.proxy.slow(delay_s)
        try:
            yield
        finally:
            stage.proxy.slow(0)

    return Fault("slow", f"{delay_s * 1000:.0f} ms", draw.uniform(1.0, 3.0), spoil)


def lie(draw: random.Random, system: str | None = None) -> Fault:
    """An outside system answers nonsense, too late, not at all, or does and does not say so."""
    system = system or draw.choice(list(_UPSTREAMS))
    fault = {**draw.choice(_LIES), "operation": _UPSTREAMS[system]}
    return _outside("lie", system, fault, draw.uniform(0.5, 2.0))


def late_news(draw: random.Random) -> Fault:
    """A PSP's callbacks come twice, in another order, or late."""
    system, fault = draw.choice(("wechatpay", "alipay")), dict(draw.choice(_LATE_NEWS))
    return _outside("callbacks", system, {**fault, "operation": "callback"}, draw.uniform(1.0, 2.0))


def _outside(kind: str, system: str, fault: Mapping[str, Any], lasts_s: float) -> Fault:
    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        async with CityClient(stage.api_urls[0], stage.sandbox_url) as client:
            await _tell(client, "PUT", f"/_control/faults/{system}", fault)
            try:
                yield
            finally:
                await _tell(client, "DELETE", f"/_control/faults/{system}")
                for psp in ("wechatpay", "alipay"):  # as they were: quick to repeat
                    await _tell(client, "PUT", f"/_control/faults/{psp}", QUICK_CALLBACKS)

    words = ", ".join(f"{name} {value}" for name, value in fault.items())
    return Fault(kind, f"{system}: {words}", lasts_s, spoil, asks_sandbox=True)


QUICK_CALLBACKS = {"operation": "callback", "callback_speedup": 30}
"""What the real gateways repeat after 15 s, the sandbox's repeat after a fraction of it."""


async def _tell(client: CityClient, method: str, path: str, body: Any = None) -> None:
    """Until the sandbox has heard it: it may be down itself, or its disk full."""
    deadline_s = time.monotonic() + _HEARD_WITHIN_S
    while True:
        try:
            await client.sandbox(method, path, body)
            return
        except (ClientError, OSError, TimeoutError) as error:
            assert time.monotonic() < deadline_s, error
        await asyncio.sleep(0.1)


def full_disk(draw: random.Random, lasts_s: float = 0.0) -> Fault:
    """The disk of database, logs and sandbox has no byte left."""

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        if not stage.has_own_disk:
            yield
            return
        await asyncio.to_thread(stage.fill_disk)
        keeping = asyncio.create_task(_keep_full(stage))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
            stage.filler.unlink()

    return Fault("full disk", "", lasts_s or draw.uniform(1.0, 5.0), spoil, blinds_api=True)


async def _keep_full(stage: Stage) -> None:
    """What is given back meanwhile is taken too."""
    while True:
        await asyncio.sleep(0.2)
        stage.fill_disk()


def rotate_keys(draw: random.Random) -> Fault:
    """New keys for tokens and personal data, which each process has from its next start on."""
    first, second = draw.sample(("api", "worker"), 2)

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        for add in (add_token_key, add_data_key):
            _add_whole_or_not(add, stage.data_dir / "keys")
        await asyncio.to_thread(stage.kill, first)
        yield
        await asyncio.to_thread(stage.kill, second)

    return Fault("keys", f"{first} first", draw.uniform(0.5, 3.0), spoil, silences_api=True)


def _add_whole_or_not(add: Callable[[Path], Path], folder: Path) -> None:
    """A full disk may refuse a key, and leaves no piece of it."""
    before = set(folder.iterdir())
    try:
        add(folder)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        assert set(folder.iterdir()) == before


def hostile(draw: random.Random) -> Fault:
    """A stranger sends what nobody should."""
    name = draw.choice(list(strangers.REQUESTS))

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            group.create_task(strangers.send(name, stage.api_urls[0]))
            yield

    return Fault("hostile", name, draw.uniform(0.2, 1.0), spoil)


def no_connections(draw: random.Random) -> Fault:
    """Somebody uses up all connections that the server gives."""

    @asynccontextmanager
    async def spoil(stage: Stage) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            with suppress(*CONNECTION_LOST):
                for _ in range(250):
                    stack.callback((await _connect(stage, app=True)).terminate)
            yield

    return Fault("no connections", "", draw.uniform(1.0, 3.0), spoil)


async def _connect(stage: Stage, *, app: bool = False) -> asyncpg.Connection:
    urls = database_urls(stage.data_dir)
    return await asyncpg.connect(**parse_url(urls.app if app else urls.admin), timeout=2)


KINDS: Mapping[str, Callable[[random.Random], Fault]] = {
    "kill": kill,
    "pause": pause,
    "clock": clock,
    "lock": lock,
    "half-open": half_open,
    "slow": slow,
    "lie": lie,
    "callbacks": late_news,
    "full disk": full_disk,
    "keys": rotate_keys,
    "hostile": hostile,
    "no connections": no_connections,
}


def draw_fault(draw: random.Random) -> Fault:
    """Any fault; those that stop a process or a connection more often than the others."""
    often = ("kill", "pause", "pause", "clock", "half-open", "half-open", "lie")
    return KINDS[draw.choice((*KINDS, *often))](draw)
