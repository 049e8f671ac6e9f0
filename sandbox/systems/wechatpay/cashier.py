"""The cashier: the page on which the payer pays, or the same in JSON for a terminal."""

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal, read_bytes, reply
from sandbox.shared.cashier_page import Bill, Brand, Form, render, wants_json, web_address
from sandbox.systems.wechatpay import notices, orders
from sandbox.systems.wechatpay.keys import account_of, load_keys

_BRAND = Brand("微信支付", "WeChat Pay", "#06783f")
_STATES = {
    "NOTPAY": ("open", "待支付", "To be paid"),
    "SUCCESS": ("paid", "支付成功", "Paid"),
    "CLOSED": ("shut", "已关闭", "Closed"),
    "REFUND": ("shut", "已退款", "Refunded"),
}


async def show(request: Request, city: City) -> Response:
    """The page, or the order's state where JSON is asked for."""
    load_keys(city.settings)
    order = orders.get_by_prepay(city, request.path_params["prepay_id"])
    if wants_json(request):
        return reply(_state(order))
    forms: tuple[Form, ...] = ()
    if order["trade_state"] == "NOTPAY":
        query = f"?{request.url.query}" if request.url.query else ""
        path = f"/wechatpay/cashier/{order['prepay_id']}"
        forms = (
            Form(f"{path}/pay{query}", "pay", "确认支付", "Pay"),
            Form(f"{path}/cancel{query}", "cancel", "取消", "Cancel"),
        )
    description = orjson.loads(order["params"])["description"]
    outcome, state_zh, state_en = _STATES[order["trade_state"]]
    bill = Bill(description, order["total"], order["out_trade_no"], outcome, state_zh, state_en)
    return render(_BRAND, bill, forms, None if forms else _redirect_url(request))


async def call_sdk(request: Request, city: City) -> Response:
    """The SDK's part: show the cashier to an app or a page inside WeChat whose call is signed.

    Refuses 401 SIGN_ERROR, and 400 INVALID_REQUEST for a call of another kind than the order's.
    """
    members = {str(k): str(v) for k, v in orjson.loads(await read_bytes(request)).items()}
    in_app = "prepayid" in members
    prepay_id = members.get("prepayid") or members.get("package", "").removeprefix("prepay_id=")
    order = orders.get_by_prepay(city, prepay_id)
    account = account_of(order["sub_mchid"])
    keys = load_keys(city.settings, account)
    appid = orjson.loads(order["params"])["appid"]
    if in_app:
        fixed = ("APP", appid, account.mchid, "Sign=WXPay")
        said = (
            "APP",
            members.get("appid"),
            members.get("partnerid"),
            members.get("package"),
        )
        lines = (appid, members.get("timestamp", ""), members.get("noncestr", ""), prepay_id)
    else:
        fixed = ("JSAPI", appid, "RSA", f"prepay_id={prepay_id}")
        said = (
            "JSAPI",
            members.get("appId"),
            members.get("signType"),
            members.get("package"),
        )
        lines = (
            appid,
            members.get("timeStamp", ""),
            members.get("nonceStr", ""),
            members["package"],
        )
    if said != fixed or order["trade_type"] != fixed[0]:
        raise Refusal(400, "INVALID_REQUEST", "调起支付参数与订单不符 / not the call of this order")
    if not keys.is_merchants(members.get("sign" if in_app else "paySign", ""), *lines):
        raise Refusal(401, "SIGN_ERROR", "签名错误 / wrong signature")
    return RedirectResponse(f"/wechatpay/cashier/{prepay_id}", 303)


async def pay(request: Request, city: City) -> Response:
    """Pay the order, once; the merchant is told by callback. Too late: 409 ORDER_CLOSED, or in a
    browser the page that says so.
    """
    load_keys(city.settings)
    with city.state.transaction():
        order = orders.get_by_prepay(city, request.path_params["prepay_id"])
        if order["trade_state"] == "NOTPAY":
            order = orders.settle(city, order)
            notices.announce_payment(city, order)
    if order["trade_state"] == "CLOSED" and wants_json(request):
        raise Refusal(409, "ORDER_CLOSED", "订单已关闭 / the order is closed")
    return _done(request, order)


async def cancel(request: Request, city: City) -> Response:
    """Leave without paying: the order stays unpaid and can be paid later."""
    load_keys(city.settings)
    return _done(request, orders.get_by_prepay(city, request.path_params["prepay_id"]))


def _done(request: Request, order: Row) -> Response:
    if wants_json(request):
        return reply(_state(order))
    query = f"?{request.url.query}" if request.url.query else ""
    page = f"/wechatpay/cashier/{order['prepay_id']}{query}"
    left = order["trade_state"] == "NOTPAY"
    return RedirectResponse((_redirect_url(request) if left else None) or page, 303)


def _state(order: Row) -> dict[str, object]:
    members = ("out_trade_no", "trade_state", "transaction_id", "total")
    return {member: order[member] for member in members}


def _redirect_url(request: Request) -> str | None:
    """Where the merchant wants the payer back, if that is a web address."""
    return web_address(request.query_params.get("redirect_url"))
