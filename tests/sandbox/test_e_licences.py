"""The e-licence system: everybody's licences, and what their issuer takes back."""

from typing import Any

from tests.sandbox.serving import Client


async def wallet(city: Client, key: str) -> dict[str, Any]:
    number = (await city.person(key))["resident_id"]
    body = {"resident_id": number, "consent_ref": "c-1"}
    _, answer = await city.post("/e-licences/licences/query", body)
    return {licence["kind"]: licence for licence in answer["licences"]}


async def find(city: Client, key: str, licence_ref: str) -> tuple[int, Any]:
    number = (await city.person(key))["resident_id"]
    body = {"resident_id": number, "consent_ref": "c-1", "licence_ref": licence_ref}
    return await city.post("/e-licences/licences/find", body)


async def test_everybody_has_a_card_and_the_rest_by_their_story(city: Client) -> None:
    mine, child = await wallet(city, "citizen"), await wallet(city, "child")
    assert set(child) == {"resident_card", "social_card"}
    assert set(mine) == {"resident_card", "social_card", "driving_licence", "residence_permit"}
    assert "business_licence" in await wallet(city, "sme_owner")
    assert mine["resident_card"]["status"] == "VALID"
    assert mine["residence_permit"]["status"] == "EXPIRED"
    adult = {one["name"]: one["value"] for one in mine["resident_card"]["fields"]}["is_adult"]
    minor = {one["name"]: one["value"] for one in child["resident_card"]["fields"]}["is_adult"]
    assert (adult, minor) == ("是", "否")
    assert await wallet(city, "citizen") == mine
    for licence in mine.values():
        assert (await city.person("citizen"))["resident_id"] not in licence["licence_ref"]


async def test_a_case_grants_one_licence_however_often_it_is_asked_for(city: Client) -> None:
    mine, other = [(await city.person(key))["resident_id"] for key in ("citizen", "parent")]
    order = {
        "case_no": "JZZ20261123000001", "resident_id": mine, "kind": "residence_permit",
        "name": {"zh": "居住证", "en": "Residence permit"}, "issuer_zh": "市公安局",
        "valid_until": "2090-01-01",
    }  # fmt: skip
    status, issued = await city.post("/e-licences/licences", order)
    assert (status, issued["status"], issued["valid_until"]) == (200, "VALID", "2090-01-01")
    assert await city.post("/e-licences/licences", order) == (200, issued)
    assert (await city.post("/e-licences/licences", order | {"resident_id": other}))[0] == 409
    assert await find(city, "citizen", issued["licence_ref"]) == (200, issued)
    assert (await find(city, "parent", issued["licence_ref"]))[0] == 404
    revoked = {"licence_ref": issued["licence_ref"]}
    await city.post("/_control/e-licences/revocations", revoked)
    assert (await city.post("/e-licences/licences", order))[1]["status"] == "REVOKED"


async def test_a_licence_is_found_by_its_holder_alone_as_it_stands_now(city: Client) -> None:
    card = (await wallet(city, "citizen"))["resident_card"]
    assert await find(city, "citizen", card["licence_ref"]) == (200, card)
    assert (await find(city, "parent", card["licence_ref"]))[0] == 404
    body = {"licence_ref": card["licence_ref"]}
    for _ in range(2):
        assert (await city.post("/_control/e-licences/revocations", body))[0] == 200
    status, now = await find(city, "citizen", card["licence_ref"])
    assert (status, now["status"]) == (200, "REVOKED")
    assert (await wallet(city, "citizen"))["resident_card"]["status"] == "REVOKED"
    assert (await wallet(city, "parent"))["resident_card"]["status"] == "VALID"
