"""WeChat Pay for service providers, proven by the public client library in its partner mode."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox.merchant import (
    SP_APPID,
    SP_MCHID,
    SUB_MCHID,
    Mailbox,
    Merchant,
    Provider,
    open_mailbox,
)
from tests.sandbox.serving import Client
from tests.sandbox.test_statements import open_day, wechat_csv
from tests.sandbox.test_wechatpay import JSON, pay, prepay_id_of


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as opened:
        yield opened


@pytest.fixture
def provider(city: Client, keys_dir: Path, mailbox: Mailbox) -> Provider:
    return Provider(city.base, keys_dir, mailbox.url)


async def test_an_order_is_paid_and_announced_to_the_provider(
    city: Client, provider: Provider, mailbox: Mailbox
) -> None:
    status, placed = await provider.order("FINE-0001")
    assert status == 200, placed
    assert (await provider.query("FINE-0001"))["trade_state"] == "NOTPAY"
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    await city.post(path, headers=JSON)
    await mailbox.wait_for(1)
    notice = provider.library.callback(*mailbox.received[0])
    assert notice["resource"] == await provider.query("FINE-0001")
    told = notice["resource"]
    names = {"sp_mchid": SP_MCHID, "sub_mchid": SUB_MCHID, "sp_appid": SP_APPID}
    assert told.items() >= names.items() and not told.keys() & {"mchid", "appid"}
    assert told["payer"].keys() == {"sp_openid"}


async def test_a_refund_is_the_sub_merchants(
    city: Client, provider: Provider, mailbox: Mailbox
) -> None:
    await pay(city, provider, "FINE-0002")
    status, accepted = await provider.refund("FINE-0002", "FR-0002", 940, 2940)
    assert (status, accepted["status"]) == (200, "PROCESSING")
    await mailbox.wait_for(2)
    told = provider.library.callback(*mailbox.received[1])["resource"]
    assert (told["sp_mchid"], told["sub_mchid"]) == (SP_MCHID, SUB_MCHID)
    assert told["refund_status"] == "SUCCESS" and "mchid" not in told
    status, settled = await provider.call("query_refund", out_refund_no="FR-0002")
    assert (status, settled["status"]) == (200, "SUCCESS")


async def test_a_closed_order_takes_no_money(city: Client, provider: Provider) -> None:
    _, placed = await provider.order("FINE-0003")
    assert (await provider.call("close", out_trade_no="FINE-0003"))[0] == 204
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    status, body = await city.post(path, headers=JSON)
    assert (status, body["code"]) == (409, "ORDER_CLOSED")


async def test_nobody_sees_anothers_orders(
    city: Client, provider: Provider, keys_dir: Path, mailbox: Mailbox
) -> None:
    await pay(city, provider, "FINE-0004")
    merchant = Merchant(city.base, keys_dir, mailbox.url)
    await pay(city, merchant, "WATER-0004")
    other = Provider(city.base, keys_dir, mailbox.url, "1900000117")
    stranger = Provider(city.base, keys_dir, mailbox.url, "1900000999")
    for who, number in ((other, "FINE-0004"), (merchant, "FINE-0004"), (provider, "WATER-0004")):
        status, body = await who.call("query", out_trade_no=number)
        assert (status, body["code"]) == (404, "ORDER_NOT_EXIST")
        status, body = await who.refund(number, f"R{number}", 1, 2940)
        assert (status, body["code"]) == (404, "RESOURCE_NOT_EXISTS")
    assert (await stranger.order("FINE-0005"))[1]["code"] == "NO_AUTH"


async def test_each_has_a_bill_of_its_own(
    city: Client, provider: Provider, keys_dir: Path, mailbox: Mailbox
) -> None:
    await pay(city, provider, "FINE-0006")
    merchant = Merchant(city.base, keys_dir, mailbox.url)
    await pay(city, merchant, "WATER-0006")
    for who, ours, theirs, column in (
        (provider, "FINE-0006", "WATER-0006", f"`{SP_MCHID},`{SUB_MCHID},"),
        (merchant, "WATER-0006", "FINE-0006", "`1900000001,`0,"),
    ):
        await open_day(city, "wechatpay_sp" if who is provider else "wechatpay")
        lines, _ = await wechat_csv(who)
        text = "\n".join(lines)
        assert f"`{ours}," in text and theirs not in text and column in text
