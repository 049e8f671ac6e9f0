"""The one window over HTTP: a licence is found, shown and revoked; a kindergarten is founded and
its handling called back; a case that nobody handles escalates; a hotline order is reopened once.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from journeys.house import House
from journeys.operations import Operations

from bff.client.city import CityClient, key
from modules.affairs.verifiers.seed import HOTEL_KEY
from tests.kinds.application.papers import pdf
from tests.modules.affairs.applications import KINDERGARTEN

FIND = """query($words: String!) { governmentItems(words: $words, first: 3) {
  status edges { node { code name } } } }"""
WALLET = "{ licenceWallet { status items { licenceRef kind status fields { name value } } } }"
PRESENT = """mutation($id: ID!, $fields: [String!]!, $key: String!) {
  presentLicence(licenceRef: $id, fields: $fields, idempotencyKey: $key) {
    ... on LicencePresented { presentation { code } } ... on Refusal { code message } } }"""
LOG = "{ viewer { accessLog(first: 1) { edges { node { actorRole actorName fields } } } } }"


async def _check(url: str, code: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {HOTEL_KEY}"}
    body = {"code": code, "reason": "入住登记"}
    async with (
        aiohttp.ClientSession(url, headers=headers) as hotel,
        hotel.post("/licences/v1/check", json=body) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_licence_is_found_shown_once_and_revoked(house: House, client: CityClient) -> None:
    found = (await client.run(FIND, {"words": "孩子上户口"})).data["governmentItems"]
    assert found["status"] == "LIVE"
    assert found["edges"][0]["node"]["name"] == "出生登记"
    person = await client.person("citizen_abroad")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    licences = (await client.run(WALLET)).data["licenceWallet"]["items"]
    card = next(licence for licence in licences if licence["kind"] == "resident_card")
    codes = []
    for _ in range(2):
        variables = {"id": card["licenceRef"], "fields": ["name"], "key": key()}
        codes.append((await client.do(PRESENT, variables))["presentation"]["code"])
    first, second = codes
    status, shown = await _check(house.api_urls[1], first)
    assert (status, shown["status"]) == (200, "VALID")
    assert [field["value"] for field in shown["fields"]] == [person["name"]]
    assert (await _check(house.api_urls[0], first))[0] == 409
    (edge,) = (await client.run(LOG)).data["viewer"]["accessLog"]["edges"]
    assert edge["node"] == {
        "actorRole": "verifier",
        "actorName": "沙盒宾馆:入住登记",
        "fields": ["name"],
    }
    await client.sandbox(
        "POST", "/_control/e-licences/revocations", {"licence_ref": card["licenceRef"]}
    )
    status, shown = await _check(house.api_urls[1], second)
    assert (status, shown["status"], shown["fields"]) == (200, "REVOKED", [])


OPERATIONS = Operations("gov-case-apply", "staff-cases", "my-cases", "gov-rating")
_do = OPERATIONS.do
ESCALATES_WITHIN_S = 15.0
GRANTED_WITHIN_S = 10.0


@dataclass
class Desk:
    """The demo officer, who is moved to whichever unit has work."""

    house: House
    client: CityClient
    staff_id: str

    async def act(self, case_id: str, at: str, event: str, **choices: str) -> Any:
        """Take the task of a case `at` a unit and do it; the case then."""
        task = await self.find(case_id, at)
        await _do(self.client, "TakeTask", taskId=task["id"])
        choices = {"note": "well"} | choices
        done = await _do(self.client, "ActOnTask", taskId=task["id"], event=event, **choices)
        return done["task"]["case"]

    async def find(self, case_id: str, unit: str) -> Any:
        """The unit's only task of a case."""
        await self.move(unit)
        queue = await _do(self.client, "StaffTasks", first=100)
        nodes = [edge["node"] for edge in queue["edges"]]
        (task,) = [node for node in nodes if node["case"]["id"] == case_id]
        return task

    async def move(self, unit: str) -> None:
        """Have the officer work elsewhere."""
        sql = "UPDATE identity_staff SET department = $2 WHERE citizen_id = $1"
        await self.house.query(sql, self.staff_id, unit)


@pytest.fixture(scope="module")
def session(house: House) -> tuple[str, str]:
    """The demo officer's token and id: signed in once, as a minute lies between two codes."""

    async def sign_in() -> tuple[str, str]:
        async with CityClient(house.api_urls[0], house.sandbox_url) as client:
            await client.staff_sign_in(await client.person("department_officer"))
            viewer = (await client.run("{ viewer { id } }")).data["viewer"]
            assert client.token is not None
            return client.token, viewer["id"]

    return asyncio.run(sign_in())


@pytest.fixture
async def desk(house: House, session: tuple[str, str]) -> AsyncIterator[Desk]:
    """The officer at the second API."""
    async with CityClient(house.api_urls[1], house.sandbox_url) as client:
        client.token, staff_id = session
        opened = Desk(house, client, staff_id)
        yield opened
        await opened.move("administrative_approval")


async def _send(client: CityClient, url: str, case_id: str, *papers: str) -> None:
    for paper in papers:
        headers = {
            "Authorization": f"Bearer {client.token}",
            "Idempotency-Key": key(),
            "X-File-Name": f"{paper}.pdf",
        }
        async with (
            aiohttp.ClientSession(url, headers=headers) as phone,
            phone.post(f"/cases/{case_id}/files/{paper}", data=pdf(1)) as answer,
        ):
            assert answer.status == 201, await answer.text()


async def _found(client: CityClient) -> Any:
    """An application for a kindergarten, with what the city knows of the applicant's company."""
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN}
    form = await _do(client, "ApplicationForm", **wanted)
    known = {one["name"]: one["known"] for one in form["fields"] if one["known"]}
    sources = {one["knownFrom"] for one in form["fields"] if one["known"]}
    assert sources == {"您的账户", "营业执照"} and len(known["uscc"]) == 18
    answers = known | {"site": "历下区芙蓉街 1 号", "delivery": "COUNTER"}
    given = [{"name": name, "value": value} for name, value in answers.items()]
    return (await _do(client, "OpenApplication", **wanted, answers=given))["case"]


async def test_a_kindergarten_from_two_missing_papers_to_a_call_back_that_ends(
    house: House, client: CityClient, desk: Desk
) -> None:
    person = await client.person("sme_owner")
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    case = await _found(client)
    step = {"caseId": case["id"], "event": "submit"}
    await _send(client, house.api_urls[1], case["id"], "m01", "m03")
    refused = await _do(client, "StepApplication", **step)
    assert [problem["name"] for problem in refused["problems"]] == ["m02", "m04"]
    await _send(client, house.api_urls[0], case["id"], "m02", "m04")
    assert (await _do(client, "StepApplication", **step))["case"]["state"] == "filed"
    await desk.act(case["id"], "education", "accept")
    await desk.act(case["id"], "education", "agree")
    parallel = [(await desk.find(case["id"], unit))["status"] for unit in ("fire", "health")]
    assert parallel == ["OPEN", "OPEN"]
    await desk.act(case["id"], "health", "agree")
    assert (await desk.act(case["id"], "fire", "agree"))["state"] == "decision"
    await desk.act(case["id"], "education", "grant")
    closed = await desk.act(case["id"], "education", "deliver")
    assert (closed["state"], closed["promise"]) == ("granted", "KEPT")
    await _permit_holds_until_revoked(client, case["no"])
    rated = {"ratedId": case["id"], "grade": 2, "labels": [], "text": "没有人接电话"}
    call_back = (await _do(client, "RateCase", **rated))["rating"]["callBackId"]
    for event in ("call", "answer"):
        called = await desk.act(call_back, "administrative_approval", event, note="已整改")
    assert (called["turn"], called["state"]) == ("NOBODY", "answered")
    shown = await OPERATIONS.all(client, "Application", caseId=call_back)
    assert [line["event"] for line in shown["caseTimeline"]] == ["open", "call", "answer"]


async def _permit_holds_until_revoked(client: CityClient, case_no: str) -> None:
    """The permit that the case granted comes into the wallet by itself, once."""
    async with asyncio.timeout(GRANTED_WITHIN_S):
        permits: list[Any] = []
        while not permits:
            await asyncio.sleep(0.2)
            permits = await _permits(client, case_no)
    (permit,) = permits
    assert permit["status"] == "VALID"
    revoked = {"licence_ref": permit["licenceRef"]}
    await client.sandbox("POST", "/_control/e-licences/revocations", revoked)
    assert [one["status"] for one in await _permits(client, case_no)] == ["REVOKED"]


async def _permits(client: CityClient, case_no: str) -> list[Any]:
    items = (await client.run(WALLET)).data["licenceWallet"]["items"]
    granted = {"name": "case_no", "value": case_no}
    return [one for one in items if one["kind"] == "permit" and granted in one["fields"]]


async def test_a_case_that_nobody_handles_escalates_by_itself(
    house: House, client: CityClient, desk: Desk
) -> None:
    """The days pass in its row; the worker finds it by itself."""
    await client.sign_in((await client.person("sme_owner"))["phone"])
    case = await _found(client)
    await _send(client, house.api_urls[0], case["id"], "m01", "m02", "m03", "m04")
    await _do(client, "StepApplication", caseId=case["id"], event="submit")
    await house.query(
        """UPDATE applications_case SET turn_from_on = turn_from_on - 60, due_on = due_on - 60,
                  promise_from_on = promise_from_on - 60, promise_due_on = promise_due_on - 60,
                  warn_on = warn_on - 60, look_on = look_on - 60 WHERE id = $1""",
        case["id"],
    )
    await house.query(  # the minute of the calendar
        """INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
           VALUES (10, 'applications.sweep', '{}', now(), 'queued')"""
    )
    async with asyncio.timeout(ESCALATES_WITHIN_S):
        events: list[str] = []
        while "escalate" not in events:
            await asyncio.sleep(0.2)
            shown = await OPERATIONS.all(client, "Application", caseId=case["id"])
            events = [line["event"] for line in shown["caseTimeline"]]
    assert events == ["open", "submit", "overdue", "escalate"]
    assert shown["case"]["promise"] == "BROKEN"
    supervised = await desk.find(case["id"], "administrative_approval")
    assert supervised["kind"] == "SUPERVISE"
    await _do(client, "StepApplication", caseId=case["id"], event="withdraw")


async def test_a_hotline_order_is_reopened_once_and_refused_the_second_time(
    house: House, client: CityClient, desk: Desk
) -> None:
    await client.sign_in((await client.person("sme_owner"))["phone"])
    answers = {"subject": "路灯不亮", "content": "门前的路灯三天不亮了。", "phone": "13900000000"}
    opened = await _do(
        client,
        "OpenApplication",
        serviceId="hotline-12345",
        category="COMPLAINT",
        answers=[{"name": name, "value": value} for name, value in answers.items()],
    )
    case_id = opened["case"]["id"]
    reopen = {"caseId": case_id, "event": "reopen", "note": "又不亮了"}
    await desk.act(case_id, "hotline", "assign", unit="city_management", category="HELP")
    await desk.act(case_id, "city_management", "reply", note="灯已修好")
    assert (await _do(client, "StepApplication", **reopen))["case"]["turn"] == "UNIT"
    await desk.act(case_id, "city_management", "reply", note="换了新灯")
    assert (await _do(client, "StepApplication", **reopen))["code"] == "ONCE_ONLY"
    ended = await _do(client, "StepApplication", caseId=case_id, event="satisfied")
    assert ended["case"]["turn"] == "NOBODY"
