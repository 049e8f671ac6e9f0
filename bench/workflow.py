"""Steps of cases per second beside the bare update of the same rows, on an empty and a full store.

A step is what an officer does at the desk: `desk.act` with a fresh key, which claims the key,
locks the case, finds the officer and the task, moves the case, closes the task, writes the
timeline, tells the citizen, and opens the next work for the least busy. The peer moves the state of
the same rows to and fro by one prepared statement that commits, on as many connections; the
database's own check of the edges runs under both. All in one process against one durable server,
in turns.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import uvloop

from bench.processes import machine, opened_app, own_postgres
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, parse_url, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from core.processes.memory import settle_memory
from core.processes.migrate import migrate
from core.security.authentication import Viewer
from core.security.authorization import Role, scopes_of
from core.texts import Named
from kinds.application import desk, versions
from kinds.application.definition import Actor, Definition, Numbering, State, Step, Turn
from kinds.application.engine import SYSTEM, Choices
from kinds.application.opening import Opening, open_in
from modules.identity import staff

Row = dict[str, Any]

CASES = int(os.environ.get("BENCH_CASES", "1_000_000"))
CLIENTS, OFFICERS, ROUNDS = 16, 8, int(os.environ.get("BENCH_ROUNDS", "3"))
ROUND_S = float(os.environ.get("BENCH_ROUND_S", "5"))
UNIT = "administrative_approval"
_NAME = Named("试验", "trial")
DEFINITION = Definition(
    service="gov-case-apply",
    title=_NAME,
    item="bench",
    number=Numbering("BENCH", digits=6),
    states=(
        State("filed", _NAME, Turn.UNIT),
        State("review", _NAME, Turn.UNIT),
        State("asked", _NAME, Turn.CITIZEN, lapse="lapse"),
        State("ended", _NAME, Turn.NOBODY),
    ),
    steps=(
        Step("accept", ("filed",), "review", Actor.OFFICER, _NAME),
        Step("send_back", ("review",), "filed", Actor.OFFICER, _NAME),
        Step("ask", ("review",), "asked", Actor.OFFICER, _NAME),
        Step("bring", ("asked",), "filed", Actor.CITIZEN, _NAME),
        Step("lapse", ("asked",), "ended", Actor.SYSTEM, _NAME),
        Step("end", ("filed", "review"), "ended", Actor.OFFICER, _NAME),
    ),
    unit=UNIT,
    escalates_to=UNIT,
    promise={"": 20},
    limits={"filed": 5, "review": 10, "asked": 10},
)
_MOVE = "UPDATE applications_case SET state = $2, moved_at = now() WHERE id = $1"
_TO_AND_FRO = (("accept", "review"), ("send_back", "filed"))
PAGE = 8
"""The cases of one client, whose tasks are looked for at once."""

_PHONES = count(13600000000)
Client = Callable[[float], Awaitable[int]]
"""Takes steps until a moment of the monotonic clock; how many it took."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of each round: how many a second, and how much of our own processor one takes."""

    ours: list[float]
    ours_cpu_ms: list[float]
    bare: list[float]
    bare_cpu_ms: list[float]


def workflow_step() -> Row:
    """Steps per second with a million cases stored, beside the bare update in the same minutes."""

    async def go(urls: DatabaseUrls) -> Row:
        await migrate(urls.owner, urls.app, discover())
        with tempfile.TemporaryDirectory() as folder:
            async with opened_app(urls, Path(folder), CLIENTS) as app:
                officers = [await _officer(app) for _ in range(OFFICERS)]
                settle_memory()  # as every process that serves does
                empty = await _measure(app, urls, officers)
                await _fill(app, urls)
                full = await _measure(app, urls, officers)
        return _row(empty, full)

    with own_postgres() as urls:
        return uvloop.run(go(urls))


async def _measure(app: App, urls: DatabaseUrls, officers: Sequence[Call]) -> Measured:
    """Steps and bare updates in turns."""
    by_id = {officer.subject_id: officer for officer in officers}
    cases = [[await _open(app) for _ in range(PAGE)] for _ in range(CLIENTS)]
    plain = [await asyncpg.connect(**parse_url(urls.app)) for _ in range(CLIENTS)]
    measured = Measured([], [], [], [])
    try:
        await _per_second([_steps(some, by_id) for some in cases], 1.0)  # statements are prepared
        for _ in range(ROUNDS):
            rate, cpu_ms = await _per_second([_steps(some, by_id) for some in cases], ROUND_S)
            measured.ours.append(rate)
            measured.ours_cpu_ms.append(cpu_ms)
            moves = [await one.prepare(_MOVE) for one in plain]
            pairs = zip(moves, cases, strict=True)
            rate, cpu_ms = await _per_second([_bare(*pair) for pair in pairs], ROUND_S)
            measured.bare.append(rate)
            measured.bare_cpu_ms.append(cpu_ms)
    finally:
        for one in plain:
            await one.close()
    return measured


async def _per_second(clients: Sequence[Client], seconds: float) -> tuple[float, float]:
    """How many a second all clients together do, and what one takes of this process, in ms."""
    begun_s, used_s = time.monotonic(), time.process_time()
    done = sum(await asyncio.gather(*(client(begun_s + seconds) for client in clients)))
    used_s = time.process_time() - used_s
    return done / (time.monotonic() - begun_s), used_s / done * 1000


def _steps(cases: Sequence[UUID], officers: dict[UUID, Call]) -> Client:
    """An officer's steps on some cases, each by whoever has its task, read as a page of a queue."""

    async def run(ends_s: float) -> int:
        done = 0
        while time.monotonic() < ends_s:
            for event, _ in _TO_AND_FRO:
                tasks = await fetch_all(
                    connection(),
                    "SELECT id, assignee_id FROM applications_task"
                    " WHERE case_id = ANY($1) AND status = 'OPEN'",
                    cases,
                )
                for task in tasks:
                    officer = officers[task["assignee_id"]]
                    await desk.act(officer, task["id"], event, Choices(), str(new_id()))
                done += len(tasks)
        return done

    return run


def _bare(move: Any, cases: Sequence[UUID]) -> Client:
    async def run(ends_s: float) -> int:
        done = 0
        while time.monotonic() < ends_s:
            for _, state in _TO_AND_FRO:
                for case_id in cases:
                    await move.fetch(case_id, state)
            done += 2 * len(cases)
        return done

    return run


async def _open(app: App) -> UUID:
    definition_id = await versions.store(app, DEFINITION)
    opening = Opening(DEFINITION, definition_id, new_id(), "", {}, is_bounded=False)
    async with transaction() as tx:
        return (await open_in(app, tx, new_id(), opening, SYSTEM)).id


async def _officer(app: App) -> Call:
    async with transaction() as tx:
        person_id = await staff.enrol(
            app,
            tx,
            phone=str(next(_PHONES)),
            roles=[Role.DEPARTMENT_OFFICER],
            department=UNIT,
            secret=bytes(20),
        )
    roles = frozenset({Role.DEPARTMENT_OFFICER.value})
    viewer = Viewer(person_id, new_id(), 1, roles, app.clock.now(), scopes_of(roles))
    return Call(app, Deadline.after(36_000), "bench", viewer)


async def _fill(app: App, urls: DatabaseUrls) -> None:
    """Cases of the last two years in all units, with their work and lines: of twenty one is open,
    of four open ones one waits for its citizen."""
    owner = await asyncpg.connect(**parse_url(urls.admin), timeout=60)
    try:
        await owner.execute("SET session_replication_role = replica")  # history breaks no edges
        units = ", ".join(f"'{unit}'" for unit in sorted(app.city.departments))
        await owner.execute(_FILL.format(cases=CASES, units=units), timeout=3_600)
        await owner.execute("VACUUM ANALYZE", timeout=3_600)
        await owner.execute("CHECKPOINT", timeout=3_600)  # the store is at rest
    finally:
        await owner.close()


_FILL = """
CREATE TEMP TABLE units AS SELECT array[{units}] AS names;
CREATE TEMP TABLE staff AS
  SELECT department AS unit, array_agg(citizen_id) AS ids FROM identity_staff GROUP BY department;
CREATE TEMP TABLE old AS
  SELECT gen_random_uuid() AS id, n, now() - n * interval '1 minute' AS at, n % 20 = 0 AS is_open,
         n % 80 = 0 AS is_asked, names[1 + n / 20 % cardinality(names)] AS unit,
         md5((n % 300000)::text)::uuid AS citizen_id,
         (ARRAY['gov-case-apply', 'gov-case-apply', 'hotline-12345', 'residence-permit'])[1 + n % 4]
           AS service_id
    FROM generate_series(1, {cases}) n, units;
INSERT INTO applications_case (id, no, service_id, item, definition_id, citizen_id, category, state,
    turn, unit, round, sequence, turn_from_on, promise_days, promise_used, due_on, look_on,
    is_warned, is_escalated, is_provisional, opened_at, moved_at, ended_at)
  SELECT old.id, 'OLD' || n, service_id, 'bench', d.id, citizen_id, '',
         CASE WHEN is_asked THEN 'asked' WHEN is_open THEN 'filed' ELSE 'ended' END,
         CASE WHEN is_asked THEN 'CITIZEN' WHEN is_open THEN 'UNIT' ELSE 'NOBODY' END,
         unit, 1, 3, at::date, 20, 1,
         CASE WHEN is_open THEN current_date + n / 20 % 20 END,
         CASE WHEN is_open THEN current_date + n / 20 % 20 END,
         false, false, false, at, at, CASE WHEN NOT is_open THEN at END
    FROM old, (SELECT id FROM applications_definition LIMIT 1) d;
INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit,
    assignee_id, status, opened_at, closed_at)
  SELECT gen_random_uuid(), id, 'WORK', 'filed', 1, '', unit, '',
         coalesce(ids[1 + n / 20 % cardinality(ids)], md5(unit || n / 20 % 10)::uuid),
         CASE WHEN is_open AND NOT is_asked THEN 'OPEN' ELSE 'DONE' END, at,
         CASE WHEN NOT is_open OR is_asked THEN at END
    FROM old LEFT JOIN staff USING (unit);
INSERT INTO applications_event (id, case_id, sequence, event, actor, unit, state, once, happened_at)
  SELECT gen_random_uuid(), id, s, 'end', 'OFFICER', unit, 'ended', false, at
    FROM old, generate_series(1, 3) s;
"""


def _row(empty: Measured, full: Measured) -> Row:
    mine, peer = statistics.median(empty.ours), statistics.median(empty.bare)
    mine_full = statistics.median(full.ours)
    cpu_ms = statistics.median(empty.ours_cpu_ms)
    return {
        "ours": round(mine, 1),
        "peer": "a bare update of the state of the same rows",
        "peer_value": round(peer, 1),
        "ratio": round(mine / peer, 3),
        "unit": "transitions/s",
        "conditions": {
            "aim": ">= 0.4; with the full store >= 0.7 of the empty one",
            "cases_stored": CASES,
            "full_store": round(mine_full, 1),
            "full_to_empty": round(mine_full / mine, 3),
            "full_to_empty_by_cpu": round(cpu_ms / statistics.median(full.ours_cpu_ms), 3),
            "full_to_bare": round(mine_full / statistics.median(full.bare), 3),
            "our_cpu_ms": round(cpu_ms, 3),
            "bare_cpu_ms": round(statistics.median(empty.bare_cpu_ms), 3),
            "rounds_ours": [round(rate) for rate in (*empty.ours, *full.ours)],
            "rounds_bare": [round(rate) for rate in (*empty.bare, *full.bare)],
            "clients": CLIENTS,
            "officers": OFFICERS,
            "round_s": ROUND_S,
            "server": "embedded PostgreSQL on the same machine, fsync on",
            **machine(),
        },
    }


ROWS = {"workflow_step": workflow_step}
