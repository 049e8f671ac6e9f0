"""A day's trade bill: a ZIP of two CSV files in GBK, detail and summary."""

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from core.money import format_yuan
from sandbox.server.system import City
from sandbox.statements import files
from sandbox.statements.days import Day, parse_day
from sandbox.statements.lines import Line, fee_of
from sandbox.systems.alipay.keys import BUYER_LOGON_ID, SELLER_ID
from sandbox.systems.alipay.wire import Answer, Biz, Call, Failure, business_failure, read_biz

SYSTEM = "alipay"
LINK_LIFETIME_S = 30
ACCOUNT = f"{SELLER_ID}0156"
_RULE = (
    "#-----------------------------------------业务明细列表{}---------------------------------\n"
)
_DETAIL_HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,"
    "券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\n"
)
_SUMMARY_HEADER = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,"
    "商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）\n"
)


class _BillBiz(Biz):
    bill_type: Literal["trade"]
    bill_date: str


class _Totals:
    """What the summary tells, counted while the detail is written."""

    pays = refunds = paid_fen = refunded_fen = fees_fen = 0

    def count(self, line: Line) -> None:
        """Add a line."""
        if line.is_refund:
            self.refunds += 1
            self.refunded_fen += line.amount_fen
            self.fees_fen -= line.fee_fen
        else:
            self.pays += 1
            self.paid_fen += line.amount_fen
            self.fees_fen += line.fee_fen


async def download_url(call: Call) -> Answer:
    """Where a day's bill is fetched within 30 seconds. Failure isp.bill_not_exist without one."""
    biz = read_biz(call, _BillBiz)
    on = parse_day(biz.bill_date)
    if on is None:
        raise business_failure("INVALID_PARAMETER", "参数无效: bill_date: yyyy-MM-dd")
    day = Day(call.city, SYSTEM, on)
    real = real_lines(call.city, on)
    empty = not (real or day.synthetic_lines() or day.breaks())
    if not day.is_ready() or not day.is_kept() or empty:
        raise Failure("40004", "isp.bill_not_exist", "账单不存在")

    def write(path: Path) -> str:
        return _write_zip(path, on, day.lines(real))

    made = await files.make(call.city, write, lifetime_s=LINK_LIFETIME_S)
    return {"bill_download_url": f"{call.request.base_url}alipay/bill/download?token={made.token}"}


async def download(request: Request, city: City) -> Response:
    """The ZIP of a token."""
    return files.serve(city, request.query_params.get("token"), "application/zip", "bill.csv.zip")


def real_lines(city: City, day: date) -> list[Line]:
    """What was paid and what was refunded on a day, by time."""
    rows = city.state.all(
        "SELECT paid_at AS at, out_trade_no, trade_no, total_fen AS amount_fen, "
        "params ->> 'subject' AS title, '' AS refund_no "
        "FROM alipay_trade WHERE substr(paid_at, 1, 10) = ?1 UNION ALL "
        "SELECT refunded_at, out_trade_no, trade_no, amount_fen, params ->> 'subject', "
        "out_request_no FROM alipay_refund JOIN alipay_trade USING (out_trade_no) "
        "WHERE substr(refunded_at, 1, 10) = ?1 ORDER BY 1, 2, 6",
        (day.isoformat(),),
    )
    return [
        Line(
            at=row["at"],
            order_no=row["out_trade_no"],
            trade_ref=row["trade_no"],
            amount_fen=row["amount_fen"],
            fee_fen=fee_of(row["amount_fen"]),
            title=row["title"],
            refund_no=row["refund_no"],
        )
        for row in rows
    ]


class _GbkName(zipfile.ZipInfo):
    """A file name in GBK, without the flag that says UTF-8, as the real one writes it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile asks it so
        return self.filename.encode("gbk"), self.flag_bits


def _write_zip(path: Path, day: date, lines: Iterator[Line]) -> str:
    """Both files; returns the digest of the detail's text."""
    name = f"{ACCOUNT}_{day:%Y%m%d}_业务明细"
    totals = _Totals()
    digest = hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        info = _GbkName(f"{name}.csv")
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as detail:
            for chunk in files.chunks(_detail(day, lines, totals), "gbk"):
                digest.update(chunk)
                detail.write(chunk)
        summary = "".join(_summary(day, totals))
        archive.writestr(_GbkName(f"{name}(汇总).csv"), summary.encode("gbk", "replace"))
    return digest.hexdigest()


def _preamble(day: date, title: str) -> str:
    period = f"[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day:%Y年%m月%d日} 24:00:00]"
    return f"#支付宝{title}\n#账号：[{ACCOUNT}]\n#起始日期：{period}\n"


def _detail(day: date, lines: Iterator[Line], totals: _Totals) -> Iterator[str]:
    yield _preamble(day, "业务明细查询")
    yield _RULE.format("") + _DETAIL_HEADER
    for line in lines:
        totals.count(line)
        kind, sign, fee_sign = ("退款", "-", "") if line.is_refund else ("交易", "", "-")
        amount = f"{sign}{format_yuan(line.amount_fen)}"
        title = line.title.replace(",", "，").replace("\n", " ")
        yield (
            f"{line.trade_ref}\t,{line.order_no}\t,{kind}\t,{title},{line.at},{line.at},\t,\t,\t,"
            f"\t,{BUYER_LOGON_ID},{amount},{amount},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,"
            f"{line.refund_no}\t,{fee_sign}{format_yuan(line.fee_fen)},0.00,\n"
        )
    yield _RULE.format("结束")
    paid, refunded = format_yuan(totals.paid_fen), format_yuan(-totals.refunded_fen)
    yield f"#交易合计：{totals.pays}笔，商家实收共{paid}元，商家优惠共0.00元\n"
    yield f"#退款合计：{totals.refunds}笔，商家实收退款共{refunded}元，商家优惠退款共0.00元\n"


def _summary(day: date, totals: _Totals) -> Iterator[str]:
    net_fen = totals.paid_fen - totals.refunded_fen
    net, fees = format_yuan(net_fen), format_yuan(-totals.fees_fen)
    settled = format_yuan(net_fen - totals.fees_fen)
    yield _preamble(day, "业务汇总查询")
    yield _RULE.replace("明细", "汇总").format("") + _SUMMARY_HEADER
    yield (
        f"合计\t,\t,{totals.pays},{totals.refunds},{net},{net},0.00,0.00,0.00,{fees},0.00,"
        f"{settled}\n"
    )
    yield _RULE.replace("明细", "汇总").format("结束")
