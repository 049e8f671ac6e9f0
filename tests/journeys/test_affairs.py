"""Somebody looks for what to do, shows a licence at a hotel, and has it taken away, over HTTP."""

from typing import Any

import aiohttp
from journeys.house import House

from bff.client.city import CityClient, key
from modules.affairs.verifiers.seed import HOTEL_KEY

FIND = """query($words: String!) { governmentItems(words: $words, first: 3) {
  status edges { node { code name } } } }"""
WALLET = "{ licenceWallet { status items { licenceRef kind status } } }"
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
