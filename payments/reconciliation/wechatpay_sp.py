"""The service provider's trade bill at WeChat Pay: the payments and refunds of all its
sub-merchants, in the form of a merchant's (payments.reconciliation.wechatpay).

What a sub-merchant is settled and what is kept of it is its own affair and in no book of ours: fees
and coupons are not taken over.
Source: pay.weixin.qq.com/docs/partner/apis/partner-jsapi-payment/get-trade-bill.html (without
sub_mchid the bill is that of all sub-merchants).
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Protocol

from core.context.app import App
from core.deadline import Deadline
from payments.domain import Side
from payments.psp.wechatpay_sp import NAME, open_client
from payments.reconciliation import wechatpay
from payments.reconciliation.wechatpay import WeChatPayBills, WeChatPayBillsClient, bills_of
from payments.statements import Announced, Line, Source


class WeChatPayPartnerBills(WeChatPayBills, Protocol):
    """The service provider's bill files."""


def open_bills(app: App, address: str) -> WeChatPayBillsClient | None:
    """The bill client of this installation; None where there is no service provider."""
    client = open_client(app, address)
    return None if client is None else bills_of(app, client, address)


async def _fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
    return await app.upstream(WeChatPayPartnerBills).fetch(on, into, deadline)


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of the bill; see payments.statements.Source."""
    for line in wechatpay.read(file, announced):
        yield line._replace(fee_fen=0, settled_fen=None)


SOURCE = Source(NAME, Side.PSP, _fetch, read)
