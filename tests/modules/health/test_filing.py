"""Filings of treatment elsewhere: what the national rule asks, and two ways over HTTP."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from core.city import load_city
from core.context.app import App
from core.context.call import Call
from core.security.authentication import Viewer
from modules.health.filing.definition import FILING, check_filing, definition_of
from tests.asgi import Client
from tests.conftest import ROOT
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.town import Town
from tests.modules.health.applications import CANCEL, EMERGENCY, LONG_TERM, REFERRAL

CITY = load_city(ROOT / "cities/jinan.toml")
TODAY = date(2026, 11, 23)
FORMS = {"LONG_TERM": LONG_TERM, "REFERRAL": REFERRAL, "EMERGENCY": EMERGENCY, "CANCEL": CANCEL}


@pytest.mark.parametrize(
    ("kind", "changed", "codes"),
    [
        *((kind, {}, []) for kind in FORMS),
        ("REFERRAL", {"place": "370102"}, ["FILING_IN_THE_CITY"]),
        ("REFERRAL", {"place": "370202"}, []),  # another city of the province
        # in hospital already, article 16
        ("REFERRAL", {"starts_on": "2026-11-20", "admitted_on": "2026-11-20"}, []),
        ("REFERRAL", {"starts_on": "2026-11-21", "admitted_on": "2026-11-20"},
         ["FILING_STARTS_LATE"]),
        ("REFERRAL", {"admitted_on": "2026-11-24"}, ["FILING_IN_THE_FUTURE"]),
        ("REFERRAL", {"starts_on": "not a day"}, []),  # the field's own fault
        ("EMERGENCY", {"treated_on": "2026-11-24"}, ["FILING_IN_THE_FUTURE"]),
        ("LONG_TERM", {"proof": "PROMISE"}, []),
        ("LONG_TERM", {"group": "RETIRED"}, ["FILING_WRONG_PROOF"]),
        ("LONG_TERM", {"group": "RETIRED", "proof": "REGISTER"}, []),
        ("LONG_TERM", {"place": "370112", "proof": "REGISTER", "admitted_on": "2026-11-01"},
         ["FILING_IN_THE_CITY", "FILING_STARTS_LATE", "FILING_WRONG_PROOF"]),
    ],
)  # fmt: skip
def test_what_the_national_rule_asks(kind: str, changed: dict[str, str], codes: list[str]) -> None:
    """医保发〔2022〕22号, articles 7, 8 and 16 of the code of procedure."""
    definition = definition_of(FILING.definition, kind)
    problems = check_filing(CITY, definition, FORMS[kind] | changed, TODAY)
    assert [problem.text.code for problem in problems] == codes


async def test_an_emergency_is_accepted_at_once_a_referral_by_an_officer(
    app: App,
    client: Client,
    call: Callable[..., Call],
    citizen: Callable[..., Awaitable[Viewer]],
) -> None:
    desk, me = Desk(client), await citizen()
    await Town(app, call).officer("medical_insurance")
    first = await _open(desk, me, "EMERGENCY")
    done = await desk.step(me, first["case"]["id"], "submit")
    assert (done["state"], done["turn"]) == ("accepted", "NOBODY")
    assert done["stateTitle"] == "Counts as filed: in force for this emergency"
    second = await _open(desk, me, "REFERRAL")
    refused = await desk.step(me, second["case"]["id"], "submit")
    assert [p["message"] for p in refused["problems"]] == ["Letter of referral is missing"]
    assert (await _open(desk, me, "REFERRAL"))["code"] == "ALREADY_OPEN"  # one of a kind
    assert "case" in await _open(desk, me, "CANCEL")
    assert (await _open(desk, me, "HOLIDAY"))["code"] == "NOT_FOUND"


async def _open(desk: Desk, me: Viewer, kind: str) -> Any:
    answers = [{"name": n, "value": v} for n, v in FORMS.get(kind, CANCEL).items()]
    wanted = {"serviceId": "remote-medical-filing", "item": kind, "answers": answers}
    return (await desk.send(me, "OpenApplication", **wanted))["openCase"]
