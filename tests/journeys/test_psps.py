"""Paying through either PSP, and through the other one when one fails, over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import pytest
from journeys.house import House

from bff.client.city import CityClient, ClientError, key
from bff.commands import journey
from tests.machine import in_time

_PAUSE_S = 5.5
"""After this a PSP that was left is asked again."""


@pytest.fixture
async def payer(client: CityClient) -> AsyncIterator[CityClient]:
    """Somebody with a linked account; the PSPs are well again afterwards."""
    person = await client.person("parent")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    account_no = person["household"]["water_account_no"]
    await client.do(journey.LINK, {"account": account_no, "key": key()})
    yield client
    for psp in ("wechatpay", "alipay"):
        await client.sandbox("DELETE", f"/_control/faults/{psp}")


async def _fresh_bill(client: CityClient, begun: Collection[str] = ()) -> str:
    """A bill that is open, and none of those that somebody has begun to pay."""
    person = await client.person("parent")
    account_no = person["household"]["water_account_no"]
    await client.sandbox("POST", f"/_control/billers/water/accounts/{account_no}/bills", {})
    answer = await client.run(journey.BILLS, {"account": account_no})
    items = answer.data["bills"]["items"]
    bill_id: str = next(b["id"] for b in items if b["status"] == "OPEN" and b["id"] not in begun)
    return bill_id


async def _begin(client: CityClient, bill_id: str, method: str | None = None) -> Mapping[str, Any]:
    started = await client.do(journey.PAY, {"bill": bill_id, "key": key(), "method": method})
    payment: Mapping[str, Any] = started["payment"]
    return payment


async def _succeed(client: CityClient, payment_id: str, within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while True:
            answer = await client.run(journey.PAYMENT, {"id": payment_id})
            if answer.data["payment"]["status"] == "SUCCEEDED":
                return
            await asyncio.sleep(0.2)


async def _fen(house: House, account: str) -> int:
    rows = await house.query(
        """SELECT coalesce(sum(b.debit_fen - b.credit_fen), 0)::bigint AS fen
             FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code = $1""",
        account,
    )
    return int(rows[0]["fen"])


async def test_a_bill_is_paid_by_alipay(house: House, payer: CityClient) -> None:
    before = await _fen(house, "psp:alipay")
    payment = await _begin(payer, await _fresh_bill(payer), "ALIPAY")
    assert (payment["method"], payment["status"]) == ("ALIPAY", "AWAITING_PAYMENT")
    page = await payer.pay_at(payment["cashierUrl"])
    assert "/alipay/cashier/" in page
    await _succeed(payer, payment["id"])
    assert await _fen(house, "psp:alipay") > before


async def test_the_payer_changes_from_one_cashier_to_the_other(payer: CityClient) -> None:
    bill_id = await _fresh_bill(payer)
    first = await _begin(payer, bill_id, "WECHAT_PAY")
    second = await _begin(payer, bill_id, "ALIPAY")
    assert (second["id"], second["method"]) == (first["id"], "ALIPAY")
    with pytest.raises(ClientError, match="ORDER_CLOSED"):
        await payer.pay_at(first["cashierUrl"])
    await payer.pay_at(second["cashierUrl"])
    await _succeed(payer, first["id"])


@pytest.mark.parametrize("fault", [{"error_rate": 1}, {"hang": True}], ids=["errors", "silence"])
async def test_a_failing_psp_is_left_and_comes_back(
    house: House, payer: CityClient, fault: Mapping[str, object]
) -> None:
    """WeChat Pay takes no orders: they are made, or not, but what became of them can be asked."""
    broken = {"operation": "order_h5", **fault}
    await payer.sandbox("PUT", "/_control/faults/wechatpay", broken)
    for _ in range(3):
        bill_id, started_s = await _fresh_bill(payer), time.monotonic()
        payment = await _begin(payer, bill_id)
        assert payment["method"] == "ALIPAY" and payment["cashierUrl"]
        assert in_time(time.monotonic() - started_s, 3)
        await payer.pay_at(payment["cashierUrl"])
        await _succeed(payer, payment["id"])
    await payer.sandbox("DELETE", "/_control/faults/wechatpay")
    await asyncio.sleep(_PAUSE_S)
    payment = await _begin(payer, await _fresh_bill(payer))
    assert payment["method"] == "WECHAT_PAY"
    await payer.pay_at(payment["cashierUrl"])
    await _succeed(payer, payment["id"])
    twice = await house.query("SELECT id FROM payments_left_order WHERE captured_fen > 0")
    assert twice == []


_NEXT_LOOK_S = 2 * 60 + 20.0
"""Without a callback an order that was asked for in vain is looked at two minutes later."""

REFUSED_US = {"error_rate": 1, "error_status": 401, "error_code": "SIGN_ERROR"}
OPEN, NEW = 3, 100


@pytest.mark.soak
async def test_a_psp_that_refuses_us_in_mid_flow_costs_nobody_a_payment(
    house: House, payer: CityClient
) -> None:
    """WeChat Pay answers 401 to everything, as when a certificate is over. Of a hundred new
    payments 99 at least succeed at Alipay within a minute each; what was open there is neither
    lost nor charged twice."""
    begun: list[str] = []
    opened = []
    for _ in range(OPEN):
        begun.append(await _fresh_bill(payer, begun))
        opened.append(await _begin(payer, begun[-1], "WECHAT_PAY"))
    await payer.sandbox("PUT", "/_control/faults/wechatpay", {"drop_callbacks": True})
    await payer.pay_at(opened[0]["cashierUrl"])
    await payer.sandbox("PUT", "/_control/faults/wechatpay", REFUSED_US)
    succeeded = 0
    for _ in range(NEW):
        bill_id, started_s = await _fresh_bill(payer, begun), time.monotonic()
        payment = await _begin(payer, bill_id)
        assert payment["method"] == "ALIPAY"
        await payer.pay_at(payment["cashierUrl"])
        await _succeed(payer, payment["id"])
        succeeded += time.monotonic() - started_s < 60
    assert succeeded >= 0.99 * NEW
    await payer.sandbox("DELETE", "/_control/faults/wechatpay")
    await payer.pay_at(opened[1]["cashierUrl"])
    for payment in opened[:2]:
        await _succeed(payer, payment["id"], _NEXT_LOOK_S)
    twice = await house.query(
        """SELECT subject_ref FROM payments_intent WHERE captured_fen > refunded_fen
            GROUP BY kind, subject_ref HAVING count(*) > 1"""
    )
    assert twice == []
    assert await house.query("SELECT id FROM payments_left_order WHERE captured_fen > 0") == []
