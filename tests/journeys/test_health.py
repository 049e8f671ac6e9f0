"""One card at every hospital: triage, a number, the card at the counter, a bill, a report, a second
hospital that reads it, and the log; each hospital down in turn. Over HTTP."""

import asyncio
from typing import Any

import aiohttp
from journeys.house import House

from bff.client.city import CityClient, key
from bff.commands import journey

APPLY = """mutation($key: String!) { applyHealthCard(idempotencyKey: $key) {
  ... on HealthCardApplied { card { cardNo state } } ... on Refusal { code message } } }"""
CODE = "{ healthCardCode { code } }"
TRIAGE = """{ triage(told: {symptoms: ["rash"], ageMonths: 400}) { emergency { number }
  departments { name hospitals { hospital { code } departmentCode freeToday } } } }"""
REPORTS = """{ medicalReports(first: 20) { status
  sources { hospital { code } status reason setAside } edges { node { id name } } } }"""
ONE = """query($id: ID!) { medicalReport(id: $id) { report {
  results { measures { text quantity { value ucum } } } files { link { url } } } } }"""
TICKETS = "{ outpatientQueue { status items { status number { ticketNo state ahead } } } }"
BILLS = """{ medicalBills { items { hospital bills { id billNo selfPay status } } } }"""
PAY_BILL = """mutation($id: ID!, $key: String!) {
  payMedicalBill(billId: $id, idempotencyKey: $key) {
  ... on MedicalPaymentStarted { payment { cashierUrl } }
  ... on Refusal { code message } } }"""
LOG = """{ viewer { accessLog(first: 5) { edges { node { service actorRole actorName } } } } }"""


async def _post(
    house: House, client: CityClient, hospital: str, path: str, body: dict[str, Any]
) -> tuple[int, Any]:
    """What a hospital is answered to a question that it has signed."""
    signed = await client.sandbox(
        "POST", f"/_control/hospital-records/{hospital}/sign", {"audience": "quancheng:jinan"}
    )
    headers = {"Authorization": f"Bearer {signed['bearer']}"}
    async with (
        aiohttp.ClientSession(house.api_urls[0], headers=headers) as counter,
        counter.post(f"/health-card/v1/{hospital}/{path}", json=body) as answer,
    ):
        text = await answer.text()
        return answer.status, text if path == "record" else await answer.json(content_type=None)


async def _code(client: CityClient) -> str:
    code: str = (await client.run(CODE)).data["healthCardCode"]["code"]
    return code


async def _book_what_triage_names(client: CityClient) -> None:
    """A number of the department that triage advises, its fee paid."""
    advice = (await client.run(TRIAGE)).data["triage"]
    (department,) = advice["departments"]
    place = department["hospitals"][0]
    where = {"hospital": place["hospital"]["code"], "department": place["departmentCode"]}
    assert advice["emergency"] is None and place["freeToday"] >= 0
    doctors = (await client.run(journey.DOCTORS, where)).data["hospitalDoctors"]["items"]
    schedule = {"hospital": where["hospital"], "schedule": doctors[0]["scheduleId"]}
    slots = (await client.run(journey.SLOTS, schedule)).data["hospitalSlots"]["items"]
    number = {"hospital": where["hospital"], "slot": slots[0]["code"], "key": key()}
    booked = (await client.do(journey.BOOK, number))["appointment"]
    if booked["payBefore"] is not None:
        started = await client.do(journey.PAY_FEE, {"id": booked["id"], "key": key()})
        await client.pay_at(started["payment"]["cashierUrl"])


async def _pay_what_the_visit_costs(client: CityClient, resident_id: str) -> None:
    """The self-pay part of the hospital's bill, until the hospital itself says that it is paid."""
    owed = {"resident_id": resident_id}
    made = await client.sandbox("POST", "/_control/his-billing/h1/bills", owed)
    (bill,) = await _bills(client, made["bill_no"])
    started = await client.do(PAY_BILL, {"id": bill["id"], "key": key()})
    await client.pay_at(started["payment"]["cashierUrl"])
    async with asyncio.timeout(30):
        while bill["status"] != "PAID":
            await asyncio.sleep(0.2)
            (bill,) = await _bills(client, made["bill_no"])


async def _bills(client: CityClient, bill_no: str) -> list[Any]:
    hospitals = (await client.run(BILLS)).data["medicalBills"]["items"]
    every = [bill for one in hospitals for bill in one["bills"] or ()]
    return [bill for bill in every if bill["billNo"] == bill_no]


async def test_one_card_at_every_hospital(house: House, client: CityClient) -> None:
    person = await client.person("citizen_rare")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    assert (await client.do(APPLY, {"key": key()}))["card"]["state"] == "ACTIVE"

    await _book_what_triage_names(client)
    desk = {"resident_id": person["resident_id"], "checked_in": False}
    ticket = await client.sandbox("POST", "/_control/hospital-queue/h1/tickets", desk)
    code = await _code(client)
    status, shown = await _post(house, client, "h1", "check", {"code": code})
    assert (status, shown["name"]) == (200, person["name"])
    for hospital in ("h1", "h2"):  # it has opened once, wherever it is tried again
        assert (await _post(house, client, hospital, "check", {"code": code}))[0] == 409
    path = f"/_control/hospital-queue/h1/tickets/{ticket['ticket_no']}/check-in"
    await client.sandbox("POST", path, {})
    (waiting,) = (await client.run(TICKETS)).data["outpatientQueue"]["items"]
    assert (waiting["number"]["state"], waiting["number"]["ahead"]) == ("WAITING", 3)

    await _pay_what_the_visit_costs(client, person["resident_id"])
    made = {"resident_id": person["resident_id"], "number": "j-1", "name": "钾", "value": "4.10"}
    await client.sandbox("POST", "/_control/hospital-records/h1/reports", made)
    ready = {"card": shown["card"], "reportNo": "j-1"}
    for _ in range(2):
        assert (await _post(house, client, "h1", "reports", ready))[0] == 202
    edges = (await client.run(journey.INBOX)).data["inbox"]["messages"]["edges"]
    told = [edge["node"] for edge in edges if "报告" in edge["node"]["title"]]
    assert len(told) == 1 and "钾" not in told[0]["title"] + told[0]["body"]

    reports = (await client.run(REPORTS)).data["medicalReports"]
    newest = reports["edges"][0]["node"]
    report = (await client.run(ONE, {"id": newest["id"]})).data["medicalReport"]["report"]
    assert report["results"][0]["measures"][0]["quantity"]["value"] == "4.10"

    status, record = await _post(house, client, "h2", "record", {"code": await _code(client)})
    assert status == 200 and '"value":4.10' in record and "HIV" not in record
    edges = (await client.run(LOG)).data["viewer"]["accessLog"]["edges"]
    assert edges[0]["node"] == {
        "service": "health-record", "actorRole": "verifier", "actorName": "市人民医院",
    }  # fmt: skip


async def test_a_strangers_signature_opens_nothing(house: House, client: CityClient) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}):
        async with (
            aiohttp.ClientSession(house.api_urls[0], headers=headers) as stranger,
            stranger.post("/health-card/v1/h1/check", json={"code": "x"}) as answer,
        ):
            assert answer.status == 401
    signed = await client.sandbox(
        "POST", "/_control/hospital-records/h2/sign", {"audience": "quancheng:jinan"}
    )
    bearer = {"Authorization": f"Bearer {signed['bearer']}"}
    async with (
        aiohttp.ClientSession(house.api_urls[0], headers=bearer) as other,
        other.post("/health-card/v1/h1/check", json={"code": "x"}) as answer,
    ):
        assert answer.status == 401


async def test_each_hospital_down_in_turn_hides_no_other(house: House, client: CityClient) -> None:
    person = await client.person("citizen_abroad")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    for hospital in ("h1", "h2", "h3", "h4", "h5"):
        path = f"/_control/faults/hospital_records_{hospital}"
        await client.sandbox("PUT", path, {"error_rate": 1})
        reports = (await client.run(REPORTS)).data["medicalReports"]
        await client.sandbox("DELETE", path)
        states = {one["hospital"]["code"]: one["status"] for one in reports["sources"]}
        assert {code for code, state in states.items() if state == "LIVE"} == set(states) - {
            hospital
        }
        assert reports["status"] == "LIVE" and reports["edges"]
