"""What the city knows about somebody and around them, read over HTTP; a violation objected to."""

import asyncio
from typing import Any

import aiohttp
from journeys.crowd import adult
from journeys.house import House

from bff.client.city import CityClient, Person, key
from bff.commands.services import refuse_bad, run_document
from bff.trusted.documents import documents_of
from core.manifest import discover

READINGS = (
    "pension-insurance-query",
    "medical-insurance-query",
    "unemployment-insurance-query",
    "work-injury-insurance-query",
    "maternity-insurance-query",
    "housing-fund-withdrawal",
    "service-outlets",
    "real-estate-query",
    "spring-air-quality",
    "traffic-conditions",
    "parking-availability",
    "traffic-violation-query",
)
CARDS = ("social-insurance", "springs-and-air", "traffic-violations")
DOCUMENTS = documents_of(discover())
_REMOVED_WITHIN_S = 20.0


async def _signed_in(client: CityClient, key_: str) -> Person:
    person = await client.person(key_)
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    await client.consent_to_everything()
    return person


async def _do(client: CityClient, name: str, **variables: Any) -> Any:
    """The value of a trusted operation's first field."""
    (operation,) = (one for one in DOCUMENTS.operations.values() if one.name == name)
    answer = await client.run(document_id=operation.id, variables=variables)
    refuse_bad(answer.data)
    return next(iter(answer.data.values()))


def _links(value: Any) -> list[str]:
    """The addresses of files in an answer."""
    if isinstance(value, list):
        return [url for one in value for url in _links(one)]
    if not isinstance(value, dict):
        return []
    own = [value["url"]] if str(value.get("url", "")).startswith("/files/") else []
    return own + [url for one in value.values() for url in _links(one)]


async def test_twelve_readings_are_live_and_their_files_open(
    house: House, client: CityClient
) -> None:
    person = await _signed_in(client, "citizen")
    links = []
    for service_id in READINGS:
        document = DOCUMENTS.for_service(service_id)
        assert document is not None
        async for _, answer in run_document(client, person, document):
            refuse_bad(answer.data)
            links += _links(answer.data)
    kinds = {link.split("/")[2] for link in links}
    assert {"no-property", "traffic-evidence", "pension-insurance-statement"} <= kinds
    assert len(kinds) == 7, "five statements, the certificate and pictures"
    async with aiohttp.ClientSession(house.api_urls[1]) as anybody:
        for link in links:
            async with anybody.get(link) as answer:
                body = await answer.read()
                assert (answer.status, body[:4] in (b"%PDF", b"\x89PNG")) == (200, True), link
    sections = (await _do(client, "Home"))["sections"]
    shown = {card["id"]: card["status"] for card in sections}
    assert {shown[card] for card in CARDS} == {"LIVE"}


async def test_an_objection_is_sustained_and_the_record_removed(
    house: House, client: CityClient
) -> None:
    person = await _signed_in(client, "citizen")
    body = {"plate": person["plate"], "offence_code": "16251"}
    made = await client.sandbox("POST", "/_control/traffic-police/violations", body)
    number = made["violation_no"]
    assert (await _violation(client, number))["mayObject"]
    answers = [
        {"name": "name", "value": person["name"]},
        {"name": "resident_id", "value": person["resident_id"]},
        {"name": "phone", "value": person["phone"]},
        {"name": "ground", "value": "SIGNALS"},
        {"name": "facts", "value": "两处信号灯指示不一致"},
    ]
    about: dict[str, Any] = {"serviceId": "traffic-violation-query", "item": number}
    opened = await _do(client, "OpenApplication", **about, answers=answers, openKey=key())
    case_id = opened["case"]["id"]
    await _do(client, "StepApplication", caseId=case_id, event="submit", stepKey=key())
    officer = await adult(house, 2300)
    enrolled = house.run("staff", "enrol", officer["phone"], "traffic_police", "department_officer")
    assert enrolled.returncode == 0, enrolled.stderr
    secret = enrolled.stdout.partition("secret=")[2].partition("&")[0]
    async with CityClient(house.api_urls[1], house.sandbox_url) as desk:
        await desk.staff_sign_in(officer | {"totp_secret": secret})
        tasks = await _do(desk, "StaffTasks", first=20)
        (task,) = (e["node"] for e in tasks["edges"] if e["node"]["case"]["id"] == case_id)
        if not task["isMine"]:
            await _do(desk, "TakeTask", taskId=task["id"], takeKey=key())
        await _do(desk, "ActOnTask", taskId=task["id"], event="sustain", actKey=key())
    async with asyncio.timeout(_REMOVED_WITHIN_S):
        while await _state(client, case_id) != "removed":  # noqa: ASYNC110 - polled over HTTP
            await asyncio.sleep(0.2)
    violation = await _violation(client, number)
    assert (violation["status"], violation["mayObject"]) == ("WITHDRAWN", False)


async def _state(client: CityClient, case_id: str) -> str:
    return str((await _do(client, "Application", caseId=case_id))["state"])


async def _violation(client: CityClient, number: str) -> Any:
    record = (await _do(client, "TrafficViolations"))["record"]
    every = [*record["unsettled"], *record["settled"]]
    return next(one for one in every if one["violationNo"] == number)
