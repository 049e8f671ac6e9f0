"""A government item from the draft to the call-back: the whole journey over HTTP."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core.city import load_city
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.security.authentication import Viewer
from core.settings import Settings
from kinds.application import versions
from kinds.application.soundness import check
from modules.affairs.cases.definition import (
    CASES,
    POST_ADDRESS,
    check_delivery,
    definition_of,
)
from modules.affairs.cases.items import to_application
from modules.affairs.registry.upstream import REGISTRY_SYSTEM, LatestRegistry
from tests.asgi import Client
from tests.conftest import ROOT
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.papers import pdf
from tests.kinds.application.town import Town, key
from tests.modules.affairs.applications import FOUNDATION, KINDERGARTEN
from tests.modules.affairs.registry import FakeItems, city_registry
from tests.upstreams import by_operation

TODAY = date(2026, 11, 23)
SETTINGS = Settings(city_file=ROOT / "cities/jinan.toml")
CITY = load_city(ROOT / "cities/jinan.toml")
GRAIN = "11990099XX0090018F3001000016000"
"""An exclusive item."""
ANSWERS = [{"name": name, "value": value} for name, value in FOUNDATION.items()]
MakeCitizen = Callable[..., Awaitable[Viewer]]
RATE = """mutation ($case: ID!, $grade: Int!, $key: String!) {
  rateCase(caseId: $case, grade: $grade, text: "没有人接电话", idempotencyKey: $key) {
    ... on CaseRated { rating { grade callBackId } } ... on Refusal { code } } }"""


@pytest.fixture
def items() -> FakeItems:
    """The registry of items."""
    return FakeItems()


@pytest.fixture
def upstreams(items: FakeItems) -> Mapping[Any, Any]:
    """Its operations."""
    return by_operation(items, REGISTRY_SYSTEM)


@pytest.fixture
async def officers(app: App, call: Callable[..., Call]) -> dict[str, Viewer]:
    """An officer of each department, and second ones."""
    town = Town(app, call)
    units = ("education", "health", "fire", "police", "administrative_approval")
    found = {unit: (await town.officer(unit)).require_viewer() for unit in units}
    for unit in ("education", "administrative_approval"):
        found[f"{unit} 2"] = (await town.officer(unit, 1)).require_viewer()
    return found


async def _attach(client: Client, me: Viewer, case_id: str, material: str) -> None:
    headers = client.token(me) | {"idempotency-key": key(), "x-file-name": f"{material}.pdf"}
    path = f"/cases/{case_id}/files/{material}"
    answer = await client.request("POST", path, pdf(2), headers=headers)
    assert answer.status == 201, answer.body


async def _act(desk: Desk, officer: Viewer, event: str, note: str = "well") -> dict[str, Any]:
    """Take the first task of the unit, and do it."""
    queue = await desk.send(officer, "StaffTasks", first=5)
    task = queue["staffTasks"]["edges"][0]["node"]
    await desk.send(officer, "TakeTask", taskId=task["id"])
    answer = await desk.send(officer, "ActOnTask", taskId=task["id"], event=event, note=note)
    case: dict[str, Any] = answer["actOnTask"]["task"]["case"]
    return case


async def test_from_two_missing_papers_to_a_call_back_that_ends(
    client: Client, officers: dict[str, Viewer], citizen: MakeCitizen
) -> None:
    desk, me = Desk(client), await citizen()
    lead, second = officers["education"], officers["education 2"]
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN, "answers": ANSWERS}
    opened = await desk.send(me, "OpenApplication", **wanted)
    case = opened["openCase"]["case"]
    assert (len(case["no"]), case["title"]) == (43, "民办幼儿园设立审批")
    for paper in ("m01", "m03"):
        await _attach(client, me, case["id"], paper)
    refused = await desk.step(me, case["id"], "submit")
    assert [p["name"] for p in refused["problems"]] == ["m02", "m04"]  # once, together
    for paper in ("m02", "m04"):
        await _attach(client, me, case["id"], paper)
    filed = await desk.step(me, case["id"], "submit")
    assert (filed["promise"], filed["unit"]) == ("RUNNING", "Education Bureau")
    await _act(desk, lead, "accept")
    await _act(desk, second, "agree")
    asked = {
        unit: len((await desk.send(officers[unit], "StaffTasks", first=5))["staffTasks"]["edges"])
        for unit in ("education", "fire", "health", "police")
    }
    assert asked == {"education": 0, "fire": 1, "health": 1, "police": 0}  # two in parallel
    await _act(desk, officers["health"], "agree")
    decision = await _act(desk, officers["fire"], "agree")
    assert decision["stateTitle"] == "Waiting for the decision"
    assert await desk.code(officers["police"], "StaffCase", caseId=case["id"]) == "NOT_FOUND"
    await _act(desk, second, "grant")
    closed = await _act(desk, lead, "deliver")
    assert (closed["state"], closed["promise"]) == ("granted", "KEPT")
    found = await client.data(
        "query ($no: String!) { caseByNo(no: $no) { id } }",
        {"no": f" {case['no'].lower()[:31]} {case['no'][31:]}"},
        viewer=me,
    )
    assert found["caseByNo"]["id"] == case["id"]
    rated = await client.data(RATE, {"case": case["id"], "grade": 2, "key": key()}, viewer=me)
    call_back = rated["rateCase"]["rating"]["callBackId"]
    for event in ("call", "answer"):
        ended = await _act(desk, officers["administrative_approval"], event, note="已整改")
    assert (ended["id"], ended["turn"]) == (call_back, "NOBODY")
    again = await client.data(RATE, {"case": case["id"], "grade": 5, "key": key()}, viewer=me)
    assert again["rateCase"]["code"] == "CASE_RATED"


async def test_a_denial_is_objected_to_and_examined_elsewhere(
    client: Client, officers: dict[str, Viewer], citizen: MakeCitizen
) -> None:
    desk, me = Desk(client), await citizen()
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN, "answers": ANSWERS}
    case = (await desk.send(me, "OpenApplication", **wanted))["openCase"]["case"]
    for paper in ("m01", "m02", "m03", "m04"):
        await _attach(client, me, case["id"], paper)
    await desk.step(me, case["id"], "submit")
    for event in ("accept", "agree"):
        await _act(desk, officers["education"], event)
    objected = await _act(desk, officers["fire"], "refuse", note="没有第二个出口")
    assert objected["stateTitle"] == "Waiting for the decision"
    told = await _act(desk, officers["education 2"], "deny", note="消防不合要求")
    assert (told["turn"], told["promise"]) == ("CITIZEN", "SUSPENDED")
    await desk.step(me, case["id"], "object", "已加装出口")
    granted = await _act(desk, officers["administrative_approval"], "overturn", note="复核通过")
    assert granted["state"] == "delivery"


async def test_a_withdrawn_item_says_so_and_a_silent_registry_is_told_in_time(
    client: Client, citizen: MakeCitizen, items: FakeItems
) -> None:
    desk, me = Desk(client), await citizen()
    withdrawn = next(i for i in items.content["items"] if i["status"] == "WITHDRAWN")
    wanted = {"serviceId": "gov-case-apply", "item": withdrawn["item_code"], "answers": ANSWERS}
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "ITEM_WITHDRAWN"
    assert (await desk.send(me, "MyCases", first=5))["cases"]["edges"] == []


async def test_a_silent_registry_keeps_nobody_from_cases_that_run(
    client: Client, citizen: MakeCitizen, items: FakeItems
) -> None:
    desk, me = Desk(client), await citizen()
    items.is_silent = True
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN, "answers": ANSWERS}
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "UPSTREAM_UNAVAILABLE"
    items.is_silent = False
    case = (await desk.send(me, "OpenApplication", **wanted))["openCase"]["case"]
    items.is_silent = True
    assert (await desk.step(me, case["id"], "withdraw"))["state"] == "withdrawn"


@pytest.mark.parametrize("since", ["withdrawn", "silent"])
async def test_a_case_that_is_opened_again_is_answered_as_it_was(
    client: Client, citizen: MakeCitizen, items: FakeItems, clock: ManualClock, since: str
) -> None:
    desk, me = Desk(client), await citizen()
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN, "answers": ANSWERS}
    wanted["openKey"] = key()
    case = (await desk.send(me, "OpenApplication", **wanted))["openCase"]["case"]
    items.is_silent = since == "silent"

    def withdraw(rows: list[dict[str, Any]]) -> None:
        next(row for row in rows if row["item_code"] == KINDERGARTEN)["status"] = "WITHDRAWN"

    items.change(withdraw)
    clock.move(timedelta(minutes=11))
    # another process, which has heard nothing of the registry yet
    client.app.last_good._entries.clear()
    client.app.once(LatestRegistry, LatestRegistry).registry = None
    again = await desk.send(me, "OpenApplication", **wanted)
    assert again["openCase"]["case"]["id"] == case["id"]
    other = await desk.send(me, "OpenApplication", **wanted | {"answers": []})
    assert other["openCase"]["code"] == "KEY_REUSED"
    refused = await desk.send(me, "OpenApplication", **wanted | {"openKey": key()})
    code = "UPSTREAM_UNAVAILABLE" if since == "silent" else "ITEM_WITHDRAWN"
    assert refused["openCase"]["code"] == code
    assert len((await desk.send(me, "MyCases", first=5))["cases"]["edges"]) == 1


@pytest.mark.parametrize("item", ["", "1" * 31, "11990099XX0090026A3002000050001", "x"])
async def test_an_unknown_item_is_not_found_and_nothing_is_written(
    client: Client, citizen: MakeCitizen, item: str
) -> None:
    desk, me = Desk(client), await citizen()
    wanted = {"serviceId": "gov-case-apply", "item": item, "answers": ANSWERS}
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "NOT_FOUND"
    assert (await desk.send(me, "MyCases", first=5))["cases"]["edges"] == []


async def test_two_applications_for_one_exclusive_item(
    client: Client, citizen: MakeCitizen
) -> None:
    desk, me = Desk(client), await citizen()
    wanted = {"serviceId": "gov-case-apply", "item": GRAIN, "answers": []}
    await desk.send(me, "OpenApplication", **wanted)
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "ALREADY_OPEN"
    await desk.send(me, "OpenApplication", **wanted | {"item": KINDERGARTEN})
    assert len((await desk.send(me, "MyCases", first=5))["cases"]["edges"]) == 2


def test_every_item_of_the_registry_makes_a_sound_definition() -> None:
    rules = versions.read_rules(SETTINGS, "item-units")
    base = versions.complete(CASES.definition, versions.read_rules(SETTINGS, "gov-case-apply"))
    registry = city_registry()
    assert len(registry.in_force) > 1000
    for item in registry.in_force:
        of_item = to_application(item, rules["units"], rules["others"])
        check(definition_of(base, of_item), CITY.departments)


def test_what_is_posted_needs_an_address() -> None:
    for form, names in (
        ({"delivery": "POST"}, ["post_address"]),
        ({"delivery": "POST", "post_address": "芙蓉街"}, []),
        ({"delivery": "COUNTER"}, []),
    ):
        definition = replace(CASES.definition, form=[POST_ADDRESS])
        problems = check_delivery(CITY, definition, form, TODAY)
        assert [problem.name for problem in problems] == names


def _own_address(item: dict[str, Any]) -> dict[str, Any]:
    field = item["form"][0] | {"name": "post_address"}
    return {"form": [*item["form"], field]}


ODD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "nobody examines it": lambda _: {"stages": []},
    "a stage of nobody": lambda _: {"stages": [[]]},
    "longer than a year": lambda _: {"promised_days": 400},
    "a field of our own name": _own_address,
    "no pattern": lambda item: {"form": [item["form"][0] | {"pattern": "["}]},
    "a paper without end": lambda item: {
        "materials": [item["materials"][0] | {"material_no": "m" * 33}]
    },
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
async def test_an_item_that_could_strand_a_case_is_refused_in_words(
    client: Client, items: FakeItems, citizen: MakeCitizen,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:  # fmt: skip
    def odd(rows: list[dict[str, Any]]) -> None:
        rows[:] = [one | change(one) if one["item_code"] == KINDERGARTEN else one for one in rows]

    items.change(odd)
    wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN, "answers": ANSWERS}
    answer = await client.operate(
        "OpenApplication", wanted | {"openKey": key()}, viewer=await citizen()
    )
    assert "errors" not in answer.json, answer.json
    assert answer.json["data"]["openCase"]["code"] in ("ITEM_NOT_ONLINE", "NOT_FOUND")
