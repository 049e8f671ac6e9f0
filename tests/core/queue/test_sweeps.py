"""What runs again and again all day finds its rows by an index: none reads a table whole.

Seen are the statements that it runs in an empty city whose systems are silent: those by which it
looks for its rows, and not what it does with each.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import orjson
import pytest

from core.context.app import App
from core.database import parse_url, pool
from core.errors import AppError
from core.processes.embedded import DatabaseUrls
from core.upstream.client import UpstreamError

WHOLE = {
    "health_queue_watch": "each watch is looked at; it is of somebody in a waiting room",
    "identity_death_gap": "records that cannot be read are few, and all are asked for again",
    "notifications_receipt": "each receipt that came too early is tried again",
}
"""What is read whole on purpose."""
FIRST_ALONE = {"payments_transfer": "all that is read is ordered, in one message"}
"""Tables of which a pass reads the first rows alone, and why none of them stays the first."""
_LIMIT = re.compile(r"LIMIT (?:\$(?P<place>\d+)|(?P<most>\d+))")
_GOES_ON = re.compile(
    r"""\b\w*(id|_no|position|number)"?\s*>\s*\$   # behind the last row
      | tried_at"\sIS\sNULL\sORDER\sBY\s"id       # what was tried is no more among them
      | \bNOT\s\w+::text\s=\sANY                 # without those that failed
      | ORDER\sBY\s"?(tried_at|asked_at|look_at)  # the last attempt is the place in the line
      | ORDER\sBY\srandom""",
    re.VERBOSE,
)
_TABLE = re.compile(r"""FROM "?(\w+)""")
_PLAN_BY_INDEX = (
    """SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"""
)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sequence[Any]]:
    """The statements that the App's connections run, with the parameters of the first time."""
    found: dict[str, Sequence[Any]] = {}
    monkeypatch.setattr(pool, "_count_statement", lambda one: found.setdefault(one.query, one.args))
    return found


async def test_no_table_is_read_whole(
    statements: dict[str, Sequence[Any]], app: App, database: DatabaseUrls
) -> None:
    often = [kind for kind in app.queue.kinds.values() if kind.every and _runs_all_day(kind.every)]
    assert len(often) > 20
    plans = await asyncpg.connect(**parse_url(database.admin))
    try:
        await plans.execute(_PLAN_BY_INDEX)
        rows = await plans.fetch(
            """SELECT c.relname, i.indrelid::regclass::text AS table,
                      i.indpred IS NOT NULL AS partial
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"""
        )
        partial = {row["relname"] for row in rows if row["partial"]}
        table_of = {row["relname"]: row["table"] for row in rows}
        statements.clear()
        for kind in often:
            with suppress(UpstreamError, AppError):
                await kind(app)
        await asyncio.sleep(0.01)  # the driver tells of statements a little later
        read = [
            (table, query)
            for query, parameters in statements.items()
            if query.split(None, 1)[0].upper() in {"SELECT", "WITH", "UPDATE", "DELETE"}
            for node in _nodes(await _plan(plans, query, parameters))
            if (table := _read_whole(node, partial, table_of))
        ]
    finally:
        await plans.close()
    found = [f"{table}: {query}" for table, query in read if not table.startswith("pg")]
    assert [one for one in found if one.partition(":")[0] not in WHOLE] == [], "\n".join(found)


async def test_no_pass_stands_still_before_rows_that_never_leave(
    statements: dict[str, Sequence[Any]], app: App
) -> None:
    """A pass that reads the first rows alone goes on behind them, or puts them behind the others:
    what fails always keeps nothing else waiting."""
    scheduled = [kind for kind in app.queue.kinds.values() if kind.every]
    assert len(scheduled) > 40
    statements.clear()
    for kind in scheduled:
        with suppress(UpstreamError, AppError):
            await kind(app)
    await asyncio.sleep(0.01)
    found = {
        table.group(1): query
        for query, parameters in statements.items()
        if _reads_the_first(query, parameters) and not _GOES_ON.search(query)
        for table in [_TABLE.search(query)]
        if table is not None
    }
    assert found.keys() == FIRST_ALONE.keys(), "\n".join(found.values())


def _reads_the_first(query: str, parameters: Sequence[Any]) -> bool:
    """Whether it reads some rows, and more than one, of those that it finds."""
    limit = _LIMIT.search(query)
    if limit is None or query.split(None, 1)[0].upper() not in {"SELECT", "WITH"}:
        return False
    place, most = limit["place"], limit["most"]
    return bool((parameters[int(place) - 1] if place else int(most)) != 1)


async def _plan(
    plans: asyncpg.Connection, query: str, parameters: Sequence[Any]
) -> Mapping[str, Any]:
    text = await plans.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *parameters)
    plan: Mapping[str, Any] = orjson.loads(text)[0]["Plan"]
    return plan


def _runs_all_day(every: str) -> bool:
    """Whether a schedule names no hour."""
    return not every.split()[1].isdigit()


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A plan's nodes; a few rows from one end of an index are no whole table."""
    if plan["Node Type"] == "Limit":
        (below,) = plan["Plans"]
        if "Index Name" in below and "Filter" not in below:
            return
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _read_whole(
    node: Mapping[str, Any], partial: set[str], table_of: Mapping[str, str]
) -> str | None:
    """The table that a node reads from end to end; an index of some rows alone is no table."""
    if node["Node Type"] == "Seq Scan":
        return str(node["Relation Name"])
    index = node.get("Index Name")
    if index is None or index in partial or "Index Cond" in node:
        return None
    return table_of[index]
