"""Snap reports: whole lives of reports on an empty and on a full store, and finding a grid.

A life is: filed (place, grid, unit, least busy worker), accepted, finished with a reason. Ours on
an empty store is held against ours on a store of a million; the figures of DIGIT's complaint
system, 37 lives a second and 6.3 at a million, stand in its own report on performance
(egovernments/Citizen-Complaint-Resolution-System, performance/docs/executive-summary.md).
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from bench.processes import opened_app, own_postgres
from core.context.app import App
from core.context.call import Call
from core.database import parse_url, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from core.processes.migrate import migrate
from core.security.authentication import Viewer
from core.security.authorization import Role, scopes_of
from core.standards.coordinates import GeoPoint
from core.standards.ogc_features import PAGE, Feature
from core.texts import Named
from core.upstream.records import Records
from kinds.application import store as engine_store
from modules.community.grids.domain import Grid, GridMap
from modules.community.grids.lookup import Properties, list_grids
from modules.community.reports import handling, service
from modules.community.reports.service import Draft, Filer
from modules.identity import staff
from sandbox.population.geography import Geography, Place
from sandbox.systems import grids as sandbox_grids

Row = dict[str, Any]

SEED = 20260101
CENTRE = Place(36.67, 117.0)
REPORTS = int(os.environ.get("BENCH_REPORTS", "1_000_000"))
CLIENTS, WORKERS, ROUND_S = 16, 8, 20.0
LOOKUPS = 50_000
_HALF_SIDE_DEGREES = 0.08


class _City:
    """As much of the sandbox city as its map of grids takes."""

    settings = type("Settings", (), {"seed": SEED})
    geography = Geography(SEED, CENTRE)


def _features() -> list[Feature[Properties]]:
    rows = sandbox_grids.grids(_City())  # type: ignore[arg-type]
    return [
        Feature(
            str(row["id"]),
            row["geometry"],  # type: ignore[arg-type]
            Properties(**{name: row["properties"][name] for name in Properties.__slots__}),  # type: ignore[index]
        )
        for row in rows
    ]


def grid_lookup() -> Row:
    """Finding the grid of a point, in ms."""
    words = Named("", "")
    features = _features()
    grids = GridMap(
        [
            (one.shape, Grid(one.properties.grid_code, words, words, words, words, "", ""))
            for one in features
        ]
    )
    points = [_point(random.Random(n)) for n in range(1_000)]
    times_ms = []
    for n in range(LOOKUPS):
        begun_s = time.perf_counter()
        grids.find(points[n % len(points)])
        times_ms.append((time.perf_counter() - begun_s) * 1000)
    times_ms.sort()
    return {
        "ours": round(times_ms[len(times_ms) * 99 // 100], 4),
        "peer": None,
        "peer_value": None,
        "ratio": None,
        "unit": "ms, p99",
        "conditions": {"grids": len(features), "p50_ms": round(times_ms[len(times_ms) // 2], 4)},
    }


def report_lifecycle() -> Row:
    """Lives of reports per second with a million stored, beside those on the empty store."""

    async def go(urls: DatabaseUrls) -> Row:
        await migrate(urls.owner, urls.app, discover())
        features = _features()

        async def page(offset: int) -> Records[Feature[Properties]]:
            return Records(features[offset : offset + PAGE])

        with tempfile.TemporaryDirectory() as folder:
            async with opened_app(urls, Path(folder), 2 * CLIENTS, {list_grids: page}) as app:
                workers = [await _worker(app) for _ in range(WORKERS)]
                await _live(app, workers)  # the map, the definitions, the plans
                empty = await _rate(app, workers)
                await _fill(urls)
                await _live(app, workers)
                full = await _rate(app, workers)
        return _row(empty, full)

    with own_postgres() as urls:
        return asyncio.run(go(urls))


def _row(empty: tuple[float, list[float]], full: tuple[float, list[float]]) -> Row:
    return {
        "ours": round(full[0], 1),
        "peer": "ours on the empty store",
        "peer_value": round(empty[0], 1),
        "ratio": round(full[0] / empty[0], 3),
        "unit": "lives/s",
        "conditions": {
            "reports": REPORTS,
            "clients": CLIENTS,
            "workers": WORKERS,
            "round_s": ROUND_S,
            "filed_p50_ms": round(statistics.median(full[1]), 1),
            "filed_p99_ms": round(sorted(full[1])[len(full[1]) * 99 // 100], 1),
            "server": "embedded PostgreSQL on the same machine, fsync on",
            "aim": ">= 0.7",
        },
    }


_PHONES = count(13500000000)


async def _worker(app: App) -> Call:
    async with transaction() as tx:
        person_id = await staff.enrol(
            app,
            tx,
            phone=str(next(_PHONES)),
            roles=[Role.GRID_WORKER],
            department="grid_office",
            secret=bytes(20),
        )
    roles = frozenset({Role.GRID_WORKER.value})
    return _call(app, Viewer(person_id, new_id(), 1, roles, app.clock.now(), scopes_of(roles)))


def _call(app: App, viewer: Viewer | None = None) -> Call:
    return Call(app, Deadline.after(3_600), "bench", viewer)


def _point(chance: random.Random) -> GeoPoint:
    side = _HALF_SIDE_DEGREES
    return GeoPoint(
        CENTRE.lat + chance.uniform(-side, side), CENTRE.lon + chance.uniform(-side, side)
    )


async def _live(app: App, workers: list[Call]) -> float:
    """One life of a report; how long its filing took, in ms."""
    draft = Draft("tree", _point(random.Random()), {"description": "a fallen tree"})
    begun_s = time.perf_counter()
    report = await service.file_as(
        _call(app), Filer(new_id(), is_organisation=True), draft, new_id().hex
    )
    filed_ms = (time.perf_counter() - begun_s) * 1000
    (task,) = await engine_store.list_tasks(report.case_id)
    by_id: dict[UUID, Call] = {worker.subject_id: worker for worker in workers}
    assert task.assignee_id is not None
    worker = by_id[task.assignee_id]
    work = await handling.accept(worker, task.id, new_id().hex)
    worker = by_id[work.task.assignee_id or task.assignee_id]
    await handling.finish(worker, work.task.id, [], "removed", new_id().hex)
    return filed_ms


async def _rate(app: App, workers: list[Call]) -> tuple[float, list[float]]:
    """Lives per second of all clients together, and how long each filing took."""
    begun_s = time.monotonic()
    filed_ms: list[float] = []

    async def client() -> None:
        while time.monotonic() < begun_s + ROUND_S:
            filed_ms.append(await _live(app, workers))

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(filed_ms) / (time.monotonic() - begun_s), filed_ms


async def _fill(urls: DatabaseUrls) -> None:
    """Closed reports of the last two years, with their cases, tasks and lines."""
    owner = await asyncpg.connect(**parse_url(urls.admin), timeout=60)
    try:
        await owner.execute("SET session_replication_role = replica")  # history breaks no edges
        await owner.execute(_FILL.format(reports=REPORTS), timeout=3_600)
        await owner.execute("VACUUM ANALYZE")
        await owner.execute("CHECKPOINT", timeout=600)  # nothing of the filling is written later
    finally:
        await owner.close()


_FILL = """
CREATE TEMP TABLE old AS
  SELECT gen_random_uuid() AS id, gen_random_uuid() AS report_id, n,
         now() - n * interval '1 minute' AS at,
         36.67 + (random() - 0.5) * 0.16 AS lat, 117.0 + (random() - 0.5) * 0.16 AS lon
    FROM generate_series(1, {reports}) n;
INSERT INTO applications_case (id, no, service_id, item, definition_id, citizen_id, category, state,
    turn, unit, round, sequence, turn_from_on, promise_days, promise_used, is_warned, is_escalated,
    is_provisional, opened_at, moved_at, ended_at)
  SELECT old.id, 'OLD' || n, 'snap-report', 'tree', d.id, gen_random_uuid(), '', 'closed', 'NOBODY',
         'grid_office', 1, 3, at::date, 5, 1, false, false, false, at, at, at
    FROM old, (SELECT id FROM applications_definition LIMIT 1) d;
INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit, status,
    opened_at, closed_at)
  SELECT gen_random_uuid(), id, 'WORK', 'filed', 1, '', 'grid_office', '', 'DONE', at, at FROM old;
INSERT INTO applications_event (id, case_id, sequence, event, actor, unit, state, once, happened_at)
  SELECT gen_random_uuid(), id, s, 'fix', 'OFFICER', 'grid_office', 'fixed', false, at
    FROM old, generate_series(1, 3) s;
INSERT INTO community_report (id, case_id, no, category, state, unit, lat, lon, grid_code, address,
    is_open, followers, promised_on, fixed_on, filed_on, filed_at, changed_at)
  SELECT report_id, id, 'OLD' || n, 'tree', 'closed', 'grid_office', lat, lon, '370102001001001',
         '', false, 0, at::date, at::date, at::date, at, at FROM old;
INSERT INTO community_report_update (id, report_id, sequence, event, state, unit, note, happened_at)
  SELECT gen_random_uuid(), report_id, s, 'fix', 'fixed', 'grid_office', '', at
    FROM old, generate_series(1, 3) s;
"""

ROWS = {"grid_lookup": grid_lookup, "report_lifecycle": report_lifecycle}
