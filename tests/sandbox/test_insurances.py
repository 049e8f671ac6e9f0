"""Social and medical insurance: every case occurs among the demo people, and the books add up."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.sandbox.serving import Client

SOCIAL, MEDICAL = "/social-insurance", "/medical-insurance"
SUMMARIES = {
    "pension": f"{SOCIAL}/pension",
    "unemployment": f"{SOCIAL}/unemployment",
    "work_injury": f"{SOCIAL}/work-injury",
    "medical": f"{MEDICAL}/medical",
    "maternity": f"{MEDICAL}/maternity",
}
ACCOUNTS = (f"{SOCIAL}/pension", f"{MEDICAL}/medical")
LISTS = [
    *(f"{base}/contributions/query" for base in SUMMARIES.values()),
    *(f"{base}/account/movements/query" for base in ACCOUNTS),
    f"{MEDICAL}/medical/settlements/query",
]


async def ask(city: Client, path: str, key: str, **more: object) -> tuple[int, Any]:
    number = (await city.person(key))["resident_id"]
    return await city.post(path, {"resident_id": number, "consent_ref": "c-1"} | more)


async def summary(city: Client, insurance: str, key: str) -> Any:
    status, body = await ask(city, f"{SUMMARIES[insurance]}/query", key)
    assert status == 200
    return body


async def all_records(city: Client, path: str, key: str, **more: object) -> list[Any]:
    records: list[Any] = []
    after: dict[str, object] = {}
    while True:
        status, page = await ask(city, path, key, limit=100, **more, **after)
        assert status == 200
        records += page["records"]
        if page["next_after"] is None:
            assert page["total"] == len(records)
            return records
        after = {"after": page["next_after"]}


@pytest.mark.parametrize(
    ("key", "states"),
    [
        ("citizen", ["ACTIVE", "TRANSFERRED_OUT"]),
        ("parent", ["ACTIVE", "CLOSED"]),
        ("elder", ["CLOSED"]),
        ("citizen_rare", ["PAUSED"]),
        ("risk_officer", ["ACTIVE", "PAUSED"]),
        ("operator", ["ACTIVE", "PAUSED"]),
        ("citizen_abroad", ["CLOSED"]),
        ("citizen_deceased", ["DECEASED"]),
    ],
)
async def test_every_state_of_a_pension_occurs(city: Client, key: str, states: list[str]) -> None:
    pension = await summary(city, "pension", key)
    assert [entry["state"] for entry in pension["enrolments"]] == states
    for entry in pension["enrolments"]:
        assert (entry["state"] == "ACTIVE") == (entry["reason"] is None) == (entry["until"] is None)
    assert (pension["deceased_on"] is None) == ("DECEASED" not in states)


async def test_a_child_is_a_resident_and_nothing_else(city: Client) -> None:
    for insurance in ("pension", "unemployment", "work_injury", "maternity"):
        status, body = await ask(city, f"{SUMMARIES[insurance]}/query", "child")
        assert (status, body["code"]) == (404, "NO_ENROLMENT")
    medical = await summary(city, "medical", "child")
    assert (medical["scheme"], medical["account"]) == ("RESIDENT", None)
    path = f"{MEDICAL}/medical/account/movements/query"
    assert (await ask(city, path, "child"))[1]["code"] == "NO_ENROLMENT"


async def test_months_of_two_employers_count_once(city: Client) -> None:
    pension = await summary(city, "pension", "citizen")
    per_employer = [entry["paid_months"] for entry in pension["enrolments"]]
    assert pension["paid_months"] == sum(per_employer) - 1  # June 2016 was paid by both
    (transfer,) = pension["transfers"]
    assert (transfer["state"], transfer["months"]) == ("COMPLETED", 72)


async def test_months_elsewhere_count_once_they_are_here(city: Client) -> None:
    for key, state in (("operator", "IN_PROGRESS"), ("risk_officer", None)):
        pension = await summary(city, "pension", key)
        here, elsewhere = pension["enrolments"]
        assert here["place_zh"] != elsewhere["place_zh"]
        assert pension["paid_months"] == here["paid_months"]
        assert [entry["state"] for entry in pension["transfers"]] == ([state] if state else [])


async def test_a_gap_is_named(city: Client) -> None:
    (gap,) = (await summary(city, "pension", "sme_owner"))["gaps"]
    assert gap == {
        "from_month": "2012-10", "to_month": "2013-11", "months": 14, "reason": "NOT_EMPLOYED"
    }  # fmt: skip
    (gap,) = (await summary(city, "medical", "bank_officer"))["gaps"]
    assert (gap["months"], gap["reason"]) == (2, "ARREARS")
    records = await all_records(city, f"{MEDICAL}/medical/contributions/query", "bank_officer")
    unpaid = [record["month"] for record in records if record["state"] == "UNPAID"]
    assert unpaid == [gap["to_month"], gap["from_month"]]


async def test_deemed_months_and_pensions(city: Client) -> None:
    officer = await summary(city, "pension", "department_officer")
    assert officer["deemed_months"] == 111  # July 2005 to September 2014
    elder = await summary(city, "pension", "elder")
    assert (elder["paid_months"], elder["deemed_months"]) == (86, 336)
    assert elder["benefit"]["state"] == "PAYING" and elder["account"]["balance_fen"] == 0
    late = await summary(city, "pension", "citizen_deceased")
    assert (late["benefit"]["state"], late["benefit"]["until"]) == ("ENDED", late["deceased_on"])


@pytest.mark.parametrize("key", ["citizen", "elder", "citizen_rare", "citizen_abroad", "operator"])
async def test_a_pension_account_is_the_sum_of_its_movements(city: Client, key: str) -> None:
    records = await all_records(city, f"{SOCIAL}/pension/account/movements/query", key)
    account = (await summary(city, "pension", key))["account"]
    assert sum(record["amount_fen"] for record in records) == account["balance_fen"]
    assert records[0]["balance_fen"] == account["balance_fen"]
    assert account["updated_on"] == records[0]["on"] <= date.today().isoformat()
    for newer, older in pairwise(records):
        assert newer["balance_fen"] - newer["amount_fen"] == older["balance_fen"] >= 0


@pytest.mark.parametrize("key", ["citizen", "elder", "department_officer", "citizen_deceased"])
async def test_a_medical_account_and_what_it_paid_for(city: Client, key: str) -> None:
    medical = await summary(city, "medical", key)
    movements = await all_records(city, f"{MEDICAL}/medical/account/movements/query", key)
    settlements = await all_records(city, f"{MEDICAL}/medical/settlements/query", key)
    total = sum(record["amount_fen"] for record in movements)
    assert total == medical["account"]["balance_fen"]
    for entry in settlements:
        parts = entry["fund_fen"] + entry["account_fen"] + entry["self_pay_fen"]
        assert parts == entry["total_fen"] > 0
    spent = sum(record["amount_fen"] for record in movements if record["kind"] == "SPENDING")
    assert spent == -sum(entry["account_fen"] for entry in settlements)


async def test_who_lost_work_is_paid_and_medical_care_stops(city: Client) -> None:
    unemployment = await summary(city, "unemployment", "citizen_rare")
    entitlement = unemployment["entitlement"]
    assert (entitlement["state"], entitlement["months_max"]) == ("CLAIMING", 18)
    assert entitlement["months_used"] == len(unemployment["benefits"]) > 0
    assert (await summary(city, "medical", "citizen_rare"))["coverage"]["state"] == "SUSPENDED"
    employed = (await summary(city, "unemployment", "parent"))["entitlement"]
    assert (employed["state"], employed["months_max"]) == ("NOT_CLAIMED", 24)
    status, _ = await ask(city, f"{SOCIAL}/unemployment/query", "department_officer")
    assert status == 404  # civil servants are not in it


async def test_injuries_at_work(city: Client) -> None:
    worker = await summary(city, "work_injury", "grid_worker")
    (recognition,) = worker["recognitions"]
    assert (recognition["result"], recognition["disability_grade"]) == ("RECOGNISED", 10)
    lump_sum = next(b for b in worker["benefits"] if b["kind"] == "DISABILITY_LUMP_SUM")
    base_fen = worker["enrolments"][0]["base_fen"]
    assert lump_sum["amount_fen"] == 7 * base_fen  # article 37: seven months for grade 10
    for key, result in (("bank_officer", "IN_REVIEW"), ("parent", "NOT_RECOGNISED")):
        injured = await summary(city, "work_injury", key)
        assert [entry["result"] for entry in injured["recognitions"]] == [result]
        assert injured["benefits"] == []
    parent = await summary(city, "work_injury", "parent")
    assert [entry["state"] for entry in parent["enrolments"]] == ["ACTIVE", "ACTIVE", "CLOSED"]
    assert {entry["kind"] for entry in parent["enrolments"]} == {"EMPLOYEE", "PART_TIME"}


async def test_maternity_allowances_at_every_stage(city: Client) -> None:
    states = {
        "citizen_dotted": "PAID", "bank_officer": "APPROVED", "operator": "IN_REVIEW",
        "department_officer": "REFUSED",
    }  # fmt: skip
    for key, state in states.items():
        for entry in (await summary(city, "maternity", key))["allowances"]:
            assert entry["state"] == state
            assert (entry["paid_on"] is not None) == (state == "PAID")
            assert (entry["reason"] is not None) == (entry["amount_fen"] == 0)
    assert (await summary(city, "maternity", "citizen"))["allowances"] == []


async def test_an_old_core_spells_names_and_numbers_its_own_way(city: Client) -> None:
    elder = await city.person("elder")
    holder = (await summary(city, "pension", "elder"))["holder"]
    assert len(holder["resident_id"]) == 15
    assert elder["resident_id"][8:17] == holder["resident_id"][6:]
    assert "•" in (await summary(city, "medical", "citizen_dotted"))["holder"]["name"]


@pytest.mark.parametrize("path", LISTS)
async def test_pages_cover_everything_once_newest_first(city: Client, path: str) -> None:
    records = await all_records(city, path, "citizen")
    numbers = [record["record_no"] for record in records]
    assert numbers == sorted(set(numbers), reverse=True) and len(numbers) > 5
    _, page = await ask(city, path, "citizen", limit=2)
    assert [record["record_no"] for record in page["records"]] == numbers[:2]
    assert (page["next_after"], page["total"]) == (numbers[1], len(numbers))
    year = int(numbers[-1][:4])
    of_year = await all_records(city, path, "citizen", year=year)
    assert of_year == [record for record in records if record["record_no"].startswith(str(year))]
    assert await all_records(city, path, "citizen", year=1990) == []


@pytest.mark.parametrize("path", [f"{SUMMARIES['pension']}/query", LISTS[0]])
async def test_who_may_not_be_asked_about(city: Client, path: str) -> None:
    wrong = {"resident_id": "500099198805170010", "consent_ref": "c-1"}
    status, body = await city.post(path, wrong)
    assert (status, body["code"]) == (422, "INVALID_RESIDENT_ID")
    assert (await city.post(path, {"resident_id": wrong["resident_id"]}))[0] == 400
    nobody = {"resident_id": "11010519491231002X", "consent_ref": "c-1"}
    status, body = await city.post(path, nobody)
    assert (status, body["code"]) == (404, "NO_ENROLMENT")


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 101}, {"year": 1}, {"after": ""}])
async def test_a_page_that_does_not_exist_is_refused(city: Client, page: dict[str, Any]) -> None:
    status, body = await ask(city, LISTS[0], "citizen", **page)
    assert (status, body["code"]) == (400, "INVALID_REQUEST")


async def test_the_crowd_adds_up(city: Client) -> None:
    _, page = await city.get("/_control/city/population?offset=4000&limit=60")
    enrolled = 0
    for person in page["people"]:
        query = {"resident_id": person["resident_id"], "consent_ref": "c-1"}
        status, pension = await city.post(f"{SOCIAL}/pension/query", query)
        assert (await city.post(f"{MEDICAL}/medical/query", query))[0] == 200
        assert status in (200, 404)
        if status == 404:
            continue
        enrolled += 1
        missing = sum(gap["months"] for gap in pension["gaps"])
        firsts = [date.fromisoformat(entry["since"]) for entry in pension["enrolments"]]
        span = (date.today() - min(firsts) + timedelta(31)).days / 30.4
        assert pension["paid_months"] + pension["deemed_months"] + missing <= span
    assert 20 < enrolled < 60


@pytest.mark.parametrize("system", ["social_insurance", "medical_insurance"])
async def test_they_break_on_purpose(city: Client, system: str) -> None:
    await city.put(f"/_control/faults/{system}", {"error_rate": 1})
    broken = {
        (await ask(city, f"{base}/query", "citizen"))[0]
        for base in SUMMARIES.values()
        if base.startswith(f"/{system.replace('_', '-')}")
    }
    assert broken == {503}
