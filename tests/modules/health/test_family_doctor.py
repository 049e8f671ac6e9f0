"""Family doctors: a team that is full, another that signs for a year, the kinds apart."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from core.city import load_city
from core.context.app import App
from core.context.call import Call
from core.security.authentication import Viewer
from modules.health.family_doctor.definition import FAMILY_DOCTOR, check_consent, definition_of
from tests.asgi import Client
from tests.conftest import ROOT
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.town import Town
from tests.modules.health.applications import END, RENEW, SIGN

CITY = load_city(ROOT / "cities/jinan.toml")
FORMS = {"SIGN": SIGN, "RENEW": RENEW, "END": END}


@pytest.mark.parametrize(
    ("kind", "changed", "codes"),
    [
        *((kind, {}, []) for kind in FORMS),
        ("SIGN", {"consent": "false"}, ["FAMILY_DOCTOR_CONSENT_NEEDED"]),
        ("RENEW", {"consent": "false"}, ["FAMILY_DOCTOR_CONSENT_NEEDED"]),
    ],
)
def test_nobody_signs_without_consent(kind: str, changed: dict[str, str], codes: list[str]) -> None:
    definition = definition_of(FAMILY_DOCTOR.definition, kind, {})
    problems = check_consent(CITY, definition, FORMS[kind] | changed, date(2026, 11, 23))
    assert [problem.text.code for problem in problems] == codes


async def test_a_full_team_asks_for_another_which_signs_for_a_year(
    app: App,
    client: Client,
    call: Callable[..., Call],
    citizen: Callable[..., Awaitable[Viewer]],
) -> None:
    desk, me = Desk(client), await citizen()
    officer = (await Town(app, call).officer("health")).require_viewer()
    form = await desk.send(me, "ApplicationForm", serviceId="family-doctor-sign", item="SIGN")
    (team,) = [f for f in form["caseForm"]["fields"] if f["name"] == "team"]
    assert [option["value"] for option in team["options"]] == ["t1", "t2", "t3"]
    case = (await _open(desk, me, "SIGN", SIGN))["case"]
    filed = await desk.step(me, case["id"], "submit")
    assert (filed["turn"], filed["promisedOn"]) == ("UNIT", "2026-11-26")
    returned = await desk.act(officer, "send_back", note="一队已满,请选二队")
    assert (returned["turn"], returned["promise"]) == ("CITIZEN", "SUSPENDED")
    assert (await _open(desk, me, "SIGN", SIGN))["code"] == "ALREADY_OPEN"
    await desk.send(me, "SaveCase", caseId=case["id"], answers=_answers(SIGN | {"team": "t2"}))
    await desk.step(me, case["id"], "resubmit")
    done = await desk.act(officer, "confirm")
    assert (done["turn"], done["promise"]) == ("NOBODY", "KEPT")
    assert done["stateTitle"] == "Signed: for a year from its first day"
    shown = await desk.send(me, "Application", caseId=case["id"])
    assert {a["name"]: a["value"] for a in shown["case"]["answers"]}["team"] == "t2"
    unknown = await _open(desk, me, "RENEW", RENEW | {"team": "t9"})
    assert [problem["name"] for problem in unknown["problems"]] == ["team"]
    assert "case" in await _open(desk, me, "END", END)


def _answers(form: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in form.items()]


async def _open(desk: Desk, me: Viewer, kind: str, form: dict[str, str]) -> Any:
    wanted = {"serviceId": "family-doctor-sign", "item": kind, "answers": _answers(form)}
    return (await desk.send(me, "OpenApplication", **wanted))["openCase"]
