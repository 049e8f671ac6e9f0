"""Files that are not believed: nothing of them is taken, and the metric says why."""

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, BinaryIO

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.context.app import App
from core.deadline import Deadline
from core.telemetry.metrics import Metrics
from core.upstream.client import ANY, HttpClient, UpstreamFailed
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.bills import settlements
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from payments.reconciliation import alipay, cases, service, wechatpay
from payments.reconciliation.models import Case, Statement
from payments.reconciliation.sources import get_sources
from payments.reconciliation.wechatpay import WeChatPayBills
from payments.statements import (
    Announced,
    Line,
    StatementNotReady,
    StatementRefused,
    check_digest,
    civil_time,
)
from sandbox.statements.lines import Line as Told
from sandbox.statements.lines import synthetic
from sandbox.systems.alipay import bills as their_alipay
from sandbox.systems.billers.settlement import _jsonl
from sandbox.systems.wechatpay.bills import _trade_csv
from tests.payments.reconciliation.books import Books, at
from tests.upstreams import over_http

DAY = date(2026, 11, 22)
MCHID = SANDBOX_MERCHANT.mchid


def bill(count: int = 100) -> bytes:
    """A sound trade bill as WeChat Pay writes it."""
    return "".join(_trade_csv(synthetic(DAY, count))).encode()


def announced(content: bytes, **changed: Any) -> Announced:
    """What goes with it."""
    told = {
        "account": MCHID,
        "algorithm": "sha1",
        "digest": hashlib.sha1(content).hexdigest(),
        "gzipped": True,
    }
    return Announced(**(told | changed))


class Bills:
    """A WeChat Pay that sends what the test says."""

    def __init__(self) -> None:
        self.packed = b""
        self.announced: Announced | None = None

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        into.write(self.packed)
        return self.announced


@pytest.fixture
def bills() -> Bills:
    """The statement's sender."""
    return Bills()


@pytest.fixture
def upstreams(bills: Bills) -> Mapping[Any, Any]:
    return {WeChatPayBills: bills}


def _spoil(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def spoiled(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return spoiled


MALFORMED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("malformed", lambda _: b""),
    "another file": ("malformed", lambda _: b"<html>busy</html>\n"),
    "every line another merchant's": (
        "malformed",
        lambda text: text.replace(MCHID.encode(), b"1900000002"),
    ),
    "no summary": ("truncated", lambda text: text[: text.rindex("总交易单数".encode())]),
    "half a summary": ("truncated", lambda text: text[:-20]),
    "cut in a line": ("truncated", lambda text: text[:4000]),
    "cut after a line": ("truncated", lambda text: text[: text.index(b"\n`", 4000) + 1]),
    "a line less": ("totals", lambda text: text.replace(text.split(b"\n")[5] + b"\n", b"", 1)),
    "a line more": ("malformed", lambda text: text + text.split(b"\n")[5] + b"\n"),
    "half a fen more": ("totals", _spoil(b",`0.01000,", b",`0.01500,")),
    "a line without end": ("malformed", lambda text: text + b"x" * 600_000),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_malformed_bill_is_refused_whole(app: App, bills: Bills, case: str) -> None:
    reason, spoil = MALFORMED[case]
    content = spoil(bill())
    bills.packed, bills.announced = gzip.compress(content), announced(content)
    await _refuse(app, reason)


async def test_a_bill_is_believed_by_its_digest(app: App, bills: Bills) -> None:
    content = bill()
    bills.packed = gzip.compress(content.replace(b"`1.00,", b"`9.00,", 1))
    bills.announced = announced(content)
    await _refuse(app, "digest")


@pytest.mark.parametrize("length", [5, 200, -3])
async def test_a_packed_bill_that_was_cut(app: App, bills: Bills, length: int) -> None:
    content = bill()
    bills.packed, bills.announced = gzip.compress(content)[:length], announced(content)
    await _refuse(app, "truncated")


async def test_a_bill_that_is_no_gzip(app: App, bills: Bills) -> None:
    content = bill()
    bills.packed, bills.announced = content, announced(content)
    await _refuse(app, "malformed")


async def test_no_bill_where_the_ledger_has_payments(app: App, bills: Bills, books: Books) -> None:
    await books.paid(at(DAY, "12:00:00"))
    (source,) = get_sources(app, ["wechatpay"])
    with pytest.raises(StatementNotReady):  # an unfinished day has none for other reasons
        await service.reconcile(app, source, DAY)
    books.go_to(at(DAY, "10:30:00") + timedelta(days=1))
    await _refuse(app, "absent")


LINES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "another merchant": ("another merchant", _spoil(MCHID.encode(), b"1900000002")),
    "dollars": ("in USD", _spoil(b"`CNY", b"`USD")),
    "no time": ("hour must be", _spoil(b"2026-11-22 00:00:00", b"2026-11-22 25:00:00")),
    "no state": ("neither payment nor refund", _spoil(b"`SUCCESS", b"`REVOKED")),
    "nothing paid": ("an amount is above zero", _spoil(b"`0.60%,`1.00,", b"`0.60%,`0.00,")),
    "no amount": ("not an amount", _spoil(b"`0.60%,`1.00,", b"`0.60%,`one,")),
    "a column less": ("another number of columns", _spoil(b"`0.60%,`1.00,", b"`1.00,")),
    "a comma in the name": ("another number of columns", _spoil(b"`synthetic", b"`syn,`thetic")),
}


@pytest.mark.parametrize("case", LINES)
async def test_a_line_that_makes_no_sense_is_a_case_and_the_day_goes_on(
    app: App, bills: Bills, case: str
) -> None:
    wrong, spoil = LINES[case]
    content = spoil(bill())
    bills.packed, bills.announced = gzip.compress(content), announced(content)
    (source,) = get_sources(app, ["wechatpay"])
    done = await service.reconcile(app, source, DAY)
    assert done.statement.lines == 100
    (misread,) = await Case.filter(kind="line")
    assert await Case.filter(kind="missing_here").count() == 97
    (note,) = await cases.trail(misread.id)
    assert wrong in note.note and not misread.blocking


async def test_a_line_of_ours_that_makes_no_sense_keeps_its_payee_s_payout_back(
    app: App, bills: Bills, books: Books
) -> None:
    paid = await books.paid(at(DAY, "00:00:00"), 100)
    content = bill().replace(b"SYN20261122000000000", paid.hex.encode(), 1)
    content = content.replace(b"`CNY", b"`USD", 1)
    bills.packed, bills.announced = gzip.compress(content), announced(content)
    books.go_to(at(DAY, "12:00:00") + timedelta(days=1))
    (source,) = get_sources(app, ["wechatpay"])
    await service.reconcile(app, source, DAY)
    case = await Case.get(payee="water")
    assert (case.kind, case.blocking, case.intent_id) == ("line", True, paid)


async def _refuse(app: App, reason: str) -> None:
    (source,) = get_sources(app, ["wechatpay"])
    with pytest.raises(StatementRefused) as refused:
        await service.reconcile(app, source, DAY)
    assert refused.value.reason == reason
    assert await Case.all().count() == await Statement.all().count() == 0
    sample = f'quancheng_payments_statements_total{{outcome="{reason}",source="wechatpay"}} 1.0'
    assert sample in app.metrics.render().decode()


def test_a_sound_bill_says_what_happened() -> None:
    content = bill(200)
    file = io.BytesIO(gzip.compress(content))
    check_digest("wechatpay", file, announced(content))
    assert list(wechatpay.read(file, announced(content))) == list(map(_line, synthetic(DAY, 200)))


def _line(told: Told) -> Line:
    return Line(
        told.is_refund, told.refund_no or told.order_no, told.order_no,
        told.refund_ref or told.trade_ref, told.amount_fen, told.fee_fen, civil_time(told.at),
        told.amount_fen,
    )  # fmt: skip


def _zip(detail: bytes, name: str = "20880000000000010156_20261122_业务明细.csv") -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, detail)
        archive.writestr("20880000000000010156_20261122_业务明细(汇总).csv", b"#")
    return packed


def _alipay(count: int = 100) -> bytes:
    lines = their_alipay._detail(DAY, synthetic(DAY, count), their_alipay._Totals())
    return "".join(lines).encode("gbk")


def test_a_sound_alipay_bill_says_what_happened() -> None:
    lines = alipay.read(_zip(_alipay()), Announced(account="2088000000000001"))
    expected = [_line(told)._replace(their_ref=told.trade_ref) for told in synthetic(DAY, 100)]
    assert list(lines) == expected


ALIPAY_MALFORMED: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "no totals": ("truncated", lambda text: _zip(text[: text.rindex("#交易合计".encode("gbk"))])),
    "a line less": ("totals", lambda t: _zip(t.replace(t.split(b"\n")[5] + b"\n", b"", 1))),
    "cut in a line": ("truncated", lambda text: _zip(text[:1500])),
    "no zip": ("malformed", io.BytesIO),
    "a cut zip": ("malformed", lambda text: io.BytesIO(_zip(text).getvalue()[:-30])),
    "another account": ("malformed", lambda text: _zip(text, "20880000000000020156_业务明细.csv")),
    "no detail": ("malformed", lambda text: _zip(text, "else.csv")),
    "a damaged zip": (
        "malformed",
        lambda text: io.BytesIO(_zip(text).getvalue().replace(b"SYN2026", b"SYN2027", 1)),
    ),
}


@pytest.mark.parametrize("case", ALIPAY_MALFORMED)
def test_a_malformed_alipay_bill_is_refused(case: str) -> None:
    reason, spoil = ALIPAY_MALFORMED[case]
    _refuses(reason, alipay.read(spoil(_alipay()), Announced(account="2088000000000001")))


def _settlement(count: int = 100) -> tuple[bytes, Announced]:
    totals = {"lines": 0, "amount_fen": 0, "fee_fen": 0}
    content = "".join(_jsonl(synthetic(DAY, count), totals)).encode()
    return content, Announced(algorithm="sha256", **totals)


BILLER_MALFORMED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("totals", lambda _: b""),
    "a line less": ("totals", lambda text: text[: text[:-1].rindex(b"\n") + 1]),
    "cut in a line": ("malformed", lambda text: text[:-20]),
    "no JSON": ("malformed", lambda _: b"<html>\n"),
    "a list": ("malformed", lambda _: b"[]\n"),
    "money in words": ("malformed", _spoil(b'"amount_fen":100', b'"amount_fen":"100"')),
    "no money": ("malformed", _spoil(b'"amount_fen":100', b'"amount_fen":0')),
    "half a fen": ("malformed", _spoil(b'"amount_fen":100', b'"amount_fen":100.5')),
    "a time without zone": ("malformed", _spoil(b"+08:00", b"")),
    "another kind": ("malformed", _spoil(b"WRITE_OFF", b"WRITE_ON")),
    "no number": ("malformed", _spoil(b'"SYN20261122000000003"', b"null")),
}


@pytest.mark.parametrize("case", BILLER_MALFORMED)
def test_a_malformed_settlement_file_is_refused(case: str) -> None:
    reason, spoil = BILLER_MALFORMED[case]
    content, told = _settlement()
    _refuses(reason, settlements.read("water", io.BytesIO(spoil(content)), told))


def test_a_sound_settlement_file_says_what_happened() -> None:
    content, told = _settlement()
    lines = list(settlements.read("water", io.BytesIO(content), told))
    assert len(lines) == 100 and sum(line.is_refund for line in lines) == 2
    assert sum(orjson.loads(row)["fee_fen"] for row in content.splitlines()) == sum(
        line.fee_fen for line in lines
    )


def _refuses(reason: str, lines: Iterator[Line]) -> None:
    with pytest.raises(StatementRefused) as refused:
        list(lines)
    assert refused.value.reason == reason


async def test_a_settlement_file_from_elsewhere_is_not_fetched(app: App) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        url = "http://127.0.0.2:9/billers/water/settlement-files/x"
        totals = {"lines": 0, "amount_fen": 0, "fee_fen": 0}
        return web.json_response({"sha256": "0", "download_url": url} | totals)

    house = web.Application()
    house.router.add_get("/{path:.*}", answer)
    async with TestServer(house) as server:
        billers = over_http(app.http, str(server.make_url("")), BILLERS)
        with pytest.raises(UpstreamFailed):
            await settlements.fetch(
                UtilityKind.WATER, billers, DAY, io.BytesIO(), Deadline.after(5)
            )
    assert asked == [f"/billers/water/settlements/{DAY}"]


async def test_a_broken_download_begins_afresh() -> None:
    tries: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        tries.append(1)
        reply = web.StreamResponse(headers={"Content-Length": "100000"})
        await reply.prepare(request)
        await reply.write(b"x" * (60_000 if len(tries) < 2 else 100_000))
        if len(tries) < 2:
            assert request.transport is not None
            request.transport.close()
        return reply

    house = web.Application()
    house.router.add_get("/file", answer)
    into = io.BytesIO()
    async with TestServer(house) as server, HttpClient(Metrics()) as http:
        upstream = http.upstream("probe", str(server.make_url("")))
        got = await upstream.request(
            "GET", "/file", operation="get", deadline=Deadline.after(5), accept=ANY, into=into
        )
    assert (len(tries), got.body, len(into.getvalue())) == (2, b"", 100_000)
