"""Profit sharing (分账): receivers, shares and releases, settled a moment after they are asked.

An order that is marked for it is kept back until it is shared or released. A share takes at most
30 % of the order and lets the rest go to the sub-merchant at once.
"""

import base64
import binascii
from datetime import timedelta
from typing import Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.statements.lines import fee_of
from sandbox.systems.wechatpay import orders
from sandbox.systems.wechatpay.keys import MCHID, Keys
from sandbox.systems.wechatpay.wire import Params

SCHEMA = """
CREATE TABLE wechat_receiver (
    sub_mchid TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (sub_mchid, account)
);
CREATE TABLE wechat_share (
    out_order_no TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL,
    sub_mchid TEXT NOT NULL, params BLOB NOT NULL
);
CREATE TABLE wechat_share_detail (
    detail_id TEXT PRIMARY KEY, out_order_no TEXT NOT NULL REFERENCES wechat_share,
    account TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), description TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('PENDING', 'SUCCESS', 'CLOSED')), fail_reason TEXT,
    create_time TEXT NOT NULL, settles_at REAL NOT NULL, finish_time TEXT
);
CREATE TABLE wechat_share_return (
    out_return_no TEXT PRIMARY KEY, return_id TEXT NOT NULL UNIQUE,
    out_order_no TEXT NOT NULL REFERENCES wechat_share, return_mchid TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0), description TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('PROCESSING', 'SUCCESS', 'FAILED')), fail_reason TEXT,
    create_time TEXT NOT NULL, settles_at REAL NOT NULL, finish_time TEXT
);
CREATE TABLE wechat_sharing_outcome (kind TEXT PRIMARY KEY, fail_reason TEXT NOT NULL);
"""
RATIO_MAX_BPS = 3_000
SETTLES_AFTER = timedelta(seconds=1)
RECEIVERS = {MCHID: "市政务服务中心"}
"""The merchants that may get shares, with their full names."""
REST = "解冻给分账方"
"""How the sub-merchant's own part is described."""
NUMBER = r"^[0-9A-Za-z_\-|*@]{1,64}$"


class Receiver(Params):
    """Who gets how much of an order."""

    type: Literal["MERCHANT_ID"]
    account: str = Field(min_length=1, max_length=64)
    amount: int = Field(ge=1)
    description: str = Field(min_length=1, max_length=80)


class ShareParams(Params):
    """A share of an order."""

    sub_mchid: str = Field(min_length=1, max_length=32)
    transaction_id: str = Field(min_length=1, max_length=32)
    out_order_no: str = Field(pattern=NUMBER)
    receivers: list[Receiver] = Field(min_length=1, max_length=50)
    unfreeze_unsplit: Literal[True]


class ReleaseParams(Params):
    """An order that is not shared."""

    sub_mchid: str = Field(min_length=1, max_length=32)
    transaction_id: str = Field(min_length=1, max_length=32)
    out_order_no: str = Field(pattern=NUMBER)
    description: str = Field(min_length=1, max_length=80)


class ReceiverParams(Params):
    """Whom a sub-merchant may share with; the name is encrypted."""

    sub_mchid: str = Field(min_length=1, max_length=32)
    appid: str = Field(min_length=1, max_length=32)
    type: Literal["MERCHANT_ID"]
    account: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=1024)
    relation_type: str = Field(min_length=1, max_length=32)


class Outcomes(Body):
    """Why the next shares and returns fail; nothing: they do not."""

    share: str | None = Field(None, min_length=1, max_length=64)
    give_back: str | None = Field(None, min_length=1, max_length=64)


def add_receiver(city: City, keys: Keys, params: ReceiverParams) -> dict[str, object]:
    """Note the relation; once more is the same. Refuses 400 INVALID_REQUEST for another name."""
    try:
        padding = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)  # noqa: S303
        name = keys.platform.decrypt(base64.b64decode(params.name), padding).decode()
    except (ValueError, binascii.Error):
        raise Refusal(400, "PARAM_ERROR", "name 解密失败 / the name cannot be read") from None
    if RECEIVERS.get(params.account) != name:
        raise Refusal(400, "INVALID_REQUEST", "分账接收商户全称不匹配 / not the merchant's name")
    city.state.run(
        "INSERT OR IGNORE INTO wechat_receiver VALUES (?, ?)", (params.sub_mchid, params.account)
    )
    return params.model_dump(include={"sub_mchid", "type", "account", "name", "relation_type"})


def share(city: City, params: ShareParams) -> Row:
    """The share; the same number again is the same share.

    Refuses 400 INVALID_REQUEST for an order that is not marked, or another under this number; 403
    NOT_ENOUGH, RULE_LIMIT for more than there is, or than may be shared.
    """
    with city.state.transaction():
        known = find(city, params.out_order_no)
        members = orjson.dumps(params.model_dump(mode="json"))
        if known is not None:
            return _same(known, members)
        order = _order(city, params.sub_mchid, params.transaction_id)
        total = sum(receiver.amount for receiver in params.receivers)
        for receiver in params.receivers:
            _check_receiver(city, params.sub_mchid, receiver.account)
        if total * 10_000 > order["total"] * RATIO_MAX_BPS:
            raise Refusal(403, "RULE_LIMIT", "分账金额超出最大分账比例 / more than may be shared")
        if total > kept_back(city, order) - fee_of(order["total"]):
            raise Refusal(403, "NOT_ENOUGH", "分账金额不足 / more than is kept back")
        _insert(city, params.out_order_no, params.transaction_id, params.sub_mchid, members)
        for receiver in params.receivers:
            _insert_detail(
                city, params.out_order_no, receiver.account, receiver.amount, receiver.description
            )
        _insert_rest(city, order, params.out_order_no, total)
        return get(city, params.out_order_no, params.sub_mchid, params.transaction_id)


def release(city: City, params: ReleaseParams) -> Row:
    """Let an order's rest go; the same number again is the same release."""
    with city.state.transaction():
        known = find(city, params.out_order_no)
        members = orjson.dumps(params.model_dump(mode="json"))
        if known is not None:
            return _same(known, members)
        order = _order(city, params.sub_mchid, params.transaction_id)
        if kept_back(city, order) == 0:
            raise Refusal(403, "NOT_ENOUGH", "分账金额不足 / nothing is kept back")
        _insert(city, params.out_order_no, params.transaction_id, params.sub_mchid, members)
        _insert_rest(city, order, params.out_order_no, 0)
        return get(city, params.out_order_no, params.sub_mchid, params.transaction_id)


def check_refund(city: City, order: Row, amount: int) -> None:
    """Refuse 403 RULE_LIMIT a refund of more than is kept back while an order is being shared."""
    row = city.state.one(
        "SELECT count(*) AS pending FROM wechat_share_detail JOIN wechat_share USING (out_order_no)"
        " WHERE transaction_id = ? AND result = 'PENDING'",
        (order["transaction_id"],),
    )
    assert row is not None
    if row["pending"] and amount > kept_back(city, order):
        raise Refusal(403, "RULE_LIMIT", "申请退款金额大于剩余未分账金额,请等待分账完成后再试")


def kept_back(city: City, order: Row) -> int:
    """What of an order is neither shared nor released nor refunded, in fen."""
    row = city.state.one(
        "SELECT (SELECT count(*) FROM wechat_share WHERE transaction_id = ?1) AS shares, "
        "(SELECT coalesce(sum(refund), 0) FROM wechat_refund WHERE out_trade_no = ?2) AS refunded",
        (order["transaction_id"], order["out_trade_no"]),
    )
    assert row is not None
    return 0 if row["shares"] or not is_marked(order) else int(order["total"] - row["refunded"])


def is_marked(order: Row) -> bool:
    """Whether an order was placed to be shared."""
    settle_info = orjson.loads(order["params"]).get("settle_info") or {}
    return bool(settle_info.get("profit_sharing"))


def settle_due(city: City) -> None:
    """Settle the shares and returns whose time has come. Inside the caller's transaction."""
    now = city.now()
    outcome = {
        row["kind"]: row["fail_reason"]
        for row in city.state.all("SELECT * FROM wechat_sharing_outcome")
    }
    moment = (orders.rfc3339(now), now.timestamp())
    city.state.run(
        "UPDATE wechat_share_detail SET finish_time = ?2, fail_reason = ?1, "
        "result = CASE WHEN ?1 IS NULL THEN 'SUCCESS' ELSE 'CLOSED' END "
        "WHERE result = 'PENDING' AND settles_at <= ?3 AND description <> ?4",
        (outcome.get("share"), *moment, REST),
    )
    city.state.run(
        "UPDATE wechat_share_detail SET finish_time = ?, result = 'SUCCESS' "
        "WHERE result = 'PENDING' AND settles_at <= ? AND description = ?",
        (*moment, REST),
    )
    city.state.run(
        "UPDATE wechat_share_return SET finish_time = ?2, fail_reason = ?1, "
        "result = CASE WHEN ?1 IS NULL THEN 'SUCCESS' ELSE 'FAILED' END "
        "WHERE result = 'PROCESSING' AND settles_at <= ?3",
        (outcome.get("give_back"), *moment),
    )


async def set_outcomes(request: Request, city: City) -> Response:
    """Control: let the next shares and returns fail, or not."""
    outcomes = (await read_body(request, Outcomes)).model_dump(exclude_none=True)
    with city.state.transaction():
        city.state.run("DELETE FROM wechat_sharing_outcome")
        for kind, reason in outcomes.items():
            city.state.run("INSERT INTO wechat_sharing_outcome VALUES (?, ?)", (kind, reason))
    return reply(outcomes)


def find(city: City, out_order_no: str) -> Row | None:
    """The share or release of this number, or None."""
    return city.state.one("SELECT * FROM wechat_share WHERE out_order_no = ?", (out_order_no,))


def get(city: City, out_order_no: str, sub_mchid: str, transaction_id: str) -> Row:
    """The same of a sub-merchant's order. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
    row = find(city, out_order_no)
    if row is None or (row["sub_mchid"], row["transaction_id"]) != (sub_mchid, transaction_id):
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "分账单不存在 / no such share")
    return row


def describe(city: City, row: Row) -> dict[str, object]:
    """A share or release as the API tells it."""
    details = city.state.all(
        "SELECT * FROM wechat_share_detail WHERE out_order_no = ? ORDER BY detail_id",
        (row["out_order_no"],),
    )
    is_open = any(detail["result"] == "PENDING" for detail in details)
    return {
        "sub_mchid": row["sub_mchid"],
        "transaction_id": row["transaction_id"],
        "out_order_no": row["out_order_no"],
        "order_id": row["order_id"],
        "state": "PROCESSING" if is_open else "FINISHED",
        "receivers": [_describe_detail(detail) for detail in details],
    }


def _describe_detail(detail: Row) -> dict[str, object]:
    members = ("account", "amount", "description", "result", "detail_id", "create_time")
    view: dict[str, object] = {member: detail[member] for member in members}
    view |= {"type": "MERCHANT_ID"}
    view |= {"finish_time": detail["finish_time"] or "1970-01-01T08:00:00+08:00"}
    return view if detail["fail_reason"] is None else view | {"fail_reason": detail["fail_reason"]}


def _order(city: City, sub_mchid: str, transaction_id: str) -> Row:
    order = orders.find_by_transaction(city, transaction_id)
    if order is None or order["sub_mchid"] != sub_mchid:
        raise Refusal(400, "INVALID_REQUEST", "订单不存在 / no such order")
    if not is_marked(order):
        raise Refusal(400, "INVALID_REQUEST", "非分账订单不支持分账 / not an order to be shared")
    return order


def _check_receiver(city: City, sub_mchid: str, account: str) -> None:
    known = city.state.one(
        "SELECT 1 FROM wechat_receiver WHERE sub_mchid = ? AND account = ?", (sub_mchid, account)
    )
    if known is None:
        raise Refusal(400, "INVALID_REQUEST", "分账接收方关系不存在 / no such receiver")


def _same(known: Row, members: bytes) -> Row:
    if known["params"] != members:
        raise Refusal(400, "INVALID_REQUEST", "分账单与原请求不一致 / another under this number")
    return known


def _insert(city: City, number: str, transaction_id: str, sub_mchid: str, members: bytes) -> None:
    city.state.run(
        "INSERT INTO wechat_share VALUES (?, ?, ?, ?, ?)",
        (number, f"3000000001{city.serial('wechat_share')}", transaction_id, sub_mchid, members),
    )


def _insert_rest(city: City, order: Row, number: str, shared: int) -> None:
    """What the sub-merchant has of it at once: the rest, less the fee of what was not refunded."""
    row = city.state.one(
        "SELECT coalesce(sum(refund), 0) AS refunded FROM wechat_refund WHERE out_trade_no = ?",
        (order["out_trade_no"],),
    )
    assert row is not None
    kept = order["total"] - row["refunded"]
    rest = kept - fee_of(kept) - shared
    if rest > 0:
        _insert_detail(city, number, order["sub_mchid"], rest, REST)


def _insert_detail(city: City, number: str, account: str, amount: int, description: str) -> None:
    now = city.now()
    city.state.run(
        "INSERT INTO wechat_share_detail (detail_id, out_order_no, account, amount, description, "
        "result, create_time, settles_at) VALUES (?, ?, ?, ?, ?, 'PENDING', ?, ?)",
        (f"3600000001{city.serial('wechat_share_detail')}", number, account, amount, description,
         orders.rfc3339(now), (now + SETTLES_AFTER).timestamp()),
    )  # fmt: skip
