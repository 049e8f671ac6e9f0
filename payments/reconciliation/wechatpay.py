"""WeChat Pay's trade bill: signed announcement, SHA-1 of the plain file, back-quoted CSV.

Source: pay.weixin.qq.com/doc/v3/merchant (trade bill 4012791857; download 4012791860).
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, Upstream, UpstreamFailed, UpstreamRejected
from payments.domain import Side
from payments.psp.wechatpay import WeChatPayClient, open_client
from payments.statements import (
    Announced,
    Line,
    Source,
    StatementNotReady,
    StatementRefused,
    above_zero,
    civil_time,
    fen,
    plain,
    read_lines,
    ref_of,
)

NAME = "wechatpay"
DOWNLOAD_S = 300.0
FILE_BYTES_MAX = 2_000_000_000

_DOWNLOAD_PATH = "/v3/billdownload/file"
_CELLS = 27
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
    files = app.http.upstream(
        NAME, address, timeouts=Timeouts(total_s=DOWNLOAD_S), body_max_bytes=FILE_BYTES_MAX
    )
    return WeChatPayBillsClient(open_client(app, address), files)


class WeChatPayBillsClient:
    """Asks for bills in the merchant's name and downloads them."""

    def __init__(self, client: WeChatPayClient, files: Upstream) -> None:
        self._client = client
        self._files = files

    async def fetch(self, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        """See the protocol."""
        try:
            answer = await self._client.send(
                "GET",
                f"/v3/bill/tradebill?bill_date={on}&bill_type=ALL&tar_type=GZIP",
                operation="announce_bill",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            code = refusal.code
            if code == _NO_BILL:
                return None
            if code == _MADE_LATER:
                raise StatementNotReady(NAME) from None
            raise
        try:
            told = answer.json()
            if told["hash_type"] != "SHA1":
                raise ValueError("another hash than SHA-1")
            url = urlsplit(str(told["download_url"]))
            digest = str(told["hash_value"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed(NAME, answer.operation, "no announcement") from None
        await self._download(url.path, url.query, into, deadline)
        return Announced(
            account=self._client.merchant.mchid, algorithm="sha1", digest=digest, gzipped=True
        )

    async def _download(self, path: str, query: str, into: BinaryIO, deadline: Deadline) -> None:
        """Only the path and token are taken from the announcement, never the host.

        The answer is not signed: the file is believed by its digest, which was.
        """
        if not path.endswith(_DOWNLOAD_PATH):
            raise UpstreamFailed(NAME, "download_bill", "not where bills are downloaded")
        target = f"{_DOWNLOAD_PATH}?{query}"
        await self._files.request(
            "GET",
            _DOWNLOAD_PATH,
            operation="download_bill",
            deadline=deadline,
            params=dict([pair.partition("=")[::2] for pair in query.split("&")]),
            headers={"Authorization": self._client.authorization("GET", target)},
            accept=ANY,
            into=into,
        )


async def _fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
    return await app.upstream(WeChatPayBills).fetch(on, into, deadline)


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of a trade bill; see payments.statements.Source."""
    count = paid_fen = refunded_fen = fees_fen = 0
    with plain(file, announced) as content:
        lines = read_lines(NAME, content)
        if not next(lines, "").startswith("交易时间,公众账号ID,商户号,"):
            raise StatementRefused(NAME, "malformed", "another header")
        for number, text in enumerate(lines, 2):
            if not text.startswith("`"):
                break
            try:
                line = _line(text, announced.account)
            except ValueError:
                raise StatementRefused(NAME, "malformed", f"line {number}") from None
            count += 1
            if line.is_refund:
                refunded_fen += line.amount_fen
                fees_fen -= line.fee_fen
            else:
                paid_fen += line.amount_fen
                fees_fen += line.fee_fen
            yield line
        else:
            raise StatementRefused(NAME, "truncated", "no summary")
        told = _summary(next(lines, ""))
        if next(lines, "") != "":
            raise StatementRefused(NAME, "malformed", "lines after the summary")
    if told != (count, paid_fen, refunded_fen, fees_fen):
        raise StatementRefused(NAME, "totals")


def _line(text: str, mchid: str) -> Line:
    """One line. Raises ValueError."""
    cells = text.removesuffix("\r")[1:].split(",`")
    if len(cells) != _CELLS or cells[2] != mchid or cells[11] != "CNY":
        raise ValueError("not a line of this merchant's")
    order_ref, state = ref_of(cells[6]), cells[9]
    if state == "SUCCESS":
        return Line(
            False, order_ref, order_ref, ref_of(cells[5]),
            above_zero(fen(cells[24])), fen(cells[22]), civil_time(cells[0]),
        )  # fmt: skip
    if state != "REFUND":
        raise ValueError("neither payment nor refund")
    return Line(
        True, ref_of(cells[15]), order_ref, ref_of(cells[14]),
        above_zero(fen(cells[25])), -fen(cells[22]), civil_time(cells[0]),
    )  # fmt: skip


def _summary(text: str) -> tuple[int, int, int, int]:
    """Count, paid, refunded and fees. Raises StatementRefused."""
    cells = text.removesuffix("\r")[1:].split(",`")
    try:
        if not text.startswith("`") or len(cells) != _SUMMARY_CELLS:
            raise ValueError("not a summary")
        return int(cells[0]), fen(cells[5]), fen(cells[6]), fen(cells[4])
    except ValueError:
        raise StatementRefused(NAME, "truncated", "no summary") from None


SOURCE = Source(NAME, Side.PSP, _fetch, read)
