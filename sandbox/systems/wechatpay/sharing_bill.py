"""The bill of profit sharing: shares, releases and returns of a day, announced with its SHA-1."""

from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import Field

from core.money import format_yuan
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal
from sandbox.statements import files
from sandbox.statements.days import Day, parse_day
from sandbox.systems.wechatpay.bills import LINK_LIFETIME_S
from sandbox.systems.wechatpay.keys import Account
from sandbox.systems.wechatpay.sharing import REST
from sandbox.systems.wechatpay.wire import Answer, Call, ParamRefusal, Params

HEADER = (
    "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,"
    "分账接收方,金额,业务类型,处理状态,备注"
)
SUMMARY_HEADER = "总条数,总金额"
_ROWS = """
SELECT d.finish_time AS at, s.sub_mchid AS payer, s.transaction_id, s.order_id, d.detail_id,
       s.out_order_no AS number, o.total, d.account AS receiver, d.amount, d.description,
       CASE d.description WHEN ?3 THEN '解冻' ELSE '分账' END AS kind
  FROM wechat_share_detail d JOIN wechat_share s USING (out_order_no)
  JOIN wechat_order o USING (transaction_id)
 WHERE d.result = 'SUCCESS' AND substr(d.finish_time, 1, 10) = ?1 AND s.sub_mchid LIKE ?2
UNION ALL
SELECT r.finish_time, s.sub_mchid, s.transaction_id, r.return_id, r.return_id, r.out_return_no,
       o.total, r.return_mchid, r.amount, r.description, '分账回退'
  FROM wechat_share_return r JOIN wechat_share s USING (out_order_no)
  JOIN wechat_order o USING (transaction_id)
 WHERE r.result = 'SUCCESS' AND substr(r.finish_time, 1, 10) = ?1 AND s.sub_mchid LIKE ?2
 ORDER BY 1, 5
"""


class BillQuery(Params):
    """Which day's bill, of which sub-merchant; without one, of all."""

    bill_date: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    sub_mchid: str | None = None
    tar_type: Literal["GZIP"] | None = None


async def announce(call: Call, query: BillQuery) -> Answer:
    """Where a day's bill is fetched, with the SHA-1 of the plain file."""
    on = parse_day(query.bill_date)
    if on is None:
        raise ParamRefusal("/bill_date", "应为 yyyy-MM-dd / must be yyyy-MM-dd")
    day = Day(call.city, call.account.system, on)
    if not day.is_ready():
        raise Refusal(400, "STATEMENT_CREATING", "账单生成中 / ready from 10:00 the next day")
    rows = list_rows(call.city, on, query.sub_mchid)
    if not day.is_kept() or not rows:
        raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在 / nothing happened on that day")
    lines = _csv(rows, call.account)
    writer = files.plain_writer(lines, "sha1", zipped=query.tar_type == "GZIP")
    made = await files.make(call.city, writer, lifetime_s=LINK_LIFETIME_S)
    return 200, {
        "hash_type": "SHA1",
        "hash_value": made.digest,
        "download_url": f"{str(call.request.base_url).rstrip('/')}{call.account.path}"
        f"/v3/billdownload/file?token={made.token}",
    }


def list_rows(city: City, on: date, sub_mchid: str | None = None) -> list[Row]:
    """What was shared, released and returned on a day, by time; what failed is not in a bill."""
    return city.state.all(_ROWS, (on.isoformat(), sub_mchid or "%", REST))


def _csv(rows: list[Row], account: Account) -> Iterator[str]:
    yield f"\ufeff{HEADER}\r\n"
    for row in rows:
        cells = (
            row["at"][:19].replace("T", " "), account.mchid, row["payer"], row["transaction_id"],
            row["order_id"], row["detail_id"], row["number"], format_yuan(row["total"]),
            row["receiver"], format_yuan(row["amount"]), row["kind"], "成功", row["description"],
        )  # fmt: skip
        yield ",".join(f"`{cell}" for cell in cells) + "\r\n"
    yield f"{SUMMARY_HEADER}\r\n"
    yield f"`{len(rows)},`{format_yuan(sum(row['amount'] for row in rows))}\r\n"
