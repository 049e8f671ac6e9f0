"""Trades: prepared by the merchant's signed request, created when the payer sees the cashier.

Until then the API does not know the trade, which merchants have to live with at the real Alipay
as well: a query answers ACQ.TRADE_NOT_EXIST.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated

import orjson
from pydantic import BeforeValidator, Field

from core.money import format_yuan, parse_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.systems.alipay import notices
from sandbox.systems.alipay.keys import BUYER_ID, BUYER_LOGON_ID
from sandbox.systems.alipay.wire import (
    Biz,
    business_failure,
    local_time,
    parse_local_time,
)

SCHEMA = """
CREATE TABLE alipay_trade (
    out_trade_no TEXT PRIMARY KEY, cashier_id TEXT NOT NULL UNIQUE, params BLOB NOT NULL,
    total_fen INTEGER NOT NULL, expires_at REAL NOT NULL,
    trade_status TEXT NOT NULL CHECK (trade_status IN
        ('PREPARED', 'WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_CLOSED')),
    trade_no TEXT UNIQUE, created_at TEXT, paid_at TEXT, closed_at TEXT,
    refunded_fen INTEGER NOT NULL DEFAULT 0 CHECK (refunded_fen BETWEEN 0 AND total_fen)
);
CREATE INDEX alipay_trade_expiry ON alipay_trade (expires_at)
    WHERE trade_status = 'WAIT_BUYER_PAY';
CREATE INDEX alipay_trade_paid ON alipay_trade (paid_at) WHERE paid_at IS NOT NULL;
"""
LIFETIME = timedelta(days=15)


def _fen(value: object) -> int:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError("an amount in yuan is expected")
    return parse_yuan(str(value))


def _moment(value: object) -> datetime:
    return parse_local_time(str(value))


Yuan = Annotated[int, BeforeValidator(_fen), Field(ge=1, le=10_000_000_000)]
"""An amount written in yuan, read into fen."""


class PayBiz(Biz):
    """What a payment asks for."""

    out_trade_no: str = Field(pattern=r"^[0-9A-Za-z_]{1,64}$")
    total_amount: Yuan
    subject: str = Field(min_length=1, max_length=256, pattern=r"^[^/=&]+$")
    body: str | None = Field(None, max_length=128)
    time_expire: Annotated[datetime, BeforeValidator(_moment)] | None = None
    quit_url: str | None = Field(None, max_length=400)
    passback_params: str | None = Field(None, max_length=512)


def place(city: City, method: str, biz: PayBiz, *, notify_url: str, return_url: str) -> Row:
    """The prepared trade; the same request again is the same trade while it can be paid.

    Raises Failure ACQ.TRADE_HAS_SUCCESS, TRADE_HAS_CLOSE, CONTEXT_INCONSISTENT (the number was
    used for something else), INVALID_PARAMETER (an end in the past).
    """
    now = city.now()
    expires_at = biz.time_expire or now + LIFETIME
    if expires_at <= now:
        raise business_failure("INVALID_PARAMETER", "参数无效: time_expire 已过")
    members = biz.model_dump(mode="json") | {
        "method": method, "notify_url": notify_url, "return_url": return_url
    }  # fmt: skip
    params = orjson.dumps(members)
    with city.state.transaction():
        known = _fresh(city, "out_trade_no", biz.out_trade_no)
        if known is not None:
            return _same_again(known, params)
        number = city.state.next_in("alipay_trade")
        digest = hashlib.sha256(f"{city.settings.seed}:alipay:{number}".encode()).hexdigest()
        city.state.run(
            "INSERT INTO alipay_trade (out_trade_no, cashier_id, params, total_fen, expires_at, "
            "trade_status) VALUES (?, ?, ?, ?, ?, 'PREPARED')",
            (biz.out_trade_no, digest[:32], params, biz.total_amount, expires_at.timestamp()),
        )
        return _get(city, biz.out_trade_no)


def open_cashier(city: City, cashier_id: str) -> Row | None:
    """The trade behind a cashier page; seeing the page creates it. None for no such page."""
    with city.state.transaction():
        trade = _fresh(city, "cashier_id", cashier_id)
        if trade is None or trade["trade_status"] != "PREPARED":
            return trade
        now = city.now()
        trade_no = f"{city.serial('alipay_trade_no')}0000000000"
        city.state.run(
            "UPDATE alipay_trade SET trade_status = 'WAIT_BUYER_PAY', trade_no = ?, "
            "created_at = ? WHERE out_trade_no = ?",
            (trade_no, local_time(now), trade["out_trade_no"]),
        )
        return _get(city, trade["out_trade_no"])


def settle(city: City, trade: Row) -> Row:
    """Mark a created trade paid and owe the notice. Inside the caller's transaction."""
    city.state.run(
        "UPDATE alipay_trade SET trade_status = 'TRADE_SUCCESS', paid_at = ? "
        "WHERE out_trade_no = ? AND trade_status = 'WAIT_BUYER_PAY'",
        (local_time(city.now()), trade["out_trade_no"]),
    )
    paid = _get(city, trade["out_trade_no"])
    notices.owe(city, paid)
    return paid


def get(city: City, out_trade_no: str | None, trade_no: str | None) -> Row:
    """The created trade, by Alipay's number before the merchant's.

    Raises Failure ACQ.TRADE_NOT_EXIST, INVALID_PARAMETER where neither number is given.
    """
    if trade_no:
        trade = _fresh(city, "trade_no", trade_no)
    elif out_trade_no:
        trade = _fresh(city, "out_trade_no", out_trade_no)
    else:
        raise business_failure("INVALID_PARAMETER", "参数无效: out_trade_no 与 trade_no 必填其一")
    if trade is None or trade["trade_no"] is None:
        raise business_failure("TRADE_NOT_EXIST", "交易不存在")
    return trade


def close(city: City, out_trade_no: str | None, trade_no: str | None) -> Row:
    """Make an unpaid trade unpayable. Raises Failure ACQ.TRADE_STATUS_ERROR when it is not."""
    with city.state.transaction():
        trade = get(city, out_trade_no, trade_no)
        if trade["trade_status"] != "WAIT_BUYER_PAY":
            raise business_failure("TRADE_STATUS_ERROR", "交易状态不合法")
        return _shut(city, trade)


def close_expired(city: City) -> None:
    """Close what was not paid in time and owe the notices."""
    with city.state.transaction():
        for trade in city.state.all(
            "SELECT * FROM alipay_trade WHERE trade_status = 'WAIT_BUYER_PAY' AND expires_at <= ?",
            (city.now().timestamp(),),
        ):
            _shut(city, trade)


def add_refund(city: City, trade: Row, amount_fen: int) -> Row:
    """Count a refund; the whole sum closes the trade. Inside the caller's transaction."""
    city.state.run(
        "UPDATE alipay_trade SET refunded_fen = refunded_fen + ?1, "
        "trade_status = iif(refunded_fen + ?1 = total_fen, 'TRADE_CLOSED', trade_status), "
        "closed_at = iif(refunded_fen + ?1 = total_fen, ?2, closed_at) WHERE out_trade_no = ?3",
        (amount_fen, local_time(city.now()), trade["out_trade_no"]),
    )
    return _get(city, trade["out_trade_no"])


def describe(trade: Row) -> dict[str, object]:
    """The trade as the query tells it."""
    total = format_yuan(trade["total_fen"])
    members: dict[str, object] = {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "buyer_logon_id": BUYER_LOGON_ID,
        "trade_status": trade["trade_status"],
        "total_amount": total,
    }
    if trade["paid_at"] is None:
        return members
    return members | {
        "buyer_user_id": BUYER_ID,
        "buyer_user_type": "PRIVATE",
        "buyer_pay_amount": total,
        "receipt_amount": total,
        "invoice_amount": total,
        "point_amount": "0.00",
        "send_pay_date": trade["paid_at"],
        "fund_bill_list": [{"amount": total, "fund_channel": "ALIPAYACCOUNT"}],
    }


def _same_again(known: Row, params: bytes) -> Row:
    if known["paid_at"] is not None:
        raise business_failure("TRADE_HAS_SUCCESS", "交易已被支付")
    if known["trade_status"] == "TRADE_CLOSED":
        raise business_failure("TRADE_HAS_CLOSE", "交易已经关闭")
    if known["params"] != params:
        raise business_failure("CONTEXT_INCONSISTENT", "交易信息被篡改")
    return known


def _shut(city: City, trade: Row) -> Row:
    city.state.run(
        "UPDATE alipay_trade SET trade_status = 'TRADE_CLOSED', closed_at = ? "
        "WHERE out_trade_no = ?",
        (local_time(city.now()), trade["out_trade_no"]),
    )
    shut = _get(city, trade["out_trade_no"])
    if shut["trade_no"] is not None:
        notices.owe(city, shut)
    return shut


def _fresh(city: City, column: str, value: str) -> Row | None:
    """The trade with its state as of now: one whose time is over is closed."""
    query = f"SELECT * FROM alipay_trade WHERE {column} = ?"  # noqa: S608 - our own column names
    trade = city.state.one(query, (value,))
    if trade is None or trade["trade_status"] not in ("PREPARED", "WAIT_BUYER_PAY"):
        return trade
    if trade["expires_at"] > city.now().timestamp():
        return trade
    with city.state.transaction():
        return _shut(city, trade)


def _get(city: City, out_trade_no: str) -> Row:
    trade = city.state.one("SELECT * FROM alipay_trade WHERE out_trade_no = ?", (out_trade_no,))
    assert trade is not None
    return trade
