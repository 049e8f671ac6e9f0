"""A government item from the draft to the call-back: the whole journey over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.city import load_city
from core.context.app import App
from core.context.call import Call
from core.security.authentication import Viewer
from kinds.application import versions
from kinds.application.definition import check
from modules.affairs.cases.definition import CASES, check_delivery, of_item
from modules.affairs.cases.items import find_item
from tests.asgi import Client
from tests.conftest import ROOT
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.papers import pdf
from tests.kinds.application.town import Town, key
from tests.modules.affairs.applications import RESTAURANT, SHOP

CITY = load_city(ROOT / "cities/jinan.toml")
SELF_EMPLOYED = "11370100004188526E2370112003000"
ANSWERS = [{"name": name, "value": value} for name, value in SHOP.items()]
MakeCitizen = Callable[..., Awaitable[Viewer]]
RATE = """mutation ($case: ID!, $grade: Int!, $key: String!) {
  rateCase(caseId: $case, grade: $grade, text: "没有人接电话", idempotencyKey: $key) {
    ... on CaseRated { rating { grade callBackId } } ... on Refusal { code } } }"""


@pytest.fixture
async def officers(app: App, call: Callable[..., Call]) -> dict[str, Viewer]:
    """An officer of each department, and a second one of the window."""
    town = Town(app, call)
    units = ("administrative_approval", "health", "city_management", "police")
    found = {unit: (await town.officer(unit)).require_viewer() for unit in units}
    second = await town.officer("administrative_approval", 1)
    return {**found, "second": second.require_viewer()}


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
    window, second = officers["administrative_approval"], officers["second"]
    wanted = {"serviceId": "gov-case-apply", "item": RESTAURANT, "answers": ANSWERS}
    opened = await desk.send(me, "OpenApplication", **wanted)
    case = opened["openCase"]["case"]
    assert (len(case["no"]), case["title"]) == (43, "Opening a restaurant")
    await _attach(client, me, case["id"], "lease")
    refused = await desk.step(me, case["id"], "submit")
    assert [p["name"] for p in refused["problems"]] == ["layout", "health"]  # once, together
    for paper in ("layout", "health"):
        await _attach(client, me, case["id"], paper)
    filed = await desk.step(me, case["id"], "submit")
    assert (filed["promise"], filed["promisedOn"]) == ("RUNNING", "2026-12-07")
    await _act(desk, window, "accept")
    parallel = {
        unit: len((await desk.send(officers[unit], "StaffTasks", first=5))["staffTasks"]["edges"])
        for unit in ("health", "city_management", "administrative_approval", "police")
    }
    assert parallel == {
        "health": 1, "city_management": 1, "administrative_approval": 0, "police": 0,
    }  # fmt: skip
    await _act(desk, officers["health"], "agree")
    await _act(desk, officers["city_management"], "agree")
    decision = await _act(desk, window, "agree")
    assert decision["stateTitle"] == "Waiting for the decision"
    assert await desk.code(officers["police"], "StaffCase", caseId=case["id"]) == "NOT_FOUND"
    await _act(desk, second, "grant")
    closed = await _act(desk, window, "deliver")
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
        ended = await _act(desk, window, event, note="已整改")
    assert (ended["id"], ended["turn"]) == (call_back, "NOBODY")
    again = await client.data(RATE, {"case": case["id"], "grade": 5, "key": key()}, viewer=me)
    assert again["rateCase"]["code"] == "CASE_RATED"


async def test_a_denial_is_objected_to_and_examined_by_somebody_else(
    client: Client, officers: dict[str, Viewer], citizen: MakeCitizen
) -> None:
    desk, me = Desk(client), await citizen()
    window, second = officers["administrative_approval"], officers["second"]
    wanted = {"serviceId": "gov-case-apply", "item": RESTAURANT, "answers": ANSWERS}
    case = (await desk.send(me, "OpenApplication", **wanted))["openCase"]["case"]
    for paper in ("lease", "layout", "health"):
        await _attach(client, me, case["id"], paper)
    await desk.step(me, case["id"], "submit")
    await _act(desk, window, "accept")
    objected = await _act(desk, officers["health"], "refuse", note="没有隔油池")
    assert objected["stateTitle"] == "Waiting for the decision"
    told = await _act(desk, second, "deny", note="油烟净化不合要求")
    assert (told["turn"], told["promise"]) == ("CITIZEN", "SUSPENDED")
    await desk.step(me, case["id"], "object", "已装净化器")
    with pytest.raises(KeyError):  # refused: four eyes
        await _act(desk, second, "uphold", note="维持")
    granted = await _act(desk, window, "overturn", note="复核通过")
    assert granted["state"] == "delivery"


@pytest.mark.parametrize("item", ["", "1" * 31, "11370100004188526E3370131017001", "x"])
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
    wanted = {"serviceId": "gov-case-apply", "item": SELF_EMPLOYED, "answers": []}
    await desk.send(me, "OpenApplication", **wanted)
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "ALREADY_OPEN"
    await desk.send(me, "OpenApplication", **wanted | {"item": RESTAURANT})
    assert len((await desk.send(me, "MyCases", first=5))["cases"]["edges"]) == 2


async def test_every_item_makes_a_sound_definition(app: App) -> None:
    for code in (RESTAURANT, SELF_EMPLOYED):
        definition = await versions.find_current(app, "gov-case-apply", code)
        item = await find_item(app, code)
        assert definition is not None and item is not None
        check(definition, CITY.departments)
        assert definition.promise == {"": item.days} and definition.number.prefix == code
        grants = [step for step in definition.steps if step.event == "grant"]
        assert [bool(step.unlike) for step in grants] == [item.four_eyes]


async def test_what_is_posted_needs_an_address(app: App) -> None:
    definition = await versions.find_current(app, "gov-case-apply", RESTAURANT)
    assert definition is not None
    for form, names in (
        ({"delivery": "POST"}, ["post_address"]),
        ({"delivery": "POST", "post_address": "芙蓉街"}, []),
        ({"delivery": "COUNTER"}, []),
    ):
        problems = check_delivery(CITY, definition, form, None)  # type: ignore[arg-type]
        assert [problem.name for problem in problems] == names
    assert CASES.for_item is of_item
