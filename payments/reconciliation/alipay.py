"""Alipay's trade bill: a ZIP with detail and summary in GBK, believed by its totals.

Alipay announces no digest: the ZIP's own checksum and the detail's footer stand in for one.
Source: opendocs.alipay.com, alipay.data.dataservice.bill.downloadurl.query.
"""

import csv
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from typing import BinaryIO, NamedTuple, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, UpstreamFailed, UpstreamRejected
from payments.domain import Side
from payments.psp.alipay import NO_BILL, AlipayClient, open_client, sub_code
from payments.statements import (
    Announced,
    Form,
    Line,
    Source,
    StatementRefused,
    above_zero,
    civil_day,
    civil_time,
    fen,
    fine,
    misread,
    name_of,
    read_lines,
    whole,
)

NAME = "alipay"

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
_DOWNLOAD_S = 300.0
_FILE_BYTES_MAX = 2_000_000_000
_ENCODING = "gb18030"
_DETAIL = "业务明细.csv"
_KINDS = ("交易", "退款")
_FOOTER = re.compile(r"#+(交易|退款)合计：([0-9]+)笔，[^0-9-]*(-?[0-9.,]*[0-9])元")
_COLUMNS = (
    *(("支付宝交易号",), ("商户订单号",), ("业务类型",), ("完成时间",)),
    *(("订单金额（元）", "订单金额"), ("商家实收（元）", "交易金额（元）", "交易金额")),
    *(("退款批次号/请求号", "退款批次号"), ("服务费（元）", "服务费")),
)
"""By their names; older bills have others of them."""


class AlipayBills(Protocol):
    """Alipay's bill files."""

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        """Write a day's trade bill into a file; see payments.statements.Source."""
        ...


def open_bills(app: App, address: str) -> "AlipayBillsClient | None":
    """The bill client of this installation; None where Alipay is not used."""
    client = open_client(app, address)
    return None if client is None else AlipayBillsClient(app, client, address)


class AlipayBillsClient:
    """Asks for bills in the merchant's name and downloads them from where Alipay says."""

    def __init__(self, app: App, client: AlipayClient, address: str) -> None:
        self._app = app
        self._client = client
        self._schemes = {"https", urlsplit(address).scheme}

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        """See the protocol."""
        biz = {"bill_type": "trade", "bill_date": on.isoformat()}
        try:
            node = await self._client.call(_METHOD, biz, "announce_bill", deadline)
        except UpstreamRejected as refusal:
            if sub_code(refusal) != NO_BILL:
                raise
            return None
        url = urlsplit(str(node.get("bill_download_url")))
        if url.scheme not in self._schemes or not url.netloc:
            raise UpstreamFailed(NAME, "announce_bill", "no address to download from")
        files = self._app.http.upstream(
            NAME,
            f"{url.scheme}://{url.netloc}",
            timeouts=Timeouts(total_s=_DOWNLOAD_S),
            body_max_bytes=_FILE_BYTES_MAX,
        )
        await files.request(
            "GET",
            url.path,
            operation="download_bill",
            deadline=deadline,
            params=dict(parse_qsl(url.query)),
            accept=ANY,
            into=into,
        )
        return Announced(account=self._client.merchant.seller_id)


async def _fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
    return await app.upstream(AlipayBills).fetch(on, into, deadline)


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of a trade bill; see payments.statements.Source. Its file names are in GBK."""
    try:
        with zipfile.ZipFile(file, metadata_encoding=_ENCODING) as archive:
            detail = [name for name in archive.namelist() if name.endswith(_DETAIL)]
            if len(detail) != 1 or not detail[0].startswith(announced.account):
                raise StatementRefused(NAME, "malformed", "not one detail of this account")
            with archive.open(detail[0]) as content:
                yield from read_detail(read_lines(NAME, cast(BinaryIO, content), _ENCODING))
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise StatementRefused(NAME, "malformed", type(error).__name__) from None


class _Sums(NamedTuple):
    """Of payments or of refunds: how many, by the orders' amounts, and as settled with us."""

    lines: int = 0
    amount_fen: int = 0
    settled_fen: int = 0

    def plus(self, amount_fen: int, settled_fen: int) -> "_Sums":
        return _Sums(self.lines + 1, self.amount_fen + amount_fen, self.settled_fen + settled_fen)


def read_detail(lines: Iterator[str]) -> Iterator[Line]:
    """The lines of a detail's text. Raises StatementRefused."""
    sums = {kind: _Sums() for kind in _KINDS}
    totals: dict[str, tuple[int, int]] = {}
    form: Form | None = None
    misread_kinds: set[str] = set()
    for text in lines:
        if text.startswith("#"):
            totals |= _footer(text)
        elif form is None and text:
            form = Form.of(NAME, text, *_COLUMNS)
        elif form is not None and text:
            kind, line = _record(form, text)
            if line.wrong:
                misread_kinds.add(kind)
                sums[kind] = sums[kind].plus(0, 0) if kind in sums else _Sums()
            else:
                settled_fen = line.amount_fen if line.settled_fen is None else line.settled_fen
                sums[kind] = sums[kind].plus(line.amount_fen, settled_fen)
            yield line
    for kind in _KINDS:
        if kind not in totals:
            raise StatementRefused(NAME, "truncated", "no totals")
        _compare(totals[kind], sums[kind], is_whole=kind not in misread_kinds)


def _compare(totals: tuple[int, int], sums: _Sums, *, is_whole: bool) -> None:
    """Raise StatementRefused totals; older footers tell the orders' amounts, newer what is settled.

    Where a line could not be read, its amount is missing from our sum and only the count can tell.
    """
    count, amount_fen = totals
    if count != sums.lines or (is_whole and amount_fen not in (sums.settled_fen, sums.amount_fen)):
        raise StatementRefused(NAME, "totals")


def _record(form: Form, text: str) -> tuple[str, Line]:
    """One line and its kind."""
    cells = form.pick(_cells(text, form.cells))
    if cells is None:
        return "", misread("", text, "another number of columns", civil_day(""))
    row = [cell.strip() for cell in cells]
    try:
        return row[2], _line(row)
    except ValueError as error:
        return row[2], misread(row[1], text, str(error), civil_day(row[3]))


def _cells(text: str, count: int) -> list[str]:
    """The cells of a line; in quotes, as an amount with thousands separators is, or not."""
    if '"' not in text:
        return text.split(",")
    cells = next(csv.reader([text]))
    return cells if len(cells) == count else text.split(",")


def _line(row: Sequence[str]) -> Line:
    """What the cells say. Raises ValueError, in words, for what makes no sense.

    Amounts of refunds and fees of payments are negative. A refund made by hand in Alipay's own
    portal has no number of ours: it is known by the trade's and its time.
    """
    trade_ref, order_no, kind, at_text, total, settled, request_no, fee = row
    if kind not in _KINDS:
        raise ValueError(f"business of another kind: {kind}")
    order_ref, at = name_of(order_no), civil_time(at_text)
    amount_fen, settled_fen = above_zero(abs(fen(total))), abs(fen(settled))
    is_refund = kind == "退款"
    ref = order_ref
    if is_refund:
        ref = name_of(request_no or f"{trade_ref} {at_text} 手工退款")
    return Line(
        is_refund, ref, order_ref, name_of(trade_ref), amount_fen, whole(abs(fine(fee))), at,
        settled_fen,
    )  # fmt: skip


def _footer(text: str) -> dict[str, tuple[int, int]]:
    found = _FOOTER.match(text)
    return {} if found is None else {found[1]: (int(found[2]), abs(fen(found[3])))}


SOURCE = Source(NAME, Side.PSP, _fetch, read)
