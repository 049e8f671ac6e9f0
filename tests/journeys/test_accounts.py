"""Accounts over the years, over HTTP: a number passes on, a phone is lost, a name changes; somebody
from abroad comes to a hospital; staff work from log-in to the end of their day."""

import asyncio
from base64 import b32decode
from typing import Any

import pytest
from journeys.crowd import adult
from journeys.house import House

from bff.client.city import DEVICE, CityClient, ClientError, key
from bff.client.operations import REQUEST_CODE, STAFF_LOG_IN
from bff.commands import journey
from core.ids import resident_id_check_digit
from modules.identity.domain import totp

VERIFY = """mutation ($name: String!, $number: String!, $born: Date, $key: String!) {
  verifyRealName(name: $name, residentId: $number, bornOn: $born, idempotencyKey: $key) {
    ... on RealNameVerified { accessToken viewer { id name level } } ... on Refusal { code message }
  } }"""
BY_PHONE = VERIFY.replace("verifyRealName", "proveByPhone")
BEGIN = """mutation ($key: String!) { beginNetworkProof(idempotencyKey: $key) {
  ... on ProofBegun { ticket } ... on Refusal { code message } } }"""
FINISH = """mutation ($ticket: String!, $key: String!) {
  finishNetworkProof(ticket: $ticket, idempotencyKey: $key) {
    ... on RealNameVerified { accessToken viewer { id name level } } ... on Refusal { code message }
  } }"""
SIGN_IN = """mutation ($phone: String!, $code: String!, $device: DeviceInput!, $key: String!) {
  login(phone: $phone, code: $code, device: $device, idempotencyKey: $key) {
    ... on Tokens { accessToken refreshToken level } ... on Refusal { code message } } }"""
REFRESH = """mutation ($token: String!, $device: DeviceInput!, $key: String!) {
  refreshSession(refreshToken: $token, device: $device, idempotencyKey: $key) {
    ... on Tokens { accessToken refreshToken } ... on Refusal { code message } } }"""
ENROL = """mutation ($key: String!) { enrolInHypertensionCare(idempotencyKey: $key) {
  ... on CareJoined { enrolment { id } } ... on Refusal { code message } } }"""
INSURED = "{ medicalInsurance { status record { holder { name } } } }"
ME = "{ viewer { id name level } }"


def _given(person: Any) -> dict[str, str]:
    return {"name": person["name"], "number": person["resident_id"], "key": key()}


async def _sign_in_on(
    client: CityClient, phone: str, device: str, *, at: str | None = None
) -> dict[str, Any]:
    """Sign in on a device with a phone as it is typed, whose number is `at`; the tokens."""
    code = await client._receive_code(at or phone, REQUEST_CODE, {"phone": phone})
    given = {"phone": phone, "code": code, "device": {"id": device}, "key": key()}
    tokens: dict[str, Any] = await client.do(SIGN_IN, given)
    client.token = tokens["accessToken"]
    return tokens


async def _account(house: House, client: CityClient, person: Any) -> str:
    """The id of an account of somebody at level 2."""
    await _sign_in_on(client, person["phone"], f"phone-of-{person['phone']}")
    await client.consent("identity.real-name")
    verified = await client.do(VERIFY, _given(person))
    client.token = verified["accessToken"]
    return str(verified["viewer"]["id"])


async def _be_silent(house: House, account: str) -> None:
    """Let months pass in which nobody used an account."""
    await house.query(
        "UPDATE identity_session SET last_used_at = last_used_at - interval '91 days',"
        " rotated_at = rotated_at - interval '91 days' WHERE citizen_id = $1",
        account,
    )
    # the minute between two codes is over with them
    await house.query(
        "UPDATE identity_login_code SET created_at = created_at - interval '91 days',"
        " expires_at = expires_at - interval '91 days' WHERE used_at IS NOT NULL"
    )


async def test_a_number_passes_to_somebody_else(house: House) -> None:
    before, after = await adult(house, 4000), await adult(house, 4400)
    async with (
        CityClient(house.api_urls[0], house.sandbox_url) as old,
        CityClient(house.api_urls[1], house.sandbox_url) as new,
    ):
        account = await _account(house, old, before)
        await old.consent("welfare.housing-fund")
        await _be_silent(house, account)
        number = {"phone": before["phone"], "number": after["resident_id"]}
        await old.sandbox("PUT", "/_control/carriers/numbers", number)

        tokens = await _sign_in_on(new, before["phone"], "phone-of-a-stranger")
        assert tokens["level"] == 1
        assert (await new.run(ME)).data["viewer"]["name"] is None
        for query in ("{ mandates { id } }", "{ viewer { consents { purpose } } }"):
            with pytest.raises(ClientError, match="LEVEL_REQUIRED"):
                await new.run(query)
        # the former owner's name and number are known to many, and open nothing
        await new.consent("identity.real-name")
        with pytest.raises(ClientError, match="STRONGER_PROOF"):
            await new.do(VERIFY, _given(before))
        await new.consent("identity.carrier")
        with pytest.raises(ClientError, match="PROOF_MISMATCH"):
            await new.do(BY_PHONE, _given(before))
        # who has the number now has an account of their own with it
        mine = await new.do(VERIFY, _given(after))
        new.token = mine["accessToken"]
        assert mine["viewer"]["id"] != account
        assert (await new.run("{ viewer { consents { purpose } } }")).data["viewer"][
            "consents"
        ] == []

        # and whose it was comes back with another number, by face
        moved = (await adult(house, 4800))["phone"]
        await _sign_in_on(old, moved, "phone-of-the-owner")
        await old.consent("identity.network-identity")
        ticket = (await old.do(BEGIN, {"key": key()}))["ticket"]
        passage = {"ticket": ticket, "number": before["resident_id"]}
        await old.sandbox("POST", "/_control/network-identity/passages", passage)
        back = await old.do(FINISH, {"ticket": ticket, "key": key()})
        assert back["viewer"]["id"] == account


async def test_a_lost_phone(house: House) -> None:
    """A new phone, a new number and a face: the account moves, away from the phone that is lost."""
    person, number = await adult(house, 5200), (await adult(house, 5600))["phone"]
    async with (
        CityClient(house.api_urls[0], house.sandbox_url) as lost,
        CityClient(house.api_urls[1], house.sandbox_url) as new,
    ):
        account = await _account(house, lost, person)
        await _sign_in_on(new, number, "the-new-phone")
        await new.consent("identity.real-name")
        with pytest.raises(ClientError, match="ID_IN_USE"):
            await new.do(VERIFY, _given(person))
        await new.consent("identity.network-identity")
        ticket = (await new.do(BEGIN, {"key": key()}))["ticket"]
        with pytest.raises(ClientError, match="PROOF_PENDING"):
            await new.do(FINISH, {"ticket": ticket, "key": key()})
        passage = {"ticket": ticket, "number": person["resident_id"], "method": "NETWORK_ID"}
        await new.sandbox("POST", "/_control/network-identity/passages", passage)
        back = await new.do(FINISH, {"ticket": ticket, "key": key()})
        new.token = back["accessToken"]
        assert back["viewer"]["id"] == account
        query = "{ viewer { phone assurance } }"
        seen = (await new.run(query)).data["viewer"]
        assert seen["phone"].endswith(number[-4:]) and seen["assurance"] == "NETWORK_ID"
        assert await _code_within_a_second(lost, ME) == "SESSION_EXPIRED"
        for _ in range(100):
            texts = [message["text"] for message in await new._messages(person["phone"])]
            if any(number[-4:] in text for text in texts):
                break
            await asyncio.sleep(0.1)
        assert any(number[-4:] in text for text in texts), "the old phone is told"


async def _code_within_a_second(client: CityClient, query: str) -> str:
    for _ in range(50):
        try:
            await client.run(query)
        except ClientError as refused:
            return str(refused).partition(":")[0]
        await asyncio.sleep(0.02)
    return "still allowed"


async def test_a_name_changed_by_marriage(house: House, client: CityClient) -> None:
    person = await adult(house, 6400)
    account = await _account(house, client, person)
    new_name = "司徒" + person["name"][-1]
    registered = {"resident_id": person["resident_id"], "name": new_name}
    await client.sandbox("PUT", "/_control/police/names", registered)
    with pytest.raises(ClientError, match="REAL_NAME_MISMATCH"):
        await client.do(VERIFY, _given(person))
    verified = await client.do(VERIFY, _given(person | {"name": new_name}))
    client.token = verified["accessToken"]
    assert verified["viewer"]["id"] == account
    export = "mutation ($key: String!) { exportMyData(idempotencyKey: $key) {"
    export += " ... on DataExport { content } ... on Refusal { code message } } }"
    exported = await client.do(export, {"key": key()})
    assert exported["content"]["identity"]["account"]["name"] == new_name


async def test_somebody_from_abroad_comes_to_a_hospital(house: House, client: CityClient) -> None:
    """A permanent residence card, a name in Latin letters, and a number at the doctor's."""
    body = "93784019850315001"  # GA 2102-2023: 9, province, nationality, birth date
    number = body + resident_id_check_digit(body)
    person = {"name": "MARÍA JOSÉ O’NEILL", "resident_id": number, "phone": "13911110911"}
    registered = {"resident_id": number, "name": "MARÍA JOSÉ O'NEILL"}
    await client.sandbox("PUT", "/_control/police/names", registered)
    await _sign_in_on(client, "+86 139 1111 0911", "phone-from-abroad", at=person["phone"])
    await client.consent("identity.real-name")
    typed = _given(person) | {"number": number.lower()}
    client.token = (await client.do(VERIFY, typed))["accessToken"]
    await client.consent_to_everything()
    booked = await journey.book_at(client, {"code": "h1", "name": "h1"})
    assert booked is not None and booked.endswith("CONFIRMED")


@pytest.mark.parametrize(
    ("kind", "number", "typed", "phone"),
    [
        ("HK_MACAO_PERMIT", "H12345678", "ｈ12345678 01", "13911110912"),
        ("TAIWAN_PERMIT", "12345678", "1234567801(B)", "13911110913"),
        ("FOREIGN_RESIDENT", "KAZ110090123105", "kaz110090123105", "13911110914"),
    ],
)
async def test_a_document_without_an_id_number_leads_to_hospital_and_insurance_too(
    house: House, client: CityClient, kind: str, number: str, typed: str, phone: str
) -> None:
    """The birth date is asked for, and the carrier has the phone under the permit."""
    issued = {"kind": kind, "number": number, "name": "陳大文", "born_on": "1990-12-31"}
    await client.sandbox("PUT", "/_control/police/permits", issued)
    await _sign_in_on(client, phone, f"phone-{kind.lower()}")
    await client.consent("identity.real-name")
    person = {"name": "陳大文", "resident_id": typed}
    with pytest.raises(ClientError, match="BIRTH_DATE_NEEDED"):
        await client.do(VERIFY, _given(person))
    for born_on, refused in (("1990-12-30", True), ("1990-12-31", False)):
        given = _given(person) | {"born": born_on}
        if refused:
            with pytest.raises(ClientError, match=r"REAL_NAME_MISMATCH|BIRTH_DATE_NEEDED"):
                await client.do(VERIFY, given)
        else:
            client.token = (await client.do(VERIFY, given))["accessToken"]
    await client.consent_to_everything()
    with pytest.raises(ClientError, match="PROOF_REQUIRED"):
        await client.do(ENROL, {"key": key()})
    with pytest.raises(ClientError, match="PROOF_MISMATCH"):
        await client.do(BY_PHONE, given)
    await client.sandbox("PUT", "/_control/carriers/numbers", {"phone": phone, "number": number})
    client.token = (await client.do(BY_PHONE, given))["accessToken"]
    assert (await client.run("{ viewer { assurance } }")).data["viewer"]["assurance"] == "CARRIER"
    assert (await client.do(ENROL, {"key": key()}))["enrolment"]["id"]
    booked = await journey.book_at(client, {"code": "h1", "name": "h1"})
    assert booked is not None and booked.endswith("CONFIRMED")
    insured = (await client.run(INSURED)).data["medicalInsurance"]
    assert (insured["status"], insured["record"]["holder"]["name"]) == ("LIVE", "陳大文")
    export = "mutation ($key: String!) { exportMyData(idempotencyKey: $key) {"
    export += " ... on DataExport { content } ... on Refusal { code message } } }"
    account = (await client.do(export, {"key": key()}))["content"]["identity"]["account"]
    assert account["other_document"]["number"] == number


async def test_staff_from_log_in_to_the_end_of_the_day(house: House) -> None:
    person = await adult(house, 6000)
    enrolled = house.run("staff", "enrol", person["phone"], "police", "operator")
    secret = enrolled.stdout.partition("secret=")[2].partition("&")[0]
    flags = "{ unusualAccess(first: 1) { edges { node { people } } } }"
    async with CityClient(house.api_urls[0], house.sandbox_url) as desk:
        code = await desk._receive_code(person["phone"], REQUEST_CODE, {"phone": person["phone"]})
        shown = totp(b32decode(secret), int(house.clock.now().timestamp()) // 30)
        given = {"phone": person["phone"], "code": code, "totp": shown, "device": DEVICE}
        tokens = await desk.do(STAFF_LOG_IN, given | {"key": key()})
        desk.token = tokens["accessToken"]
        assert (await desk.run(flags)).data["unusualAccess"]["edges"] == []
        (session,) = (await desk.run("{ viewer { sessions { id staff } } }")).data["viewer"][
            "sessions"
        ]
        assert session["staff"]
        (row,) = await house.query(
            "UPDATE identity_session SET opened_at = opened_at - interval '12 hours'"
            " WHERE id = $1 RETURNING generation",
            session["id"],
        )
        with pytest.raises(ClientError, match="SESSION_EXPIRED"):
            token = tokens["refreshToken"]
            await desk.do(REFRESH, {"token": token, "device": DEVICE, "key": key()})
    assert row["generation"] == 1
