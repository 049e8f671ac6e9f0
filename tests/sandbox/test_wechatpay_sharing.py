"""Profit sharing at the sandbox's WeChat Pay, proven by the public client library."""

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.merchant import (
    MCHID,
    SP_MCHID,
    SUB_MCHID,
    Mailbox,
    Provider,
    open_mailbox,
)
from tests.sandbox.serving import Client
from tests.sandbox.test_statements import open_day, rows_of, today
from tests.sandbox.test_wechatpay import JSON, prepay_id_of

NAME = "市政务服务中心"


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as opened:
        yield opened


@pytest.fixture
def provider(city: Client, keys_dir: Path, mailbox: Mailbox) -> Provider:
    return Provider(city.base, keys_dir, mailbox.url)


async def paid(city: Client, provider: Provider, number: str, *, shared: bool = True) -> str:
    """A paid order of 29.40; returns its transaction."""
    status, placed = await provider.order(number, settle_info={"profit_sharing": shared})
    assert status == 200, placed
    path = f"/wechatpay/cashier/{prepay_id_of(placed['h5_url'])}/pay"
    _, told = await city.post(path, headers=JSON)
    return str(told["transaction_id"])


async def receive(provider: Provider, name: str = NAME) -> tuple[int, Any]:
    return await provider.call(
        "profitsharing_add_receiver", account_type="MERCHANT_ID", account=MCHID,
        relation_type="SERVICE_PROVIDER", name=name,
    )  # fmt: skip


async def share(
    provider: Provider, transaction_id: str, number: str, amount: int = 800
) -> tuple[int, Any]:
    receiver = {"type": "MERCHANT_ID", "account": MCHID, "amount": amount, "description": "服务费"}
    return await provider.call(
        "profitsharing_order", transaction_id=transaction_id, out_order_no=number,
        receivers=[receiver], unfreeze_unsplit=True,
    )  # fmt: skip


async def query(provider: Provider, transaction_id: str, number: str) -> Any:
    status, told = await provider.call(
        "profitsharing_order_query", transaction_id=transaction_id, out_order_no=number
    )
    assert status == 200, told
    return told


async def give_back(
    provider: Provider, number: str, return_no: str, amount: int
) -> tuple[int, Any]:
    return await provider.call(
        "profitsharing_return", out_return_no=return_no, return_mchid=MCHID, amount=amount,
        description="用户退款", out_order_no=number,
    )  # fmt: skip


async def test_a_share_is_made_and_the_rest_is_the_payees(city: Client, provider: Provider) -> None:
    transaction_id = await paid(city, provider, "FINE-1001")
    assert (await share(provider, transaction_id, "S-1001"))[1]["code"] == "INVALID_REQUEST"
    assert (await receive(provider, "别的商户"))[1]["code"] == "INVALID_REQUEST"
    status, told = await receive(provider)
    assert (status, told["account"], told["sub_mchid"]) == (200, MCHID, SUB_MCHID)
    status, accepted = await share(provider, transaction_id, "S-1001")
    assert (status, accepted["state"]) == (200, "PROCESSING")
    assert await share(provider, transaction_id, "S-1001") == (status, accepted)
    assert (await share(provider, transaction_id, "S-1001", 700))[0] == 400
    await asyncio.sleep(1.5)
    done = await query(provider, transaction_id, "S-1001")
    parts = {part["account"]: (part["amount"], part["result"]) for part in done["receivers"]}
    assert parts == {MCHID: (800, "SUCCESS"), SUB_MCHID: (2122, "SUCCESS")}  # less a fee of 18
    assert (done["state"], done["order_id"]) == ("FINISHED", accepted["order_id"])
    assert (await share(provider, transaction_id, "S-1002", 1))[1]["code"] == "NOT_ENOUGH"


async def test_no_more_than_may_be_shared(city: Client, provider: Provider) -> None:
    await receive(provider)
    transaction_id = await paid(city, provider, "FINE-1003")
    assert (await share(provider, transaction_id, "S-1003", 883))[1]["code"] == "RULE_LIMIT"
    assert (await share(provider, transaction_id, "S-1003", 882))[0] == 200
    plain = await paid(city, provider, "FINE-1004", shared=False)
    assert (await share(provider, plain, "S-1004"))[1]["code"] == "INVALID_REQUEST"


async def test_a_refund_waits_for_the_share_and_takes_its_part(
    city: Client, provider: Provider
) -> None:
    await receive(provider)
    transaction_id = await paid(city, provider, "FINE-1005")
    await share(provider, transaction_id, "S-1005")
    status, refused = await provider.refund("FINE-1005", "R-1005", 2940, 2940)
    assert (status, refused["code"]) == (403, "RULE_LIMIT")
    assert (await give_back(provider, "S-1005", "B-1005", 800))[1]["code"] == "INVALID_REQUEST"
    await asyncio.sleep(1.5)
    status, returned = await give_back(provider, "S-1005", "B-1005", 800)
    assert (status, returned["result"]) == (200, "PROCESSING")
    assert (await give_back(provider, "S-1005", "B-1006", 1))[1]["code"] == "INVALID_REQUEST"
    await asyncio.sleep(1.5)
    status, told = await provider.call(
        "profitsharing_return_query", out_order_no="S-1005", out_return_no="B-1005"
    )
    assert (status, told["result"], told["return_id"]) == (200, "SUCCESS", returned["return_id"])
    assert (await provider.refund("FINE-1005", "R-1005", 2940, 2940))[0] == 200


async def test_what_is_not_shared_is_let_go(city: Client, provider: Provider) -> None:
    transaction_id = await paid(city, provider, "FINE-1007")
    await provider.refund("FINE-1007", "R-1007", 940, 2940)
    release = {"transaction_id": transaction_id, "description": "解冻全部剩余资金"}
    status, told = await provider.call("profitsharing_unfreeze", out_order_no="U-1007", **release)
    assert (status, told["receivers"][0]["amount"]) == (200, 1988)  # less a fee of 12
    again = await provider.call("profitsharing_unfreeze", out_order_no="U-1008", **release)
    assert again[1]["code"] == "NOT_ENOUGH"


async def test_failures_on_purpose(city: Client, provider: Provider) -> None:
    await receive(provider)
    await city.post("/_control/wechatpay-sp/sharing", {"share": "NO_RELATION"})
    transaction_id = await paid(city, provider, "FINE-1009")
    await share(provider, transaction_id, "S-1009")
    await asyncio.sleep(1.5)
    done = await query(provider, transaction_id, "S-1009")
    ours = next(part for part in done["receivers"] if part["account"] == MCHID)
    assert (ours["result"], ours["fail_reason"]) == ("CLOSED", "NO_RELATION")
    await city.post("/_control/wechatpay-sp/sharing", {"give_back": "BALANCE_NOT_ENOUGH"})
    transaction_id = await paid(city, provider, "FINE-1010")
    await share(provider, transaction_id, "S-1010")
    await asyncio.sleep(1.5)
    await give_back(provider, "S-1010", "B-1010", 1)
    await asyncio.sleep(1.5)
    _, told = await provider.call(
        "profitsharing_return_query", out_order_no="S-1010", out_return_no="B-1010"
    )
    assert (told["result"], told["fail_reason"]) == ("FAILED", "BALANCE_NOT_ENOUGH")


async def test_nobody_sees_anothers_shares(
    city: Client, provider: Provider, keys_dir: Path, mailbox: Mailbox
) -> None:
    await receive(provider)
    transaction_id = await paid(city, provider, "FINE-1011")
    await share(provider, transaction_id, "S-1011")
    other = Provider(city.base, keys_dir, mailbox.url, "1900000117")
    assert (await share(other, transaction_id, "S-1012"))[1]["code"] == "INVALID_REQUEST"
    status, told = await other.call(
        "profitsharing_order_query", transaction_id=transaction_id, out_order_no="S-1011"
    )
    assert (status, told["code"]) == (404, "RESOURCE_NOT_EXISTS")


async def test_the_bill_has_what_was_shared_and_returned(city: Client, provider: Provider) -> None:
    """Its columns by name; where they stand and how it ends is read by a public reader of it."""
    await receive(provider)
    transaction_id = await paid(city, provider, "FINE-1013")
    await share(provider, transaction_id, "S-1013")
    await asyncio.sleep(1.5)
    await give_back(provider, "S-1013", "B-1013", 300)
    await asyncio.sleep(1.5)
    await open_day(city, "wechatpay_sp")
    status, told = await provider.call("profitsharing_bill", bill_date=today())
    assert (status, told["hash_type"]) == (200, "SHA1")
    _, raw = await asyncio.to_thread(provider.library.download_bill, told["download_url"])
    plain = gzip.decompress(raw)
    assert hashlib.sha1(plain).hexdigest() == told["hash_value"]
    lines = plain.decode("utf-8-sig").splitlines()
    rows = {(row["商户分账/回退单号"], row["分账接收方"]): row for row in rows_of(lines)}
    ours = rows["S-1013", MCHID]
    assert (ours["分账发起方"], ours["分账方"], ours["金额"]) == (SP_MCHID, SUB_MCHID, "8.00")
    assert (ours["业务类型"], ours["订单金额"]) == ("分账", "29.40")
    assert rows["S-1013", SUB_MCHID]["业务类型"] == "解冻"
    back = rows["B-1013", MCHID]
    assert (back["业务类型"], back["金额"]) == ("分账回退", "3.00")
    assert lines[-2].startswith("总条数") and lines[-1].startswith("`3,")
