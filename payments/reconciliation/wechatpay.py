"""WeChat Pay's trade bill: signed announcement, SHA-1 of the plain file, back-quoted CSV.

Source: pay.weixin.qq.com/doc/v3/merchant (trade bill 4012791857; download 4012791860), and
/docs/merchant/products/bill-download/format-trade.html (the form; what day a refund stands in).
"""

from collections.abc import Iterator
from datetime import date
from operator import add
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import urlsplit

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, Upstream, UpstreamFailed, UpstreamRejected
from payments.domain import Side
from payments.psp.wechatpay import WeChatPayClient, open_client
from payments.statements import (
    Announced,
    Form,
    Line,
    Source,
    StatementNotReady,
    StatementRefused,
    above_zero,
    civil_day,
    civil_time,
    fen,
    fine,
    misread,
    name_of,
    plain,
    read_lines,
    whole,
)

NAME = "wechatpay"
DOWNLOAD_S = 300.0
FILE_BYTES_MAX = 2_000_000_000

TRADE_BILL = "/v3/bill/tradebill?bill_date={on}&bill_type=ALL&tar_type=GZIP"
_DOWNLOAD_PATH = "/v3/billdownload/file"
_SUMMARY_CELLS = 7
_MADE_LATER = "STATEMENT_CREATING"
_NO_BILL = "NO_STATEMENT_EXIST"


class WeChatPayBills(Protocol):
    """WeChat Pay's bill files."""

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        """Write a day's trade bill into a file; see payments.statements.Source."""
        ...


def open_bills(app: App, address: str) -> "WeChatPayBillsClient":
    """The bill client of this installation; merchant and keys are the payment client's."""
    return bills_of(app, open_client(app, address), address)


def bills_of(
    app: App, client: WeChatPayClient, address: str, query: str = TRADE_BILL
) -> "WeChatPayBillsClient":
    """The client of one kind of bill beside a payment client."""
    files = app.http.upstream(
        client.name, address, timeouts=Timeouts(total_s=DOWNLOAD_S), body_max_bytes=FILE_BYTES_MAX
    )
    return WeChatPayBillsClient(client, files, query)


class WeChatPayBillsClient:
    """Asks for bills in the merchant's name and downloads them."""

    def __init__(self, client: WeChatPayClient, files: Upstream, query: str = TRADE_BILL) -> None:
        self._client = client
        self._files = files
        self._query = query

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        """See the protocol."""
        try:
            answer = await self._client.send(
                "GET",
                self._query.format(on=on),
                operation="announce_bill",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            code = refusal.code
            if code == _NO_BILL:
                return None
            if code == _MADE_LATER:
                raise StatementNotReady(self._client.name) from None
            raise
        try:
            members = answer.json()
            if members["hash_type"] != "SHA1":
                raise ValueError("another hash than SHA-1")
            url = urlsplit(str(members["download_url"]))
            digest = str(members["hash_value"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed(self._client.name, answer.operation, "no announcement") from None
        await self._download(url.path, url.query, into, deadline)
        return Announced(
            account=self._client.merchant.mchid, algorithm="sha1", digest=digest, gzipped=True
        )

    async def _download(self, path: str, query: str, into: BinaryIO, deadline: Deadline) -> None:
        """Only the path and token are taken from the announcement, never the host.

        The answer is not signed: the file is believed by its digest, which was.
        """
        if not path.endswith(_DOWNLOAD_PATH):
            raise UpstreamFailed(
                self._client.name, "download_bill", "not where bills are downloaded"
            )
        target = f"{_DOWNLOAD_PATH}?{query}"
        await self._files.request(
            "GET",
            _DOWNLOAD_PATH,
            operation="download_bill",
            deadline=deadline,
            params=dict([pair.partition("=")[::2] for pair in query.split("&")]),
            headers={"Authorization": self._client.wire.authorization("GET", target)},
            accept=ANY,
            into=into,
        )


async def _fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
    return await app.upstream(WeChatPayBills).fetch(on, into, deadline)


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of a trade bill; see payments.statements.Source.

    A refund stands in the bill of the day on which it was asked for, in the state that it had when
    the bill was made; one that had failed by then is no line. Columns are found by their names.
    """
    sums, misread_lines, ours = _Sums(0, 0, 0, 0), 0, 0
    with plain(file, announced) as content:
        lines = read_lines(NAME, content)
        form = Form.of(NAME, next(lines, ""), *_COLUMNS)
        for text in body(NAME, lines):
            line, booked = _record(form, text, announced.account)
            sums = sums.plus(booked)
            misread_lines += bool(line and line.wrong)
            ours += not (line and line.wrong)
            if line is not None:
                yield line
        summary = _summary(next(lines, ""))
        if next(lines, "") != "":
            raise StatementRefused(NAME, "malformed", "lines after the summary")
    if misread_lines and not ours:
        raise StatementRefused(NAME, "malformed", "not one line of this merchant's")
    if summary.lines != sums.lines or (summary != sums and not misread_lines):
        raise StatementRefused(NAME, "totals")


def body(source: str, lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the summary's header, which is taken too.

    Raises StatementRefused truncated where there is none.
    """
    for text in lines:
        if not text.startswith("`"):
            return
        yield text
    raise StatementRefused(source, "truncated", "no summary")


def quoted(text: str) -> list[str]:
    """The cells of a line, each of which begins with a back quote."""
    return text[1:].split(",`")


class _Sums(NamedTuple):
    """How many lines, what was paid and returned by the orders' amounts, and the fees, finer."""

    lines: int
    paid_fen: int
    refunded_fen: int
    fees: int

    def plus(self, other: "_Sums") -> "_Sums":
        return _Sums(*map(add, self, other))


_UNREAD = _Sums(1, 0, 0, 0)
_COLUMNS = (
    *(("交易时间",), ("商户号",), ("微信订单号",), ("商户订单号",), ("交易状态",), ("货币种类",)),
    *(("应结订单金额",), ("微信退款单号",), ("商户退款单号",), ("退款金额",), ("退款状态",)),
    *(("手续费",), ("订单金额",), ("申请退款金额",)),
)
_NOT_RETURNED = {"FAIL", "CHANGE"}


def _record(form: Form, text: str, mchid: str) -> tuple[Line | None, _Sums]:
    """One line and what it adds to the sums; no line for a refund that came to nothing."""
    cells = form.pick(quoted(text))
    if cells is None:
        return misread("", text, "another number of columns", civil_day(text[1:11])), _UNREAD
    row = _Row(*cells)
    try:
        return row.line(mchid)
    except ValueError as error:
        return misread(row.order_no, text, str(error), civil_day(row.at[:10])), _UNREAD


class _Row(NamedTuple):
    """The cells of a line that matter, as they stand."""

    at: str
    mchid: str
    trade_ref: str
    order_no: str
    state: str
    currency: str
    settled: str
    refund_ref: str
    refund_no: str
    refunded: str
    refund_state: str
    fee: str
    total: str
    requested: str

    def line(self, mchid: str) -> tuple[Line | None, _Sums]:
        """What the cells say. Raises ValueError, in words, for what makes no sense."""
        if self.mchid != mchid:
            raise ValueError("another merchant")
        if self.currency != "CNY":
            raise ValueError(f"in {self.currency}")
        order_ref, at, fee = name_of(self.order_no), civil_time(self.at), fine(self.fee)
        if self.state == "SUCCESS":
            amount_fen = above_zero(fen(self.total))
            booked = _Sums(1, amount_fen, 0, fee)
            return Line(
                False, order_ref, order_ref, name_of(self.trade_ref), amount_fen, whole(fee), at,
                fen(self.settled),
            ), booked  # fmt: skip
        if self.state != "REFUND":
            raise ValueError("neither payment nor refund")
        amount_fen = above_zero(fen(self.requested))
        booked = _Sums(1, 0, amount_fen, fee)
        if self.refund_state in _NOT_RETURNED:
            return None, booked
        return Line(
            True, name_of(self.refund_no), order_ref, name_of(self.refund_ref), amount_fen,
            whole(-fee), at, fen(self.refunded),
        ), booked  # fmt: skip


def _summary(text: str) -> _Sums:
    """What the summary tells. Raises StatementRefused."""
    cells = quoted(text)
    try:
        if not text.startswith("`") or len(cells) < _SUMMARY_CELLS:
            raise ValueError("not a summary")
        return _Sums(int(cells[0]), fen(cells[5]), fen(cells[6]), fine(cells[4]))
    except ValueError:
        raise StatementRefused(NAME, "truncated", "no summary") from None


SOURCE = Source(NAME, Side.PSP, _fetch, read)
