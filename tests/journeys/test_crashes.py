"""`kill -9` in the middle of the water-bill journey, at random points.

Whatever dies, the journey completes by itself after the restart: paid once, written off once,
the ledger balanced, one message. A failing seed reproduces: CRASH_SEED=… (make soak).
"""

import asyncio
import os
import random
import time
from collections.abc import Mapping
from typing import Any

import pytest
from journeys.house import House
from journeys.load import cashier_of, stubbornly

from bff.client.city import CityClient, key
from bff.commands import journey

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
_COMPLETES_WITHIN_S = 60.0
_VICTIMS = ("worker", "api", "postgres")


async def test_a_few_crashes(fragile: House) -> None:
    await crash(fragile, "citizen", points=4, seed=SEED)


@pytest.mark.soak
async def test_thirty_crashes(fragile: House) -> None:
    await crash(fragile, "parent", points=30, seed=SEED + 1)


async def crash(house: House, who: str, *, points: int, seed: int) -> None:
    """Pay `points` bills, killing one process during each."""
    rng = random.Random(seed)
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        person = await client.person(who)
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        # what the real gateway repeats after 15 s, this one repeats after a fraction of it
        await client.sandbox("PUT", "/_control/faults/wechatpay", {"callback_speedup": 30})
        account_no = person["household"]["water_account_no"]
        await client.do(journey.LINK, {"account": account_no, "key": key()})
        for point in range(points):
            victim, delay_s = rng.choice(_VICTIMS), rng.uniform(0, 0.6)
            told = f"point {point} of seed {seed}: {victim} after {delay_s:.3f} s"
            started_s = time.monotonic()
            async with asyncio.timeout(_COMPLETES_WITHIN_S):
                paid = asyncio.create_task(pay_a_bill(house, client, account_no))
                await asyncio.sleep(delay_s)
                house.kill(victim)
                payment_id, bill = await paid
            await assert_done_once(house, client, payment_id, bill, told)
            print(f"{told}: complete after {time.monotonic() - started_s:.1f} s")
        await assert_one_message_each(house, payment_id, points)


async def pay_a_bill(
    house: House, client: CityClient, account_no: str
) -> tuple[str, Mapping[str, Any]]:
    """The journey as a stubborn app walks it: every request repeated until it is answered."""
    path = f"/_control/billers/water/accounts/{account_no}/bills"
    issued = await client.sandbox("POST", path, {})

    async def open_bill() -> Mapping[str, Any]:
        answer = await client.run(journey.BILLS, {"account": account_no})
        items = answer.data["bills"]["items"] or ()
        return next(b for b in items if b["billNo"] == issued["bill_no"])

    bill = await stubbornly(open_bill)
    pay = {"bill": bill["id"], "key": key()}
    started = await stubbornly(lambda: client.do(journey.PAY, pay))
    payment_id = started["payment"]["id"]
    cashier_url = await stubbornly(lambda: cashier_of(client, payment_id))
    await client.pay_at(cashier_url)
    await stubbornly(lambda: settled(client, payment_id))
    await stubbornly(lambda: message_of(house, payment_id))
    return payment_id, bill


async def settled(client: CityClient, payment_id: str) -> None:
    """Raises LookupError until the payment has succeeded; it must never be shown as failed."""
    answer = await client.run(journey.PAYMENT, {"id": payment_id})
    status = answer.data["payment"]["status"]
    assert status in ("AWAITING_PAYMENT", "PROCESSING", "SUCCEEDED"), status
    if status != "SUCCEEDED":
        raise LookupError("not yet")


async def message_of(house: House, payment_id: str) -> None:
    """Raises LookupError until the payer has been told."""
    sql = "SELECT id FROM notifications_message WHERE key = $1"
    if not await house.query(sql, f"bill-paid:{payment_id}"):
        raise LookupError("not yet")


async def assert_done_once(
    house: House, client: CityClient, payment_id: str, bill: Mapping[str, Any], told: str
) -> None:
    """Look at both sides: the city's books and the outside's."""
    sql = "SELECT captured_fen, refunded_fen FROM payments_intent WHERE id = $1"
    captured = await stubbornly(lambda: house.query(sql, payment_id))
    assert captured == [{"captured_fen": bill["total"], "refunded_fen": 0}], told
    sides = await stubbornly(
        lambda: house.query(
            "SELECT side, sum(amount_fen)::bigint AS fen FROM payments_entry GROUP BY side"
        )
    )
    assert sides[0]["fen"] == sides[1]["fen"], told
    at_biller = await client.sandbox("GET", f"/billers/water/bills/{bill['billNo']}")
    assert at_biller["status"] == "paid", told
    reference = payment_id.replace("-", "")
    write_off = await client.sandbox("GET", f"/billers/water/write-offs/{reference}")
    assert write_off["bill_no"] == bill["billNo"], told


async def assert_one_message_each(house: House, payment_id: str, points: int) -> None:
    """Exactly one message for each of this payer's payments."""
    sql = """SELECT count(*) AS n FROM notifications_message
             WHERE key LIKE 'bill-paid:%'
               AND person_id = (SELECT payer_id FROM payments_intent WHERE id = $1)"""
    assert await stubbornly(lambda: house.query(sql, payment_id)) == [{"n": points}]
