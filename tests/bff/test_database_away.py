"""A database that is away, full or held up by a lock is no defect of ours: say so, briefly."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from io import StringIO

import asyncpg
import pytest
import structlog
from starlette.requests import Request

from bff.app import database_away
from bff.execution.errors import broken, status_of
from core.context.app import App
from core.database import connection, is_connection_lost, is_unavailable, parse_url, transaction
from core.security.authentication import Viewer
from core.telemetry.logging import configure
from core.texts import Locale
from tests.asgi import Client
from tests.core.waiting import eventually

AWAY = [
    ConnectionRefusedError(111, "refused"),
    FileNotFoundError(2, "No such file or directory"),  # the unix socket
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("got result for unknown protocol state"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection"),
]
BUSY = [
    asyncpg.TooManyConnectionsError("too many clients"),
    asyncpg.DiskFullError("No space left on device"),
    asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
]
DEFECTS = [
    asyncpg.UndefinedTableError("relation does not exist"),
    asyncpg.UniqueViolationError("duplicate key"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    FileNotFoundError(2, "No such file or directory", "/etc/cities.toml"),
    TimeoutError(),
    ValueError("x"),
]


@pytest.mark.parametrize("error", [*AWAY, *BUSY], ids=lambda error: type(error).__name__)
def test_what_the_database_cannot_do_now_is_unavailable(error: Exception) -> None:
    try:
        raise RuntimeError("of the ORM") from error
    except RuntimeError as wrapped:
        assert is_unavailable(wrapped)
    assert is_unavailable(error)
    assert is_connection_lost(error) == (error in AWAY)
    answer = broken(error, Locale.EN)
    assert answer.extensions is not None
    assert (answer.extensions["code"], status_of(answer)) == ("UNAVAILABLE", 503)
    assert answer.extensions["retryAfterS"] == 1


LINE_MAX_BYTES = 400


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What a process writes to its log."""
    root = logging.getLogger()
    handlers, level, stream = root.handlers, root.level, StringIO()
    configure("info", json=True, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("error", [*AWAY, *BUSY], ids=lambda error: type(error).__name__)
def test_each_such_answer_is_one_short_line_of_the_log(error: Exception, written: StringIO) -> None:
    """A traceback each would be gigabytes an hour; a process has a bound in all besides."""

    def fail(depth: int) -> None:
        if depth:
            fail(depth - 1)
        raise error

    for _ in range(10):
        with pytest.raises(type(error)) as caught:
            fail(50)
        broken(caught.value, Locale.EN, ["viewer"])
    lines = written.getvalue().splitlines()
    assert len(lines) == 10
    assert all("database unavailable" in line for line in lines)
    assert max(len(line.encode()) for line in lines) <= LINE_MAX_BYTES


@pytest.mark.parametrize("error", DEFECTS, ids=lambda error: type(error).__name__)
def test_a_defect_stays_one(error: Exception) -> None:
    assert not is_unavailable(error)
    answer = broken(error, Locale.EN)
    assert answer.extensions is not None
    assert (answer.extensions["code"], status_of(answer)) == ("INTERNAL_ERROR", 500)


async def test_a_lock_that_is_not_given_is_told_as_such(
    app: App, client: Client, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    assert app.settings.owner_url is not None
    owner = await asyncpg.connect(**parse_url(app.settings.owner_url))
    viewer = await citizen()

    async def is_given_up() -> bool:
        """What the lock's own timeout does, sooner."""
        _, rows = await connection().execute_query(
            """SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                WHERE wait_event_type = 'Lock' AND datname = current_database()"""
        )
        return bool(rows)

    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE core_consent IN ACCESS EXCLUSIVE MODE")
            query = "{ viewer { consents { purpose } } }"
            asking = asyncio.create_task(client.run(query, viewer=viewer))
            await eventually(is_given_up)
            answer = await asking
    finally:
        await owner.close()
    assert (answer.status, answer.codes) == (200, ["UNAVAILABLE"])
    assert "errorId" in answer.json["errors"][0]["extensions"]


async def test_a_rest_route_answers_503_and_leaves_defects_alone() -> None:
    request = Request({"type": "http", "path": "/receipts/x", "headers": [], "method": "GET"})
    answer = await database_away(request, AWAY[0])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.media_type == "application/problem+json"
    with pytest.raises(asyncpg.UndefinedTableError):
        await database_away(request, DEFECTS[0])


async def test_nothing_is_begun_in_a_transaction_that_is_refused(app: App) -> None:
    with pytest.raises(asyncpg.DiskFullError):
        async with transaction() as tx:
            await tx.execute_query("SELECT set_config('app.half', 'done', true)")
            raise asyncpg.DiskFullError("No space left on device")
    rows = await connection().execute_query_dict("SELECT to_regclass('half') AS half")
    assert rows == [{"half": None}]
