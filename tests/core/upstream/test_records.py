"""What old systems send: bad records are left out and counted, the others are served."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from core.deadline import Deadline
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamFailed
from core.upstream.operation import Request, System, log_of, records_of
from core.upstream.records import Entry as LogEntry
from core.upstream.records import Records
from tests.upstreams import Connected, over_http

ARCHIVE = System("archive")


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of an old system."""

    name: str
    on: date
    amount_fen: int


@ARCHIVE.operation("GET", "/entries", answers=records_of(Entry, "result.records"))
def list_entries() -> Request:
    """The records."""
    return Request()


@dataclass(frozen=True, slots=True)
class Turn:
    """An entry of a log."""

    no: int
    on: date


@ARCHIVE.operation("GET", "/entries", answers=log_of(Turn, "result", "no"))
def list_turns() -> Request:
    """The entries of a log."""
    return Request()


@dataclass
class Old:
    """An old system, and how it is reached."""

    connected: Connected
    metrics: Metrics
    body: bytes = b""
    content_type: str = "application/json"

    def says(self, *rows: str) -> None:
        """Answer with these records from now on."""
        self.body = f'{{"result": {{"records": [{",".join(rows)}]}}}}'.encode()

    def unreadable(self, operation: str = "list_entries") -> float:
        """How many records have been counted."""
        labels = {"upstream": "archive", "operation": operation}
        found = self.metrics.registry.get_sample_value("quancheng_unreadable_records_total", labels)
        return found or 0


@pytest.fixture
async def old() -> AsyncIterator[Old]:
    """An old system over HTTP."""
    metrics = Metrics()
    client, application = HttpClient(metrics), web.Application()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=system.body, headers={"Content-Type": system.content_type})

    application.router.add_get("/archive/entries", answer)
    async with TestServer(application) as server, client:
        system = Old(over_http(client, str(server.make_url("")), ARCHIVE), metrics)
        yield system


async def _ask(old: Old) -> Records[Entry]:
    return await list_entries(old.connected, Deadline.after(5))


GOOD = '{"name": "张三", "on": "2026-02-28", "amount_fen": 12}'


@pytest.mark.parametrize(
    "bad",
    [
        '{"name": "x", "on": "2026-02-30", "amount_fen": 1}',
        '{"name": "x", "on": "0000-00-00", "amount_fen": 1}',
        '{"name": "x", "on": "2026-02-28", "amount_fen": "1,234.5"}',
        '{"name": "x", "on": "2026-02-28", "amount_fen": "１２３４"}',
        '{"name": "x", "on": "2026-02-28", "amount_fen": 1.5}',
        '{"name": null, "on": "2026-02-28", "amount_fen": 1}',
        '{"name": "x", "on": "2026-02-28"}',
        "null",
        "[]",
    ],
)
async def test_a_bad_record_is_counted_and_the_others_are_served(old: Old, bad: str) -> None:
    old.says(GOOD, bad, GOOD)
    found = await _ask(old)
    assert found == Records([Entry("张三", date(2026, 2, 28), 12)] * 2, 1)
    assert old.unreadable() == 1


async def test_an_empty_list_is_an_answer(old: Old) -> None:
    old.says()
    assert await _ask(old) == Records([], 0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"result": {"records": [{"name": 1}]}}',  # there are records, none can be read
        b'{"result": {"records": {}}}',
        b'{"result": null}',
        b'{"success": false}',
    ],
)
async def test_an_answer_of_which_nothing_can_be_read_is_no_empty_list(
    old: Old, body: bytes
) -> None:
    old.body = body
    with pytest.raises(UpstreamFailed, match="unknown form"):
        await _ask(old)
    assert old.unreadable() == 1


async def test_ten_thousand_records_come_whole(old: Old) -> None:
    old.says(*[GOOD] * 10_000)
    assert len((await _ask(old)).items) == 10_000


@pytest.mark.parametrize("charset", ["GBK", "gb2312", '"GB18030"'])
async def test_an_answer_in_a_chinese_encoding_is_read_as_what_it_says_it_is(
    old: Old, charset: str
) -> None:
    old.says(GOOD)
    old.body = old.body.decode().encode("gbk")
    old.content_type = f"application/json; charset={charset}"
    assert (await _ask(old)).items[0].name == "张三"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
async def test_an_answer_in_an_encoding_that_it_does_not_name_is_a_failure(
    old: Old, content_type: str
) -> None:
    old.says(GOOD)
    old.body, old.content_type = old.body.decode().encode("gbk"), content_type
    with pytest.raises(UpstreamFailed, match="not JSON"):
        await _ask(old)


async def test_a_truncated_answer_is_a_failure(old: Old) -> None:
    old.says(GOOD)
    old.body = old.body[:-5]
    with pytest.raises(UpstreamFailed):
        await _ask(old)


@pytest.mark.parametrize("records", ["7", "null", '{"list": []}'])
async def test_a_log_without_a_list_is_no_empty_log(old: Old, records: str) -> None:
    old.body = f'{{"result": {records}}}'.encode()
    with pytest.raises(UpstreamFailed, match="unknown form"):
        await list_turns(old.connected, Deadline.after(5))


async def test_what_a_log_tells_keeps_its_place(old: Old) -> None:
    rows = (
        '{"no": 3, "on": "2026-02-28"}',
        '{"no": 5, "on": "2026-02-30"}',
        '{"no": 0, "on": "2026-02-28"}',
        '{"no": 9223372036854775808, "on": "2026-02-28"}',
        "[]",
        '{"no": "8", "on": "2026-03-01"}',
    )
    old.body = f'{{"result": [{",".join(rows)}]}}'.encode()
    log = await list_turns(old.connected, Deadline.after(5))
    nothing: LogEntry[Turn] = LogEntry(None, None)
    assert list(log.places(2)) == [
        (2, LogEntry(3, Turn(3, date(2026, 2, 28)))),
        (3, LogEntry(5, None)),
        (5, nothing),
        (5, nothing),
        (5, nothing),
        (5, LogEntry(8, Turn(8, date(2026, 3, 1)))),
    ]
    assert log.unreadable == old.unreadable("list_turns") == 4
    old.body = b'{"result": []}'
    assert (await list_turns(old.connected, Deadline.after(5))).entries == []


def test_a_record_that_stays_unreadable_is_one_line_a_minute_and_counted_each_time() -> None:
    now_s, metrics = [120.0], Metrics()
    client = HttpClient(metrics, monotonic=lambda: now_s[0])
    with capture_logs() as logs:
        for second in (0, 1, 59, 60):
            now_s[0] = 120.0 + second
            client.note_unreadable("hospital", "read_next", 2)
            client.note_unreadable("hospital", "read_first", 1)
    told = [(line["operation"], line["count"]) for line in logs]
    assert told == [("read_next", 2), ("read_first", 1)] * 2
    labels = {"upstream": "hospital", "operation": "read_next"}
    count = metrics.registry.get_sample_value("quancheng_unreadable_records_total", labels)
    assert count == 8
