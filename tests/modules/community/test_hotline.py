"""The hotline over HTTP: filed, assigned, answered, reopened once and not twice, closed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import AccessLog
from core.people.case_register import concerns
from core.people.directory import get_person
from core.security.authentication import Viewer
from kinds.application import deadlines, rating
from tests.asgi import Client
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.town import Town, key

MakeCitizen = Callable[..., Awaitable[Viewer]]
ANSWERS = [
    {"name": "subject", "value": "路灯不亮"},
    {"name": "content", "value": "文化东路 88 号门前的路灯三天不亮了。"},
    {"name": "phone", "value": "13900000000"},
]


@pytest.fixture
def desk(client: Client) -> Desk:
    """The operations."""
    return Desk(client)


@pytest.fixture
async def officers(app: App, call: Callable[..., Call]) -> dict[str, Viewer]:
    """An officer of each unit that works on what is told to the hotline."""
    town = Town(app, call)
    units = ("hotline", "city_management", "water", "administrative_approval")
    return {unit: (await town.officer(unit)).require_viewer() for unit in units}


async def _open(desk: Desk, me: Viewer, category: str = "COMPLAINT") -> dict[str, str]:
    opened = await desk.send(
        me, "OpenApplication", serviceId="hotline-12345", category=category, answers=ANSWERS
    )
    case: dict[str, str] = opened["openCase"]["case"]
    return case


async def test_a_complaint_is_answered_reopened_once_and_closed(
    desk: Desk, officers: dict[str, Viewer], citizen: MakeCitizen
) -> None:
    me = await citizen(level=1)
    case = await _open(desk, me)
    assert case["no"] == "1234520261123000001"
    assert (case["promise"], case["promisedOn"], case["dueOn"]) == (
        "RUNNING", "2026-12-14", "2026-11-24",
    )  # fmt: skip
    handling = await desk.act(
        officers["hotline"], "assign", unit="city_management", category="HELP"
    )
    assert (handling["unit"], handling["dueOn"]) == ("Urban Management Bureau", "2026-11-30")
    seen = await desk.send(officers["city_management"], "StaffCase", caseId=case["id"])
    assert seen["staffCase"]["case"]["answers"][0]["value"] == "路灯不亮"
    assert await desk.code(officers["water"], "StaffCase", caseId=case["id"]) == "NOT_FOUND"
    replied = await desk.act(officers["city_management"], "reply", note="灯已修好")
    assert (replied["turn"], replied["promise"]) == ("CITIZEN", "SUSPENDED")
    assert [s["event"] for s in replied["nextSteps"]] == [
        "satisfied", "reopen", "unsatisfied", "withdraw",
    ]  # fmt: skip
    assert (await desk.step(me, case["id"], "reopen"))["code"] == "NOTE_REQUIRED"
    again = await desk.step(me, case["id"], "reopen", "又不亮了")
    assert (again["stateTitle"], again["dueOn"]) == ("Being handled", "2026-11-30")
    await desk.act(officers["city_management"], "reply", note="换了新灯")
    assert (await desk.step(me, case["id"], "reopen", "还是不亮"))["code"] == "ONCE_ONLY"
    closed = await desk.step(me, case["id"], "satisfied")
    assert (closed["turn"], closed["promise"], closed["nextSteps"]) == ("NOBODY", "KEPT", [])
    shown = await desk.send(me, "Application", caseId=case["id"])
    assert [(e["event"], e["by"], e["note"]) for e in shown["caseTimeline"]] == [
        ("open", "The citizen", None),
        ("assign", "12345 Hotline Office", None),
        ("reply", "Urban Management Bureau", "灯已修好"),
        ("reopen", "The citizen", "又不亮了"),
        ("reply", "Urban Management Bureau", "换了新灯"),
        ("satisfied", "The citizen", None),
    ]
    assert await desk.code(await citizen(), "Application", caseId=case["id"]) == "NOT_FOUND"


async def test_who_asks_to_be_unknown_is_known_to_the_desk_alone(
    app: App,
    desk: Desk,
    officers: dict[str, Viewer],
    citizen: MakeCitizen,
    call: Callable[..., Call],
) -> None:
    me = await citizen(level=2)
    phone = ANSWERS[2] | {"why": "我丈夫李四的手机"}
    secret = [*ANSWERS[:2], phone, {"name": "confidential", "value": "true"}]
    sent = {"serviceId": "hotline-12345", "category": "REPORT", "answers": secret}
    opened = await desk.send(me, "OpenApplication", **sent)
    case = opened["openCase"]["case"]
    await desk.act(officers["hotline"], "assign", unit="water")

    said = []

    async def look(unit: str, case_id: str) -> tuple[object, object, set[str]]:
        seen = (await desk.send(officers[unit], "StaffCase", caseId=case_id))["staffCase"]
        said.append("李四" in str(seen["timeline"]))
        answers = {one["name"] for one in seen["case"]["answers"]}
        return seen["citizenName"], seen["citizenPhone"], answers

    person = await get_person(app, me.user_id)
    told = {"subject", "content", "confidential"}
    assert await look("water", case["id"]) == (None, "", told)
    assert await look("hotline", case["id"]) == (person.name, person.phone, told | {"phone"})
    assert said == [False, True]
    read = await AccessLog.filter(subject_id=me.user_id).order_by("-id").limit(2)
    assert [row.fields_read for row in read] == [["name", "phone", "form"], ["form"]]
    for unit, knows in (("water", False), ("hotline", True)):
        assert await concerns(app, case["no"], me.user_id, unit) is knows
    await desk.act(officers["water"], "reply", note="查无此事")
    await desk.step(me, case["id"], "unsatisfied")
    mine = call(user_id=me.user_id, level=2)
    back = str((await rating.rate(mine, UUID(case["id"]), 1, [], "", key())).call_back_id)
    await desk.act(officers["administrative_approval"], "call", note="已联系")
    await desk.act(officers["administrative_approval"], "assign", unit="water")
    assert await look("water", back) == (None, "", {"case_no", "grade"})
    assert (await look("administrative_approval", back))[:2] == (person.name, person.phone)


@pytest.mark.parametrize(
    ("category", "promised_on"),
    [("CONSULTATION", "2026-11-25"), ("HELP", "2026-11-30"), ("COMPLAINT", "2026-12-14")],
)
async def test_each_class_has_its_own_promise(
    desk: Desk, citizen: MakeCitizen, category: str, promised_on: str
) -> None:
    case = await _open(desk, await citizen(level=1), category)
    assert case["promisedOn"] == promised_on


async def test_a_request_that_nobody_handles_escalates_and_says_so(
    app: App,
    clock: ManualClock,
    desk: Desk,
    officers: dict[str, Viewer],
    citizen: MakeCitizen,
) -> None:
    me = await citizen(level=1)
    case = await _open(desk, me, "CONSULTATION")
    await desk.act(officers["hotline"], "assign", unit="water")
    for _ in range(4):
        clock.move(timedelta(days=1))
        await deadlines.sweep(app)
    shown = await desk.send(me, "Application", caseId=case["id"])
    assert (shown["case"]["promise"], shown["case"]["daysLeft"]) == ("BROKEN", -2)
    assert [e["title"] for e in shown["caseTimeline"]][-3:] == [
        "Reminder: the limit is near",
        "The promised day has passed",
        "Escalated: the limit is over",
    ]
    supervise = await desk.task(officers["hotline"])
    assert supervise["kind"] == "SUPERVISE"


async def test_what_a_form_lacks_is_told_at_once_over_http(
    desk: Desk, citizen: MakeCitizen
) -> None:
    me = await citizen(level=1)
    refused = await desk.send(
        me, "OpenApplication", serviceId="hotline-12345", category="HELP", answers=[]
    )
    assert [p["message"] for p in refused["openCase"]["problems"]] == [
        "Subject is missing",
        "What it is about is missing",
        "Phone for questions is missing",
    ]
    mine = await desk.send(me, "MyCases", first=10)
    assert mine["cases"]["edges"] == []
