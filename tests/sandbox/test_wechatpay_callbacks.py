"""Refunds and callbacks: retried, repeated, out of order, across a restart of the sandbox."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.merchant import Mailbox, Merchant, open_mailbox
from tests.sandbox.serving import Client, free_port, sandbox_process
from tests.sandbox.test_wechatpay import pay


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with open_mailbox() as opened:
        yield opened


@pytest.fixture
def merchant(city: Client, keys_dir: Path, mailbox: Mailbox) -> Merchant:
    return Merchant(city.base, keys_dir, mailbox.url)


def opened(merchant: Merchant, mailbox: Mailbox) -> list[dict[str, Any]]:
    """The callbacks as the library believes and decrypts them."""
    return [merchant.library.callback(headers, body) for headers, body in mailbox.received]


async def test_a_refund_is_accepted_then_settled_and_announced(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    paid = await pay(city, merchant, "REFUND-0001")
    status, accepted = await merchant.refund("REFUND-0001", "R-0001", 940, 2940)
    assert (status, accepted["status"]) == (200, "PROCESSING")
    await mailbox.wait_for(2)
    notice = opened(merchant, mailbox)[1]
    assert notice["event_type"] == "REFUND.SUCCESS"
    assert notice["resource"] | {"success_time": ""} == {
        "mchid": "1900000001",
        "out_trade_no": "REFUND-0001",
        "transaction_id": paid["transaction_id"],
        "refund_id": accepted["refund_id"],
        "out_refund_no": "R-0001",
        "refund_status": "SUCCESS",
        "success_time": "",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 2940, "refund": 940, "payer_total": 2940, "payer_refund": 940},
    }
    status, settled = await merchant.call("query_refund", out_refund_no="R-0001")
    assert (status, settled["status"]) == (200, "SUCCESS")
    assert (await merchant.query("REFUND-0001"))["trade_state"] == "REFUND"


async def test_the_same_refund_again_is_the_same(city: Client, merchant: Merchant) -> None:
    await pay(city, merchant, "REFUND-0002")
    _, first = await merchant.refund("REFUND-0002", "R-0002", 1000, 2940)
    _, again = await merchant.refund("REFUND-0002", "R-0002", 1000, 2940)
    assert again["refund_id"] == first["refund_id"]
    status, body = await merchant.refund("REFUND-0002", "R-0002", 999, 2940)
    assert (status, body["code"]) == (400, "INVALID_REQUEST")


async def test_refunds_at_once_never_exceed_the_payment(city: Client, merchant: Merchant) -> None:
    await pay(city, merchant, "REFUND-0003", total=1000)
    answers = await asyncio.gather(
        *(merchant.refund("REFUND-0003", f"R-3-{n}", 300, 1000) for n in range(10))
    )
    assert sorted(status for status, _ in answers) == [200] * 3 + [400] * 7


@pytest.mark.parametrize(("refund", "total"), [(1, 1), (3000, 2940), (3000, 3000)])
async def test_a_refund_that_does_not_fit_is_refused(
    city: Client, merchant: Merchant, refund: int, total: int
) -> None:
    await pay(city, merchant, "REFUND-0004")
    status, body = await merchant.refund("REFUND-0004", "R-0004", refund, total)
    assert (status, body["code"]) == (400, "INVALID_REQUEST")
    assert (await merchant.call("query_refund", out_refund_no="R-0004"))[0] == 404
    assert (await merchant.query("REFUND-0004"))["trade_state"] == "SUCCESS"


async def test_an_unpaid_order_is_not_refunded(merchant: Merchant) -> None:
    await merchant.order("REFUND-0005")
    status, body = await merchant.refund("REFUND-0005", "R-0005", 1, 2940)
    assert (status, body["code"]) == (400, "INVALID_REQUEST")


async def test_a_callback_is_repeated_until_it_is_taken(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    await city.put("/_control/faults/wechatpay", {"callback_speedup": 1000})
    mailbox.statuses = [500, 302, 404]
    await pay(city, merchant, "RETRY-0001")
    await mailbox.wait_for(4)
    notices = opened(merchant, mailbox)
    assert len({notice["id"] for notice in notices}) == 1
    assert len({headers["Wechatpay-Nonce"] for headers, _ in mailbox.received}) == 4
    await asyncio.sleep(0.3)
    assert len(mailbox.received) == 4
    _, listed = await city.get("/_control/callbacks?system=wechatpay")
    assert [(entry["attempts"], entry["done"]) for entry in listed["callbacks"]] == [(4, True)]


async def test_the_ladder_ends(city: Client, merchant: Merchant, mailbox: Mailbox) -> None:
    await city.put("/_control/faults/wechatpay", {"callback_speedup": 1_000_000})
    mailbox.statuses = [500] * 20
    await pay(city, merchant, "RETRY-0002")
    await mailbox.wait_for(16)
    await asyncio.sleep(0.3)
    assert len(mailbox.received) == 16
    entry = (await city.get("/_control/callbacks"))[1]["callbacks"][0]
    assert (entry["done"], entry["next_at"], entry["last_answer"]) == (False, None, "500")
    assert (await city.post(f"/_control/callbacks/{entry['id']}/resend"))[0] == 202


async def test_duplicates_have_the_same_id(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    await city.put("/_control/faults/wechatpay", {"duplicate_callbacks": 4})
    await pay(city, merchant, "DUPLICATE-1")
    await mailbox.wait_for(5)
    assert len({notice["id"] for notice in opened(merchant, mailbox)}) == 1


async def test_a_held_callback_is_overtaken_by_the_next(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    await city.put("/_control/faults/wechatpay", {"reorder_callbacks": True})
    for number in range(2):
        await pay(city, merchant, f"ORDER-{number}")
    await mailbox.wait_for(2)
    told = [notice["resource"]["out_trade_no"] for notice in opened(merchant, mailbox)]
    assert told == ["ORDER-1", "ORDER-0"]


async def test_a_delayed_callback_comes_late(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    await city.put("/_control/faults/wechatpay", {"delay_callbacks_ms": 600})
    await pay(city, merchant, "DELAY-0001")
    await asyncio.sleep(0.3)
    assert mailbox.received == []
    await mailbox.wait_for(1)


async def test_dropped_callbacks_never_come(
    city: Client, merchant: Merchant, mailbox: Mailbox
) -> None:
    await city.put("/_control/faults/wechatpay", {"drop_callbacks": True})
    await pay(city, merchant, "DROP-0001")
    await asyncio.sleep(0.3)
    assert mailbox.received == []
    assert (await merchant.query("DROP-0001"))["trade_state"] == "SUCCESS"


async def test_callbacks_and_refunds_survive_a_restart(
    keys_dir: Path, tmp_path: Path, mailbox: Mailbox
) -> None:
    state = str(tmp_path / "sandbox.sqlite")
    port = free_port()
    with sandbox_process(port, state=state, keys_dir=keys_dir):
        async with Client(port) as city:
            merchant = Merchant(city.base, keys_dir, mailbox.url)
            await city.put("/_control/faults/wechatpay", {"callback_speedup": 10})
            mailbox.statuses = [500]
            paid = await pay(city, merchant, "RESTART-0001")
            await merchant.refund("RESTART-0001", "R-RESTART", 2940, 2940)
            await mailbox.wait_for(1)
    port = free_port()
    with sandbox_process(port, state=state, keys_dir=keys_dir):
        async with Client(port) as city:
            merchant = Merchant(city.base, keys_dir, mailbox.url)
            await mailbox.wait_for(3)
            assert (await merchant.query("RESTART-0001"))["transaction_id"] == paid[
                "transaction_id"
            ]
            assert (await city.get("/_control/faults"))[1][0]["callback_speedup"] == 10
    events = sorted(notice["event_type"] for notice in opened(merchant, mailbox))
    assert events == ["REFUND.SUCCESS", "TRANSACTION.SUCCESS", "TRANSACTION.SUCCESS"]


async def test_without_keys_only_wechat_pay_is_shut(tmp_path: Path) -> None:
    port = free_port()
    with sandbox_process(port, keys_dir=tmp_path):
        async with Client(port) as city:
            status, body = await city.post("/wechatpay/v3/pay/transactions/h5", {})
            assert (status, body["code"]) == (503, "KEYS_MISSING")
            assert "wechat_platform_private.pem" in body["message"]
            assert (await city.get("/wechatpay/cashier/wx1"))[0] == 503
            assert (await city.get("/_control/healthz"))[0] == 200
