"""Returns of shares (分账回退): what of one goes back to the sub-merchant."""

from pydantic import Field

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal
from sandbox.systems.wechatpay import orders, sharing
from sandbox.systems.wechatpay.wire import Params


class ReturnParams(Params):
    """What of a share goes back."""

    sub_mchid: str = Field(min_length=1, max_length=32)
    out_order_no: str = Field(pattern=sharing.NUMBER)
    out_return_no: str = Field(pattern=sharing.NUMBER)
    return_mchid: str = Field(min_length=1, max_length=32)
    amount: int = Field(ge=1)
    description: str = Field(min_length=1, max_length=80)


def give_back(city: City, params: ReturnParams) -> Row:
    """The return; the same number again is the same one.

    Refuses 400 INVALID_REQUEST for a share that is not made, or more than is left of it.
    """
    with city.state.transaction():
        known = find_return(city, params.out_return_no)
        if known is not None:
            if (known["out_order_no"], known["amount"]) != (params.out_order_no, params.amount):
                raise Refusal(400, "INVALID_REQUEST", "回退单与原请求不一致 / another return")
            return known
        row = city.state.one(
            "SELECT coalesce(sum(d.amount), 0) - (SELECT coalesce(sum(r.amount), 0) "
            "FROM wechat_share_return r WHERE r.out_order_no = ?1 AND r.result <> 'FAILED') "
            "AS remains "
            "FROM wechat_share_detail d JOIN wechat_share USING (out_order_no) "
            "WHERE out_order_no = ?1 AND sub_mchid = ?2 AND account = ?3 AND result = 'SUCCESS'",
            (params.out_order_no, params.sub_mchid, params.return_mchid),
        )
        if row is None or params.amount > row["remains"]:
            raise Refusal(400, "INVALID_REQUEST", "剩余可回退的金额不足 / more than is left")
        now = city.now()
        city.state.run(
            "INSERT INTO wechat_share_return (out_return_no, return_id, out_order_no, "
            "return_mchid, amount, description, result, create_time, settles_at) "
            "VALUES (?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?)",
            (params.out_return_no, f"3100000001{city.serial('wechat_share_return')}",
             params.out_order_no, params.return_mchid, params.amount, params.description,
             orders.rfc3339(now), (now + sharing.SETTLES_AFTER).timestamp()),
        )  # fmt: skip
        made = find_return(city, params.out_return_no)
        assert made is not None
        return made


def find_return(city: City, out_return_no: str) -> Row | None:
    """The return of this number, or None."""
    return city.state.one(
        "SELECT * FROM wechat_share_return WHERE out_return_no = ?", (out_return_no,)
    )


def get_return(city: City, out_return_no: str, out_order_no: str) -> Row:
    """The return of a share. Raises Refusal 404 RESOURCE_NOT_EXISTS."""
    row = find_return(city, out_return_no)
    if row is None or row["out_order_no"] != out_order_no:
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "记录不存在 / no such return")
    return row


def describe_return(city: City, row: Row) -> dict[str, object]:
    """A return as the API tells it."""
    shared = sharing.find(city, row["out_order_no"])
    assert shared is not None
    members = (
        *("out_order_no", "out_return_no", "return_id", "return_mchid", "amount", "description"),
        *("result", "create_time"),
    )
    view: dict[str, object] = {member: row[member] for member in members}
    view |= {"sub_mchid": shared["sub_mchid"], "order_id": shared["order_id"]}
    view |= {"finish_time": row["finish_time"] or "1970-01-01T08:00:00+08:00"}
    return view if row["fail_reason"] is None else view | {"fail_reason": row["fail_reason"]}
