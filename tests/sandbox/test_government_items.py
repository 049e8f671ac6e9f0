"""The registry of items: its scale, its codes, and that it is the same whenever it is asked."""

import re
from collections import Counter
from typing import Any

from sandbox.systems.government_items import registry
from sandbox.systems.government_items.matters import department_uscc
from tests.sandbox.serving import Client

PATH = "/government-items/items"


def _in_force(content: Any) -> list[Any]:
    return [item for item in content["items"] if item["status"] == "IN_FORCE"]


async def test_the_registry_is_that_of_a_city(city: Client) -> None:
    status, content = await city.get(PATH)
    assert status == 200
    items = _in_force(content)
    assert (len(items), len(content["departments"])) == (1165, 57)
    assert [item["item_no"] for item in items] == list(range(1, 1166))
    codes = {item["item_code"] for item in content["items"]}
    assert len(codes) == len(content["items"]) > 1165
    # GB/T 39554.1: the organisation's credit code, its level, the basic code
    assert all(re.fullmatch(r"[0-9A-Z]{18}3[0-9]{12}", code) for code in codes)
    uscc = {one["code"]: one["uscc"] for one in content["departments"]}
    assert all(i["item_code"].startswith(uscc[i["department_code"]]) for i in content["items"])
    assert len(Counter(item["department_code"] for item in items)) == 57
    for item in items:
        assert item["promised_days"] <= max(1, item["legal_days"]), item["name_zh"]
        names = [material["name_zh"] for material in item["materials"]]
        assert len(names) == len(set(names)), item["name_zh"]


async def test_withdrawn_items_lead_to_those_in_force(city: Client) -> None:
    _, content = await city.get(PATH)
    in_force = {item["item_code"] for item in _in_force(content)}
    withdrawn = [item for item in content["items"] if item["status"] == "WITHDRAWN"]
    assert len(withdrawn) == 12 and all(item["withdrawn_on"] for item in withdrawn)
    successors = [item["successor_code"] for item in withdrawn if item["successor_code"]]
    assert successors and set(successors) <= in_force
    for event in content["life_events"]:
        assert set(event["item_codes"]) <= in_force, event["code"]
        assert event["name"]["zh"] and event["name"]["en"]


async def test_who_has_this_version_is_told_so(city: Client) -> None:
    async with city.http.get(PATH) as answer:
        etag = answer.headers["ETag"]
    async with city.http.get(PATH, headers={"If-None-Match": etag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")


def test_a_seed_has_one_registry() -> None:
    again = registry.__wrapped__
    assert again(1) == again(1)
    assert again(1) != again(2)
    assert department_uscc(1) != department_uscc(2)
