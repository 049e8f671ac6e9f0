"""Vehicles, real estate and marriage: steady answers, and none without a number and consent."""

from datetime import date
from typing import Any

import pytest

from sandbox.systems.vehicle_registry import inspection_due
from tests.sandbox.serving import Client


async def ask(city: Client, path: str, key: str) -> tuple[int, Any]:
    number = (await city.person(key))["resident_id"]
    return await city.post(path, {"resident_id": number, "consent_ref": "c-1"})


@pytest.mark.parametrize(
    ("today", "due_on", "where"),
    [
        (date(2026, 5, 1), date(2027, 3, 4), "ONLINE"),
        (date(2027, 3, 5), date(2029, 3, 4), "ONLINE"),
        (date(2029, 3, 5), date(2031, 3, 4), "STATION"),
        (date(2031, 3, 5), date(2033, 3, 4), "ONLINE"),
        (date(2033, 3, 5), date(2035, 3, 4), "STATION"),
        (date(2035, 3, 5), date(2036, 3, 4), "STATION"),
        (date(2036, 3, 4), date(2036, 3, 4), "STATION"),
    ],
)
def test_inspections_follow_the_age_of_the_car(today: date, due_on: date, where: str) -> None:
    assert inspection_due(date(2025, 3, 4), today) == (due_on, where)


async def test_a_car_and_its_owner(city: Client) -> None:
    person = await city.person("citizen")
    _, told = await ask(city, "/vehicles/query", "citizen")
    (car,) = told["vehicles"]
    assert (car["plate"], car["plate_colour"]) == (person["plate"], "GREEN")
    assert date.fromisoformat(car["inspection_due_on"]) > date.fromisoformat(car["registered_on"])
    assert (await ask(city, "/vehicles/query", "child"))[1] == {"vehicles": []}
    parent = (await city.person("parent"))["resident_id"]
    for plate, number, result in (
        (person["plate"], person["resident_id"], "OWNER"),
        (person["plate"], parent, "NOT_OWNER"),
        ("宁Z99999", parent, "NOT_FOUND"),
    ):
        body = {"plate": plate, "resident_id": number}
        assert (await city.post("/vehicles/verify", body))[1] == {"result": result}


async def test_cars_of_the_crowd_have_plates_of_their_own(city: Client) -> None:
    _, page = await city.get("/_control/city/population?limit=300")
    owners = [person for person in page["people"] if person["plate"]]
    assert 40 < len(owners) < 160
    assert len({person["plate"] for person in owners}) == len(owners)
    for person in owners[:5]:
        body = {"plate": person["plate"], "resident_id": person["resident_id"]}
        assert (await city.post("/vehicles/verify", body))[1] == {"result": "OWNER"}


async def test_real_estate(city: Client) -> None:
    status, told = await ask(city, "/real-estate/holdings/query", "parent")
    (home,) = told["holdings"]
    assert status == 200 and home["mortgaged"] and not home["seized"]
    assert len(home["unit_no"]) == 28
    assert home["address_zh"] == (await city.person("parent"))["household"]["address_zh"]
    assert (await ask(city, "/real-estate/holdings/query", "parent"))[1] == told
    assert (await ask(city, "/real-estate/holdings/query", "child"))[1]["holdings"] == []
    _, businesses = await city.get("/real-estate/businesses")
    assert all(business["materials_zh"] for business in businesses["businesses"])


async def couple(city: Client, one: str, other: str, business: str = "MARRIAGE") -> dict[str, str]:
    return {
        "resident_id": (await city.person(one))["resident_id"],
        "partner_resident_id": (await city.person(other))["resident_id"],
        "business": business,
    }


@pytest.mark.parametrize(
    ("one", "other", "business", "reasons"),
    [
        ("citizen", "parent", "MARRIAGE", []),
        ("citizen", "citizen", "MARRIAGE", ["SAME_PERSON"]),
        ("citizen", "grid_worker", "MARRIAGE", ["SAME_SEX"]),
        ("parent", "child", "MARRIAGE", ["UNDER_AGE"]),
        ("parent", "sme_owner", "MARRIAGE", ["ALREADY_MARRIED"]),
        ("parent", "citizen", "DIVORCE", ["NOT_MARRIED_TO_EACH_OTHER"]),
    ],
)
async def test_who_may_register(
    city: Client, one: str, other: str, business: str, reasons: list[str]
) -> None:
    body = await couple(city, one, other, business)
    told = (await city.post("/marriage/eligibility", body))[1]
    result = "NOT_ELIGIBLE" if reasons else "ELIGIBLE"
    assert told == {"result": result, "reasons": reasons}
    status, _ = await city.post("/_control/marriage/registrations", body)
    assert status == (409 if reasons else 201)


async def test_a_marriage_and_its_end(city: Client) -> None:
    wedding = await couple(city, "citizen", "parent")
    register = "/_control/marriage/registrations"
    status_query = "/marriage/status/query"
    assert (await ask(city, status_query, "citizen"))[1]["status"] == "UNMARRIED"
    assert (await city.post(register, wedding))[0] == 201
    assert (await city.post(register, wedding))[1]["message"] == "ALREADY_MARRIED"
    assert (await ask(city, status_query, "parent"))[1]["status"] == "MARRIED"
    divorce = await couple(city, "parent", "citizen", "DIVORCE")
    assert (await city.post(register, divorce))[0] == 201
    assert (await ask(city, status_query, "citizen"))[1]["status"] == "DIVORCED"
    assert (await city.post("/marriage/eligibility", wedding))[1]["result"] == "ELIGIBLE"


@pytest.mark.parametrize(
    "path", ["/vehicles/query", "/real-estate/holdings/query", "/marriage/status/query"]
)
async def test_a_wrong_number_or_no_consent_is_refused(city: Client, path: str) -> None:
    wrong = {"resident_id": "500099198805170010", "consent_ref": "c-1"}
    status, body = await city.post(path, wrong)
    assert (status, body["code"]) == (422, "INVALID_RESIDENT_ID")
    assert (await city.post(path, {"resident_id": wrong["resident_id"]}))[0] == 400


async def test_who_sells_owns_nothing(city: Client) -> None:
    person = await city.person("citizen")
    asked = {"resident_id": person["resident_id"], "consent_ref": "c"}
    _, before = await city.post("/real-estate/holdings/query", asked)
    (home,) = before["holdings"]
    assert (home["own_share"] is not None) == (home["ownership"] == "SHARED")
    assert (home["owner_count"] == 1) == (home["ownership"] == "SOLE")
    sale = {"resident_id": person["resident_id"]}
    assert (await city.post("/_control/real-estate/sales", sale))[0] == 200
    assert (await city.post("/real-estate/holdings/query", asked))[1]["holdings"] == []
