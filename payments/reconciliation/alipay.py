"""Alipay's trade bill: a ZIP with detail and summary in GBK, believed by its totals.

Alipay announces no digest: the ZIP's own checksum and the detail's footer stand in for one.
Source: opendocs.alipay.com, alipay.data.dataservice.bill.downloadurl.query.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import BinaryIO, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from core.clock import SHANGHAI
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, UpstreamFailed, UpstreamRejected
from payments.domain import Side
from payments.psp.alipay import NO_BILL, AlipayClient, open_client, sub_code
from payments.statements import (
    Announced,
    Line,
    Source,
    StatementNotReady,
    StatementRefused,
    above_zero,
    civil_time,
    fen,
    read_lines,
    ref_of,
)

NAME = "alipay"

_METHOD = "alipay.data.dataservice.bill.downloadurl.query"
_MADE_AT = time(10)
_DOWNLOAD_S = 300.0
_FILE_BYTES_MAX = 2_000_000_000
_CELLS = 25
_DETAIL = "业务明细.csv"
_FOOTER = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元，.*")


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
        """See the protocol. Not made yet and nothing happened are one answer: the hour tells."""
        biz = {"bill_type": "trade", "bill_date": on.isoformat()}
        try:
            node = await self._client.call(_METHOD, biz, "announce_bill", deadline)
        except UpstreamRejected as refusal:
            if sub_code(refusal) != NO_BILL:
                raise
            made_at = datetime.combine(on + timedelta(days=1), _MADE_AT, SHANGHAI)
            if self._app.clock.now() < made_at:
                raise StatementNotReady(NAME) from None
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
    """The lines of a trade bill; see payments.statements.Source."""
    try:
        with zipfile.ZipFile(file) as archive:
            detail = [name for name in archive.namelist() if name.endswith(_DETAIL)]
            if len(detail) != 1 or not detail[0].startswith(announced.account):
                raise StatementRefused(NAME, "malformed", "not one detail of this account")
            with archive.open(detail[0]) as content:
                yield from _read_detail(read_lines(NAME, cast(BinaryIO, content), "gbk"))
    except zipfile.BadZipFile:
        raise StatementRefused(NAME, "malformed", "BadZipFile") from None


def _read_detail(lines: Iterator[str]) -> Iterator[Line]:
    totals = {"交易": [0, 0], "退款": [0, 0]}
    told: dict[str, list[int]] = {}
    header = False
    for number, raw in enumerate(lines, 1):
        text = raw.removesuffix("\r")
        try:
            if text.startswith("#"):
                told |= _footer(text)
            elif not header:
                header = text.startswith("支付宝交易号,商户订单号,")
                if not header:
                    raise ValueError("another header")
            elif text:
                kind, line = _line(text)
                totals[kind][0] += 1
                totals[kind][1] += -line.amount_fen if line.is_refund else line.amount_fen
                yield line
        except (KeyError, ValueError):
            raise StatementRefused(NAME, "malformed", f"line {number}") from None
    if set(told) != set(totals):
        raise StatementRefused(NAME, "truncated", "no totals")
    if told != totals:
        raise StatementRefused(NAME, "totals")


def _line(text: str) -> tuple[str, Line]:
    """One line and its kind. Raises ValueError."""
    cells = [cell.strip() for cell in text.split(",")]
    if len(cells) != _CELLS:
        raise ValueError("not a line")
    kind, order_ref, at = cells[2], ref_of(cells[1]), civil_time(cells[5])
    amount_fen, fee_fen = fen(cells[12]), fen(cells[22])
    if kind == "退款":
        ref = ref_of(cells[21])
        return kind, Line(
            True, ref, order_ref, ref_of(cells[0]), above_zero(-amount_fen), fee_fen, at
        )
    return kind, Line(
        False, order_ref, order_ref, ref_of(cells[0]), above_zero(amount_fen), -fee_fen, at
    )


def _footer(text: str) -> dict[str, list[int]]:
    found = _FOOTER.fullmatch(text)
    return {} if found is None else {found[1]: [int(found[2]), fen(found[3])]}


SOURCE = Source(NAME, Side.PSP, _fetch, read)
