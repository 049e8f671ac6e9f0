"""Orders: one per out_trade_no, unpaid until the cashier or the clock ends it."""

import hashlib
from datetime import datetime, timedelta
from typing import Literal

import orjson
from pydantic import AwareDatetime, Field

from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City
from sandbox.server.wire import Refusal
from sandbox.systems.wechatpay.keys import MERCHANT, Account, account_of
from sandbox.systems.wechatpay.wire import Params, check_mchid

SCHEMA = """
CREATE TABLE wechat_order (
    out_trade_no TEXT PRIMARY KEY, prepay_id TEXT NOT NULL UNIQUE, trade_type TEXT NOT NULL,
    params BLOB NOT NULL, total INTEGER NOT NULL, expires_at REAL NOT NULL,
    trade_state TEXT NOT NULL CHECK (trade_state IN ('NOTPAY', 'SUCCESS', 'CLOSED', 'REFUND')),
    transaction_id TEXT UNIQUE, success_time TEXT, sub_mchid TEXT NOT NULL
);
"""
LIFETIME = timedelta(hours=2)
STATE_NAMES = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "CLOSED": "订单已关闭",
    "REFUND": "转入退款",
}
URL = r"^https?://[^\s?#]+$"


class Amount(Params):
    """What the order costs, in fen."""

    total: int = Field(ge=1, le=10_000_000_000)
    currency: Literal["CNY"] = "CNY"


class Payer(Params):
    """Who pays, where the app knows."""

    openid: str = Field(min_length=1, max_length=128)


class H5Info(Params):
    """Where the H5 page is shown."""

    type: str = Field(min_length=1, max_length=32)


class Scene(Params):
    """From where the order comes."""

    payer_client_ip: str = Field(min_length=1, max_length=45)


class H5Scene(Scene):
    """From where an H5 order comes."""

    h5_info: H5Info


class OrderParams(Params):
    """What every kind of order tells."""

    appid: str = Field(min_length=1, max_length=32)
    mchid: str = Field(min_length=1, max_length=32)
    description: str = Field(min_length=1, max_length=127)
    out_trade_no: str = Field(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")
    notify_url: str = Field(max_length=255, pattern=URL)
    amount: Amount
    time_expire: AwareDatetime | None = None
    attach: str | None = Field(None, max_length=128)


class AppOrder(OrderParams):
    """An order paid inside a native app."""

    scene_info: Scene | None = None


class JsapiOrder(OrderParams):
    """An order paid inside WeChat."""

    payer: Payer
    scene_info: Scene | None = None


class H5Order(OrderParams):
    """An order paid from a browser outside WeChat."""

    scene_info: H5Scene


def place(
    city: City,
    trade_type: str,
    params: OrderParams,
    account: Account = MERCHANT,
    sub_mchid: str = "",
) -> Row:
    """The order; the same order again is the same prepay_id while it can still be paid.

    `sub_mchid`: whose it is, where a service provider places it.
    Raises Refusal 400: APPID_MCHID_NOT_MATCH; INVALID_REQUEST for a number used by another or
    a finished order; ParamRefusal for an end in the past.
    """
    check_mchid(params.mchid, account)
    if params.appid not in account.appids[trade_type]:
        raise Refusal(
            400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配 / appid is not this mchid's"
        )
    now = city.now()
    expires_at = params.time_expire or now + LIFETIME
    if expires_at <= now:
        raise Refusal(400, "INVALID_REQUEST", "time_expire 已过 / time_expire is in the past")
    members = orjson.dumps(params.model_dump(mode="json"))
    with city.state.transaction():
        known = find(city, params.out_trade_no)
        if known is not None:
            return _same_again(known, trade_type, members)
        number = city.state.next_in("wechat_order")
        digest = hashlib.sha256(f"{city.settings.seed}:{number}".encode()).hexdigest()[:22]
        city.state.run(
            "INSERT INTO wechat_order (out_trade_no, prepay_id, trade_type, params, total, "
            "expires_at, trade_state, sub_mchid) VALUES (?, ?, ?, ?, ?, ?, 'NOTPAY', ?)",
            (params.out_trade_no, f"wx{now.astimezone(SHANGHAI):%Y%m%d%H%M%S}{digest}", trade_type,
             members, params.amount.total, expires_at.timestamp(), sub_mchid),
        )  # fmt: skip
        return get(city, params.out_trade_no, sub_mchid)


def _same_again(known: Row, trade_type: str, members: bytes) -> Row:
    if known["trade_state"] in ("SUCCESS", "REFUND"):
        raise Refusal(400, "INVALID_REQUEST", "该订单已支付 / the order is paid")
    same = (known["trade_type"], known["params"]) == (trade_type, members)
    if not same or known["trade_state"] == "CLOSED":
        raise Refusal(400, "INVALID_REQUEST", "201 商户订单号重复 / out_trade_no was used")
    return known


def find(city: City, out_trade_no: str) -> Row | None:
    """The order of this number with its state as of now, or None."""
    return _fresh(city, "out_trade_no", out_trade_no)


def get(city: City, out_trade_no: str, sub_mchid: str = "") -> Row:
    """The order of this number. Raises Refusal 404 ORDER_NOT_EXIST, also for another's."""
    order = find(city, out_trade_no)
    return _existing(order if order is not None and order["sub_mchid"] == sub_mchid else None)


def get_by_prepay(city: City, prepay_id: str) -> Row:
    """The order that the cashier shows. Raises Refusal 404 ORDER_NOT_EXIST."""
    return _existing(_fresh(city, "prepay_id", prepay_id))


def find_by_transaction(city: City, transaction_id: str) -> Row | None:
    """The paid order of this transaction, or None."""
    return _fresh(city, "transaction_id", transaction_id)


def close(city: City, out_trade_no: str, sub_mchid: str = "") -> None:
    """Make an unpaid order unpayable. Raises Refusal 404 ORDER_NOT_EXIST, 400 otherwise."""
    with city.state.transaction():
        order = get(city, out_trade_no, sub_mchid)
        if order["trade_state"] == "CLOSED":
            raise Refusal(400, "ORDER_CLOSED", "订单已关闭 / the order is closed already")
        if order["trade_state"] != "NOTPAY":
            raise Refusal(400, "INVALID_REQUEST", "该订单已支付 / the order is paid")
        _set_state(city, out_trade_no, "CLOSED")


def settle(city: City, order: Row) -> Row:
    """Mark an unpaid order paid, with its transaction. Inside the caller's transaction."""
    city.state.run(
        "UPDATE wechat_order SET trade_state = 'SUCCESS', transaction_id = ?, success_time = ? "
        "WHERE out_trade_no = ?",
        (
            f"4200000001{city.serial('wechat_transaction')}",
            rfc3339(city.now()),
            order["out_trade_no"],
        ),
    )
    return get(city, order["out_trade_no"], order["sub_mchid"])


def mark_refunded(city: City, out_trade_no: str) -> None:
    """From the first refund on, the order's state is REFUND."""
    _set_state(city, out_trade_no, "REFUND")


def describe(order: Row) -> dict[str, object]:
    """The order as the query API and the callback tell it."""
    params = orjson.loads(order["params"])
    ours = "sp_" if order["sub_mchid"] else ""
    members: dict[str, object] = {
        f"{ours}appid": params["appid"],
        **names(order),
        "out_trade_no": order["out_trade_no"],
        "trade_type": order["trade_type"],
        "trade_state": order["trade_state"],
        "trade_state_desc": STATE_NAMES[order["trade_state"]],
        "amount": {"total": order["total"], "currency": "CNY"},
    }
    if params["attach"] is not None:
        members["attach"] = params["attach"]
    if order["transaction_id"] is None:
        return members
    openid = params.get("payer", {}).get("openid", "oSandboxPayer000000000000001")
    return members | {
        "transaction_id": order["transaction_id"],
        "bank_type": "OTHERS",
        "success_time": order["success_time"],
        "payer": {f"{ours}openid": openid},
        "amount": {
            "total": order["total"],
            "payer_total": order["total"],
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }


def names(order: Row) -> dict[str, object]:
    """Whose order it is, as answers and callbacks tell it."""
    account = account_of(order["sub_mchid"])
    if not order["sub_mchid"]:
        return {"mchid": account.mchid}
    return {"sp_mchid": account.mchid, "sub_mchid": order["sub_mchid"]}


def rfc3339(moment: datetime) -> str:
    """A moment as WeChat Pay writes it, in Beijing time to the second."""
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _fresh(city: City, column: str, value: str) -> Row | None:
    query = f"SELECT * FROM wechat_order WHERE {column} = ?"  # noqa: S608 - our own column names
    order = city.state.one(query, (value,))
    if order is None or order["trade_state"] != "NOTPAY":
        return order
    if order["expires_at"] > city.now().timestamp():
        return order
    _set_state(city, order["out_trade_no"], "CLOSED")
    return city.state.one(query, (value,))


def _existing(order: Row | None) -> Row:
    if order is None:
        raise Refusal(404, "ORDER_NOT_EXIST", "订单不存在 / no such order")
    return order


def _set_state(city: City, out_trade_no: str, trade_state: str) -> None:
    city.state.run(
        "UPDATE wechat_order SET trade_state = ? WHERE out_trade_no = ?",
        (trade_state, out_trade_no),
    )
