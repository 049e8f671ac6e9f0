"""The gateway's methods, and what runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.server.background import repeated
from sandbox.server.system import City
from sandbox.shared.cashier_page import web_address
from sandbox.systems.alipay import bills, notices, refunds, trades
from sandbox.systems.alipay.wire import Answer, Biz, Call, business_failure, dispatch, read_biz

EXPIRY_POLL_S = 0.5


class TradeBiz(Biz):
    """Which trade is meant."""

    out_trade_no: str | None = Field(None, max_length=64)
    trade_no: str | None = Field(None, max_length=64)


class RefundQueryBiz(TradeBiz):
    """Which refund is asked for."""

    out_request_no: str = Field(min_length=1, max_length=64)


async def handle(request: Request, city: City) -> Response:
    """One request to `/gateway.do`, whatever its method."""
    return await dispatch(request, city, METHODS)


async def _pay(call: Call) -> Answer:
    """Send the payer to the cashier: for a browser (wap) and, in the app's place, for the app."""
    biz = read_biz(call, trades.PayBiz)
    notify_url = call.params.get("notify_url", "")
    if notify_url and web_address(notify_url) is None:
        raise business_failure("INVALID_PARAMETER", "参数无效: notify_url")
    trade = trades.place(
        call.city, call.params["method"], biz,
        notify_url=notify_url, return_url=call.params.get("return_url", ""),
    )  # fmt: skip
    return RedirectResponse(f"/alipay/cashier/{trade['cashier_id']}", 302)


async def _query(call: Call) -> Answer:
    biz = read_biz(call, TradeBiz)
    return trades.describe(trades.get(call.city, biz.out_trade_no, biz.trade_no))


async def _close(call: Call) -> Answer:
    biz = read_biz(call, TradeBiz)
    trade = trades.close(call.city, biz.out_trade_no, biz.trade_no)
    return {"trade_no": trade["trade_no"], "out_trade_no": trade["out_trade_no"]}


async def _refund(call: Call) -> Answer:
    return refunds.apply(call.city, read_biz(call, refunds.RefundBiz))


async def _query_refund(call: Call) -> Answer:
    biz = read_biz(call, RefundQueryBiz)
    trade = trades.get(call.city, biz.out_trade_no, biz.trade_no)
    return refunds.describe_query(trade, refunds.find(call.city, trade, biz.out_request_no))


METHODS = {
    "alipay.trade.wap.pay": _pay,
    "alipay.trade.app.pay": _pay,
    "alipay.trade.query": _query,
    "alipay.trade.close": _close,
    "alipay.trade.refund": _refund,
    "alipay.trade.fastpay.refund.query": _query_refund,
    "alipay.data.dataservice.bill.downloadurl.query": bills.download_url,
}


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Deliver notices and close what was not paid in time, for as long as the block lasts."""
    city.callbacks.register(notices.SYSTEM, notices.sender())

    async def close_expired() -> None:
        trades.close_expired(city)

    async with repeated(close_expired, every_s=EXPIRY_POLL_S):
        yield
