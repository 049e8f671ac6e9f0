"""What the engine asks of a city's store is found by indexes: every named query, at a size at which
a walk through a table would show."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, get_args
from uuid import UUID

import asyncpg
import orjson
import pytest

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, connection, fetch_all, parse_url, raw_connection, transaction
from core.database.idempotency import Wish
from core.processes.embedded import DatabaseUrls
from kinds.application import engine, file_store, move_store, store, versions
from kinds.application.domain import TaskKind
from kinds.application.store import Work
from tests.kinds.application.wing import PERMIT, SERVICE

Query = Callable[..., Awaitable[object]]
Plan = Mapping[str, Any]

CASES = 50_000
READ_MOST = 1_000
"""Rows that a query may look at: a page, and what lies beside it."""

UNITS = 50
_FIRST, _NOBODY = UUID(int=0), UUID(int=1)

_FILL = f"""
CREATE TEMP TABLE old AS
  SELECT lpad(to_hex(n), 32, '0')::uuid AS id, n, now() - n * interval '9 minutes' AS at,
         n % 20 = 0 AS is_open, 'unit-' || n / 20 % {UNITS} AS unit,
         md5((n % 20000)::text)::uuid AS citizen_id,
         md5('officer' || n / 20 % 500)::uuid AS officer_id
    FROM generate_series(1, {CASES}) n;
INSERT INTO applications_case (id, no, service_id, item, definition_id, citizen_id, category, state,
    turn, unit, round, sequence, turn_from_on, promise_days, due_on, look_on, is_warned,
    is_escalated, is_provisional, opened_at, moved_at, ended_at)
  SELECT id, 'OLD' || n, '{SERVICE}', '{PERMIT.item}', $1, citizen_id, 'plain',
         CASE WHEN is_open THEN 'desk' ELSE 'gone' END,
         CASE WHEN is_open THEN 'UNIT' ELSE 'NOBODY' END, unit, 1, 2, at::date, 20,
         CASE WHEN is_open THEN $2::date + n / 20 % 20 END,
         CASE WHEN is_open THEN $2::date + n / 20 % 20 END,
         false, false, is_open AND n % 400 = 0, at, at, CASE WHEN NOT is_open THEN at END
    FROM old;
INSERT INTO applications_task (id, case_id, kind, state, round, branch, unit, from_unit,
    assignee_id, status, opened_at, closed_at)
  SELECT id, id, 'WORK', 'desk', 1, '', unit, '', officer_id,
         CASE WHEN is_open THEN 'OPEN' ELSE 'DONE' END, at, CASE WHEN NOT is_open THEN at END
    FROM old;
INSERT INTO applications_event (id, case_id, sequence, event, actor, unit, state, once, happened_at)
  SELECT gen_random_uuid(), id, s, 'submit', 'CITIZEN', unit, 'desk', false, at
    FROM old, generate_series(1, 2) s;
INSERT INTO applications_outside_request (id, case_id, sequence, asked_at)
  SELECT gen_random_uuid(), id, 2, at FROM old;
INSERT INTO applications_rating (case_id, citizen_id, grade, labels, rated_at)
  SELECT id, citizen_id, 5, '[]', at FROM old WHERE NOT is_open;
INSERT INTO applications_file (id, case_id, citizen_id, material, name_sealed, key_sealed,
    media_type, size_bytes, pages, attached_at)
  SELECT id, id, citizen_id, 'paper', '', '', 'image/png', 1, 1, at FROM old;
INSERT INTO applications_file_content (file_id, content) SELECT id, '' FROM old;
"""
"""Of twenty cases one is open, spread over units, officers and the days to come."""


@pytest.fixture
async def owner(app: App, database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do all, on a store that is full."""
    definition_id = await versions.store(app, PERMIT)
    owner = await asyncpg.connect(**parse_url(database.admin))
    await owner.execute("SET session_replication_role = replica")  # history breaks no edges
    today = civil_date(app.clock.now()).isoformat()
    await owner.execute(_FILL.replace("$1", f"'{definition_id}'").replace("$2", f"'{today}'"))
    await owner.execute("ANALYZE")
    yield owner
    await owner.close()


async def test_no_query_of_the_engine_walks_through_a_table(
    app: App, owner: asyncpg.Connection
) -> None:
    arguments = await _arguments(app)
    faults = [fault for query in _queries() async for fault in _faults(query, arguments)]
    assert faults == []
    # and one that did would be found
    await owner.execute("DROP INDEX applications_task_queue")
    faults = [fault async for fault in _faults(store.list_queue, arguments)]
    assert [fault.split(":")[0] for fault in faults] == ["list_queue"] * len(faults) != []


def _queries() -> Iterator[Query]:
    """Every query by its name but those that only add a row."""
    modules: Sequence[ModuleType] = (store, move_store, file_store)
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            is_own = function.__module__ == module.__name__
            if is_own and not name.startswith(("_", "insert_")):
                yield function


async def _arguments(app: App) -> Mapping[str, Any]:
    """What queries are asked with, by the name of the parameter; where that says too little, by
    the names of the function and of the parameter."""
    now = app.clock.now()
    open_cases = [UUID(int=20 * n) for n in range(100, 108)]
    (row,) = await fetch_all(
        connection(), "SELECT * FROM applications_task WHERE id = $1", open_cases[0]
    )
    case = await store.find_case(open_cases[0])
    seen = await store.list_seen(connection(), open_cases)
    assert case is not None
    task, officer_id = seen[open_cases[0]][1], row["assignee_id"]
    moves = [
        engine.Move(of, PERMIT, PERMIT.find_step("desk", "accept"), engine.SYSTEM, task=its)
        for of, its, *_ in seen.values()
    ]
    plan = await engine.make_plan(app, connection(), moves, set())
    jobs = engine.jobs_of(app, moves[0])
    versions_seen = [
        move_store.Seen(*seen[one.case_id][2:], Wish("who", f"key-{one.case_id}", {}, one.case_id))
        for one in plan.rows
    ]
    return {
        **dict.fromkeys(("case_id", "task_id", "file_id"), open_cases[0]),
        **dict.fromkeys(("case_ids", "task_ids", "ids", "but"), open_cases),
        **dict.fromkeys(("citizen_id", "person_id"), case.citizen_id),
        **dict.fromkeys(("service",), SERVICE),
        **dict.fromkeys(("first", "most"), 20),
        "nobody": _NOBODY, "before": UUID(int=CASES), "after": _FIRST, "size": 500,
        "no": case.no, "unit": case.unit, "services": [SERVICE], "only_open": True,
        "prefix": "PROBE", "day_on": civil_date(now), "today": civil_date(now), "now": now,
        "sequence": 2,
        "events": ["accept", "submit"], "officers": [officer_id], "assignee_id": officer_id,
        "values": {"unit": "elsewhere"}, "task": task, "cases": [case], "kind": TaskKind.SUPERVISE,
        "work": [Work(case, "", case.unit, ())], "entry": plan.rows[0].entry,
        "has_worked.unit": "nobody", "list_events.after": 0,
        "write_moves.moves": plan.rows, "write_moves.work": plan.work,
        "write_free.moves": list(zip(plan.rows, versions_seen, strict=True)),
        "write_free.work": plan.work, "clock": app.clock, "operation": "probe",
        "jobs": [(plan.rows[0].case_id, app.queue.columns_of(job)) for job in jobs],
    }  # fmt: skip


async def _faults(query: Query, arguments: Mapping[str, Any]) -> AsyncIterator[str]:
    """What is wrong with the plans of a query, asked with all that it may be given and with as
    little as it needs."""
    for is_full in (True, False):
        async for sql, plan in _plans(query, arguments, is_full=is_full):
            for node in _nodes(plan):
                relation = str(node.get("Relation Name", ""))
                looked_at = node["Actual Loops"] * (
                    node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                )
                is_walk = node["Node Type"] == "Seq Scan" or looked_at > READ_MOST
                if relation.startswith("applications_") and is_walk:
                    words = f"{node['Node Type']} of {relation}, {looked_at:.0f} rows"
                    yield f"{query.__name__}: {words}: {sql}"


async def _plans(
    query: Query, arguments: Mapping[str, Any], *, is_full: bool
) -> AsyncIterator[tuple[str, Plan]]:
    """The statements of a query and how each is carried out; nothing of it stays."""
    asked: list[tuple[str, Sequence[object]]] = []
    try:
        async with transaction() as tx:
            raw = raw_connection(tx)
            with raw.query_logger(lambda one: asked.append((one.query, one.args))):
                await query(**_bound(query, tx, arguments, is_full=is_full))
            raise _Undo
    except _Undo:
        pass
    assert asked, f"{query.__name__} asked nothing"
    for sql, values in asked:
        try:
            async with transaction() as tx:
                explained = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql
                (row,) = await raw_connection(tx).fetch(explained, *values)
                raise _Undo
        except _Undo:
            yield " ".join(sql.split()), orjson.loads(row[0])[0]["Plan"]


class _Undo(Exception):
    pass


def _bound(
    query: Query, tx: Transaction, arguments: Mapping[str, Any], *, is_full: bool
) -> Mapping[str, Any]:
    """What a query is called with. Raises KeyError for a parameter that has no example yet."""
    bound: dict[str, Any] = {}
    for name, parameter in inspect.signature(query).parameters.items():
        is_left = type(None) in get_args(parameter.annotation) and not is_full
        known = arguments.get(f"{query.__name__}.{name}")
        if name in ("tx", "db"):
            bound[name] = tx
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            bound |= arguments[name]
        else:
            bound[name] = None if is_left else arguments[name] if known is None else known
    return bound


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
