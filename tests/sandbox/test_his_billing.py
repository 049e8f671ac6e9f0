"""Hospital billing: the split adds up, money is written off once, refunds leave a trail."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.serving import Client

ROOT = "/his-billing/h1"


async def query(city: Client, what: str = "bills", key: str = "citizen", code: str = "h1") -> Any:
    body = {"resident_id": (await city.person(key))["resident_id"], "consent_ref": "c-1"}
    status, told = await city.post(f"/his-billing/{code}/{what}/query", body)
    assert status == 200, told
    return told["accounts" if what == "inpatient" else "bills"]


async def pay(city: Client, path: str, ref: str, amount_fen: int) -> Any:
    paid_at = datetime.now(UTC).isoformat()
    body = {"payment_ref": ref, "amount_fen": amount_fen, "paid_at": paid_at}
    return await city.post(f"{ROOT}/{path}", body)


async def test_a_bill_is_split_between_insurance_and_the_patient(city: Client) -> None:
    (bill,) = await query(city)
    assert bill["status"] == "OPEN"
    assert bill["total_fen"] == sum(item["amount_fen"] for item in bill["items"])
    parts = ("insurance_fund_fen", "insurance_account_fen", "self_pay_fen")
    assert bill["total_fen"] == sum(bill[part] for part in parts)
    assert all(bill[part] > 0 for part in parts)
    assert await query(city) == [bill]
    assert (await city.get(f"{ROOT}/bills/{bill['bill_no']}"))[1] == bill
    assert (await city.get(f"/his-billing/h2/bills/{bill['bill_no']}"))[0] == 404
    assert await query(city, code="h3") == []


async def test_a_bill_is_paid_once(city: Client) -> None:
    (bill,) = await query(city)
    path, due = f"bills/{bill['bill_no']}/payments", bill["self_pay_fen"]
    assert (await pay(city, path, "pay-0", bill["total_fen"]))[1]["code"] == "AMOUNT_MISMATCH"
    answers = await asyncio.gather(*(pay(city, path, "pay-1", due) for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    assert len({body["receipt_no"] for _, body in answers}) == 1
    assert (await pay(city, path, "pay-2", due))[1]["code"] == "ALREADY_PAID"
    assert (await query(city))[0]["status"] == "PAID"


async def test_a_cancelled_bill_takes_no_payment(city: Client) -> None:
    person = await city.person("citizen")
    body = {"resident_id": person["resident_id"]}
    _, bill = await city.post(f"/_control{ROOT}/bills", body)
    assert (await city.post(f"/_control{ROOT}/bills/{bill['bill_no']}/cancel"))[0] == 200
    refused = await pay(city, f"bills/{bill['bill_no']}/payments", "pay-1", bill["self_pay_fen"])
    assert refused[0] == 410 and refused[1]["code"] == "BILL_CANCELLED"


async def test_a_deposit_grows_by_what_is_paid_in(city: Client) -> None:
    (account,) = await query(city, "inpatient", "elder")
    assert account["balance_fen"] == account["deposited_fen"] - account["charged_fen"]
    path = f"inpatient/{account['account_no']}/top-ups"
    for _ in range(2):
        assert (await pay(city, path, "pay-1", 100_000))[0] == 200
    (after,) = await query(city, "inpatient", "elder")
    assert after["balance_fen"] == account["balance_fen"] + 100_000
    assert (await pay(city, path, "pay-1", 100_001))[1]["code"] == "PAYMENT_REF_REUSED"
    assert (await pay(city, path, "pay-2", 5_000_001))[1]["code"] == "TOP_UP_TOO_LARGE"
    assert (await pay(city, "inpatient/ZY1nobody/top-ups", "pay-3", 100))[0] == 404
    assert await query(city, "inpatient", "citizen") == []


async def test_somebody_is_admitted_at_the_counter(city: Client) -> None:
    person = await city.person("citizen")
    body = {"resident_id": person["resident_id"]}
    status, admitted = await city.post(f"/_control{ROOT}/admissions", body)
    assert status == 201
    assert await query(city, "inpatient", "citizen") == [admitted]
    assert await query(city, "inpatient", "citizen", code="h2") == []
    nobody = {"resident_id": "11010519491231002X"}
    assert (await city.post(f"/_control{ROOT}/admissions", nobody))[0] == 404


async def test_refunds_leave_a_trail(city: Client) -> None:
    (bill,) = await query(city)
    due = bill["self_pay_fen"]
    await pay(city, f"bills/{bill['bill_no']}/payments", "pay-1", due)
    decision = {"payment_ref": "pay-1", "amount_fen": 500}
    status, receipt = await city.post(f"/_control{ROOT}/refunds", decision)
    (refund,) = receipt["refunds"]
    assert (status, refund["amount_fen"], refund["refund_ref"]) == (201, 500, None)
    too_much = decision | {"amount_fen": due - 499}
    assert (await city.post(f"/_control{ROOT}/refunds", too_much))[1]["code"] == "AMOUNT_MISMATCH"
    settle = f"{ROOT}/refunds/{refund['refund_no']}/settle"
    for _ in range(2):
        status, receipt = await city.post(settle, {"refund_ref": "back-1"})
        assert (status, receipt["refunds"][0]["refund_ref"]) == (200, "back-1")
    assert (await city.post(settle, {"refund_ref": "back-2"}))[1]["code"] == "REFUND_REF_REUSED"
    assert (await city.get(f"{ROOT}/payments/pay-1"))[1] == receipt
