"""The cashier: the page on which the payer pays, or the same in JSON for a terminal."""

from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.money import format_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal, reply
from sandbox.shared.cashier_page import Bill, Brand, Form, render, wants_json, web_address
from sandbox.systems.alipay import trades
from sandbox.systems.alipay.keys import APP_ID, SELLER_ID, load_keys
from sandbox.systems.alipay.wire import local_time

_BRAND = Brand("支付宝", "Alipay", "#0b5bd3")
_STATES = {
    "WAIT_BUYER_PAY": ("open", "待支付", "To be paid"),
    "TRADE_SUCCESS": ("paid", "支付成功", "Paid"),
    "TRADE_CLOSED": ("shut", "已关闭", "Closed"),
}


async def show(request: Request, city: City) -> Response:
    """The page, or the trade's state where JSON is asked for. Seeing it creates the trade."""
    trade = _open(request, city)
    if wants_json(request):
        return reply(_state(trade))
    params = orjson.loads(trade["params"])
    path = f"/alipay/cashier/{trade['cashier_id']}"
    forms: tuple[Form, ...] = ()
    if trade["trade_status"] == "WAIT_BUYER_PAY":
        forms = (
            Form(f"{path}/pay", "pay", "确认支付", "Pay"),
            Form(f"{path}/cancel", "cancel", "取消", "Cancel"),
        )
    back = None if forms else _back_url(city, trade, params)
    outcome, state_zh, state_en = _STATES[trade["trade_status"]]
    bill = Bill(
        params["subject"], trade["total_fen"], trade["out_trade_no"], outcome, state_zh, state_en
    )
    return render(_BRAND, bill, forms, back)


async def pay(request: Request, city: City) -> Response:
    """Pay the trade, once; the merchant is told by notice. Too late: 409 TRADE_CLOSED, or in a
    browser the page that says so.
    """
    with city.state.transaction():
        trade = _open(request, city)
        if trade["trade_status"] == "WAIT_BUYER_PAY":
            trade = trades.settle(city, trade)
    if trade["paid_at"] is None and wants_json(request):
        raise Refusal(409, "TRADE_CLOSED", "交易已关闭 / the trade is closed")
    return _done(request, trade, None)


async def cancel(request: Request, city: City) -> Response:
    """Leave without paying: the trade stays unpaid and can be paid later."""
    trade = _open(request, city)
    return _done(request, trade, web_address(orjson.loads(trade["params"])["quit_url"]))


def _open(request: Request, city: City) -> Row:
    load_keys(city.settings)
    trade = trades.open_cashier(city, request.path_params["cashier_id"])
    if trade is None:
        raise Refusal(404, "NO_SUCH_TRADE", "交易不存在 / no such trade")
    return trade


def _done(request: Request, trade: Row, leave_to: str | None) -> Response:
    if wants_json(request):
        return reply(_state(trade))
    return RedirectResponse(leave_to or f"/alipay/cashier/{trade['cashier_id']}", 303)


def _state(trade: Row) -> dict[str, object]:
    return {
        "out_trade_no": trade["out_trade_no"],
        "trade_status": trade["trade_status"],
        "trade_no": trade["trade_no"],
        "total_amount": format_yuan(trade["total_fen"]),
    }


def _back_url(city: City, trade: Row, params: dict[str, str]) -> str | None:
    """The merchant's return address; after a payment with Alipay's signed word for it."""
    url = web_address(params["return_url"])
    if url is None or trade["paid_at"] is None:
        return url
    members = {
        "charset": "utf-8",
        "method": f"{params['method']}.return",
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "seller_id": SELLER_ID,
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade["trade_no"],
        "total_amount": format_yuan(trade["total_fen"]),
        "timestamp": local_time(city.now()),
        "version": "1.0",
    }
    signed = load_keys(city.settings).sign_params(members)
    return f"{url}{'&' if '?' in url else '?'}{urlencode(signed)}"
