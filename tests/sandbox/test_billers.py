"""Billers: bills add up, and a payment writes exactly one bill off."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from core.money import multiply
from sandbox.systems.billers import UTILITIES
from sandbox.systems.billers.tariff import charge, late_fee_fen
from tests.sandbox.serving import Client

KINDS = ["water", "electricity", "gas", "heating"]


async def account_of(city: Client, kind: str, key: str = "citizen") -> str:
    return str((await city.person(key))["household"][f"{kind}_account_no"])


async def bills_of(city: Client, kind: str, account: str, status: str = "all") -> list[Any]:
    code, body = await city.get(f"/billers/{kind}/accounts/{account}/bills?status={status}")
    assert code == 200, body
    return list(body["bills"])


async def fresh_bill(city: Client, kind: str = "water", **body: object) -> dict[str, Any]:
    account = await account_of(city, kind)
    status, bill = await city.post(f"/_control/billers/{kind}/accounts/{account}/bills", body)
    assert status == 201
    return dict(bill)


async def write_off(
    city: Client, bill: dict[str, Any], ref: str, kind: str = "water", **changed: object
) -> Any:
    body = {
        "payment_ref": ref,
        "amount_fen": bill["amount_fen"],
        "paid_at": datetime.now(UTC).isoformat(),
    }
    return await city.post(f"/billers/{kind}/bills/{bill['bill_no']}/write-off", body | changed)


@pytest.mark.parametrize("kind", KINDS)
async def test_bills_add_up(city: Client, kind: str) -> None:
    account = await account_of(city, kind)
    bills = await bills_of(city, kind, account)
    assert len(bills) == 6
    assert [bill["status"] for bill in bills] == ["open"] + ["paid"] * 5
    for bill in bills:
        assert bill["reading"] - bill["previous_reading"] == bill["usage"]
        assert sum(tier["usage"] for tier in bill["tiers"]) == bill["usage"]
        assert sum(tier["amount_fen"] for tier in bill["tiers"]) == bill["amount_fen"] > 0
        for tier in bill["tiers"]:
            exact = multiply(tier["usage"] * 100, tier["unit_price_yuan"])
            assert tier["amount_fen"] == exact
        assert bill["total_fen"] == bill["amount_fen"] + bill["late_fee_fen"] - bill["paid_fen"]
        assert (bill["total_fen"] == 0) == (bill["status"] == "paid")
    for newer, older in pairwise(bills):
        assert newer["previous_reading"] == older["reading"]
    assert await bills_of(city, kind, account, "open") == bills[:1]
    assert (await city.get(f"/billers/{kind}/bills/{bills[0]['bill_no']}"))[1] == bills[0]


async def test_a_bill_is_found_before_its_account_was_looked_at(city: Client) -> None:
    bill = (await bills_of(city, "water", await account_of(city, "water")))[0]
    await city.post("/_control/reset")
    assert (await city.get(f"/billers/water/bills/{bill['bill_no']}"))[1] == bill


async def test_an_account_hides_its_holder(city: Client) -> None:
    account = await account_of(city, "water")
    _, told = await city.get(f"/billers/water/accounts/{account}")
    assert told["holder_masked"] == "**范" and "****" in told["address_masked"]
    assert (told["account_no"], told["status"]) == (account, "active")


@pytest.mark.parametrize("account", ["1", "1000000017", "2000000014", "1099999994", "甲"])
async def test_an_account_of_nobody_is_not_found(city: Client, account: str) -> None:
    status, body = await city.get(f"/billers/water/accounts/{account}/bills")
    assert (status, body["code"]) == (404, "NO_SUCH_ACCOUNT")


def test_tiers_are_charged_in_turn() -> None:
    water = UTILITIES[0]
    assert [t["amount_fen"] for t in charge(water, 12)] == [5040]
    assert [t["amount_fen"] for t in charge(water, 13)] == [5040, 560]
    assert [t["amount_fen"] for t in charge(water, 25)] == [5040, 4480, 4900]


def test_a_late_fee_grows_by_the_day() -> None:
    due = date(2026, 5, 10)
    assert [late_fee_fen(10_000, due, due + timedelta(days=n)) for n in (-3, 0, 1, 10)] == [
        0,
        0,
        5,
        50,
    ]


async def test_a_payment_writes_off_once(city: Client) -> None:
    bill = await fresh_bill(city)
    answers = await asyncio.gather(*(write_off(city, bill, "pay-1") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len({body["write_off_no"] for _, body in answers}) == 1
    status, found = await city.get("/billers/water/write-offs/pay-1")
    assert (status, found) == (200, answers[0][1])
    assert (found["bill_no"], found["payment_ref"]) == (bill["bill_no"], "pay-1")
    _, told = await city.get(f"/billers/water/bills/{bill['bill_no']}")
    assert told["status"] == "paid"


async def test_two_payments_race_and_one_wins(city: Client) -> None:
    bill = await fresh_bill(city)
    answers = await asyncio.gather(*(write_off(city, bill, f"pay-{n}") for n in range(20)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 19
    assert {body["code"] for status, body in answers if status == 409} == {"ALREADY_PAID"}


async def test_a_lost_reply_is_found_by_the_payment(city: Client) -> None:
    bill = await fresh_bill(city)
    fault = {"operation": "write_off", "lose_reply_rate": 1}
    await city.put("/_control/faults/biller_water", fault)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await write_off(city, bill, "pay-1")
    assert (await city.get("/billers/water/write-offs/pay-1"))[0] == 200


async def test_a_wrong_amount_writes_nothing_off(city: Client) -> None:
    bill = await fresh_bill(city)
    for amount in (bill["amount_fen"] - 1, bill["amount_fen"] + 1):
        status, body = await write_off(city, bill, "pay-1", amount_fen=amount)
        assert (status, body["code"]) == (422, "AMOUNT_MISMATCH")
    assert (await city.get("/billers/water/write-offs/pay-1"))[0] == 404
    assert (await write_off(city, bill, "pay-1"))[0] == 200


async def test_an_overdue_bill_costs_its_late_fee(city: Client) -> None:
    bill = await fresh_bill(city, usage=20)
    late = datetime.fromisoformat(f"{bill['due_on']}T12:00:00+08:00") + timedelta(days=10)
    fee = late_fee_fen(bill["amount_fen"], date.fromisoformat(bill["due_on"]), late.date())
    assert fee > 0
    assert (await write_off(city, bill, "pay-1", paid_at=late.isoformat()))[0] == 422
    total = bill["amount_fen"] + fee
    paid = await write_off(city, bill, "pay-1", paid_at=late.isoformat(), amount_fen=total)
    assert paid[0] == 200


async def test_a_payment_reference_belongs_to_one_bill(city: Client) -> None:
    first, second = await fresh_bill(city), await fresh_bill(city)
    assert first["bill_no"] != second["bill_no"]
    assert (await write_off(city, first, "pay-1"))[0] == 200
    status, body = await write_off(city, second, "pay-1")
    assert (status, body["code"]) == (409, "PAYMENT_REF_REUSED")
    assert (await city.get(f"/billers/water/bills/{second['bill_no']}"))[1]["status"] == "open"


async def test_heating_is_paid_in_parts_of_a_hundred_yuan(city: Client) -> None:
    bill = await fresh_bill(city, "heating", usage=60)
    assert (bill["least_part_fen"], bill["total_fen"]) == (10_000, 40_050)
    for n, (fen, status) in enumerate(
        [(9_999, 422), (10_000, 200), (30_051, 422), (25_000, 200), (5_049, 422), (5_050, 200)]
    ):
        code, body = await write_off(city, bill, f"part-{n}", "heating", amount_fen=fen)
        assert code == status, body
        assert code == 200 or body["code"] == "AMOUNT_MISMATCH"
    again = await write_off(city, bill, "part-1", "heating", amount_fen=10_000)
    assert again[0] == 200
    refused = await write_off(city, bill, "part-1", "heating", amount_fen=10_001)
    assert refused[1]["code"] == "PAYMENT_REF_REUSED"
    _, told = await city.get(f"/billers/heating/bills/{bill['bill_no']}")
    assert (told["status"], told["total_fen"], told["paid_fen"]) == ("paid", 0, 40_050)
    assert (await write_off(city, bill, "part-9", "heating", amount_fen=10_000))[0] == 409


async def test_parts_at_once_never_pass_what_is_open(city: Client) -> None:
    bill = await fresh_bill(city, "heating", usage=60)
    answers = await asyncio.gather(
        *(write_off(city, bill, f"part-{n}", "heating", amount_fen=15_000) for n in range(20))
    )
    assert sorted(status for status, _ in answers) == [200] * 2 + [422] * 18
    _, told = await city.get(f"/billers/heating/bills/{bill['bill_no']}")
    assert (told["status"], told["total_fen"], told["paid_fen"]) == ("open", 10_050, 30_000)


@pytest.mark.parametrize(("body", "shown"), [({}, "withdrawn"), ({"silently": True}, "open")])
async def test_a_withdrawn_bill_is_refused_for_good(
    city: Client, body: dict[str, bool], shown: str
) -> None:
    bill = await fresh_bill(city)
    path = f"/_control/billers/water/bills/{bill['bill_no']}/withdraw"
    status, told = await city.post(path, body)
    assert (status, told["status"]) == (200, shown)
    status, refused = await write_off(city, bill, "pay-1")
    assert (status, refused["code"]) == (410, "BILL_WITHDRAWN")
    assert (await city.get("/billers/water/write-offs/pay-1"))[0] == 404


@pytest.mark.parametrize(
    "changed",
    [
        {"amount_fen": 0},
        {"amount_fen": "2940"},
        {"amount_fen": 29.4},
        {"paid_at": "2026-05-01T10:00:00"},
        {"payment_ref": ""},
        {"extra": 1},
    ],
)
async def test_a_malformed_write_off_is_refused(city: Client, changed: dict[str, object]) -> None:
    bill = await fresh_bill(city)
    status, body = await write_off(city, bill, "pay-1", **changed)
    assert (status, body["code"]) == (400, "INVALID_REQUEST")
    assert (await city.get(f"/billers/water/bills/{bill['bill_no']}"))[1]["status"] == "open"


@pytest.mark.parametrize("bill_no", ["nothing", "W100000001620261001X", "W999999999920261001"])
async def test_a_bill_of_nobody_is_not_found(city: Client, bill_no: str) -> None:
    status, body = await write_off(city, {"bill_no": bill_no, "amount_fen": 1}, "pay-1")
    assert (status, body["code"]) == (404, "NO_SUCH_BILL")
