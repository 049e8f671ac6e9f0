"""Residence permits: what the law asks, a journey over HTTP from missing papers to a card."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest

from core.city import load_city
from core.clock import add_months
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.people.directory import get_person
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.upstream.client import UpstreamError
from modules.affairs.licences.service import PURPOSE
from modules.affairs.licences.upstream import LICENCES
from modules.affairs.residence.definition import RESIDENCE, check_residence
from tests.asgi import Client
from tests.conftest import ROOT
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.papers import pdf, photograph
from tests.kinds.application.town import Town, key
from tests.modules.affairs.applications import PERMIT
from tests.modules.affairs.wallet import FakeLicences
from tests.upstreams import by_operation

CITY = load_city(ROOT / "cities/jinan.toml")
TODAY = date(2026, 11, 23)
GRANTED = "applications.LicenceGranted>affairs.issue"
SHOWN = "{ licenceWallet { items { kind status } } }"
ANSWERS = [{"name": name, "value": value} for name, value in PERMIT.items()]


@pytest.fixture
def wallet() -> FakeLicences:
    """The e-licence system."""
    return FakeLicences()


@pytest.fixture
def upstreams(wallet: FakeLicences) -> Mapping[Any, Any]:
    """Its operations."""
    return by_operation(wallet, LICENCES)


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"lives_here_since": "2026-05-23"}, []),
        ({"lives_here_since": "2026-05-24"}, ["RESIDENCE_TOO_SHORT"]),
        ({"lives_here_since": "2026-11-24"}, ["DATE_IN_THE_FUTURE"]),
        ({"lives_here_since": "not a day"}, []),  # the field's own fault
        ({"registered_in": "370112"}, ["REGISTERED_HERE"]),
        ({"registered_in": "370202"}, []),  # another city of the province
        (
            {"registered_in": "370112", "lives_here_since": "2026-11-01"},
            ["REGISTERED_HERE", "RESIDENCE_TOO_SHORT"],
        ),
    ],
)
def test_what_the_law_asks(changed: dict[str, str], codes: list[str]) -> None:
    """《居住证暂行条例》, article 2."""
    problems = check_residence(CITY, RESIDENCE.definition, PERMIT | changed, TODAY)
    assert [problem.text.code for problem in problems] == codes


@pytest.mark.parametrize(
    ("day", "later"),
    [
        (date(2026, 5, 24), date(2026, 11, 24)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 30), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 6, 30)),
    ],
)
def test_half_a_year_ends_on_the_same_day_or_the_last_of_the_month(day: date, later: date) -> None:
    assert add_months(day, 6) == later


async def test_two_missing_papers_are_told_once_and_a_card_is_issued(
    app: App,
    client: Client,
    call: Callable[..., Call],
    citizen: Callable[..., Awaitable[Viewer]],
    wallet: FakeLicences,
) -> None:
    desk, town, me = Desk(client), Town(app, call), await citizen()
    first = (await town.officer("police")).require_viewer()
    form = await desk.send(me, "ApplicationForm", serviceId="residence-permit-apply", item="")
    known = {f["name"]: f["known"] for f in form["caseForm"]["fields"] if f["known"]}
    assert known["name"] == "张三" and set(known) == {"name", "resident_id", "phone"}
    opened = await desk.send(
        me, "OpenApplication", serviceId="residence-permit-apply", answers=ANSWERS
    )
    case = opened["openCase"]["case"]
    assert (case["no"][:11], case["promise"]) == ("JZZ20261123", "NOT_YET")
    await _attach(client, me, case["id"], "id_card", photograph())
    await _attach(client, me, case["id"], "photo", photograph("PNG"))
    refused = await desk.step(me, case["id"], "submit")
    assert [p["message"] for p in refused["problems"]] == [
        "Proof of the address is missing",
        "Proof of work is missing",
    ]
    await _attach(client, me, case["id"], "residence", pdf(3))
    await _attach(client, me, case["id"], "work", pdf(1))
    filed = await desk.step(me, case["id"], "submit")
    assert (filed["turn"], filed["promisedOn"], filed["dueOn"]) == (
        "UNIT", "2026-12-02", "2026-11-25",
    )  # fmt: skip
    seen = await desk.send(first, "StaffCase", caseId=case["id"])
    assert {m["code"]: len(m["files"]) for m in seen["staffCase"]["materials"]} == {
        "id_card": 1, "photo": 1, "residence": 1, "work": 1, "home": 0, "study": 0,
    }  # fmt: skip
    await desk.act(first, "accept")
    second = (await town.officer("police", 1)).require_viewer()
    task = await _only_task(desk, second)
    refused = await desk.send(first, "ActOnTask", taskId=task["id"], event="approve")
    assert refused["actOnTask"]["code"] == "FOUR_EYES"
    approved = await desk.send(second, "ActOnTask", taskId=task["id"], event="approve")
    assert approved["actOnTask"]["task"]["case"]["stateTitle"] == "The card is being made"
    task = await _only_task(desk, second)
    await desk.send(second, "TakeTask", taskId=task["id"])
    issued = await desk.send(second, "ActOnTask", taskId=task["id"], event="issue")
    case = issued["actOnTask"]["task"]["case"]
    assert (case["state"], case["promise"]) == ("issued", "KEPT")
    await _licence_comes_once(app, client, wallet, call(user_id=me.user_id, level=2), case["no"])


async def _licence_comes_once(
    app: App, client: Client, wallet: FakeLicences, me: Call, case_no: str
) -> None:
    """The permit that was issued stands in the wallet, for a year, until it is taken back."""
    sql = "SELECT payload FROM pgqueuer WHERE entrypoint = $1"
    (queued,) = await fetch_all(connection(), sql, GRANTED)
    wallet.is_silent = True  # the system is away, and the queue tries again
    with pytest.raises(UpstreamError):
        await app.queue.kinds[GRANTED].run(app, queued["payload"])
    wallet.is_silent = False
    for _ in range(2):
        await app.queue.kinds[GRANTED].run(app, queued["payload"])
    (order,) = wallet.orders.values()
    person = await get_person(app, me.subject_id)
    holder = {"document_type": "111", "document_no": person.resident_id}
    assert (order.case_no, order.holder) == (case_no, holder)
    assert (order.kind, order.issuer_zh) == ("residence_permit", "市公安局")
    assert order.valid_until == date(2027, 11, 23)
    await grant_consent(me, PURPOSE.id, PURPOSE.text_version)
    for status in ("VALID", "REVOKED"):
        shown = await client.data(SHOWN, {}, viewer=me.viewer)
        statuses = {one["kind"]: one["status"] for one in shown["licenceWallet"]["items"]}
        assert statuses["residence_permit"] == status
        wallet.revoke(f"of-{case_no}")


async def test_one_application_at_a_time_and_only_with_a_real_name(
    client: Client, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    desk, me, phone_only = Desk(client), await citizen(), await citizen(level=1)
    wanted = {"serviceId": "residence-permit-apply", "answers": ANSWERS}
    refused = await desk.send(phone_only, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "LEVEL_REQUIRED"
    await desk.send(me, "OpenApplication", **wanted)
    refused = await desk.send(me, "OpenApplication", **wanted)
    assert refused["openCase"]["code"] == "TOO_MANY_OPEN"
    assert len((await desk.send(me, "MyCases", first=10))["cases"]["edges"]) == 1


async def _only_task(desk: Desk, officer: Viewer) -> dict[str, str]:
    (edge,) = (await desk.send(officer, "StaffTasks", first=5))["staffTasks"]["edges"]
    task: dict[str, str] = edge["node"]
    return task


async def _attach(client: Client, me: Viewer, case_id: str, material: str, content: bytes) -> None:
    headers = client.token(me) | {"idempotency-key": key(), "x-file-name": f"{material}.bin"}
    path = f"/cases/{case_id}/files/{material}"
    answer = await client.request("POST", path, content, headers=headers)
    assert answer.status == 201, answer.body
