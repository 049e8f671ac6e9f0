"""Alipay: the gateway's envelope, trades, refunds, the cashier, notices until `success`."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from tests.sandbox.alipay_merchant import JSON, AlipayMerchant
from tests.sandbox.merchant import Mailbox, open_mailbox
from tests.sandbox.serving import Client, free_port, sandbox_process


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as opened:
        opened.texts = ["success"] * 100
        yield opened


@pytest.fixture
def merchant(city: Client, keys_dir: Path, mailbox: Mailbox) -> AlipayMerchant:
    return AlipayMerchant(city.http, keys_dir, mailbox.url)


def opened(merchant: AlipayMerchant, mailbox: Mailbox) -> list[dict[str, str]]:
    return [merchant.believe_notice(body) for _, body in mailbox.received]


async def test_a_trade_is_paid_and_announced(
    city: Client, merchant: AlipayMerchant, mailbox: Mailbox
) -> None:
    state = await merchant.pay("PAY_0001", passback_params="户号 1&2")
    assert (state["trade_status"], state["total_amount"]) == ("TRADE_SUCCESS", "29.40")
    await mailbox.wait_for(1)
    (notice,) = opened(merchant, mailbox)
    assert notice["notify_type"] == "trade_status_sync"
    assert notice["passback_params"] == "户号 1&2"
    assert (notice["out_trade_no"], notice["trade_no"]) == ("PAY_0001", state["trade_no"])
    assert (notice["trade_status"], notice["total_amount"]) == ("TRADE_SUCCESS", "29.40")
    assert (notice["app_id"], notice["seller_id"]) == ("2021000000000001", "2088000000000001")
    told = await merchant.call("query", out_trade_no="PAY_0001")
    assert told["code"] == "10000" and told["trade_status"] == "TRADE_SUCCESS"
    assert told["send_pay_date"] == notice["gmt_payment"]
    assert await merchant.call("query", trade_no=state["trade_no"]) == told


async def test_a_trade_exists_once_the_payer_saw_the_cashier(
    city: Client, merchant: AlipayMerchant
) -> None:
    cashier = await merchant.place("SEEN_0001")
    told = await merchant.call("query", out_trade_no="SEEN_0001")
    assert (told["code"], told["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (await city.get(cashier, headers=JSON))[1]["trade_status"] == "WAIT_BUYER_PAY"
    assert (await merchant.call("query", out_trade_no="SEEN_0001"))["code"] == "10000"


async def test_the_app_pays_by_the_same_road(merchant: AlipayMerchant) -> None:
    state = await merchant.pay("APP_0001", method="app.pay")
    assert state["trade_status"] == "TRADE_SUCCESS"


async def test_paying_twice_is_one_payment(
    city: Client, merchant: AlipayMerchant, mailbox: Mailbox
) -> None:
    cashier = await merchant.place("TWICE_0001")
    answers = await asyncio.gather(*(city.post(f"{cashier}/pay", headers=JSON) for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    assert len({state["trade_no"] for _, state in answers}) == 1
    await mailbox.wait_for(1)
    await asyncio.sleep(0.3)
    assert len(mailbox.received) == 1


async def test_the_same_request_is_the_same_trade(merchant: AlipayMerchant) -> None:
    cashier = await merchant.place("SAME_0001")
    assert await merchant.place("SAME_0001") == cashier
    other = merchant.page_url("SAME_0001", "30.00")
    async with merchant.http.get(other, allow_redirects=False) as answer:
        body = await answer.json(content_type=None)
    node = body["alipay_trade_wap_pay_response"]
    assert (node["code"], node["sub_code"]) == ("40004", "ACQ.CONTEXT_INCONSISTENT")


@pytest.mark.parametrize(
    ("paid", "code"), [(True, "TRADE_HAS_SUCCESS"), (False, "TRADE_HAS_CLOSE")]
)
async def test_a_finished_trade_is_not_opened_again(
    city: Client, merchant: AlipayMerchant, paid: bool, code: str
) -> None:
    if paid:
        await merchant.pay("DONE_0001")
    else:
        await city.get(await merchant.place("DONE_0001"), headers=JSON)
        assert (await merchant.call("close", out_trade_no="DONE_0001"))["code"] == "10000"
    async with merchant.http.get(merchant.page_url("DONE_0001"), allow_redirects=False) as answer:
        node = (await answer.json(content_type=None))["alipay_trade_wap_pay_response"]
    assert node["sub_code"] == f"ACQ.{code}"


async def test_closing(city: Client, merchant: AlipayMerchant, mailbox: Mailbox) -> None:
    cashier = await merchant.place("CLOSE_0001")
    assert (await merchant.call("close", out_trade_no="CLOSE_0001"))["sub_code"] == (
        "ACQ.TRADE_NOT_EXIST"
    )
    await city.get(cashier, headers=JSON)
    assert (await merchant.call("close", out_trade_no="CLOSE_0001"))["code"] == "10000"
    status, body = await city.post(f"{cashier}/pay", headers=JSON)
    assert (status, body["code"]) == (409, "TRADE_CLOSED")
    assert (await merchant.call("close", out_trade_no="CLOSE_0001"))["sub_code"] == (
        "ACQ.TRADE_STATUS_ERROR"
    )
    await mailbox.wait_for(1)
    assert opened(merchant, mailbox)[0]["trade_status"] == "TRADE_CLOSED"


async def test_a_trade_ends_by_itself(
    city: Client, merchant: AlipayMerchant, mailbox: Mailbox
) -> None:
    soon = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 8 * 3600 + 4))
    cashier = await merchant.place("EXPIRE_0001", time_expire=soon)
    await city.get(cashier, headers=JSON)
    await mailbox.wait_for(1)
    assert opened(merchant, mailbox)[0]["trade_status"] == "TRADE_CLOSED"
    assert (await city.post(f"{cashier}/pay", headers=JSON))[0] == 409


async def test_refunds_in_parts_until_nothing_is_left(
    city: Client, merchant: AlipayMerchant, mailbox: Mailbox
) -> None:
    await merchant.pay("REFUND_0001")
    part = {"out_trade_no": "REFUND_0001", "refund_amount": "9.40", "out_request_no": "R1"}
    first = await merchant.call("refund", **part)
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "9.40")
    again = await merchant.call("refund", **part)
    assert (again["fund_change"], again["refund_fee"]) == ("N", "9.40")
    assert (await merchant.call("refund", **part | {"refund_amount": "9.41"}))["sub_code"] == (
        "ACQ.DISCORDANT_REPEAT_REQUEST"
    )
    over = part | {"refund_amount": "20.01", "out_request_no": "R2"}
    assert (await merchant.call("refund", **over))["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    rest = await merchant.call("refund", **over | {"refund_amount": "20.00"})
    assert rest["refund_fee"] == "29.40"
    assert (await merchant.call("query", out_trade_no="REFUND_0001"))["trade_status"] == (
        "TRADE_CLOSED"
    )
    assert (await merchant.call("refund", **part | {"out_request_no": "R3"}))["sub_code"] == (
        "ACQ.TRADE_STATUS_ERROR"
    )
    await mailbox.wait_for(3)
    notices = {n.get("out_biz_no"): n for n in opened(merchant, mailbox)}
    assert (notices["R1"]["trade_status"], notices["R1"]["refund_fee"]) == ("TRADE_SUCCESS", "9.40")
    assert (notices["R2"]["trade_status"], notices["R2"]["refund_fee"]) == ("TRADE_CLOSED", "29.40")


async def test_refunds_at_once_never_exceed_the_payment(merchant: AlipayMerchant) -> None:
    await merchant.pay("REFUND_0002", "10.00")
    part = {"out_trade_no": "REFUND_0002", "refund_amount": "3"}
    answers = await asyncio.gather(
        *(merchant.call("refund", **part, out_request_no=f"R{n}") for n in range(10))
    )
    assert sorted(answer["code"] for answer in answers) == ["10000"] * 3 + ["40004"] * 7


async def test_a_refund_is_asked_for(merchant: AlipayMerchant) -> None:
    await merchant.pay("REFUND_0003")
    query = {"out_trade_no": "REFUND_0003", "out_request_no": "R1"}
    absent = await merchant.call("fastpay.refund.query", **query)
    assert absent == {"code": "10000", "msg": "Success"}
    await merchant.call("refund", **query, refund_amount="0.01")
    told = await merchant.call("fastpay.refund.query", **query)
    assert (told["refund_status"], told["refund_amount"]) == ("REFUND_SUCCESS", "0.01")


@pytest.mark.parametrize("amount", ["0", "-1", "0.001", "a lot", "", "100000000.01", True])
async def test_an_impossible_amount_is_refused(merchant: AlipayMerchant, amount: Any) -> None:
    url = merchant.page_url("AMOUNT_0001", amount)
    async with merchant.http.get(url, allow_redirects=False) as answer:
        node = (await answer.json(content_type=None))["alipay_trade_wap_pay_response"]
    assert node["sub_code"] == "ACQ.INVALID_PARAMETER" and "total_amount" in node["sub_msg"]


class TestEnvelope:
    """Who is heard: only the merchant, only what it signed, only just now."""

    @pytest.mark.parametrize(
        ("changed", "sub_code"),
        [
            ({"app_id": "2021000000000009"}, "isv.invalid-app-id"),
            ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
            ({"charset": "gbk"}, "isv.invalid-charset"),
            ({"format": "xml"}, "isv.invalid-format"),
            ({"timestamp": "2026-01-01 00:00:00"}, "isv.invalid-timestamp"),
            ({"timestamp": "soon"}, "isv.invalid-timestamp"),
            ({"method": "alipay.trade.pay.twice"}, "isv.invalid-method"),
            ({"method": ""}, "isv.missing-method"),
            ({"version": ""}, "isv.missing-version"),
        ],
    )
    async def test_a_wrong_parameter_is_named(
        self, merchant: AlipayMerchant, changed: dict[str, str], sub_code: str
    ) -> None:
        params = merchant.params("alipay.trade.query", {"out_trade_no": "X"}) | changed
        assert (await merchant.send(merchant.sign(params)))["sub_code"] == sub_code

    async def test_what_was_not_signed_is_not_believed(self, merchant: AlipayMerchant) -> None:
        signed = merchant.sign(merchant.params("alipay.trade.query", {"out_trade_no": "X"}))
        changed = signed | {"biz_content": '{"out_trade_no":"Y"}'}
        assert (await merchant.send(changed))["sub_code"] == "isv.invalid-signature"
        assert (await merchant.send(signed | {"sign": "bm8="}))["sub_code"] == (
            "isv.invalid-signature"
        )
        del signed["sign"]
        assert (await merchant.send(signed))["sub_code"] == "isv.missing-signature"


class TestCashier:
    """What the payer sees in a browser."""

    async def test_the_page_is_labelled_and_leads_back(
        self, city: Client, merchant: AlipayMerchant
    ) -> None:
        cashier = await merchant.place(
            "PAGE_0001", return_url="http://shop.example/done?a=1", subject="<b>水费"
        )
        async with city.http.get(cashier) as answer:
            page = await answer.text()
        assert "沙盒" in page and "Sandbox" in page and "¥29.40" in page
        assert "&lt;b&gt;水费" in page and 'id="pay"' in page and 'id="cancel"' in page
        async with city.http.post(f"{cashier}/pay") as answer:
            page = await answer.text()
        assert str(answer.url).endswith(cashier) and 'id="pay"' not in page
        href = page.split('class="back" href="')[1].split('"')[0].replace("&amp;", "&")
        query = dict(parse_qsl(urlsplit(href).query))
        assert query.pop("a") == "1"
        told = merchant.believe(query)
        assert (told["out_trade_no"], told["total_amount"]) == ("PAGE_0001", "29.40")

    async def test_leaving_keeps_the_trade_payable(
        self, city: Client, merchant: AlipayMerchant
    ) -> None:
        cashier = await merchant.place("LEAVE_0001", quit_url="http://shop.example/left")
        async with city.http.post(f"{cashier}/cancel", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "http://shop.example/left")
        assert (await city.post(f"{cashier}/pay", headers=JSON))[0] == 200

    async def test_a_page_of_nothing(self, city: Client) -> None:
        assert (await city.get("/alipay/cashier/none"))[0] == 404


class TestNotices:
    """Repeated until the merchant says `success`, the same each time."""

    async def test_only_the_word_counts(
        self, city: Client, merchant: AlipayMerchant, mailbox: Mailbox
    ) -> None:
        await city.put("/_control/faults/alipay", {"callback_speedup": 10_000})
        mailbox.texts = ["fail", "", "SUCCESS", "success", "success"]
        mailbox.statuses = [200, 200, 200, 500]
        await merchant.pay("RETRY_0001")
        await mailbox.wait_for(5)
        await asyncio.sleep(0.3)
        notices = opened(merchant, mailbox)
        assert len(notices) == 5 and len({n["notify_id"] for n in notices}) == 1
        listed = (await city.get("/_control/callbacks?system=alipay"))[1]["callbacks"]
        assert [(entry["attempts"], entry["done"]) for entry in listed] == [(5, True)]

    async def test_the_ladder_ends(
        self, city: Client, merchant: AlipayMerchant, mailbox: Mailbox
    ) -> None:
        await city.put("/_control/faults/alipay", {"callback_speedup": 1_000_000})
        mailbox.texts = ["fail"] * 20
        await merchant.pay("RETRY_0002")
        await mailbox.wait_for(8)
        await asyncio.sleep(0.3)
        assert len(mailbox.received) == 8

    async def test_without_an_address_nobody_is_told(
        self, city: Client, merchant: AlipayMerchant
    ) -> None:
        merchant.notify_url = ""
        await merchant.pay("QUIET_0001")
        assert (await city.get("/_control/callbacks"))[1] == {"callbacks": []}


async def test_a_fault_hits_one_method_of_the_gateway(
    city: Client, merchant: AlipayMerchant
) -> None:
    await merchant.pay("FAULT_0001")
    fault = {"operation": "trade_refund", "lose_reply_rate": 1}
    assert (await city.put("/_control/faults/alipay", fault))[0] == 200
    refund = {"out_trade_no": "FAULT_0001", "refund_amount": "1.00", "out_request_no": "R1"}
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await merchant.call("refund", **refund)
    del refund["refund_amount"]
    assert (await merchant.call("fastpay.refund.query", **refund))["refund_amount"] == "1.00"
    status, body = await city.put("/_control/faults/alipay", {"operation": "gateway"})
    assert (status, body["code"]) == (404, "NO_SUCH_OPERATION")


async def test_without_keys_only_alipay_is_shut(tmp_path: Path) -> None:
    port = free_port()
    with sandbox_process(port, keys_dir=tmp_path):
        async with Client(port) as city:
            status, body = await city.post("/alipay/gateway.do")
            assert (status, body["code"]) == (503, "KEYS_MISSING")
            assert "alipay_platform_private.pem" in body["message"]
            assert (await city.get("/alipay/cashier/x"))[0] == 503
