"""The real home screen of somebody with cards, beside the bare parts of which it is made.

The parts are the same SQL through asyncpg, on as many connections and in the same transactions, the
same HTTP calls through aiohttp, and orjson for what comes and goes. Both run in this process, in
turns, and are compared by its processor time; PostgreSQL and the sandbox city are processes of
their own. How many screens the whole house gives a second stands in the conditions.
"""

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import orjson
import uvloop

from bench import load
from bench.edge import OPEN_LOOP_SHARE, ROUNDS, Row
from bench.load import Target
from bench.notifications import server
from bench.processes import (
    LOAD_CORE,
    city,
    command_of,
    cpu_share,
    free_port,
    machine,
    memory_mb,
    running,
)
from bench.readings import Caller, Recording, cpu_ms, recorded_app, send_bare
from bff.trusted.documents import documents_of
from core.context.app import App
from core.database import connection
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls

CONNECTIONS, WARM = 10, 5


def home_live() -> Row:
    """Screens for a second of processor time, ours and the bare parts'."""
    with server() as (urls, folder):
        port = free_port()
        environment = {"DATA_DIR": str(folder), "SANDBOX_PORT": str(port), "METRICS_PORT": "0"}
        with running(command_of("sandbox"), port, environment):
            ours_ms, bare_ms, ratio, parts = uvloop.run(_compare(urls, folder, port))
    return {
        "ours": round(1000 / ours_ms),
        "peer": "the same SQL by asyncpg, the same HTTP calls by aiohttp, and orjson",
        "peer_value": round(1000 / bare_ms),
        "ratio": round(ratio, 3),
        "unit": "screens for a second of processor time",
        "conditions": machine()
        | {"cpu_ms": {"ours": round(ours_ms, 2), "bare": round(bare_ms, 2)}, "parts": parts}
        | {"rounds": ROUNDS, "served": _served()},
    }


@dataclass
class Statements:
    """What ran on each connection, in its order, transactions included."""

    by_connection: Mapping[int, list[tuple[str, Sequence[Any]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    since: int = field(default_factory=lambda: new_id().int)
    """Ids are ordered by time: a later one names a row that was written."""

    is_recording: bool = True

    def logger(self, number: int) -> Callable[[Any], None]:
        """Notes what runs on a connection while it is recording."""

        def note(one: Any) -> None:
            if self.is_recording:
                self.by_connection[number].append((one.query, one.args or ()))

        return note

    async def run(self, connections: Sequence[asyncpg.Connection]) -> None:
        """Run all again, bare; what was written is written with other ids."""

        fresh: dict[Any, UUID] = defaultdict(new_id)

        def afresh(value: Any) -> Any:
            if isinstance(value, list):
                return [afresh(one) for one in value]
            return str(fresh[value]) if _is_later(value, self.since) else value

        async def one(number: int, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
            for query, args in statements:
                await connections[number].fetch(query, *map(afresh, args))

        await asyncio.gather(*(one(*it) for it in self.by_connection.items()))


def _is_later(value: Any, since: int) -> bool:
    """Whether a value is an id, as a text or as itself, that was made after another one."""
    try:
        return isinstance(value, str | UUID) and UUID(str(value)).int > since
    except ValueError:
        return False


async def _compare(
    urls: DatabaseUrls, folder: Path, sandbox: int
) -> tuple[float, float, float, Row]:
    async with recorded_app(urls, folder, sandbox, CONNECTIONS, log_level="error") as one:
        app, session, recording, caller = one.app, one.session, one.recording, one.caller
        document = documents_of(app.manifests).by_name["home"]

        async def ours() -> None:
            app.last_good.forget_all(())
            await caller.ask(document, "Home")

        statements, answer = await _record(app, recording, ours, caller, document)
        sent, data = [*recording.sent], orjson.loads(answer)
        bare_connections = [await asyncpg.connect(urls.app) for _ in range(CONNECTIONS)]

        async def bare() -> None:
            calls = (send_bare(app, session, *request) for request in sent)
            await asyncio.gather(statements.run(bare_connections), *calls)
            orjson.dumps(data)

        for warm in (ours, bare):
            await cpu_ms(warm)
        rounds = [(await cpu_ms(ours), await cpu_ms(bare)) for _ in range(ROUNDS)]
        for connected in bare_connections:
            await connected.close()
        ours_ms, bare_ms = (statistics.median(side) for side in zip(*rounds, strict=True))
        ratio = statistics.median(b / o for o, b in rounds)
        sql = [query for sent_on in statements.by_connection.values() for query, _ in sent_on]
        cards = {card["id"]: card["status"] for card in data["data"]["home"]["sections"]}
        parts = {"statements": len(sql), "http_calls": len(sent), "cards": cards}
        return ours_ms, bare_ms, ratio, parts | {"answer_bytes": len(answer)}


async def _record(
    app: App, recording: Recording, ours: Callable[[], Any], caller: Caller, document: Any
) -> tuple[Statements, bytes]:
    """One screen's statements and its answer; its calls are then those that are recorded."""
    for _ in range(WARM):  # what is made once, keys and prepared statements, is made
        await ours()
    statements, pool = Statements(), cast(asyncpg.Pool, connection()._pool)
    held = [await pool.acquire() for _ in range(CONNECTIONS)]
    loggers = [statements.logger(number) for number in range(CONNECTIONS)]
    for one, logger in zip(held, loggers, strict=True):
        one.add_query_logger(logger)
        await pool.release(one)
    app.last_good.forget_all(())
    recording.sent.clear()
    answer = await caller.ask(document, "Home")
    statements.is_recording = False
    await _unlog(pool, loggers)
    return statements, answer


async def _unlog(pool: asyncpg.Pool, loggers: Sequence[Callable[[Any], None]]) -> None:
    """Take the loggers away again: the driver times each statement while it has one."""
    held = [await pool.acquire() for _ in range(CONNECTIONS)]
    for one in held:
        for logger in loggers:
            one.remove_query_logger(logger)
        await pool.release(one)


def _served() -> Row:
    """The whole house under load."""
    load.pin(LOAD_CORE)
    with city() as (port, api_pid, token):
        (operation,) = documents_of(discover()).by_name["home"].operations
        body = orjson.dumps({"documentId": operation.id})
        target = Target.post(port, body, f"Authorization: Bearer {token}\r\n")
        load.ask(target)
        with cpu_share(api_pid) as busy:
            rates = [load.requests_per_second(target) for _ in range(ROUNDS)]
        rate = statistics.median(rates)
        return {
            "screens_per_second": round(rate),
            "servers": "the API alone on one core; PostgreSQL, worker, sandbox city and the "
            "load generator on the other; viewer at level 2 with all consents",
            "api_core_busy_share": round(busy.share, 2),
            "api_cpu_ms_per_request": round(busy.share * 1000 / rate, 2),
            "open_loop_rate": round(OPEN_LOOP_SHARE * rate),
            "ours_open_loop": asdict(load.open_loop(target, OPEN_LOOP_SHARE * rate)),
            "ours_memory_mb": memory_mb(api_pid),
        }


ROWS: dict[str, Callable[[], Row]] = {"home_live": home_live}
