"""Trade and fund-flow bills: back-quoted CSV with a summary, announced with its SHA-1."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from starlette.responses import Response

from core.money import format_yuan
from sandbox.server.system import City
from sandbox.server.wire import Refusal
from sandbox.statements import files
from sandbox.statements.days import Day, parse_day
from sandbox.statements.lines import FEE_BPS, Line, fee_of
from sandbox.systems.wechatpay.keys import MERCHANT, Account
from sandbox.systems.wechatpay.wire import Answer, Call, ParamRefusal, Params

LINK_LIFETIME_S = 300
_RATE = f"{FEE_BPS / 100:.2f}%"
_PAYER = "oSandboxPayer000000000000001"

TRADE_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\n"
)
TRADE_SUMMARY_HEADER = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n"
)
FLOW_HEADER = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号\n"
)
FLOW_SUMMARY_HEADER = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n"


class _BillQuery(Params):
    bill_date: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    tar_type: Literal["GZIP"] | None = None


class _TradeBillQuery(_BillQuery):
    bill_type: Literal["ALL"] = "ALL"


class _FlowBillQuery(_BillQuery):
    account_type: Literal["BASIC"] = "BASIC"


AnyQuery = TypeVar("AnyQuery", bound=_BillQuery)


async def trade_bill(call: Call) -> Answer:
    """Where a day's trade bill is fetched, with the SHA-1 of the plain file."""
    return await _announce(call, _read_query(call, _TradeBillQuery), _trade_csv)


async def flow_bill(call: Call) -> Answer:
    """The same for the fund-flow bill."""
    return await _announce(call, _read_query(call, _FlowBillQuery), _flow_csv)


async def download(call: Call) -> Response:
    """The file of a token; like the real one, this answer is not signed."""
    token = call.request.query_params.get("token")
    return files.serve(call.city, token, "text/plain", "bill.csv")


async def _announce(
    call: Call, query: _BillQuery, render: Callable[[Iterator[Line], Account], Iterator[str]]
) -> Answer:
    on = parse_day(query.bill_date)
    if on is None:
        raise ParamRefusal("/bill_date", "应为 yyyy-MM-dd / must be yyyy-MM-dd")
    account = call.account
    day = Day(call.city, account.system, on)
    if not day.is_ready():
        raise Refusal(400, "STATEMENT_CREATING", "账单生成中 / ready from 10:00 the next day")
    real = real_lines(call.city, on, account)
    if not day.is_kept() or not (real or day.synthetic_lines() or day.breaks()):
        raise Refusal(400, "NO_STATEMENT_EXIST", "账单文件不存在 / nothing happened on that day")
    lines = _as_sent(render(day.lines(real), account))
    writer = files.plain_writer(lines, "sha1", zipped=query.tar_type == "GZIP")
    made = await files.make(call.city, writer, lifetime_s=LINK_LIFETIME_S)
    return 200, {
        "hash_type": "SHA1",
        "hash_value": made.digest,
        "download_url": f"{str(call.request.base_url).rstrip('/')}{account.path}"
        f"/v3/billdownload/file?token={made.token}",
    }


def _as_sent(lines: Iterator[str]) -> Iterator[str]:
    """The real one begins its files with a byte order mark and ends lines with CRLF."""
    yield "\ufeff"
    for line in lines:
        yield line.replace("\n", "\r\n")


def real_lines(city: City, day: date, account: Account = MERCHANT) -> list[Line]:
    """What was paid and what was asked to be refunded on a day, by time: a merchant's own, or that
    of a service provider's sub-merchants."""
    rows = city.state.all(
        "SELECT success_time, out_trade_no, transaction_id, total AS amount_fen, trade_type, "
        "params ->> 'description' AS title, '' AS refund_no, '' AS refund_ref, sub_mchid "
        "FROM wechat_order WHERE substr(success_time, 1, 10) = ?1 AND (sub_mchid <> '') = ?2 "
        "UNION ALL "
        "SELECT r.create_time, out_trade_no, transaction_id, refund, trade_type, "
        "params ->> 'description', out_refund_no, refund_id, sub_mchid "
        "FROM wechat_refund r JOIN wechat_order USING (out_trade_no) "
        "WHERE substr(r.create_time, 1, 10) = ?1 AND (sub_mchid <> '') = ?2 ORDER BY 1, 2, 7",
        (day.isoformat(), int(bool(account.sub_mchids))),
    )
    return [
        Line(
            at=row["success_time"][:19].replace("T", " "),
            order_no=row["out_trade_no"],
            trade_ref=row["transaction_id"],
            amount_fen=row["amount_fen"],
            fee_fen=fee_of(row["amount_fen"]),
            title=row["title"],
            product=row["trade_type"],
            refund_no=row["refund_no"],
            refund_ref=row["refund_ref"],
            merchant=row["sub_mchid"],
        )
        for row in rows
    ]


def _trade_csv(lines: Iterator[Line], account: Account = MERCHANT) -> Iterator[str]:
    count = paid_fen = refunded_fen = fees_fen = 0
    yield TRADE_HEADER
    for line in lines:
        count += 1
        amount, fee = format_yuan(line.amount_fen), format_yuan(line.fee_fen)
        appid = account.appids.get(line.product, account.appids["MWEB"])[0]
        title = line.title.replace(",", "，").replace("\n", " ")
        head = (
            f"`{line.at},`{appid},`{account.mchid},`{line.merchant or 0},`,`{line.trade_ref},"
            f"`{line.order_no},`{_PAYER},`{line.product},"
        )
        if line.is_refund:
            refunded_fen += line.amount_fen
            fees_fen -= line.fee_fen
            yield (
                f"{head}`REFUND,`OTHERS,`CNY,`0.00,`0.00,`{line.refund_ref},`{line.refund_no},"
                f"`{amount},`0.00,`ORIGINAL,`SUCCESS,`{title},`,`-{fee}000,`{_RATE},`0.00,"
                f"`{amount},`\n"
            )
        else:
            paid_fen += line.amount_fen
            fees_fen += line.fee_fen
            yield (
                f"{head}`SUCCESS,`OTHERS,`CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`{title},`,"
                f"`{fee}000,`{_RATE},`{amount},`0.00,`\n"
            )
    paid, refunded = format_yuan(paid_fen), format_yuan(refunded_fen)
    yield TRADE_SUMMARY_HEADER
    yield (f"`{count},`{paid},`{refunded},`0.00,`{format_yuan(fees_fen)}000,`{paid},`{refunded}\n")


def _flow_csv(lines: Iterator[Line], account: Account) -> Iterator[str]:
    """A payment is two flows, income and fee; a refund leaves less the fee that comes back."""
    balance_fen = incomes = income_fen = expenses = expense_fen = 0
    yield FLOW_HEADER
    for line in lines:
        amount, fee = format_yuan(line.amount_fen), format_yuan(line.fee_fen)
        if line.is_refund:
            out_fen = line.amount_fen - line.fee_fen
            balance_fen -= out_fen
            expenses, expense_fen = expenses + 1, expense_fen + out_fen
            yield (
                f"`{line.at},`{line.refund_ref},`{line.trade_ref},`退款,`退款,`支出,"
                f"`{format_yuan(out_fen)},`{format_yuan(balance_fen)},`{account.mchid}API,"
                f"`退款总金额{amount}元;含手续费{fee}元,`{line.refund_no}\n"
            )
            continue
        incomes, income_fen = incomes + 1, income_fen + line.amount_fen
        expenses, expense_fen = expenses + 1, expense_fen + line.fee_fen
        balance_fen += line.amount_fen
        same = f"`{line.at},`{line.trade_ref},`{line.trade_ref},`交易,"
        yield (
            f"{same}`交易,`收入,`{amount},`{format_yuan(balance_fen)},`system,`,`{line.order_no}\n"
        )
        balance_fen -= line.fee_fen
        yield (
            f"{same}`扣除交易手续费,`支出,`{fee},`{format_yuan(balance_fen)},`system,`,"
            f"`{line.order_no}\n"
        )
    yield FLOW_SUMMARY_HEADER
    yield (
        f"`{incomes + expenses},`{incomes},`{format_yuan(income_fen)},`{expenses},"
        f"`{format_yuan(expense_fen)}\n"
    )


def _read_query(call: Call, model: type[AnyQuery]) -> AnyQuery:
    try:
        given = {name: text for name, text in call.request.query_params.items() if text}
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ParamRefusal(f"/{first['loc'][0]}", first["msg"]) from None
