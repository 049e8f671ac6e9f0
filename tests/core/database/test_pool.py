"""Transactions: they commit or vanish whole, they do not nest, and nothing waits inside them."""

import asyncio
import re
from contextvars import Context
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tortoise import Tortoise, fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.context.app import App
from core.database import (
    IntegrityError,
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_one,
    notify_after_commit,
    parse_url,
    raw_connection,
    read_model,
    refuse_in_transaction,
    transaction,
    update_model,
    violated,
)
from core.database.engine import PooledConnection
from core.database.models import RateCounter
from core.deadline import Deadline
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from tests.conftest import ROOT
from tests.tree import files_of_the_tree

INSERT = "INSERT INTO core_rate_counter (key, count, ends_at) VALUES ($1, 1, now())"


async def _insert(tx: Transaction, key: str) -> None:
    await tx.execute_query(INSERT, [key])


async def _keys() -> list[str]:
    rows = await fetch_all(connection(), "SELECT key FROM core_rate_counter ORDER BY key")
    return [row["key"] for row in rows]


async def test_a_model_by_hand_is_the_model_by_the_orm(app: App) -> None:
    await _insert(connection(), "one")
    (by_orm,) = await RateCounter.all()
    by_hand = await fetch_model(connection(), RateCounter, "WHERE key = $1", "one")
    assert by_hand is not None and dict(by_hand) == dict(by_orm)
    assert await fetch_model(connection(), RateCounter, "WHERE key = $1", "two") is None
    columns = "key AS a_key, count AS a_count, ends_at AS a_ends_at"
    row = await fetch_one(connection(), f"SELECT {columns} FROM core_rate_counter")
    assert row is not None and dict(read_model(RateCounter, row, "a_")) == dict(by_orm)
    tail = "count = count + $2 WHERE key = $1"
    changed = await update_model(connection(), RateCounter, tail, "one", 4)
    assert (changed.key, changed.count, changed.ends_at) == ("one", 5, by_orm.ends_at)
    changed.count = 7
    await changed.save(update_fields=["count"])
    assert (await RateCounter.get(key="one")).count == 7


_DRIVEN = {
    fields.UUIDField: new_id(),
    fields.DatetimeField: datetime(2026, 11, 28, 8, tzinfo=UTC),
    fields.DateField: date(2026, 11, 28),
    fields.JSONField: '{"a": [1, null]}',
    fields.BinaryField: b"x",
    fields.BooleanField: True,
    fields.FloatField: 0.5,
    fields.CharField: "x",
    fields.TextField: "x",
    ArrayField: [new_id()],
}
"""What the driver gives for a column, by its field; a number for every other."""


async def test_every_model_by_hand_is_the_model_by_the_orm(app: App) -> None:
    models = [model for models in Tortoise.apps.values() for model in models.values()]
    assert len(models) > 50
    for model in models:
        known = model._meta.fields_map
        row = {name: _driven(known[name]) for name in model._meta.fields_db_projection}
        nothing = dict.fromkeys(row)
        for values in (row, nothing):
            by_hand, by_orm = read_model(model, values), model._init_from_db(**values)
            assert vars(by_hand) == vars(by_orm), model.__name__
            assert by_hand._await_when_save is not by_orm._await_when_save


def _driven(field: Any) -> object:
    return next((value for kind, value in _DRIVEN.items() if isinstance(field, kind)), 1)


async def test_a_transaction_commits_at_its_end_and_is_unseen_before(app: App) -> None:
    async with transaction() as tx:
        await _insert(tx, "one")
        elsewhere = asyncio.create_task(_keys(), context=Context())
        assert await elsewhere == []
        assert await _keys() == ["one"]  # the ORM's pool is this transaction here
    assert await _keys() == ["one"]


async def test_any_exception_rolls_everything_back(app: App) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await _insert(tx, "one")
            await _insert(tx, "two")
            raise ZeroDivisionError
    assert await _keys() == []


async def test_a_cancelled_command_leaves_nothing(app: App) -> None:
    inside = asyncio.Event()

    async def command() -> None:
        async with transaction() as tx:
            await _insert(tx, "one")
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(command())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _keys() == []


async def test_transactions_do_not_nest(app: App) -> None:
    with pytest.raises(RuntimeError, match="do not nest"):
        async with transaction() as tx:
            await _insert(tx, "outer")
            async with transaction():
                pytest.fail("a second transaction opened")
    assert await _keys() == []
    async with transaction() as tx:  # the refusal left no mark behind
        await _insert(tx, "next")
    assert await _keys() == ["next"]


async def test_a_task_made_inside_a_transaction_cannot_open_another(app: App) -> None:
    async def child() -> None:
        async with transaction():
            pytest.fail("a second transaction opened")

    async with transaction():
        with pytest.raises(RuntimeError, match="do not nest"):
            await asyncio.create_task(child())


async def test_commands_of_different_tasks_do_not_meet(app: App) -> None:
    async def command(number: int) -> None:
        async with transaction() as tx:
            await _insert(tx, f"{number:02d}")

    await asyncio.gather(*(command(number) for number in range(25)))
    assert await _keys() == [f"{number:02d}" for number in range(25)]


async def test_nothing_waits_for_the_network_inside_a_transaction(app: App) -> None:
    upstream = app.http.upstream("police", "http://127.0.0.1:9")
    refuse_in_transaction("outside, this is no refusal")
    async with transaction():
        with pytest.raises(RuntimeError, match="outbound call inside a transaction"):
            await upstream.request("GET", "/", operation="read", deadline=Deadline.after(1))


async def test_the_raw_connection_is_the_transactions_own(app: App) -> None:
    """The one use of the ORM's private attribute: if its shape changes, this test tells."""
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            raw = raw_connection(tx)
            assert isinstance(raw, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy)
            assert raw.is_in_transaction()
            await raw.execute(INSERT, "by asyncpg")
            seen = await fetch_one(tx, "SELECT count(*) AS n FROM core_rate_counter")
            assert seen == {"n": 1}
            raise ZeroDivisionError
    assert await _keys() == []


def test_no_model_s_source_is_read_for_comments() -> None:
    class Planted(Model):
        #: What the ORM would read here.
        name = fields.CharField(max_length=9, primary_key=True)

    assert Planted._meta.fields_map["name"].description is None


async def test_a_broken_constraint_is_told_by_its_name(app: App) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with transaction() as tx:
            await _insert(tx, "one")
            await _insert(tx, "one")
    assert violated(caught.value) == "core_rate_counter_pkey"
    assert violated(IntegrityError("of no statement")) is None


async def test_sessions_are_bounded_and_in_utc(app: App) -> None:
    limits = {
        "timezone": "UTC",
        "statement_timeout": "30s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
        "application_name": "test",
    }
    for name, value in limits.items():
        row = await fetch_one(connection(), "SELECT current_setting($1) AS value", name)
        assert row == {"value": value}, name


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE core_consent",
        "ALTER TABLE core_consent DISABLE TRIGGER ALL",
        "DELETE FROM tortoise_migrations",
        "SET SESSION AUTHORIZATION quancheng_owner",
    ],
)
async def test_the_applications_role_cannot_change_the_house(app: App, statement: str) -> None:
    async with transaction() as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw_connection(tx).execute(statement)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://app@db.example:6543/city",
            {"host": "db.example", "port": 6543, "user": "app", "database": "city"},
        ),
        (
            "postgresql://app:p%40ss%2Fword@db/city",
            {
                "host": "db",
                "port": 5432,
                "user": "app",
                "database": "city",
                "password": "p@ss/word",
            },
        ),
        (
            "postgresql://app@/city?host=%2Frun%2Fpg&port=5433",
            {"host": "/run/pg", "port": 5433, "user": "app", "database": "city"},
        ),
    ],
)
def test_addresses_are_read_as_libpq_reads_them(url: str, expected: dict[str, object]) -> None:
    assert parse_url(url) == expected


SESSION_STATE = re.compile(
    r"pg_(try_)?advisory_lock\w*\(|WITH HOLD|CREATE TEMP(?![^;]*ON COMMIT DROP)|\bLISTEN \w"
    r"|(?:^|[;\"'])\s*SET\s+(?!LOCAL|TRANSACTION|CONSTRAINTS|NULL)\w"
)
"""SQL whose effect would outlive its transaction, on a connection that others get next."""


def test_nothing_of_ours_outlives_its_transaction() -> None:
    assert SESSION_STATE.search("SELECT pg_advisory_lock(1)")
    assert SESSION_STATE.search("SET statement_timeout = 0")
    assert not SESSION_STATE.search("SET LOCAL statement_timeout = 0")
    assert not SESSION_STATE.search("UPDATE t SET state = 1; SELECT pg_advisory_xact_lock(1)")
    packages = ("core", "notifications", "payments", "kinds", "credit", "modules", "bff")
    found = {
        str(name): match[0]
        for name in files_of_the_tree()
        if name.suffix == ".py" and name.parts[0] in packages and "migrations" not in name.parts
        for match in SESSION_STATE.finditer((ROOT / name).read_text("utf-8"))
    }
    assert found == {}


async def test_a_connection_comes_back_without_a_round_trip(
    app: App, database: DatabaseUrls
) -> None:
    await fetch_one(connection(), "SELECT 41 + 1 AS answer")
    admin = await asyncpg.connect(**parse_url(database.admin))
    try:
        last = await admin.fetch(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'test' AND datname = $1",
            parse_url(database.app)["database"],
        )
    finally:
        await admin.close()
    assert "SELECT 41 + 1 AS answer" in {row["query"] for row in last}


async def test_a_connection_comes_back_without_a_task(app: App) -> None:
    loop, made, ours = asyncio.get_running_loop(), [], asyncio.current_task()

    def make(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        if asyncio.current_task() is ours:  # the app's own loops go on beside
            made.append(work)
        return asyncio.Task(work, loop=loop, **options)

    await fetch_one(connection(), "SELECT 1")  # the connection is there
    loop.set_task_factory(make)
    try:
        await fetch_one(connection(), "SELECT 1")
        async with transaction() as tx:
            await _insert(tx, "one")
    finally:
        loop.set_task_factory(None)
    assert made == []


ARRAYS: list[tuple[str, list[object]]] = [
    ("uuid", [UUID(int=7), None]),
    ("bigint", [1, -(2**40)]),
    ("timestamptz", [datetime(2026, 11, 23, 4, tzinfo=UTC)]),
    ("date", [date(2026, 11, 23)]),
    ("numeric", [Decimal("0.10")]),
    ("bytea", [b"a", b""]),
    ("interval", [timedelta(days=1)]),
    ("boolean", [True, None]),
]


async def test_only_the_first_connection_of_a_process_asks_about_types(
    database: DatabaseUrls,
) -> None:
    every = ", ".join(f"${n}::{kind}[]" for n, (kind, _) in enumerate(ARRAYS, 1))
    values = [value for _, value in ARRAYS]
    for _ in range(2):  # the second says what a process asks that has asked before
        queries = await _ask(database, f"SELECT {every}", values)
    assert queries == [f"SELECT {every}"]
    made = (
        "SELECT 'queued'::pgqueuer_status, $1::pgqueuer_status[]"  # numbered anew in each database
    )
    assert len(await _ask(database, made, [["queued", "picked"]], ("queued", ["queued", "picked"])))


async def _ask(
    database: DatabaseUrls, query: str, values: list[Any], answer: tuple[Any, ...] | None = None
) -> list[str]:
    """All that a new connection asks for the sake of one query, whose answer is that, or what it
    was given."""
    queries: list[str] = []
    raw = await asyncpg.connect(connection_class=PooledConnection, **parse_url(database.app))
    try:
        raw.add_query_logger(lambda statement: queries.append(statement.query))
        assert tuple(await raw.fetchrow(query, *values)) == (answer or tuple(values))
    finally:
        await raw.close()
    return queries


async def test_a_transaction_left_open_is_rolled_back_all_the_same(app: App) -> None:
    async with connection().acquire_connection() as raw:
        await raw.execute("BEGIN")
        await raw.execute(INSERT, "forgotten")
    assert await _keys() == []


async def test_a_notice_follows_on_a_commit_and_on_no_rollback(
    app: App, database: DatabaseUrls
) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(**parse_url(database.app))
    await listener.add_listener("probe", lambda *notice: heard.append(notice[-1]))
    try:
        with pytest.raises(ZeroDivisionError):
            async with transaction() as tx:
                await notify_after_commit(tx, "probe", "undone")
                raise ZeroDivisionError
        async with transaction() as tx:
            for payload in ("one", "one", "two"):
                await notify_after_commit(tx, "probe", payload)
            await connection().execute_query("SELECT 1")
            await listener.execute("SELECT 1")
            assert heard == []
        await listener.execute("SELECT 1")  # what is heard comes before the answer
        assert sorted(heard) == ["one", "two"]
    finally:
        await listener.close()
