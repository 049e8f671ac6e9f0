"""WeChat Pay's bill of profit sharing (分账账单): what our merchant got and gave back.

Source: pay.weixin.qq.com/doc/v3/partner/4012715572 (the announcement, and what is in it: each line
is a share or a return, what failed is in none). No sample of the file is published: its columns and
how it ends are as a public reader of it has them (a Java class AWechatShareBill, 13 columns from
分账时间 to 备注; the summary begins at 总条数). So columns are found by name, and of the summary
only the count is believed.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import BinaryIO, NamedTuple, Protocol

from core.context.app import App
from core.deadline import Deadline
from payments.domain import Side
from payments.psp.partners import SHARES
from payments.psp.sharing import ProfitSharing
from payments.psp.wechatpay_sp import open_client
from payments.reconciliation.wechatpay import (
    WeChatPayBills,
    WeChatPayBillsClient,
    bills_of,
    body,
    quoted,
)
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
    misread,
    name_of,
    plain,
    read_lines,
)

_QUERY = "/v3/profitsharing/bills?bill_date={on}&tar_type=GZIP"
"""Without sub_mchid the bill is that of all sub-merchants."""
_COLUMNS = (
    *(("分账时间",), ("分账方",), ("微信分账/回退单号", "微信分账单号")),
    *(("商户分账/回退单号", "商户分账单号"), ("分账接收方",), ("金额", "分账金额"), ("业务类型",)),
)
_RETURN = "回退"
_RELEASE = "解冻"


class WeChatPaySharingBills(WeChatPayBills, Protocol):
    """The bill files of profit sharing."""


def open_bills(app: App, address: str) -> WeChatPayBillsClient | None:
    """The bill client of this installation; None where there is no service provider."""
    client = open_client(app, address)
    return None if client is None else bills_of(app, client, address, _QUERY)


async def _fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
    announced = await app.upstream(WeChatPaySharingBills).fetch(on, into, deadline)
    if announced is None:
        return None
    return replace(announced, account=app.upstream(ProfitSharing).receiver)


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of the bill that are of our merchant; see payments.statements.Source.

    What the payee's merchant has of its own payment is no line.
    """
    count = 0
    with plain(file, announced) as content:
        lines = read_lines(SHARES, content)
        form = Form.of(SHARES, next(lines, ""), *_COLUMNS)
        for text in body(SHARES, lines):
            count += 1
            line = _record(form, text, announced.account)
            if line is not None:
                yield line
        if _count(next(lines, "")) != count:
            raise StatementRefused(SHARES, "totals")


def _count(summary: str) -> int:
    """How many lines the summary tells of. Raises StatementRefused."""
    try:
        if not summary.startswith("`"):
            raise ValueError("not a summary")
        return int(quoted(summary)[0])
    except ValueError:
        raise StatementRefused(SHARES, "truncated", "no summary") from None


def _record(form: Form, text: str, receiver: str) -> Line | None:
    """What a line says; None for one of the payee's own part."""
    cells = form.pick(quoted(text))
    if cells is None:
        return misread("", text, "another number of columns", civil_day(text[1:11]))
    row = _Row(*cells)
    try:
        return row.line(receiver)
    except ValueError as error:
        return misread(row.number, text, str(error), civil_day(row.at[:10]))


class _Row(NamedTuple):
    """The cells of a line that matter, as they stand."""

    at: str
    payer: str
    their_ref: str
    number: str
    receiver: str
    amount: str
    kind: str

    def line(self, receiver: str) -> Line | None:
        """What the cells say. Raises ValueError, in words, for what makes no sense."""
        is_return = _RETURN in self.kind
        if not is_return and (self.receiver == self.payer or _RELEASE in self.kind):
            return None
        if receiver not in (self.receiver, self.payer):
            raise ValueError("another receiver")
        ref, amount_fen = name_of(self.number), above_zero(fen(self.amount))
        return Line(
            is_return, ref, ref, name_of(self.their_ref), amount_fen, 0, civil_time(self.at)
        )


SOURCE = Source(SHARES, Side.SHARING, _fetch, read)
