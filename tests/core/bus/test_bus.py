"""News between processes: heard everywhere, after the commit, and gaps are told."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from core.bus.bus import CHANNEL, Bus, publish
from core.clock import SystemClock
from core.context.app import App
from core.database import connection, parse_url, transaction
from core.errors import Unavailable
from core.processes.embedded import DatabaseUrls
from tests.conftest import ROOT
from tests.core.waiting import eventually
from tests.machine import PATIENCE_S
from tests.tree import files_of_the_tree

SPEAKER = """
import asyncio, sys
from core.database import pool
from core.bus.bus import publish
from core.manifest import discover

async def main():
    await pool.connect(sys.argv[1], discover())
    async with pool.transaction() as tx:
        await publish(tx, "topic", {"from": "another process"})
    await pool.disconnect()

asyncio.run(main())
"""


@pytest.fixture
async def ears(app: App, database: DatabaseUrls) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two processes' ears, beside the app's own."""
    buses = Bus(database.app), Bus(database.app)
    for bus in buses:
        await bus.start()
    yield buses
    for bus in buses:
        await bus.stop()


async def _say(topic: str, message: Any) -> None:
    async with transaction() as tx:
        await publish(tx, topic, message)


async def test_every_process_hears_every_message_in_order(ears: tuple[Bus, Bus]) -> None:
    heard: list[list[Any]] = [[], []]
    for bus, messages in zip(ears, heard, strict=True):
        bus.listen("topic", messages.append)
        bus.listen("other", lambda _message: pytest.fail("another topic"))
    sent = [{"id": number, "text": "水费 🚰"} for number in range(20)]
    for message in sent:
        await _say("topic", message)
    await eventually(_are(lambda: heard == [sent, sent]))


async def test_another_process_is_heard(ears: tuple[Bus, Bus], database: DatabaseUrls) -> None:
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SPEAKER, database.app, cwd=ROOT
    )
    assert await process.wait() == 0
    await eventually(_are(lambda: heard == [{"from": "another process"}]))


async def test_what_was_rolled_back_is_never_heard(ears: tuple[Bus, Bus]) -> None:
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await publish(tx, "topic", "never")
            raise ZeroDivisionError
    await _say("topic", "after")
    await eventually(_are(lambda: bool(heard)))
    assert heard == ["after"]


async def test_a_stopped_listener_hears_nothing_more(ears: tuple[Bus, Bus]) -> None:
    heard: list[Any] = []
    kept: list[Any] = []
    stop = ears[0].listen("topic", heard.append)
    ears[0].listen("topic", kept.append)
    stop()
    stop()  # repeat-safe
    await _say("topic", 1)
    await eventually(_are(lambda: kept == [1]))
    assert heard == []


async def test_a_listener_that_fails_keeps_no_other_from_hearing(ears: tuple[Bus, Bus]) -> None:
    heard: list[Any] = []

    def fail(_message: Any) -> None:
        raise ZeroDivisionError

    ears[0].listen("topic", fail)
    ears[0].listen("topic", heard.append)
    ears[0].listen("topic", fail)
    await _say("topic", 1)
    await _say("topic", 2)
    await eventually(_are(lambda: heard == [1, 2]))


@pytest.mark.parametrize("body", ["", "not json", "7", '["one"]', "[[1], 2]", "null"])
async def test_what_is_no_message_is_told_in_one_line_and_the_next_is_heard(
    ears: tuple[Bus, Bus], body: str
) -> None:
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    with capture_logs() as logs:
        await connection().execute_query("SELECT pg_notify($1, $2)", [CHANNEL, body])
        await _say("topic", 1)
        await eventually(_are(lambda: heard == [1]))
        await eventually(_are(lambda: len(_lost(logs)) == 3), what="a line of each of three ears")


def _lost(logs: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return [line for line in logs if line["event"] == "bus message not understood"]


async def test_a_large_message_is_refused_before_it_is_sent(ears: tuple[Bus, Bus]) -> None:
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    largest = "x" * (7_900 - len('["topic",""]'))
    await _say("topic", largest)
    for too_large in (largest + "x", "水" * 2_700):
        with pytest.raises(ValueError, match="ids, not contents"):
            await _say("topic", too_large)
    await eventually(_are(lambda: heard == [largest]))


async def test_a_lost_connection_is_told_as_a_gap_and_mended(
    ears: tuple[Bus, Bus], database: DatabaseUrls
) -> None:
    gaps: list[None] = []
    following = asyncio.ensure_future(anext(ears[0].stream("topic")))
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    ears[0].on_gap(lambda: gaps.append(None))
    admin = await asyncpg.connect(**parse_url(database.admin))
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'quancheng_bus'"
    )
    await admin.close()
    await eventually(_are(lambda: bool(gaps)))
    with pytest.raises(Unavailable):
        await asyncio.wait_for(following, PATIENCE_S)
    await asyncio.wait_for(ears[0].connected.wait(), PATIENCE_S)
    await _say("topic", "again")
    await eventually(_are(lambda: heard == ["again"]))


async def test_other_channels_are_heard_on_the_same_connection(
    ears: tuple[Bus, Bus], database: DatabaseUrls
) -> None:
    heard: list[str] = []
    replaced: list[str] = []
    bus, admin = ears[0], await asyncpg.connect(**parse_url(database.admin))
    await bus.tune_in("lane", replaced.append)
    await bus.tune_in("lane", heard.append)
    await bus.tune_in("left", heard.append)
    bus.tune_out("left")
    try:
        await admin.execute("SELECT pg_notify('left', 'unheard'), pg_notify('lane', 'one')")
        await eventually(_are(lambda: heard == ["one"]))
        ears_of_the_database = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database()
              AND (query LIKE 'LISTEN%' OR application_name = $1)"""
        bus.connected.clear()
        assert len(await admin.fetch(ears_of_the_database, CHANNEL)) == len(ears) + 1  # the app's
        await asyncio.wait_for(bus.connected.wait(), PATIENCE_S)
        await admin.execute("SELECT pg_notify('lane', 'two')")
        await eventually(_are(lambda: heard == ["one", "two"]))
        assert replaced == []
    finally:
        await admin.close()


@pytest.fixture
async def hung_server_processes(
    database: DatabaseUrls,
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Stops the server's processes behind every bus connection; they go on at the end."""
    stopped: list[int] = []

    async def stop() -> None:
        admin = await asyncpg.connect(**parse_url(database.admin))
        rows = await admin.fetch(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'quancheng_bus'"
        )
        await admin.close()
        for row in rows:
            os.kill(row["pid"], signal.SIGSTOP)
            stopped.append(row["pid"])

    yield stop
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)


async def test_a_connection_that_fell_silent_is_told_as_a_gap_and_mended(
    ears: tuple[Bus, Bus], hung_server_processes: Callable[[], Awaitable[None]]
) -> None:
    gaps: list[None] = []
    heard: list[Any] = []
    ears[0].listen("topic", heard.append)
    ears[0].on_gap(lambda: gaps.append(None))
    await hung_server_processes()
    await eventually(_are(lambda: bool(gaps)))
    await asyncio.wait_for(ears[0].connected.wait(), PATIENCE_S)
    await _say("topic", "again")
    await eventually(_are(lambda: heard == ["again"]))


async def test_a_process_goes_by_the_databases_time(app: App, database: DatabaseUrls) -> None:
    late = SystemClock(machine_time=lambda: SystemClock().now() - timedelta(minutes=10))
    bus = Bus(database.app, late)
    await bus.start()
    assert abs(late.now() - SystemClock().now()) < timedelta(seconds=0.5)
    await bus.stop()


async def test_a_stream_gives_what_comes_and_ends_with_the_bus(
    app: App, database: DatabaseUrls
) -> None:
    bus = Bus(database.app)
    await bus.start()
    heard: list[Any] = []

    async def read() -> None:
        async for message in bus.stream("topic"):
            heard.append(message)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await _say("topic", 1)
    await eventually(_are(lambda: heard == [1]))
    await bus.stop()
    await asyncio.wait_for(reading, PATIENCE_S)


async def test_who_reads_too_slowly_is_told_that_something_is_lost(ears: tuple[Bus, Bus]) -> None:
    stream = ears[0].stream("topic")
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    async with transaction() as tx:
        for number in range(1_200):
            await publish(tx, "topic", number)
    seen = [await asyncio.wait_for(first, PATIENCE_S)]
    with pytest.raises(Unavailable):
        async with asyncio.timeout(PATIENCE_S):
            async for number in stream:
                seen.append(number)
    assert seen == sorted(set(seen)) and seen[-1] < 1_199
    assert "topic" not in ears[0]._listeners


def _are(condition: Any) -> Any:
    async def holds() -> bool:
        return bool(condition())

    return holds


LISTENERS = {
    "bff/transports/streams.py",
    "core/bus/bus.py",
    "core/bus/streams.py",
    "core/people/personal_read.py",
    "core/security/authentication.py",
    "kinds/booking/availability.py",
    "kinds/booking/people.py",
}
"""They look for themselves, or read afresh after a gap. All others follow `wakes` or `stream`."""


def test_whoever_follows_the_news_learns_that_some_were_lost() -> None:
    found = {
        str(file)
        for file in files_of_the_tree()
        if file.suffix == ".py"
        and file.parts[0] != "tests"
        and re.search(r"\b(bus|self)\.listen\(", (ROOT / file).read_text("utf-8"))
    }
    assert found == LISTENERS
