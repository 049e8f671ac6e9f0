"""PostgreSQL: connecting, and the one way to open a transaction.

A transaction belongs to one command. Inside it there is no network call and no second
transaction; `transaction()` and the outbound client both refuse that.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import tortoise.models
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionContext
from tortoise.exceptions import DBConnectionError, TransactionManagementError
from tortoise.exceptions import IntegrityError as IntegrityError
from tortoise.models import Model
from tortoise.transactions import in_transaction

from core.database import engine
from core.manifest import Manifest
from core.rooms import models_of, require_module
from core.telemetry.call_counts import count_sql

# What a model says of itself stands in its docstring. The ORM would parse the source of each for
# comments too, a tenth of the time in which a process starts. A test holds this shape.
tortoise.models._get_comments = lambda cls: {}

M = TypeVar("M", bound=Model)

Transaction = BaseDBAsyncClient
"""An open transaction; `using_db(tx)` runs an ORM query in it."""

_SESSION = {
    "timezone": "UTC",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}

CONNECTION_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver says when a connection dies mid-word
)
"""What a lost connection may look like."""

_BUSY_STATES = (
    *("08", "53", "58"),  # connection; resources: disk, memory, connections; the system itself
    *("57P01", "57P02", "57P03", "57P05"),  # shutting down, starting up
    *("55P03", "57014", "25P03"),  # a lock, a statement or an idle transaction took too long
    *("40001", "40P01"),  # beaten by a concurrent transaction
    "25006",  # read-only: a standby after a failover
)
"""Beginnings of the SQLSTATEs that say: well asked, but not now."""

_GONE_STATES = ("08", "57P0")

_NOTIFY = (
    "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) n (channel, payload)"
)

_NO_STATEMENTS = (
    *("BEGIN", "COMMIT", "ROLLBACK"),  # a transaction opens and ends
    _NOTIFY,  # follows on a COMMIT
    # a new connection learns types
    *("WITH RECURSIVE typeinfo_tree", "SELECT current_setting('jit')", "SELECT set_config('jit'"),
)
"""How the driver's own housekeeping begins, white space apart."""


@dataclass(slots=True)
class _Command:
    """What is known of the transaction that is open here."""

    notices: dict[tuple[str, str], None] = field(default_factory=dict)
    """Those that follow on it, each a channel and a payload."""
    is_notifying: bool = False
    """Whether one of its own statements does."""


_open: ContextVar[_Command | None] = ContextVar("transaction_open", default=None)


def tortoise_config(
    url: str,
    manifests: Sequence[Manifest],
    *,
    pool_size: int = 10,
    application: str = "quancheng",
    counts: bool = False,
) -> dict[str, Any]:
    """The ORM's configuration: one connection, one app per manifest that has tables."""
    apps = {
        manifest.label: {
            "models": models,
            "migrations": require_module(manifest, manifest.migrations),
            "default_connection": "default",
        }
        for manifest in manifests
        if (models := models_of(manifest)) and manifest.migrations
    }
    settings = _SESSION | {"application_name": application}
    credentials = parse_url(url) | {
        "minsize": 1,
        "maxsize": pool_size,
        "connection_class": engine.PooledConnection,
        "server_settings": settings,
    }
    if counts:
        credentials["init"] = _count_statements
    return {
        "connections": {"default": {"engine": engine.__name__, "credentials": credentials}},
        "apps": apps,
        "use_tz": True,
        "timezone": "UTC",
    }


def parse_url(url: str) -> dict[str, Any]:
    """Host, port, user, password and database of a PostgreSQL URL.

    A unix socket is written as in libpq: `postgresql://user@/database?host=/run/postgresql`.
    """
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    found = {
        "host": parts.hostname or options.get("host", ["localhost"])[0],
        "port": parts.port or int(options.get("port", ["5432"])[0]),
        "user": unquote(parts.username or ""),
        "database": parts.path.lstrip("/"),
    }
    if parts.password:
        found["password"] = unquote(parts.password)
    return found


async def connect(
    url: str,
    manifests: Sequence[Manifest],
    *,
    pool_size: int = 10,
    application: str = "quancheng",
    counts: bool = False,
) -> None:
    """Open this process's pool. Tasks of the whole process share it.

    With `counts`, statements are counted for whoever is `core.telemetry.call_counts.tallying`.
    """
    config = tortoise_config(
        url, manifests, pool_size=pool_size, application=application, counts=counts
    )
    await Tortoise.init(config=config, _enable_global_fallback=True)


async def _count_statements(connection: asyncpg.Connection) -> None:
    connection.add_query_logger(_count_statement)


def _count_statement(statement: Any) -> None:
    """Called by the driver in the context of whoever ran the statement."""
    if not _is_housekeeping(statement.query):
        count_sql()


@lru_cache(1024)
def _is_housekeeping(query: str) -> bool:
    return " ".join(query[:99].split()).startswith(_NO_STATEMENTS)


async def disconnect() -> None:
    """Close the pool."""
    await Tortoise.close_connections()


def is_unavailable(error: BaseException | None) -> bool:
    """Whether an error says that the database cannot serve now: away, full, or held up by a lock.

    Repeating later may succeed. Of a statement that is wrong, or breaks a rule, it is False.
    """
    return any(
        _is_gone(link) or _state_of(link).startswith(_BUSY_STATES) for link in _causes(error)
    )


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether an error says that the database is away, for whatever is asked."""
    return any(_is_gone(link) for link in _causes(error))


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error says that the database's disk has no room."""
    return any(_state_of(link) == "53100" for link in _causes(error))


def _is_gone(error: BaseException) -> bool:
    if isinstance(error, DBConnectionError | asyncpg.InternalClientError):
        return True
    if isinstance(error, OSError):  # of a socket: a file's error names its file
        return error.filename is None and not isinstance(error, TimeoutError)
    if isinstance(error, asyncpg.InterfaceError):
        return any(word in str(error) for word in ("closed", "closing"))
    return _state_of(error).startswith(_GONE_STATES)


def _state_of(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from: the ORM wraps the driver's."""
    for _ in range(5):
        if error is None:
            return
        yield error
        error = error.__cause__


def connection() -> BaseDBAsyncClient:
    """The pool, for reads; inside a transaction it is that transaction's connection."""
    from tortoise.connection import get_connection

    return get_connection("default")


@asynccontextmanager
async def transaction() -> AsyncIterator[Transaction]:
    """Open the transaction of one command; commits at the end, rolls back on any exception.

    Raises RuntimeError inside another transaction: commands do not nest.
    """
    async with _command(), AsyncExitStack() as stack:
        context = in_transaction("default")
        tx = await _begin(context)
        stack.push_async_exit(context)
        yield tx


@asynccontextmanager
async def statement() -> AsyncIterator[BaseDBAsyncClient]:
    """The pool, for a command that writes by one statement: that is its transaction, without the
    trips to begin and to commit it. Raises as `transaction` does."""
    async with _command():
        yield connection()


@asynccontextmanager
async def _command() -> AsyncIterator[None]:
    """What a command notifies follows on its end; where it fails nobody is notified."""
    if _open.get() is not None:
        raise RuntimeError("a transaction is open already: commands do not nest")
    command = _Command()
    token = _open.set(command)
    try:
        yield
    finally:
        _open.reset(token)
    if command.notices:
        await _notify(command.notices)


async def notify_after_commit(tx: Transaction, channel: str, payload: str) -> None:
    """Notify a channel once `tx` has committed; equal notices of a transaction are sent once.

    A transaction that notifies holds a lock over its COMMIT for which all others that notify wait,
    so that they flush to the disk one by one. This is for listeners who lose nothing but time: a
    process that dies between the two has notified nobody.
    """
    command = _open.get()
    if command is None:  # `tx` was opened in another way
        await raw_connection(tx).execute("SELECT pg_notify($1, $2)", channel, payload)
    else:
        command.notices[channel, payload] = None


def mark_notifying() -> None:
    """Note that a statement of the transaction that is open here notifies: see `is_notifying`."""
    if (command := _open.get()) is not None:
        command.is_notifying = True


def is_notifying() -> bool:
    """Whether the transaction that is open here notifies anyway: it holds the lock over its COMMIT,
    so what else there is to notify may go with a statement of its own, and spares a trip."""
    command = _open.get()
    return command is not None and command.is_notifying


async def _notify(notices: Collection[tuple[str, str]]) -> None:
    channels, payloads = zip(*notices, strict=True)
    try:
        await connection().execute_query(_NOTIFY, [channels, payloads])
    except Exception as error:
        if not is_unavailable(error):  # away: what was committed stays so
            raise


async def _begin(context: TransactionContext) -> Transaction:
    """Enter the ORM's transaction; one that is cancelled at BEGIN gives its connection back.

    The ORM forgets it: a request that ends there would cost the pool a connection for good.
    """
    try:
        return await context.__aenter__()
    except BaseException:
        if hasattr(context, "token"):  # set once the connection is taken from the pool
            await context.__aexit__(TransactionManagementError, None, None)
        raise


def refuse_in_transaction(what: str) -> None:
    """Raise RuntimeError when a transaction is open here: it must not wait for the network."""
    if _open.get() is not None:
        raise RuntimeError(f"{what} inside a transaction")


def raw_connection(tx: Transaction) -> asyncpg.Connection:
    """The asyncpg connection of an open transaction.

    The ORM keeps it private (`_connection`); this is the only use, and a test holds its shape.
    """
    return cast(asyncpg.Connection, tx._connection)


async def fetch_all(db: BaseDBAsyncClient, sql: str, *values: object) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries; `$1`, `$2` … are the values."""
    return cast(list[dict[str, Any]], await db.execute_query_dict(sql, list(values)))


async def fetch_one(db: BaseDBAsyncClient, sql: str, *values: object) -> dict[str, Any] | None:
    """The first row of a query, or None."""
    rows = await fetch_all(db, sql, *values)
    return rows[0] if rows else None


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that a statement broke, where PostgreSQL tells it."""
    cause = error.__cause__
    return getattr(cause, "constraint_name", None)
