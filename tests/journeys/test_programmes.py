"""An elder's care over HTTP, in one running house."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from journeys.crowd import adult
from journeys.house import House

from bff.client.city import CityClient, ClientError, Person, key
from core.clock import civil_date

_PARTS = """id plan { version everyDays goals { quantity below } note isByStaff }
  followUps { id code state bookedAt place } alerts { rule handledAt }
  measurements { typedAs values { quantity value } } adherence { expected kept }"""
_CARE = f"enrolment {{ {_PARTS} }}"
_REFUSED = "... on Refusal { code message }"

PROPOSE = f"""mutation ($phone: String!, $until: Date!, $key: String!) {{
  proposeProxy(phone: $phone, services: ["hypertension-care"], until: $until,
    idempotencyKey: $key) {{ ... on ProxyProposed {{ mandate {{ id }} }} {_REFUSED} }} }}"""
CONFIRM = f"""mutation ($id: ID!, $key: String!) {{ confirmProxy(mandateId: $id,
  idempotencyKey: $key) {{ ... on ProxyConfirmed {{ mandate {{ id }} }} {_REFUSED} }} }}"""
JOIN = f"""mutation ($key: String!) {{ enrolInHypertensionCare(idempotencyKey: $key) {{
  ... on CareJoined {{ {_CARE} }} {_REFUSED} }} }}"""
RECORD = f"""mutation ($enrolment: ID!, $for: ID, $values: [MeasuredValueInput!]!, $at: DateTime,
  $key: String!) {{ recordBloodPressure(enrolmentId: $enrolment, onBehalfOf: $for, values: $values,
  measuredAt: $at, idempotencyKey: $key) {{
  ... on MeasurementRecorded {{ alerts {{ rule severity source }} {_CARE} }} {_REFUSED} }} }}"""
CARE = f"query ($for: ID) {{ hypertensionCare(onBehalfOf: $for) {{ {_PARTS} }} }}"
ALERTS = """{ staffCareAlerts(first: 50) { edges { node { enrolmentId rule programme } } } }"""
OPEN = f"query ($id: ID!) {{ staffCare(enrolmentId: $id) {{ name phone {_CARE} }} }}"
PLAN = f"""mutation ($id: ID!, $version: Int!, $goals: [CareGoalInput!]!, $key: String!) {{
  changeCarePlan(enrolmentId: $id, version: $version, goals: $goals, everyDays: 1,
  note: "早晚各测一次", idempotencyKey: $key) {{ ... on StaffCare {{ {_CARE} }} {_REFUSED} }} }}"""
BOOK = f"""mutation ($id: ID!, $at: DateTime!, $key: String!) {{ bookCareFollowUp(followUpId: $id,
  startsAt: $at, place: "示范社区卫生服务中心", idempotencyKey: $key) {{
  ... on StaffCare {{ {_CARE} }} {_REFUSED} }} }}"""
LOG = """{ viewer { accessLog(first: 20) { edges { node { service actorRole byMyself } } } } }"""
INBOX = "{ inbox { messages(first: 20) { edges { node { title } } } } }"


@asynccontextmanager
async def _verified(house: House, who: Person) -> AsyncIterator[CityClient]:
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        await client.sign_in(who["phone"])
        await client.verify_real_name(who)
        yield client


def _pressure(systolic: int, diastolic: int) -> list[dict[str, Any]]:
    return [
        {"quantity": "SYSTOLIC", "value": systolic},
        {"quantity": "DIASTOLIC", "value": diastolic},
    ]


async def test_three_high_days_of_an_elder_become_a_new_plan_and_a_booked_visit(
    house: House, client: CityClient
) -> None:
    grandchild = await adult(house, 2000, born=(1970, 1999))
    elder = await adult(house, 2400, born=(1935, 1958))
    async with _verified(house, grandchild) as young, _verified(house, elder) as old:
        await _care_for(house, client, young, old, elder)


async def _care_for(
    house: House, client: CityClient, young: CityClient, old: CityClient, elder: Person
) -> None:
    """Consent, mandate, three measurements by the proxy, the doctor's answer, who looked."""
    await old.consent("health.hypertension-care")
    joined = (await old.do(JOIN, {"key": key()}))["enrolment"]
    assert joined["plan"]["goals"][0] == {"quantity": "SYSTOLIC", "below": 150}
    until = str(civil_date(house.clock.now() + timedelta(days=30)))
    await young.do(PROPOSE, {"phone": elder["phone"], "until": until, "key": key()})
    (mandate,) = (await old.run("{ mandates { id } }")).data["mandates"]
    await old.do(CONFIRM, {"id": mandate["id"], "key": key()})
    (mine,) = (await young.run("{ mandates { personId } }")).data["mandates"]
    record = {"enrolment": joined["id"], "for": mine["personId"]}
    for pressure, code in (((1200, 80), "CARE_IMPLAUSIBLE"), ((80, 120), "CARE_PRESSURE_SWAPPED")):
        wrong = {"values": _pressure(*pressure), "key": key()}
        with pytest.raises(ClientError, match=code):
            await young.do(RECORD, record | wrong)
    raised = []
    for days in (2, 1, 0):
        at = (house.clock.now() - timedelta(days=days)).isoformat()
        told = {"values": _pressure(162 - days, 94), "at": at, "key": key()}
        recorded = await young.do(RECORD, record | told)
        raised.append([alert["rule"] for alert in recorded["alerts"]])
    assert raised == [[], [], ["HYPERTENSION_HIGH_65"]]
    assert {one["typedAs"] for one in recorded["enrolment"]["measurements"]} == {"proxy"}
    recheck = await _answer(house, client, joined["id"], elder)
    (seen,) = (await young.run(CARE, {"for": mine["personId"]})).data["hypertensionCare"]
    assert (seen["plan"]["version"], seen["plan"]["isByStaff"]) == (2, True)
    assert seen["plan"]["note"] == "早晚各测一次"
    (visit,) = [one for one in seen["followUps"] if one["id"] == recheck]
    assert (visit["state"], visit["place"]) == ("BOOKED", "示范社区卫生服务中心")
    rows = [edge["node"] for edge in (await old.run(LOG)).data["viewer"]["accessLog"]["edges"]]
    roles = {row["actorRole"] for row in rows if row["service"] == "hypertension-care"}
    assert roles == {"proxy", "family_doctor"}
    inbox = (await old.run(INBOX)).data["inbox"]["messages"]["edges"]
    assert len(inbox) >= 3  # the alert, the new plan, the booked visit


async def _answer(house: House, client: CityClient, enrolment_id: str, elder: Person) -> str:
    """The doctor looks, changes the plan and books the re-check, whose id is returned."""
    async with CityClient(house.api_urls[1], house.sandbox_url) as staff:
        await staff.staff_sign_in(await client.person("family_doctor"))
        alerts = (await staff.run(ALERTS)).data["staffCareAlerts"]["edges"]
        assert [e["node"]["rule"] for e in alerts if e["node"]["enrolmentId"] == enrolment_id] == [
            "HYPERTENSION_HIGH_65"
        ]
        opened = (await staff.run(OPEN, {"id": enrolment_id})).data["staffCare"]
        assert opened["name"] == elder["name"]
        goals = [{"quantity": "SYSTOLIC", "below": 140}, {"quantity": "DIASTOLIC", "below": 90}]
        change = {"id": enrolment_id, "version": 1, "goals": goals, "key": key()}
        changed = (await staff.do(PLAN, change))["enrolment"]
        assert changed["alerts"][0]["handledAt"] is not None
        with pytest.raises(ClientError, match="CARE_PLAN_CHANGED"):
            await staff.do(PLAN, change | {"key": key()})
        (recheck,) = [one for one in changed["followUps"] if one["code"].startswith("recheck")]
        at = (house.clock.now() + timedelta(days=3)).isoformat()
        await staff.do(BOOK, {"id": recheck["id"], "at": at, "key": key()})
        return str(recheck["id"])
