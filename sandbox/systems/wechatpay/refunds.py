"""Refunds: accepted at once, settled a moment later, never more than was paid."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal
from sandbox.systems.wechatpay import orders
from sandbox.systems.wechatpay.wire import ParamRefusal, Params

SCHEMA = """
CREATE TABLE wechat_refund (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE,
    out_trade_no TEXT NOT NULL REFERENCES wechat_order, refund INTEGER NOT NULL CHECK (refund > 0),
    notify_url TEXT, status TEXT NOT NULL CHECK (status IN ('PROCESSING', 'SUCCESS')),
    create_time TEXT NOT NULL, settles_at REAL NOT NULL, success_time TEXT
);
CREATE INDEX wechat_refund_order ON wechat_refund (out_trade_no);
CREATE INDEX wechat_refund_due ON wechat_refund (settles_at) WHERE status = 'PROCESSING';
"""
SETTLES_AFTER = timedelta(seconds=1)
RECEIVED_BY = "支付用户零钱"


class RefundAmount(Params):
    """How much of which total goes back, in fen."""

    refund: int = Field(ge=1)
    total: int = Field(ge=1)
    currency: Literal["CNY"] = "CNY"


class RefundParams(Params):
    """Which payment is refunded; transaction_id comes before out_trade_no."""

    out_refund_no: str = Field(pattern=r"^[0-9A-Za-z_\-|*@]{1,64}$")
    amount: RefundAmount
    transaction_id: str | None = Field(None, max_length=32)
    out_trade_no: str | None = Field(None, max_length=32)
    reason: str | None = Field(None, max_length=80)
    notify_url: str | None = Field(None, max_length=256, pattern=orders.URL)
    sub_mchid: str = Field("", max_length=32)
    """Whose payment it is, where a service provider asks."""


def apply(city: City, params: RefundParams) -> Row:
    """The refund; the same number again is the same refund.

    Raises Refusal: 404 RESOURCE_NOT_EXISTS for no such payment, 400 INVALID_REQUEST where it is
    unpaid, the amounts differ from before, or the sum would exceed what was paid.
    """
    state = city.state
    with state.transaction():
        order = _paid_order(city, params)
        known = state.one(
            "SELECT * FROM wechat_refund WHERE out_refund_no = ?", (params.out_refund_no,)
        )
        if params.amount.total != order["total"] or (
            known is not None
            and (known["out_trade_no"], known["refund"])
            != (order["out_trade_no"], params.amount.refund)
        ):
            raise Refusal(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致,请核实后再试")
        if known is not None:
            return known
        if _refunded(city, order) + params.amount.refund > order["total"]:
            raise Refusal(400, "INVALID_REQUEST", "累计退款金额大于支付金额 / more than was paid")
        now = city.now()
        refund_id = f"5030000001{city.serial('wechat_refund')}"
        state.run(
            "INSERT INTO wechat_refund (out_refund_no, refund_id, out_trade_no, refund, "
            "notify_url, status, create_time, settles_at) "
            "VALUES (?, ?, ?, ?, ?, 'PROCESSING', ?, ?)",
            (params.out_refund_no, refund_id, order["out_trade_no"], params.amount.refund,
             params.notify_url, orders.rfc3339(now), (now + SETTLES_AFTER).timestamp()),
        )  # fmt: skip
        orders.mark_refunded(city, order["out_trade_no"])
        return get(city, params.out_refund_no)


def get(city: City, out_refund_no: str, sub_mchid: str | None = None) -> Row:
    """The refund of this number, of a sub-merchant's ("": the merchant's own) where one is named.

    Raises Refusal 404 RESOURCE_NOT_EXISTS.
    """
    row = find(city, out_refund_no)
    if row is None or sub_mchid not in (None, _order_of(city, row)["sub_mchid"]):
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "退款单不存在 / no such refund")
    return row


def find(city: City, out_refund_no: str) -> Row | None:
    """The refund of this number, or None."""
    return city.state.one("SELECT * FROM wechat_refund WHERE out_refund_no = ?", (out_refund_no,))


def settle_due(city: City) -> list[Row]:
    """Settle the refunds whose time has come. Inside the caller's transaction."""
    now = city.now()
    due = city.state.all(
        "UPDATE wechat_refund SET status = 'SUCCESS', success_time = ? "
        "WHERE status = 'PROCESSING' AND settles_at <= ? RETURNING out_refund_no",
        (orders.rfc3339(now), now.timestamp()),
    )
    return [get(city, row["out_refund_no"]) for row in due]


def describe(city: City, refund: Row) -> dict[str, object]:
    """The refund as the API tells it."""
    order = _order_of(city, refund)
    members = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": RECEIVED_BY,
        "create_time": refund["create_time"],
        "status": refund["status"],
        "funds_account": "UNSETTLED",
        "amount": _amount(order, refund)
        | {
            "settlement_refund": refund["refund"],
            "settlement_total": order["total"],
            "discount_refund": 0,
            "currency": "CNY",
        },
    }
    if refund["success_time"] is not None:
        members["success_time"] = refund["success_time"]
    return members


def describe_notice(city: City, refund: Row) -> dict[str, object]:
    """The refund as the callback's resource tells it."""
    order = _order_of(city, refund)
    return {
        **orders.names(order),
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_status": refund["status"],
        "success_time": refund["success_time"],
        "user_received_account": RECEIVED_BY,
        "amount": _amount(order, refund),
    }


def _order_of(city: City, refund: Row) -> Row:
    order = orders.find(city, refund["out_trade_no"])
    assert order is not None
    return order


def _amount(order: Row, refund: Row) -> dict[str, object]:
    return {
        "total": order["total"],
        "refund": refund["refund"],
        "payer_total": order["total"],
        "payer_refund": refund["refund"],
    }


def _paid_order(city: City, params: RefundParams) -> Row:
    if params.transaction_id is not None:
        order = orders.find_by_transaction(city, params.transaction_id)
    elif params.out_trade_no is not None:
        order = orders.find(city, params.out_trade_no)
    else:
        raise ParamRefusal("/transaction_id", "transaction_id 或 out_trade_no 必填其一")
    if order is None or order["sub_mchid"] != params.sub_mchid:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "订单不存在 / no such order")
    if order["transaction_id"] is None:
        raise Refusal(400, "INVALID_REQUEST", "订单未支付 / the order is not paid")
    return order


def _refunded(city: City, order: Row) -> int:
    row = city.state.one(
        "SELECT coalesce(sum(refund), 0) AS total FROM wechat_refund WHERE out_trade_no = ?",
        (order["out_trade_no"],),
    )
    assert row is not None
    return int(row["total"])
