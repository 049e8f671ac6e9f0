"""Refunds: done at once, once per request number, never more than was paid."""

from pydantic import Field

from core.money import format_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.systems.alipay import notices, trades
from sandbox.systems.alipay.keys import BUYER_ID, BUYER_LOGON_ID
from sandbox.systems.alipay.wire import Biz, business_failure, local_time

SCHEMA = """
CREATE TABLE alipay_refund (
    out_trade_no TEXT NOT NULL REFERENCES alipay_trade, out_request_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), refunded_at TEXT NOT NULL,
    PRIMARY KEY (out_trade_no, out_request_no)
);
CREATE INDEX alipay_refund_day ON alipay_refund (refunded_at);
"""


class RefundBiz(Biz):
    """Which trade is refunded by how much; the request number may be left out of a full refund."""

    refund_amount: trades.Yuan
    out_trade_no: str | None = Field(None, max_length=64)
    trade_no: str | None = Field(None, max_length=64)
    out_request_no: str | None = Field(None, min_length=1, max_length=64)
    refund_reason: str | None = Field(None, max_length=256)


def apply(city: City, biz: RefundBiz) -> dict[str, object]:
    """Refund, or answer again what the same request got before (`fund_change` is then N).

    Raises Failure ACQ.TRADE_NOT_EXIST, TRADE_STATUS_ERROR (unpaid or fully refunded),
    DISCORDANT_REPEAT_REQUEST (same number, other amount), REFUND_AMT_NOT_EQUAL_TOTAL (too much).
    """
    with city.state.transaction():
        trade = trades.get(city, biz.out_trade_no, biz.trade_no)
        request_no = biz.out_request_no or trade["out_trade_no"]
        known = find(city, trade, request_no)
        if known is not None:
            if known["amount_fen"] != biz.refund_amount:
                raise business_failure("DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
            return _describe(trade, known, changed=False)
        if trade["trade_status"] != "TRADE_SUCCESS":
            raise business_failure("TRADE_STATUS_ERROR", "交易状态不合法")
        if trade["refunded_fen"] + biz.refund_amount > trade["total_fen"]:
            raise business_failure("REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
        if biz.out_request_no is None and biz.refund_amount != trade["total_fen"]:
            raise business_failure("INVALID_PARAMETER", "参数无效: 部分退款时 out_request_no 必填")
        city.state.run(
            "INSERT INTO alipay_refund VALUES (?, ?, ?, ?)",
            (trade["out_trade_no"], request_no, biz.refund_amount, local_time(city.now())),
        )
        trade = trades.add_refund(city, trade, biz.refund_amount)
        refund = find(city, trade, request_no)
        assert refund is not None
        notices.owe(city, trade, refund)
        return _describe(trade, refund, changed=True)


def find(city: City, trade: Row, out_request_no: str) -> Row | None:
    """The refund of this trade by this request, or None."""
    return city.state.one(
        "SELECT * FROM alipay_refund WHERE out_trade_no = ? AND out_request_no = ?",
        (trade["out_trade_no"], out_request_no),
    )


def describe_query(trade: Row, refund: Row | None) -> dict[str, object]:
    """The refund as its query tells it: success without members where there is none."""
    if refund is None:
        return {}
    return {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "out_request_no": refund["out_request_no"],
        "total_amount": format_yuan(trade["total_fen"]),
        "refund_amount": format_yuan(refund["amount_fen"]),
        "refund_status": "REFUND_SUCCESS",
        "gmt_refund_pay": refund["refunded_at"],
    }


def _describe(trade: Row, refund: Row, *, changed: bool) -> dict[str, object]:
    """`refund_fee` is the sum of all refunds of the trade so far."""
    return {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_logon_id": BUYER_LOGON_ID,
        "buyer_user_id": BUYER_ID,
        "fund_change": "Y" if changed else "N",
        "refund_fee": format_yuan(trade["refunded_fen"]),
        "gmt_refund_pay": refund["refunded_at"],
    }
