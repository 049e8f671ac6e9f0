"""Bills as they are really sent: published files, and the forms that merchants report.

`samples/wechatpay.csv` is the file whose SHA-1 WeChat Pay itself announced
(`dcd7ceb3d382a1181798368bb15d8437de46c00f`, merchant 1601959334, 2021-01-28), as printed in the
tests of several public Go clients of its API v3; only with a byte order mark and CRLF does it have
that digest. `samples/alipay.csv` is a detail of account 2088021109625633 of 2019-09-16, as printed
in a public Java client's test, encoded as Alipay does.
"""

import gzip
import hashlib
import io
import struct
import zipfile
from pathlib import Path

import pytest

from payments.reconciliation import alipay, wechatpay
from payments.statements import Announced, Line, StatementRefused, check_digest

SAMPLES = Path(__file__).parent / "samples"
WECHAT = Announced("1601959334", "sha1", "dcd7ceb3d382a1181798368bb15d8437de46c00f", gzipped=True)
ALIPAY = Announced("2088021109625633")


def _wechat(text: bytes) -> list[Line]:
    told = Announced("1601959334", gzipped=True)
    return list(wechatpay.read(io.BytesIO(gzip.compress(text)), told))


def _zip(detail: bytes, *, account: str = "20880211096256330156") -> io.BytesIO:
    """A ZIP as Alipay makes it: names in GBK, without the flag that says UTF-8."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in ((f"{account}_20190916_业务明细.csv", detail),
                              (f"{account}_20190916_业务明细(汇总).csv", b"#")):  # fmt: skip
            info = zipfile.ZipInfo("x" * len(name.encode("gbk")))
            archive.writestr(info, content)
    raw = packed.getvalue()
    for name in (f"{account}_20190916_业务明细.csv", f"{account}_20190916_业务明细(汇总).csv"):
        gbk = name.encode("gbk")
        placeholder = b"x" * len(gbk)
        raw = raw.replace(placeholder, gbk)
    assert struct.unpack("<H", raw[6:8])[0] & 0x800 == 0
    return io.BytesIO(raw)


def _alipay(text: bytes) -> list[Line]:
    return list(alipay.read(_zip(text), ALIPAY))


@pytest.fixture
def wechat_bill() -> bytes:
    """The published bill of WeChat Pay."""
    return (SAMPLES / "wechatpay.csv").read_bytes()


@pytest.fixture
def alipay_bill() -> bytes:
    """The published detail of Alipay."""
    return (SAMPLES / "alipay.csv").read_bytes()


def test_the_published_bill_of_wechat_pay(wechat_bill: bytes) -> None:
    assert hashlib.sha1(wechat_bill).hexdigest() == WECHAT.digest
    packed = io.BytesIO(gzip.compress(wechat_bill))
    check_digest("wechatpay", packed, WECHAT)
    lines = list(wechatpay.read(packed, WECHAT))
    assert [line.ref for line in lines] == [
        "S20210128170702357723",
        "S20210128153505214586",
        "S20210128165824499930",
    ]
    assert {(line.amount_fen, line.settled_fen, line.fee_fen, line.wrong) for line in lines} == {
        (1, 1, 0, "")
    }


def test_the_published_bill_of_alipay(alipay_bill: bytes) -> None:
    lines = _alipay(alipay_bill)
    assert [line.is_refund for line in lines] == [False, True] * 4 + [False, False]
    assert all(line.amount_fen == 1 and not line.wrong for line in lines)
    assert lines[1].ref == "re_test_1568602607356"
    assert lines[1].order_ref == lines[0].ref == "service_1568601259302"


def test_wechat_pay_s_fees_are_finer_than_a_fen(wechat_bill: bytes) -> None:
    """`0.00020` of a fen and a summary of `0.00040` in bills printed in public forums."""
    text = wechat_bill.decode().replace("`0.00000,`1.00%", "`0.00020,`2.00%", 2)
    text = text.replace("`0.00,`0.00,`0.00000,", "`0.00,`0.00,`0.00040,")
    assert [line.fee_fen for line in _wechat(text.encode())] == [0, 0, 0]


@pytest.mark.parametrize("bom", [b"", "\ufeff".encode()])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_wechat_pay_s_forms_of_text(wechat_bill: bytes, bom: bytes, end: bytes) -> None:
    plain = wechat_bill.decode("utf-8-sig").encode().replace(b"\r\n", end)
    assert len(_wechat(bom + plain)) == 3


def test_wechat_pay_s_thousands_coupons_and_new_columns(wechat_bill: bytes) -> None:
    text = wechat_bill.decode()
    text = text.replace("`CNY,`0.01,", "`CNY,`1,200.00,", 1).replace(
        "`1.00%,`0.01,", "`1.00%,`1,234.50,", 1
    )
    text = text.replace(
        "`3,`0.03,`0.00,`0.00,`0.00000,`0.03,", "`3,`1,200.02,`0.00,`0.00,`0.00000,`1,234.52,"
    )
    lines = _wechat(text.encode())
    assert (lines[0].amount_fen, lines[0].settled_fen) == (123450, 120000)
    head, *rest = text.split("\r\n")
    wider = [head.replace("商品名称", "新的一列,商品名称")]
    wider += [line.replace("`for testing", "`x,`for testing") for line in rest]
    assert _wechat("\r\n".join(wider).encode()) == lines


@pytest.mark.parametrize(
    ("state", "count"), [("SUCCESS", 4), ("PROCESSING", 4), ("FAIL", 3), ("CHANGE", 3)]
)
def test_wechat_pay_s_refunds_by_their_state(wechat_bill: bytes, state: str, count: int) -> None:
    lines = wechat_bill.decode().split("\r\n")
    refund = lines[1].replace("`SUCCESS,", "`REFUND,").replace(
        "`0.01,`0.00,`0,`0,`0.00,`0.00,`,`,",
        f"`0.00,`0.00,`50300807,`S1,`0.01,`0.00,`ORIGINAL,`{state},",
    ).replace("`0.01,`0.00,`", "`0.00,`0.01,`")  # fmt: skip
    lines.insert(2, refund)
    text = "\r\n".join(lines).replace("`3,`0.03,`0.00,`0.00,`0.00000,`0.03,`0.00",
                                      "`4,`0.03,`0.01,`0.00,`0.00000,`0.03,`0.01")  # fmt: skip
    read = _wechat(text.encode())
    assert (len(read), sum(line.is_refund for line in read)) == (count, count - 3)


@pytest.mark.parametrize("name", ["他系统订单号", "9" * 65, "", "a\x00b", "ORDER 7", "<script>"])
def test_foreign_numbers_are_told_under_a_name(wechat_bill: bytes, name: str) -> None:
    text = wechat_bill.decode().replace("S20210128170702357723", name, 1)
    lines = _wechat(text.encode())
    assert len(lines) == 3 and not lines[0].wrong
    assert 0 < len(lines[0].ref) <= 64 and lines[0].ref.isascii() and lines[0].ref.isprintable()


def test_alipay_s_thousands_in_quotes(alipay_bill: bytes) -> None:
    text = alipay_bill.decode("gbk").replace(",0.01,0.01,0.01,", ",0.01,0.01,0.01,")
    text = text.replace(",0.01,0.01,0.00,", ',"1,234.50","1,234.50",0.00,', 1)
    text = text.replace("商家实收共0.06元", "商家实收共1,234.55元")
    assert _alipay(text.encode("gbk"))[0].amount_fen == 123450


def test_alipay_s_coupons_older_footers_and_new_columns(alipay_bill: bytes) -> None:
    text = alipay_bill.decode("gbk")
    coupon = text.replace(",0.01,0.01,0.00,", ",0.05,0.01,0.00,", 1)
    assert (
        _alipay(coupon.encode("gbk"))[0].amount_fen,
        _alipay(coupon.encode("gbk"))[0].settled_fen,
    ) == (5, 1)
    older = text.replace("商家实收共0.06元，商家优惠", "交易金额共0.06元，优惠金额")
    older = older.replace(
        "商家实收退款共-0.04元，商家优惠退款", "交易退款金额共-0.04元，优惠退款金额"
    )
    assert len(_alipay(older.encode("gbk"))) == 10
    wider = "\n".join(
        line if line.startswith("#") or not line else line.replace(",", ",x,", 1)
        for line in text.replace("支付宝交易号,", "支付宝交易号,", 1).split("\n")
    )
    assert _alipay(wider.encode("gbk")) == _alipay(alipay_bill)


def test_alipay_s_refunds_by_hand_and_other_business(alipay_bill: bytes) -> None:
    text = alipay_bill.decode("gbk").replace("re_test_1568602607356", "", 1)
    lines = _alipay(text.encode("gbk"))
    assert lines[1].is_refund and lines[1].ref.startswith("?") and not lines[1].wrong
    assert lines[1].order_ref == "service_1568601259302"
    other = alipay_bill.decode("gbk").split("\n")
    other.insert(6, other[5].replace("\t,交易\t", "\t,分账\t"))
    lines = _alipay("\n".join(other).encode("gbk"))
    assert [line.wrong for line in lines if line.wrong] == ["business of another kind: 分账"]


@pytest.mark.parametrize("missing", ["商户订单号", "订单金额（元）", "业务类型", "完成时间"])
def test_a_bill_without_a_needed_column_is_refused(alipay_bill: bytes, missing: str) -> None:
    text = alipay_bill.decode("gbk").replace(missing, "别的", 1)
    with pytest.raises(StatementRefused, match="another header"):
        _alipay(text.encode("gbk"))


def test_totals_that_cannot_be_believed_refuse_the_day(alipay_bill: bytes) -> None:
    text = alipay_bill.decode("gbk")
    for wrong in (
        text.replace("交易合计：6笔", "交易合计：7笔"),
        text.replace("商家实收共0.06元", "商家实收共0.07元"),
        text.replace("共-0.04元", "共-0.05元"),
    ):
        with pytest.raises(StatementRefused, match="totals"):
            _alipay(wrong.encode("gbk"))
