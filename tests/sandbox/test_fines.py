"""Violations: accepted by their owner, paid once on the revenue platform."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.server.system import SHANGHAI
from tests.sandbox.serving import Client


async def violations(city: Client, key: str = "citizen") -> list[dict[str, Any]]:
    person = await city.person(key)
    body = {"resident_id": person["resident_id"], "consent_ref": "c-1"}
    status, told = await city.post("/traffic-police/violations/query", body)
    assert status == 200, told
    return list(told["violations"])


async def confirm(city: Client, violation: dict[str, Any], key: str = "citizen") -> Any:
    body = {"resident_id": (await city.person(key))["resident_id"]}
    path = f"/traffic-police/violations/{violation['violation_no']}/confirm"
    return await city.post(path, body)


async def order(city: Client) -> dict[str, Any]:
    confirmed = (await confirm(city, (await violations(city))[0]))[1]
    status, told = await city.get(f"/fines/orders/{confirmed['order_no']}")
    assert status == 200
    return dict(told)


async def pay(city: Client, order: dict[str, Any], ref: str, **changed: object) -> Any:
    body = {
        "payment_ref": ref,
        "amount_fen": order["total_fen"],
        "paid_at": datetime.now(UTC).isoformat(),
    }
    return await city.post(f"/fines/orders/{order['order_no']}/payments", body | changed)


async def test_violations_tell_where_when_and_what(city: Client) -> None:
    found = await violations(city)
    plate = (await city.person("citizen"))["plate"]
    assert len(found) == 3 and {v["plate"] for v in found} == {plate}
    assert {v["status"] for v in found} == {"UNCONFIRMED"}
    for violation in found:
        assert violation["fine_fen"] > 0 and violation["points"] in range(13)
        assert datetime.fromisoformat(violation["committed_at"]) < datetime.now(UTC)
        assert violation["place_zh"] and violation["offence_zh"]
    assert await violations(city) == found


async def test_only_the_owner_sees_and_accepts(city: Client) -> None:
    child = await city.person("child")
    body = {"resident_id": child["resident_id"], "consent_ref": "c-1"}
    query = "/traffic-police/violations/query"
    assert (await city.post(query, body))[1]["code"] == "NO_VEHICLE"
    own = (await city.person("citizen"))["resident_id"]
    foreign = {"resident_id": own, "consent_ref": "c", "plate": "宁ZD00002"}
    assert (await city.post(query, foreign))[1]["code"] == "NOT_OWNER"
    violation = (await violations(city))[0]
    assert (await confirm(city, violation, "parent"))[1]["code"] == "NOT_OWNER"
    assert (await violations(city))[0]["status"] == "UNCONFIRMED"


async def test_a_fine_is_paid_once(city: Client) -> None:
    due = await order(city)
    assert (due["status"], due["late_fee_fen"]) == ("UNPAID", 0)
    answers = await asyncio.gather(*(pay(city, due, f"pay-{n % 2}") for n in range(10)))
    assert sorted(status for status, _ in answers) == [200] * 5 + [409] * 5
    assert {body["code"] for status, body in answers if status == 409} == {"ALREADY_PAID"}
    assert len({body["receipt_no"] for status, body in answers if status == 200}) == 1
    assert (await violations(city))[0]["status"] == "SETTLED"
    refs = [(await city.get(f"/fines/payments/pay-{n}"))[0] for n in (0, 1)]
    assert sorted(refs) == [200, 404]


async def test_accepting_twice_is_one_order(city: Client) -> None:
    violation = (await violations(city))[0]
    first, second = await confirm(city, violation), await confirm(city, violation)
    assert first == second and first[1]["order_no"]


async def test_a_late_fine_grows_to_twice_itself(city: Client) -> None:
    due = await order(city)
    fine = due["amount_fen"]
    late = datetime.fromisoformat(f"{due['due_on']}T12:00:00+08:00")
    after_10 = (late + timedelta(days=10)).isoformat()
    refused = await pay(city, due, "pay-1", paid_at=after_10)
    assert refused[1]["code"] == "AMOUNT_MISMATCH"
    after_90 = (late + timedelta(days=90)).isoformat()
    assert (await pay(city, due, "pay-1", paid_at=after_90, amount_fen=fine * 2 + 1))[0] == 422
    paid = await pay(city, due, "pay-1", paid_at=after_10, amount_fen=fine + fine * 3 // 10)
    assert paid[0] == 200


async def test_a_withdrawn_order_takes_no_payment(city: Client) -> None:
    due = await order(city)
    assert (await city.post(f"/_control/fines/orders/{due['order_no']}/withdraw"))[0] == 200
    status, body = await pay(city, due, "pay-1")
    assert (status, body["code"]) == (410, "ORDER_WITHDRAWN")
    assert (await city.get("/fines/payments/pay-1"))[0] == 404


async def test_a_camera_takes_a_picture(city: Client) -> None:
    plate = (await city.person("citizen"))["plate"]
    body = {"plate": plate, "offence_code": "16251"}
    status, made = await city.post("/_control/traffic-police/violations", body)
    assert (status, made["points"], made["fine_fen"]) == (201, 6, 20_000)
    assert (await violations(city))[0]["violation_no"] == made["violation_no"]
    assert (await city.get("/fines/orders/none"))[1]["code"] == "NO_SUCH_ORDER"


async def test_points_are_those_of_what_was_accepted_in_this_cycle(city: Client) -> None:
    person = await city.person("citizen")
    asked = {"resident_id": person["resident_id"], "consent_ref": "c"}
    _, before = await city.post("/traffic-police/licence/query", asked)
    assert before["cycle_begins_on"] <= str(datetime.now(SHANGHAI).date()) < before["cycle_ends_on"]
    body = {"plate": person["plate"], "offence_code": "16251"}
    _, made = await city.post("/_control/traffic-police/violations", body)
    await confirm(city, made)
    _, after = await city.post("/traffic-police/licence/query", asked)
    assert after["points_used"] == before["points_used"] + 6


async def test_a_violation_is_removed_for_its_owner_while_it_is_not_accepted(city: Client) -> None:
    person, other = await city.person("citizen"), await city.person("parent")
    body = {"plate": person["plate"], "offence_code": "16251"}
    _, made = await city.post("/_control/traffic-police/violations", body)
    path = f"/traffic-police/violations/{made['violation_no']}/removal"
    asked = {"resident_id": person["resident_id"], "case_no": "WFYY1", "ground": "SIGNALS"}
    refused = await city.post(path, asked | {"resident_id": other["resident_id"]})
    assert (refused[0], refused[1]["code"]) == (403, "NOT_OWNER")
    for _ in range(2):
        status, removed = await city.post(path, asked)
        assert (status, removed["status"]) == (200, "WITHDRAWN")
    assert (await confirm(city, made))[1]["code"] == "VIOLATION_REMOVED"
    _, second = await city.post("/_control/traffic-police/violations", body)
    await confirm(city, second)
    path = f"/traffic-police/violations/{second['violation_no']}/removal"
    assert (await city.post(path, asked))[1]["code"] == "ALREADY_ACCEPTED"


async def test_a_grave_offence_is_decided_at_the_office_and_has_its_picture(city: Client) -> None:
    person = await city.person("citizen")
    body = {"plate": person["plate"], "offence_code": "60431"}
    _, made = await city.post("/_control/traffic-police/violations", body)
    assert made["needs_hearing"] and made["points"] == 12
    assert (await confirm(city, made))[1]["code"] == "NEEDS_HEARING"
    path = f"/traffic-police/violations/{made['violation_no']}/evidence"
    asked = {"resident_id": person["resident_id"], "consent_ref": "c"}
    async with city.http.post(path, json=asked) as reply:
        assert (reply.status, reply.content_type) == (200, "image/png")
        assert (await reply.read()).startswith(b"\x89PNG")
    other = {"resident_id": (await city.person("parent"))["resident_id"], "consent_ref": "c"}
    assert (await city.post(path, other))[1]["code"] == "NOT_OWNER"
