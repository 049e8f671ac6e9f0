"""The cashier: the page on which the payer pays, or the same in JSON for a terminal."""

from html import escape
from string import Template
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from core.money import format_yuan
from sandbox.state import Row
from sandbox.system import City, Refusal, reply
from sandbox.systems.wechatpay import notices, orders
from sandbox.systems.wechatpay.keys import load_keys

_PAGE = Template("""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>沙盒收银台 · Sandbox cashier</title>
<style>
body{margin:0;background:#ededed;color:#191919;font:16px/1.5 system-ui,sans-serif}
.label{background:#b35c00;color:#fff;padding:8px 16px;text-align:center}
main{max-width:420px;margin:24px auto;padding:24px;background:#fff;border-radius:8px}
.amount{font-size:40px;font-weight:600;text-align:center;margin:16px 0}
dl{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;overflow-wrap:anywhere}
dt{color:#666}dd{margin:0;text-align:right}
button,a.back{display:block;box-sizing:border-box;width:100%;padding:12px;margin-top:12px;border:0;
border-radius:6px;font:inherit;text-align:center;text-decoration:none;color:#191919;background:#eee}
button.pay{background:#06783f;color:#fff}
</style></head><body>
<div class="label" role="note">沙盒 · 不涉及真实资金 / Sandbox · no real money</div>
<main><h1 style="font-size:18px;text-align:center;margin:0">$description</h1>
<div class="amount">¥$amount</div>
<dl><dt>状态 / State</dt><dd id="state">$state</dd>
<dt>商户单号 / Order</dt><dd>$out_trade_no</dd></dl>
$actions</main></body></html>
""")
_STATES = {
    "NOTPAY": "待支付 / To be paid",
    "SUCCESS": "支付成功 / Paid",
    "CLOSED": "已关闭 / Closed",
    "REFUND": "已退款 / Refunded",
}


async def show(request: Request, city: City) -> Response:
    """The page, or the order's state where JSON is asked for."""
    load_keys(city.settings)
    order = orders.get_by_prepay(city, request.path_params["prepay_id"])
    if _wants_json(request):
        return reply(_state(order))
    back = _redirect_url(request)
    forms = ""
    if order["trade_state"] == "NOTPAY":
        query = f"?{escape(request.url.query)}" if request.url.query else ""
        path = f"/wechatpay/cashier/{order['prepay_id']}"
        forms = _form(f"{path}/pay{query}", "pay", "确认支付 / Pay") + _form(
            f"{path}/cancel{query}", "cancel", "取消 / Cancel"
        )
    elif back is not None:
        forms = f'<a class="back" href="{escape(back)}">返回商户 / Back to the merchant</a>'
    page = _PAGE.substitute(
        description=escape(orjson.loads(order["params"])["description"]),
        amount=format_yuan(order["total"]),
        state=_STATES[order["trade_state"]],
        out_trade_no=escape(order["out_trade_no"]),
        actions=forms,
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


async def pay(request: Request, city: City) -> Response:
    """Pay the order, once; the merchant is told by callback. 409 ORDER_CLOSED when too late."""
    load_keys(city.settings)
    with city.state.transaction():
        order = orders.get_by_prepay(city, request.path_params["prepay_id"])
        if order["trade_state"] == "NOTPAY":
            order = orders.settle(city, order)
            notices.announce_payment(city, order)
    if order["trade_state"] == "CLOSED":
        raise Refusal(409, "ORDER_CLOSED", "订单已关闭 / the order is closed")
    return _done(request, order)


async def cancel(request: Request, city: City) -> Response:
    """Leave without paying: the order stays unpaid and can be paid later."""
    load_keys(city.settings)
    return _done(request, orders.get_by_prepay(city, request.path_params["prepay_id"]))


def _done(request: Request, order: Row) -> Response:
    if _wants_json(request):
        return reply(_state(order))
    query = f"?{request.url.query}" if request.url.query else ""
    page = f"/wechatpay/cashier/{order['prepay_id']}{query}"
    left = order["trade_state"] == "NOTPAY"
    return RedirectResponse((_redirect_url(request) if left else None) or page, 303)


def _state(order: Row) -> dict[str, object]:
    members = ("out_trade_no", "trade_state", "transaction_id", "total")
    return {member: order[member] for member in members}


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _redirect_url(request: Request) -> str | None:
    """Where the merchant wants the payer back, if that is a web address."""
    url = request.query_params.get("redirect_url", "")
    return url if urlsplit(url).scheme in ("http", "https") else None


def _form(action: str, name: str, label: str) -> str:
    return (
        f'<form method="post" action="{action}"><button class="{name}" id="{name}">'
        f"{label}</button></form>"
    )
