"""Control plane, SMS, police and housing fund."""

import asyncio
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from core.ids import is_mobile, is_resident_id, is_uscc
from tests.sandbox.serving import Client, free_port, sandbox_process

ROLES = {
    "citizen", "parent", "child", "elder", "sme_owner", "bank_officer", "grid_worker",
    "department_officer", "risk_officer", "operator", "family_doctor", "probe",
}  # fmt: skip


async def test_demo_people_have_all_roles_and_valid_numbers(city: Client) -> None:
    _, people = await city.get("/_control/people")
    assert {person["role"] for person in people} == ROLES
    for person in people:
        assert is_resident_id(person["resident_id"], today=date.today())
        assert is_mobile(person["phone"])
        assert person["note_zh"] and person["note_en"]
    for member in ("key", "phone", "resident_id"):
        assert len({person[member] for person in people}) == len(people)
    owner = next(person for person in people if person["role"] == "sme_owner")
    assert is_uscc(owner["company_uscc"])


async def test_the_city_is_at_scale(city: Client) -> None:
    _, told = await city.get("/_control/city")
    counts = {kind: len(told[kind]) for kind in ("departments", "schools", "hospitals")}
    assert counts == {"departments": 57, "schools": 96, "hospitals": 5}
    companies: list[dict[str, Any]] = []
    for offset in (0, 1000):
        _, page = await city.get(f"/_control/city/companies?offset={offset}&limit=1000")
        companies += page["companies"]
    assert len({company["uscc"] for company in companies}) == 1700
    assert all(is_uscc(company["uscc"]) for company in companies)


async def test_the_crowd_is_large_valid_and_varied(city: Client) -> None:
    people: list[dict[str, Any]] = []
    for offset in range(0, 20_000, 1000):
        _, page = await city.get(f"/_control/city/population?offset={offset}&limit=1000")
        people += page["people"]
    assert page["total"] == 20_000
    assert len({person["resident_id"] for person in people}) == 20_000
    assert len({person["phone"] for person in people}) == 20_000
    assert all(is_resident_id(person["resident_id"], today=date.today()) for person in people)
    names = [person["name"] for person in people]
    assert sum("·" in name for name in names) > 300
    assert sum(any(ord(character) > 0xFFFF for character in name) for name in names) > 300


async def test_a_restart_changes_nobody_and_another_seed_everybody() -> None:
    pages = []
    for seed in (1, 1, 2):
        port = free_port()
        with sandbox_process(port, seed=seed):
            async with Client(port) as city:
                _, page = await city.get("/_control/city/population?offset=500&limit=50")
                pages.append([person["resident_id"] for person in page["people"]])
    assert pages[0] == pages[1]
    assert not set(pages[0]) & set(pages[2])


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "offset=-1", "limit=ten", "limit=٣"])
async def test_a_page_that_does_not_exist_is_refused(city: Client, query: str) -> None:
    assert (await city.get(f"/_control/city/population?{query}"))[0] == 400


class TestSms:
    """One message per reference."""

    async def test_messages_are_kept_newest_first(self, city: Client) -> None:
        for number in range(3):
            message = {"message_ref": f"m{number}", "phone": "19900000001", "text": f"第{number}条"}
            assert (await city.post("/sms/messages", message))[0] == 202
        other = {"message_ref": "other", "phone": "19900000002", "text": "𨱏😀"}
        await city.post("/sms/messages", other)
        _, inbox = await city.get("/_control/sms?phone=19900000001")
        assert [message["text"] for message in inbox] == ["第2条", "第1条", "第0条"]
        _, everything = await city.get("/_control/sms")
        assert everything[0]["text"] == "𨱏😀" and len(everything) == 4

    async def test_the_same_reference_is_one_message(self, city: Client) -> None:
        message = {"message_ref": "m", "phone": "19900000001", "text": "验证码 123456"}
        answers = await asyncio.gather(*(city.post("/sms/messages", message) for _ in range(20)))
        assert {status for status, _ in answers} == {202}
        assert len({body["receipt_no"] for _, body in answers}) == 1
        assert len((await city.get("/_control/sms"))[1]) == 1
        status, body = await city.post("/sms/messages", message | {"text": "另一条"})
        assert (status, body["code"]) == (409, "REF_REUSED")

    @pytest.mark.parametrize(
        "changed",
        [{"phone": "12345"}, {"phone": 19900000001}, {"text": ""}, {"text": "长" * 501}, {"x": 1}],
    )
    async def test_a_wrong_message_is_refused(
        self, city: Client, changed: dict[str, object]
    ) -> None:
        message = {"message_ref": "m", "phone": "19900000001", "text": "你好"}
        status, body = await city.post("/sms/messages", message | changed)
        assert (status, body["code"]) == (400, "INVALID_REQUEST")
        assert (await city.get("/_control/sms"))[1] == []

    @pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[]", b"null"])
    async def test_what_is_no_message_is_refused(self, city: Client, raw: bytes) -> None:
        async with city.http.post("/sms/messages", data=raw) as answer:
            assert answer.status == 400

    async def test_a_body_too_large_is_refused(self, city: Client) -> None:
        async with city.http.post("/sms/messages", data=BytesIO(b" " * 1_100_000)) as answer:
            assert answer.status == 413


class TestPolice:
    """Name and number against the registry."""

    async def verify(self, city: Client, name: str, resident_id: str) -> Any:
        body = {"name": name, "resident_id": resident_id}
        return await city.post("/police/identity/verify", body)

    async def test_demo_people_and_the_crowd_match(self, city: Client) -> None:
        _, people = await city.get("/_control/people")
        _, page = await city.get("/_control/city/population?offset=19990&limit=10")
        for person in people + page["people"]:
            status, body = await self.verify(city, person["name"], person["resident_id"])
            assert (status, body["result"]) == (200, "MATCH")
            status, body = await self.verify(city, person["name"] + "某", person["resident_id"])
            assert (status, body["result"]) == (200, "MISMATCH")

    async def test_a_valid_number_of_nobody_is_not_found(self, city: Client) -> None:
        _, body = await self.verify(city, "张三", "11010519491231002X")
        assert body["result"] == "NOT_FOUND"

    @pytest.mark.parametrize("number", ["110105194912310021", "1", "1101051949123100２X"])
    async def test_a_malformed_number_is_refused(self, city: Client, number: str) -> None:
        status, body = await self.verify(city, "张三", number)
        assert (status, body["code"]) == (422, "INVALID_RESIDENT_ID")


class TestHousingFund:
    """Accounts of the employed."""

    async def query(self, city: Client, key: str) -> Any:
        person = await city.person(key)
        body = {"resident_id": person["resident_id"], "consent_ref": "c-1"}
        return await city.post("/housing-fund/accounts/query", body)

    async def test_an_account_shows_twelve_months(self, city: Client) -> None:
        status, account = await self.query(city, "citizen")
        assert (status, account["status"], account["loan"]) == (200, "ACTIVE", None)
        deposits = account["deposits"]
        assert len({deposit["month"] for deposit in deposits}) == 12
        months = [deposit["month"] for deposit in deposits]
        assert months == sorted(months, reverse=True)
        for deposit in deposits:
            assert deposit["deposited_on"] == f"{deposit['month']}-15"
            assert deposit["deposited_on"] <= account["as_of"][:10]
            assert deposit["amount_fen"] == account["monthly_deposit_fen"]
        assert account["balance_fen"] >= sum(deposit["amount_fen"] for deposit in deposits)
        _, again = await self.query(city, "citizen")
        assert again | {"as_of": ""} == account | {"as_of": ""}

    async def test_a_loan_is_partly_repaid(self, city: Client) -> None:
        _, account = await self.query(city, "parent")
        loan = account["loan"]
        assert 0 < loan["outstanding_fen"] < loan["principal_fen"]
        assert loan["monthly_payment_fen"] > loan["principal_fen"] // 360
        assert loan["next_due_on"] >= account["as_of"][:10]

    async def test_a_child_has_none_and_a_pensioners_is_closed(self, city: Client) -> None:
        status, body = await self.query(city, "child")
        assert (status, body["code"]) == (404, "NO_ACCOUNT")
        status, account = await self.query(city, "elder")
        assert (status, account["status"], account["balance_fen"]) == (200, "CLOSED", 0)

    async def test_no_consent_no_answer(self, city: Client) -> None:
        person = await city.person("citizen")
        body = {"resident_id": person["resident_id"], "consent_ref": ""}
        assert (await city.post("/housing-fund/accounts/query", body))[0] == 400


async def test_state_and_faults_survive_a_kill(tmp_path: Path) -> None:
    state = str(tmp_path / "deep" / "sandbox.sqlite")
    message = {"message_ref": "m", "phone": "19900000001", "text": "你好"}
    port = free_port()
    with sandbox_process(port, state=state):
        async with Client(port) as city:
            receipt = await city.post("/sms/messages", message)
            await city.put("/_control/faults/police", {"latency_ms": 7})
    port = free_port()
    with sandbox_process(port, state=state):
        async with Client(port) as city:
            assert await city.post("/sms/messages", message) == receipt
            assert len((await city.get("/_control/sms"))[1]) == 1
            assert (await city.get("/_control/faults"))[1][0]["latency_ms"] == 7
            await city.post("/_control/reset")
            assert (await city.get("/_control/sms"))[1] == []
            assert (await city.get("/_control/faults"))[1] == []


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/billers/water/bills/%ff%fe", "/billers/water/bills/%00", "/sms/%ed%a0%80"],
)
async def test_a_path_to_nothing_is_not_found(city: Client, path: str) -> None:
    async with city.http.get(f"{city.base}{path}") as answer:
        assert answer.status in (400, 404)


async def test_the_registry_knows_children_by_their_household(city: Client) -> None:
    people = {p["key"]: p["resident_id"] for p in (await city.get("/_control/people"))[1]}

    async def ask(parent: str, child: str) -> Any:
        body = {"parent_resident_id": parent, "child_resident_id": child}
        return await city.post("/police/family/verify", body)

    parent, child = people["parent"], people["child"]
    assert (await ask(parent, child))[1]["result"] == "CONFIRMED"
    for other in ((child, parent), (people["citizen"], child), (parent, parent)):
        assert (await ask(*other))[1]["result"] == "NOT_CONFIRMED"
    status, told = await ask(parent, "1")
    assert (status, told["code"]) == (422, "INVALID_RESIDENT_ID")


async def test_staff_have_an_authenticator_and_nobody_else(city: Client) -> None:
    people = (await city.get("/_control/people"))[1]
    staff = {p["role"] for p in people if "totp_secret" in p}
    assert staff == ROLES - {"citizen", "parent", "child", "elder", "sme_owner", "probe"}
