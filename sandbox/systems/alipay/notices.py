"""Asynchronous notices: a signed form, repeated until the merchant answers `success`."""

import hashlib
from urllib.parse import urlencode

import orjson

from core.money import format_yuan
from sandbox.server.callbacks import Sender
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.systems.alipay.keys import APP_ID, BUYER_ID, BUYER_LOGON_ID, SELLER_ID, load_keys
from sandbox.systems.alipay.wire import local_time

SYSTEM = "alipay"
_MINUTE, _HOUR = 60, 3600
LADDER_S = (
    4 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, 1 * _HOUR, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR,
)  # fmt: skip
"""The documented waits between the eight attempts: 24 h 24 min in all."""
TAKEN = b"success"


def sender() -> Sender:
    """How notices are delivered. The text `success` alone ends them, whatever the status says."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Sender(
        lambda body: headers, LADDER_S, lambda status, said: status == 200 and said.strip() == TAKEN
    )


def owe(city: City, trade: Row, refund: Row | None = None) -> None:
    """Owe the merchant a notice of the trade's state, where it named an address.

    Inside the caller's transaction. A refund adds what went back.
    """
    params = orjson.loads(trade["params"])
    if not params["notify_url"]:
        return
    members = _describe(city, trade, params)
    if refund is not None:
        members |= {
            "refund_fee": format_yuan(trade["refunded_fen"]),
            "gmt_refund": f"{refund['refunded_at']}.000",
            "out_biz_no": refund["out_request_no"],
        }
    body = urlencode(load_keys(city.settings).sign_params(members)).encode()
    city.callbacks.enqueue(SYSTEM, params["notify_url"], body)


def _describe(city: City, trade: Row, params: dict[str, str]) -> dict[str, str]:
    total = format_yuan(trade["total_fen"])
    number = city.state.next_in("alipay_notice")
    notify_id = hashlib.sha256(f"{city.serial('alipay_notify')}:{number}".encode()).hexdigest()[:34]
    members = {
        "notify_time": local_time(city.now()),
        "notify_type": "trade_status_sync",
        "notify_id": notify_id,
        "app_id": APP_ID,
        "auth_app_id": APP_ID,
        "charset": "utf-8",
        "version": "1.0",
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_id": BUYER_ID,
        "buyer_logon_id": BUYER_LOGON_ID,
        "seller_id": SELLER_ID,
        "trade_status": trade["trade_status"],
        "total_amount": total,
        "subject": params["subject"],
        "gmt_create": trade["created_at"],
    }
    if trade["paid_at"] is not None:
        funds = [{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]
        members |= {
            "gmt_payment": trade["paid_at"],
            "receipt_amount": total,
            "invoice_amount": total,
            "buyer_pay_amount": total,
            "point_amount": "0.00",
            "fund_bill_list": orjson.dumps(funds).decode(),
        }
    if trade["closed_at"] is not None:
        members["gmt_close"] = trade["closed_at"]
    optional = {name: params[name] for name in ("body", "passback_params") if params[name]}
    return members | optional
