"""The real name: consent first, the check digit before any question, one account per person."""

from typing import Any

import pytest

from core.context.app import App
from core.database import connection, fetch_all
from core.people.directory import get_person
from modules.identity import domain
from tests.fakes import FakePolice
from tests.modules.identity.conftest import REFUSAL, Phone
from tests.people import resident_id

CONSENT = f"""mutation C($version: String!) {{
  grantConsent(purpose: "identity.real-name", textVersion: $version, idempotencyKey: "consent-key")
  {{ ... on ConsentGranted {{ consent {{ purpose }} }} {REFUSAL} }} }}"""
VERIFY = f"""mutation V($name: String!, $id: String!) {{
  verifyRealName(name: $name, residentId: $id, idempotencyKey: "verify-key-1") {{
    ... on RealNameVerified {{ accessToken level }} {REFUSAL} }} }}"""
ID = resident_id(1)


async def _consent(phone: Phone, token: str) -> None:
    query = "{ consentPurposes { purpose textVersion text fields } }"
    purposes = {p["purpose"]: p for p in (await phone.ask(query, token))["consentPurposes"]}
    version = purposes["identity.real-name"]["textVersion"]
    answer = await phone.ask(CONSENT, token, {"version": version})
    assert answer["grantConsent"]["consent"]["purpose"] == "identity.real-name"


async def _verify(phone: Phone, token: str, name: str, number: str) -> Any:
    return (await phone.ask(VERIFY, token, {"name": name, "id": number}))["verifyRealName"]


@pytest.fixture
async def token(phone: Phone, police: FakePolice) -> str:
    """The token of somebody who has consented and is not verified yet."""
    police.people[ID] = "买买提·吐尔逊"
    access: str = (await phone.sign_in())["accessToken"]
    await _consent(phone, access)
    return access


async def _level(phone: Phone, token: str) -> int:
    level: int = (await phone.ask("{ viewer { level } }", token))["viewer"]["level"]
    return level


async def test_name_and_number_that_belong_together_reach_level_two(
    app: App, phone: Phone, token: str
) -> None:
    verified = await _verify(phone, token, " 买买提•吐尔逊 ", f" {ID.lower()} ")
    assert verified["level"] == 2
    query = "{ viewer { id name level } }"
    viewer = (await phone.ask(query, verified["accessToken"]))["viewer"]
    assert (viewer["name"], viewer["level"]) == ("******逊", 2)
    rows = await fetch_all(connection(), "SELECT id FROM identity_citizen")
    person = await get_person(app, rows[0]["id"])
    assert (person.name, person.resident_id) == ("买买提·吐尔逊", ID)


async def test_the_read_leaves_its_trace_where_the_citizen_sees_it(
    phone: Phone, token: str, police: FakePolice
) -> None:
    await _verify(phone, token, "买买提·吐尔逊", ID)
    query = """{ viewer { accessLog(first: 5) { edges { node {
        service upstream purpose fields byMyself } } pageInfo { hasNextPage } } } }"""
    log = (await phone.ask(query, token))["viewer"]["accessLog"]
    assert log["edges"] == [
        {
            "node": {
                "service": "real-name",
                "upstream": "police",
                "purpose": "identity.real-name",
                "fields": ["name", "resident_id"],
                "byMyself": True,
            }
        }
    ]
    assert len(police.asked) == 1


async def test_without_consent_the_police_are_not_asked(phone: Phone, police: FakePolice) -> None:
    police.people[ID] = "张三"
    access = (await phone.sign_in())["accessToken"]
    refused = await _verify(phone, access, "张三", ID)
    assert (refused["__typename"], refused["code"]) == ("Forbidden", "CONSENT_REQUIRED")
    assert police.asked == []
    assert await fetch_all(connection(), "SELECT * FROM core_access_log") == []
    assert await _level(phone, access) == 1


async def test_a_stranger_must_sign_in(phone: Phone, police: FakePolice) -> None:
    data = await phone.client.data(VERIFY, {"name": "张三", "id": ID})
    assert data["verifyRealName"]["code"] == "LOGIN_REQUIRED"
    assert police.asked == []


@pytest.mark.parametrize(
    ("name", "number", "code", "field"),
    [
        ("张三", ID[:17] + ("0" if ID[17] != "0" else "1"), "RESIDENT_ID_INVALID", "residentId"),
        ("张三", "", "RESIDENT_ID_INVALID", "residentId"),
        ("张三", "9" * 5000, "RESIDENT_ID_INVALID", "residentId"),
        ("", ID, "REAL_NAME_INVALID", "name"),
        ("张三🚰", ID, "REAL_NAME_INVALID", "name"),
        ("三" * 51, ID, "REAL_NAME_INVALID", "name"),
        ("'; DROP TABLE identity_citizen; --", ID, "REAL_NAME_INVALID", "name"),
    ],
)
async def test_bad_input_is_refused_before_anything_is_asked(
    phone: Phone, token: str, police: FakePolice, name: str, number: str, code: str, field: str
) -> None:
    refused = await _verify(phone, token, name, number)
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", code)
    assert refused["field"] == field
    assert police.asked == []
    assert await fetch_all(connection(), "SELECT * FROM core_access_log") == []


@pytest.mark.parametrize("name", ["别人", "买买提"])
async def test_a_name_that_does_not_belong_to_the_number_is_refused(
    phone: Phone, token: str, name: str
) -> None:
    refused = await _verify(phone, token, name, ID)
    assert refused["code"] == "REAL_NAME_MISMATCH"
    assert (await _verify(phone, token, name, resident_id(2)))["code"] == "REAL_NAME_MISMATCH"
    assert await _level(phone, token) == 1


async def test_a_silent_registry_changes_nothing(
    phone: Phone, token: str, police: FakePolice
) -> None:
    police.is_silent = True
    refused = await _verify(phone, token, "买买提·吐尔逊", ID)
    assert (refused["__typename"], refused["code"]) == ("Unavailable", "UPSTREAM_UNAVAILABLE")
    assert await _level(phone, token) == 1
    police.is_silent = False
    assert (await _verify(phone, token, "买买提·吐尔逊", ID))["level"] == 2


async def test_the_same_person_again_is_one_verification(
    phone: Phone, token: str, police: FakePolice
) -> None:
    for _ in range(2):
        assert (await _verify(phone, token, "买买提·吐尔逊", ID))["level"] == 2
    police.people[resident_id(3)] = "张三"
    asked = len(police.asked)
    for name in ("张三", "李四"):  # right or wrong: nothing is learned of other people
        other = await _verify(phone, token, name, resident_id(3))
        assert (other["__typename"], other["code"]) == ("Conflict", "ALREADY_VERIFIED")
    assert len(police.asked) == asked


async def test_a_name_changed_by_marriage_is_written_anew(
    app: App, phone: Phone, token: str, police: FakePolice
) -> None:
    await _verify(phone, token, "买买提·吐尔逊", ID)
    police.people[ID] = "买买提·艾力"
    assert (await _verify(phone, token, "买买提·吐尔逊", ID))["code"] == "REAL_NAME_MISMATCH"
    assert (await _verify(phone, token, "买买提·艾力", ID))["level"] == 2
    rows = await fetch_all(connection(), "SELECT id FROM identity_citizen")
    assert (await get_person(app, rows[0]["id"])).name == "买买提·艾力"


async def test_the_registry_is_no_oracle(phone: Phone, token: str, police: FakePolice) -> None:
    for number in range(4, 4 + domain.REAL_NAME_TRIES_PER_DAY):
        refused = await _verify(phone, token, "别人", resident_id(number))
        assert refused["code"] == "REAL_NAME_MISMATCH"
    refused = await _verify(phone, token, "买买提·吐尔逊", ID)
    assert refused["__typename"] == "RateLimited"
    assert len(police.asked) == domain.REAL_NAME_TRIES_PER_DAY
    assert await _level(phone, token) == 1


async def test_one_person_has_one_account(phone: Phone, token: str) -> None:
    await _verify(phone, token, "买买提·吐尔逊", ID)
    other = Phone(phone.client, phone.sms, "13900139000")
    access = (await other.sign_in())["accessToken"]
    await _consent(other, access)
    refused = await _verify(other, access, "买买提·吐尔逊", ID)
    assert (refused["__typename"], refused["code"]) == ("Conflict", "ID_IN_USE")
    assert await _level(other, access) == 1


async def test_consents_can_be_seen_and_taken_back(phone: Phone, token: str) -> None:
    withdraw = f"""mutation W($p: String!, $key: String!) {{
      withdrawConsent(purpose: $p, idempotencyKey: $key) {{
        ... on ConsentWithdrawn {{ purpose }} {REFUSAL} }} }}"""
    purposes = ("identity.real-name", "identity.real-name", "no.such", "x" * 9000)
    for number, purpose in enumerate(purposes):
        answer = await phone.ask(withdraw, token, {"p": purpose, "key": f"withdraw-{number}"})
        assert answer["withdrawConsent"]["__typename"] == "ConsentWithdrawn"
    query = "{ viewer { consents { purpose grantedAt withdrawnAt } } }"
    (consent,) = (await phone.ask(query, token))["viewer"]["consents"]
    assert consent["withdrawnAt"] == "2026-11-23T04:00:00.000Z"
    assert (await _verify(phone, token, "买买提·吐尔逊", ID))["code"] == "CONSENT_REQUIRED"


async def test_an_outdated_text_is_no_consent(phone: Phone) -> None:
    access = (await phone.sign_in())["accessToken"]
    answer = await phone.ask(CONSENT, access, {"version": "1949-10"})
    assert answer["grantConsent"]["code"] == "CONSENT_TEXT_CHANGED"
