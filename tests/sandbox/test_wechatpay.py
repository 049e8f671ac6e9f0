"""WeChat Pay's wire, proven by a client library that was written for the real one."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from wechatpayv3 import WeChatPayType

from tests.sandbox.merchant import APPID, MCHID, PLATFORM_SERIAL, Mailbox, Merchant, open_mailbox
from tests.sandbox.serving import Client

JSON = {"Accept": "application/json"}


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as opened:
        yield opened


@pytest.fixture
def merchant(city: Client, keys_dir: Path, mailbox: Mailbox) -> Merchant:
    return Merchant(city.base, keys_dir, mailbox.url)


def prepay_id_of(h5_url: str) -> str:
    return h5_url.rpartition("prepay_id=")[2]


async def pay(city: Client, merchant: Merchant, out_trade_no: str, total: int = 2940) -> Any:
    status, body = await merchant.order(out_trade_no, total)
    assert status == 200, body
    path = f"/wechatpay/cashier/{prepay_id_of(body['h5_url'])}/pay"
    status, paid = await city.post(path, headers=JSON)
    assert (status, paid["trade_state"]) == (200, "SUCCESS")
    return paid


async def test_an_order_is_placed_shown_paid_and_announced(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    status, placed = await merchant.order("WATER-0001", attach="bill 7")
    assert status == 200
    assert placed["h5_url"].startswith(f"{city.base}/wechatpay/cashier/wx")
    assert (await merchant.query("WATER-0001"))["trade_state"] == "NOTPAY"

    async with city.http.get(placed["h5_url"]) as page:
        html = await page.text()
    assert page.status == 200
    assert "沙盒" in html and "Sandbox" in html and "¥29.40" in html and "自来水费" in html

    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    _, paid = await city.post(path, headers=JSON)
    await mailbox.wait_for(1)
    headers, body = mailbox.received[0]
    notice = merchant.library.callback(headers, body)
    assert notice["event_type"] == "TRANSACTION.SUCCESS"
    assert notice["resource"] == await merchant.query("WATER-0001")
    assert notice["resource"] == {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": "WATER-0001",
        "transaction_id": paid["transaction_id"],
        "trade_type": "MWEB",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "bill 7",
        "success_time": notice["resource"]["success_time"],
        "payer": {"openid": "oSandboxPayer000000000000001"},
        "amount": {
            "total": 2940,
            "payer_total": 2940,
            "currency": "CNY",
            "payer_currency": "CNY",
        },
    }
    by_id = await merchant.call("query", transaction_id=paid["transaction_id"])
    assert by_id == (200, notice["resource"])


async def test_jsapi_and_app_orders_get_a_prepay_id(merchant: Merchant) -> None:
    status, jsapi = await merchant.order(
        "JSAPI-0001",
        pay_type=WeChatPayType.JSAPI,
        payer={"openid": "oSomeone"},
        appid="wxsandbox0000000004",
    )
    assert status == 200 and jsapi["prepay_id"].startswith("wx")
    status, app = await merchant.order(
        "APP-0001", pay_type=WeChatPayType.APP, appid="wxsandbox0000000002"
    )
    assert status == 200 and app["prepay_id"] != jsapi["prepay_id"]


async def test_the_cashiers_form_pays_and_leads_back(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    _, placed = await merchant.order("FORM-0001")
    back = "https://shop.example/done"
    url = f"{placed['h5_url']}&redirect_url={back}"
    async with city.http.get(url) as page:
        action = (await page.text()).split('action="')[1].split('"')[0].replace("&amp;", "&")
    async with city.http.post(action) as page:
        assert page.status == 200 and f'href="{back}"' in await page.text()
    assert (await merchant.query("FORM-0001"))["trade_state"] == "SUCCESS"


async def test_cancelling_leaves_the_order_payable(city: Client, merchant: Merchant) -> None:
    _, placed = await merchant.order("CANCEL-0001")
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}"
    assert (await city.post(f"{path}/cancel", headers=JSON))[1]["trade_state"] == "NOTPAY"
    assert (await city.post(f"{path}/pay", headers=JSON))[1]["trade_state"] == "SUCCESS"


async def test_paying_at_once_many_times_is_one_payment(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    _, placed = await merchant.order("RACE-0001")
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    answers = await asyncio.gather(*(city.post(path, headers=JSON) for _ in range(20)))
    assert len({body["transaction_id"] for _, body in answers}) == 1
    await mailbox.wait_for(1)
    _, listed = await city.get("/_control/callbacks")
    assert len(listed["callbacks"]) == 1


async def test_the_same_order_again_is_the_same_another_is_refused(merchant: Merchant) -> None:
    first = await merchant.order("TWICE-0001")
    assert await merchant.order("TWICE-0001") == first
    for changed in (
        {"total": 1},
        {"description": "别的"},
        {
            "pay_type": WeChatPayType.APP,
            "appid": "wxsandbox0000000002",
        },
    ):
        status, body = await merchant.order("TWICE-0001", **changed)
        assert (status, body["code"]) == (400, "INVALID_REQUEST")
        assert "商户订单号重复" in body["message"]
    assert (await merchant.query("TWICE-0001"))["amount"]["total"] == 2940


async def test_a_paid_order_is_not_placed_or_closed_again(city: Client, merchant: Merchant) -> None:
    await pay(city, merchant, "PAID-0001")
    for status, body in (
        await merchant.order("PAID-0001"),
        await merchant.call("close", out_trade_no="PAID-0001"),
    ):
        assert (status, body["code"]) == (400, "INVALID_REQUEST")
        assert "已支付" in body["message"]
    assert (await merchant.query("PAID-0001"))["trade_state"] == "SUCCESS"


async def test_a_closed_order_cannot_be_paid(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    _, placed = await merchant.order("CLOSE-0001")
    assert await merchant.call("close", out_trade_no="CLOSE-0001") == (204, None)
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    assert (await city.post(path, headers=JSON))[0] == 409
    assert (await merchant.query("CLOSE-0001"))["trade_state"] == "CLOSED"
    assert (await merchant.order("CLOSE-0001"))[1]["code"] == "INVALID_REQUEST"
    assert (await city.get("/_control/callbacks"))[1] == {"callbacks": []}


async def test_an_order_ends_by_itself(city: Client, merchant: Merchant) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 4))
    _, placed = await merchant.order("EXPIRE-0001", time_expire=soon)
    await asyncio.sleep(4.1)
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    assert (await city.post(path, headers=JSON))[0] == 409
    assert (await merchant.query("EXPIRE-0001"))["trade_state"] == "CLOSED"


async def test_unknown_orders_and_refunds_are_not_found(merchant: Merchant) -> None:
    assert (await merchant.call("query", out_trade_no="NOBODY-1"))[1]["code"] == "ORDER_NOT_EXIST"
    assert (await merchant.call("query", transaction_id="42"))[0] == 404
    assert (await merchant.call("close", out_trade_no="NOBODY-1"))[0] == 404
    status, body = await merchant.refund("NOBODY-1", "R-1", 1, 1)
    assert (status, body["code"]) == (404, "RESOURCE_NOT_EXISTS")
    status, body = await merchant.call("query_refund", out_refund_no="R-1")
    assert (status, body["code"]) == (404, "RESOURCE_NOT_EXISTS")


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"total": 0}},
        {"amount": {"total": -5}},
        {"amount": {"total": 1.5}},
        {"amount": {"total": "100"}},
        {"amount": {"total": 100, "currency": "USD"}},
        {"description": "长" * 128},
        {"notify_url": "ftp://somewhere/"},
        {"notify_url": "http://somewhere/?a=b"},
        {"mchid": "1900000002"},
        {"scene_info": {"payer_client_ip": "127.0.0.1"}},
        {"time_expire": "2026-13-01"},
    ],
)
async def test_wrong_parameters_are_named(merchant: Merchant, changed: dict[str, Any]) -> None:
    status, body = await merchant.order("PARAM-0001", **changed)
    assert (status, body["code"]) == (400, "PARAM_ERROR")
    assert body["detail"]["field"].split("/")[1] == next(iter(changed))
    assert (await merchant.call("query", out_trade_no="PARAM-0001"))[0] == 404


@pytest.mark.parametrize("number", ["short", "x" * 33, "with space", "有汉字的订单号"])
async def test_an_order_number_has_a_form(merchant: Merchant, number: str) -> None:
    status, body = await merchant.order(number)
    assert (status, body["detail"]["field"]) == (400, "/out_trade_no")


async def test_a_foreign_appid_is_refused(merchant: Merchant) -> None:
    status, body = await merchant.order("APPID-0001", appid="wx0000000000000000")
    assert (status, body["code"]) == (400, "APPID_MCHID_NOT_MATCH")


class TestSignature:
    """Who may call: only the merchant, only what it signed, only just now."""

    PATH = "/v3/pay/transactions/out-trade-no/SIGN-0001?mchid=1900000001"

    async def call(self, city: Client, authorization: str | None) -> tuple[int, Any]:
        headers = {} if authorization is None else {"Authorization": authorization}
        return await city.get(f"/wechatpay{self.PATH}", headers=headers)

    def authorization(self, merchant: Merchant, **changed: str) -> str:
        core = merchant.library._core
        told = {"method": "GET", "path": self.PATH, "timestamp": str(int(time.time()))}
        told |= {"nonce": "abc", "mchid": MCHID, "serial_no": "SANDBOXMERCHANT0001"} | changed
        signature = core.sign([told["method"], told["path"], told["timestamp"], told["nonce"], ""])
        return (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{told["mchid"]}",nonce_str="{told["nonce"]}",'
            f'signature="{signature}",timestamp="{told["timestamp"]}",serial_no="{told["serial_no"]}"'
        )

    async def test_a_good_signature_passes(self, city: Client, merchant: Merchant) -> None:
        status, body = await self.call(city, self.authorization(merchant))
        assert (status, body["code"]) == (404, "ORDER_NOT_EXIST")

    @pytest.mark.parametrize(
        "changed",
        [
            {"method": "POST"},
            {"path": "/v3/pay/transactions/out-trade-no/OTHER?mchid=1900000001"},
            {"path": f"/wechatpay{PATH}"},
            {"mchid": "1900000002"},
            {"serial_no": "OTHER"},
            {"timestamp": str(int(time.time()) - 400)},
            {"timestamp": "soon"},
        ],
    )
    async def test_a_wrong_one_does_not(
        self, city: Client, merchant: Merchant, changed: dict[str, str]
    ) -> None:
        status, body = await self.call(city, self.authorization(merchant, **changed))
        assert (status, body["code"]) == (401, "SIGN_ERROR")

    @pytest.mark.parametrize("authorization", [None, "", "Bearer x", "WECHATPAY2-SHA256-RSA2048"])
    async def test_none_does_not(self, city: Client, authorization: str | None) -> None:
        status, body = await self.call(city, authorization)
        assert (status, body["code"]) == (401, "SIGN_ERROR")

    async def test_a_body_that_was_not_signed_places_no_order(
        self, city: Client, merchant: Merchant
    ) -> None:
        core = merchant.library._core
        timestamp = str(int(time.time()))
        signature = core.sign(["POST", "/v3/pay/transactions/h5", timestamp, "abc", '{"a": 1}'])
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{MCHID}",nonce_str="abc",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="SANDBOXMERCHANT0001"'
        )
        status, body = await city.post(
            "/wechatpay/v3/pay/transactions/h5", {"a": 2}, headers={"Authorization": authorization}
        )
        assert (status, body["code"]) == (401, "SIGN_ERROR")

    async def test_refusals_are_signed_too(self, city: Client, merchant: Merchant) -> None:
        async with city.http.get(f"/wechatpay{self.PATH}") as answer:
            text = await answer.text()
        assert answer.headers["Wechatpay-Serial"] == PLATFORM_SERIAL
        assert merchant.library._core._verify_signature(answer.headers, text)
