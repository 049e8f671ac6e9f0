"""Daily statements: what they say is what happened, but for the breaks that were planted."""

import asyncio
import gzip
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import psutil
import pytest

from core.money import portion_bps
from sandbox.statements.lines import FEE_BPS, Break, Line, fee_of, planted, synthetic
from tests.sandbox.alipay_merchant import AlipayMerchant
from tests.sandbox.merchant import Merchant
from tests.sandbox.serving import Client, free_port, sandbox_process
from tests.sandbox.test_billers import fresh_bill, write_off
from tests.sandbox.test_wechatpay import pay

SHANGHAI = ZoneInfo("Asia/Shanghai")
URL = "http://127.0.0.1:9/notify"


def today() -> str:
    return datetime.now(SHANGHAI).date().isoformat()


@pytest.fixture
def merchant(city: Client, keys_dir: Path) -> Merchant:
    return Merchant(city.base, keys_dir, URL)


@pytest.fixture
def alipay(city: Client, keys_dir: Path) -> AlipayMerchant:
    return AlipayMerchant(city.http, keys_dir, "")


async def open_day(city: Client, system: str, synthetic_lines: int = 0) -> Any:
    path = f"/_control/statements/{system}/{today()}?synthetic={synthetic_lines}"
    status, told = await city.put(path, {})
    assert (status, told["ready"]) == (200, True)
    return told


async def plant(city: Client, system: str, kind: str, order_no: str | None = None) -> None:
    body = {"kind": kind} | ({"order_no": order_no} if order_no else {})
    status, told = await city.post(f"/_control/statements/{system}/{today()}/breaks", body)
    assert status == 201, told


async def wechat_csv(
    merchant: Merchant, kind: str = "trade_bill", tar_type: str = ""
) -> tuple[list[str], Any]:
    """The lines of today's bill, fetched as the library does, its hash checked."""
    status, told = await merchant.call(kind, bill_date=today(), tar_type=tar_type)
    assert (status, told["hash_type"]) == (200, "SHA1")
    status, raw = await asyncio.to_thread(merchant.library.download_bill, told["download_url"])
    assert status == 200
    plain = gzip.decompress(raw) if tar_type else raw
    assert hashlib.sha1(plain).hexdigest() == told["hash_value"]
    return plain.decode("utf-8-sig").splitlines(), raw


def rows_of(lines: list[str]) -> list[dict[str, str]]:
    names = lines[0].split(",")
    return [
        dict(zip(names, line.removeprefix("`").split(",`"), strict=True)) for line in lines[1:-2]
    ]


class TestWeChatPay:
    """Trade and fund-flow bills through the public client library."""

    async def test_a_day_with_a_payment_and_a_refund(
        self, city: Client, merchant: Merchant
    ) -> None:
        paid = await pay(city, merchant, "BILL-0001")
        await merchant.refund("BILL-0001", "R-0001", 940, 2940)
        await asyncio.sleep(1.5)
        await open_day(city, "wechatpay")
        lines, _ = await wechat_csv(merchant)
        payment, refund = rows_of(lines)
        told = await merchant.query("BILL-0001")
        assert payment["交易时间"] == told["success_time"][:19].replace("T", " ")
        assert payment["商户订单号"] == "BILL-0001"
        assert payment["微信订单号"] == paid["transaction_id"]
        assert (payment["交易状态"], payment["订单金额"]) == ("SUCCESS", "29.40")
        assert (payment["手续费"], payment["费率"]) == ("0.18000", "0.60%")
        assert (refund["交易状态"], refund["退款状态"]) == ("REFUND", "SUCCESS")
        assert (refund["商户退款单号"], refund["退款金额"]) == ("R-0001", "9.40")
        assert refund["手续费"] == "-0.06000"
        assert lines[-2].startswith("总交易单数,应结订单总金额")
        assert lines[-1] == "`2,`29.40,`9.40,`0.00,`0.12000,`29.40,`9.40"
        flows, _ = await wechat_csv(merchant, "fundflow_bill")
        columns = ("收支类型", "收支金额(元)", "账户结余(元)")
        assert [tuple(row[name] for name in columns) for row in rows_of(flows)] == [
            ("收入", "29.40", "29.40"),
            ("支出", "0.18", "29.22"),
            ("支出", "9.34", "19.88"),
        ]
        assert flows[-1] == "`3,`1,`29.40,`2,`9.52"

    async def test_gzip_hashes_the_plain_file(self, city: Client, merchant: Merchant) -> None:
        await pay(city, merchant, "BILL-0002")
        await open_day(city, "wechatpay")
        packed, raw = await wechat_csv(merchant, tar_type="GZIP")
        assert raw[:2] == b"\x1f\x8b"
        assert packed == (await wechat_csv(merchant))[0]

    async def test_a_day_without_a_bill(self, city: Client, merchant: Merchant) -> None:
        yesterday = date.fromisoformat(today()) - timedelta(days=1)
        for day, code in (
            (today(), "STATEMENT_CREATING"),
            (str(yesterday - timedelta(days=1)), "NO_STATEMENT_EXIST"),
            ("2020-01-01", "NO_STATEMENT_EXIST"),
            ("2026-02-30", "PARAM_ERROR"),
            ("20260201", "PARAM_ERROR"),
        ):
            status, body = await merchant.call("trade_bill", bill_date=day)
            assert (status, body["code"]) == (400, code), day

    async def test_a_bill_needs_a_signature_and_a_token(
        self, city: Client, merchant: Merchant
    ) -> None:
        status, body = await city.get("/wechatpay/v3/bill/tradebill?bill_date=2026-01-01")
        assert (status, body["code"]) == (401, "SIGN_ERROR")
        status, _ = await asyncio.to_thread(
            merchant.library.download_bill, "/v3/billdownload/file?token=guess"
        )
        assert status == 404


class TestBreaks:
    """Each kind of planted break changes exactly what it says, and nothing else."""

    async def bill(self, city: Client, merchant: Merchant) -> list[dict[str, str]]:
        return rows_of((await wechat_csv(merchant))[0])

    @pytest.mark.parametrize(
        ("kind", "changed"),
        [
            ("missing_row", []),
            ("amount", [{"订单金额": "30.40", "应结订单金额": "30.40"}]),
            ("fee", [{"手续费": "0.19000"}]),
            ("duplicate", [{}, {}]),
        ],
    )
    async def test_one_order_is_struck(
        self, city: Client, merchant: Merchant, kind: str, changed: list[dict[str, str]]
    ) -> None:
        for number in range(3):
            await pay(city, merchant, f"BREAK-{number}")
        await open_day(city, "wechatpay")
        before = await self.bill(city, merchant)
        await plant(city, "wechatpay", kind, "BREAK-1")
        after = await self.bill(city, merchant)
        first, struck, last = before
        assert after == [first, *(struck | change for change in changed), last]

    async def test_a_line_of_the_day_before(self, city: Client, merchant: Merchant) -> None:
        await pay(city, merchant, "BREAK-1")
        await open_day(city, "wechatpay")
        await plant(city, "wechatpay", "date", "BREAK-1")
        (row,) = await self.bill(city, merchant)
        assert date.fromisoformat(row["交易时间"][:10]) == (
            date.fromisoformat(today()) - timedelta(days=1)
        )

    async def test_a_refund_and_a_payment_that_nobody_made(
        self, city: Client, merchant: Merchant
    ) -> None:
        await pay(city, merchant, "BREAK-1")
        await open_day(city, "wechatpay")
        await plant(city, "wechatpay", "refund", "BREAK-1")
        await plant(city, "wechatpay", "extra_row", "STRANGER-1")
        payment, refund, extra = await self.bill(city, merchant)
        assert refund["商户退款单号"] == "UNASKEDBREAK-1" and refund["退款金额"] == "29.40"
        assert (extra["商户订单号"], extra["订单金额"]) == ("STRANGER-1", "12.34")
        assert payment["交易状态"] == extra["交易状态"] == "SUCCESS"

    async def test_the_control_plane_tells_who_was_struck(
        self, city: Client, merchant: Merchant
    ) -> None:
        await open_day(city, "wechatpay", synthetic_lines=10)
        await plant(city, "wechatpay", "amount")
        await plant(city, "wechatpay", "fee")
        await wechat_csv(merchant)
        path = f"/_control/statements/wechatpay/{today()}"
        told = (await city.get(path))[1]["breaks"]
        dense = today().replace("-", "")
        assert [row["struck"] for row in told] == [f"SYN{dense}{n:09d}" for n in range(2)]
        assert (await city.call("DELETE", f"{path}/breaks"))[0] == 204
        assert (await city.get(path))[1]["breaks"] == []

    async def test_an_order_breaks_once_and_in_a_known_way(self, city: Client) -> None:
        await plant(city, "alipay", "fee", "X-1")
        path = f"/_control/statements/alipay/{today()}/breaks"
        assert (await city.post(path, {"kind": "amount", "order_no": "X-1"}))[0] == 409
        assert (await city.post(path, {"kind": "theft"}))[0] == 400
        assert (await city.put("/_control/statements/alipay/2026-2-1", {}))[0] == 400


class TestAlipay:
    """The ZIP of detail and summary."""

    async def fetch(self, alipay: AlipayMerchant) -> tuple[list[str], list[str]]:
        method = "alipay.data.dataservice.bill.downloadurl.query"
        biz = {"bill_type": "trade", "bill_date": today()}
        node = await alipay.send(alipay.sign(alipay.params(method, biz)))
        assert node["code"] == "10000", node
        async with alipay.http.get(node["bill_download_url"]) as answer:
            archive = zipfile.ZipFile(io.BytesIO(await answer.read()), metadata_encoding="gbk")
        detail, summary = sorted(archive.namelist(), key=lambda name: "汇总" in name)
        assert detail == f"20880000000000010156_{today().replace('-', '')}_业务明细.csv"
        return tuple(archive.read(name).decode("gbk").splitlines() for name in (detail, summary))

    async def test_a_day_with_a_payment_and_a_refund(
        self, city: Client, alipay: AlipayMerchant
    ) -> None:
        state = await alipay.pay("BILL_0001")
        refund = {"refund_amount": "9.40", "out_request_no": "R1"}
        await alipay.call("refund", out_trade_no="BILL_0001", **refund)
        await open_day(city, "alipay")
        detail, summary = await self.fetch(alipay)
        names = detail[4].split(",")
        rows = [
            dict(zip(names, (cell.strip() for cell in line.split(",")), strict=True))
            for line in detail[5:-3]
        ]
        assert [row["业务类型"] for row in rows] == ["交易", "退款"]
        assert {row["支付宝交易号"] for row in rows} == {state["trade_no"]}
        assert [row["商家实收（元）"] for row in rows] == ["29.40", "-9.40"]
        assert [row["服务费（元）"] for row in rows] == ["-0.18", "0.06"]
        assert [row["退款批次号/请求号"] for row in rows] == ["", "R1"]
        assert detail[-2] == "#交易合计：1笔，商家实收共29.40元，商家优惠共0.00元"
        assert detail[-1] == "#退款合计：1笔，商家实收退款共-9.40元，商家优惠退款共0.00元"
        assert [cell.strip() for cell in summary[5].split(",")][-4:] == [
            "0.00", "-0.12", "0.00", "19.88",
        ]  # fmt: skip

    async def test_no_bill_yet(self, alipay: AlipayMerchant) -> None:
        method = "alipay.data.dataservice.bill.downloadurl.query"
        biz = {"bill_type": "trade", "bill_date": today()}
        node = await alipay.send(alipay.sign(alipay.params(method, biz)))
        assert (node["code"], node["sub_code"]) == ("40004", "isp.bill_not_exist")


async def test_a_biller_settles_a_day(city: Client) -> None:
    bill = await fresh_bill(city)
    await write_off(city, bill, "pay-1", paid_at=datetime.now(UTC).isoformat())
    path = f"/billers/water/settlements/{today()}"
    assert (await city.get(path))[1]["code"] == "NO_SETTLEMENT"
    await open_day(city, "biller_water", 2)
    await plant(city, "biller_water", "fee", "pay-1")
    status, told = await city.get(path)
    assert (status, told["lines"], told["fee_fen"]) == (200, 3, fee_of(100) + fee_of(8019) + 1)
    async with city.http.get(told["download_url"]) as answer:
        raw = await answer.read()
    assert hashlib.sha256(raw).hexdigest() == told["sha256"]
    lines = [orjson.loads(line) for line in raw.splitlines()]
    assert lines[0] | {"written_off_at": "", "write_off_no": ""} == {
        "kind": "WRITE_OFF",
        "write_off_no": "",
        "bill_no": bill["bill_no"],
        "payment_ref": "pay-1",
        "amount_fen": bill["amount_fen"],
        "fee_fen": 1,
        "written_off_at": "",
    }
    assert sum(line["amount_fen"] for line in lines) == told["amount_fen"]
    at = datetime.fromisoformat(lines[0]["written_off_at"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


def test_the_fee_is_rounded_like_all_money() -> None:
    for amount_fen in (0, 1, 83, 84, 250, 2940, 10_000_000_007):
        assert fee_of(amount_fen) == portion_bps(amount_fen, FEE_BPS)


def test_invented_lines_follow_the_rule() -> None:
    lines = list(synthetic(date(2026, 5, 1), 100))
    assert [n for n, line in enumerate(lines) if line.is_refund] == [49, 99]
    assert lines[49].order_no == lines[48].order_no == "SYN20260501000000048"
    assert lines[1].amount_fen == 100 + 7919 and lines[1].at == "2026-05-01 00:00:01"
    assert len({line.order_no for line in lines if not line.is_refund}) == 98


def test_breaks_leave_refunds_alone_and_use_each_payment_once() -> None:
    lines = list(synthetic(date(2026, 5, 1), 50))
    breaks = [Break(n, "missing_row", None) for n in range(49)]
    hits: dict[int, str] = {}
    left = list(planted(lines, breaks, date(2026, 5, 1), hits))
    assert left == [line for line in lines if line.is_refund] and len(hits) == 49


def test_memory_stays_flat_while_lines_stream() -> None:
    def counted() -> Iterator[Line]:
        yield from synthetic(date(2026, 5, 1), 200_000)

    process = psutil.Process()
    before = process.memory_info().rss
    assert sum(1 for _ in planted(counted(), [], date(2026, 5, 1), {})) == 200_000
    assert process.memory_info().rss - before < 20_000_000


@pytest.fixture
async def large(keys_dir: Path) -> AsyncIterator[tuple[Client, Merchant]]:
    port = free_port()
    with sandbox_process(port, keys_dir=keys_dir):
        async with Client(port) as city:
            yield city, Merchant(city.base, keys_dir, URL)


async def test_others_are_served_while_a_large_bill_is_made(
    large: tuple[Client, Merchant],
) -> None:
    city, merchant = large
    await open_day(city, "wechatpay", 100_000)
    making = asyncio.create_task(wechat_csv(merchant, tar_type="GZIP"))
    await asyncio.sleep(0.05)
    assert (await city.get("/_control/healthz"))[0] == 200
    assert not making.done()
    lines, _ = await making
    assert len(lines) == 100_003
