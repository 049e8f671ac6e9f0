"""What e-licences spare people: papers that need no upload, and answers filled in, by consent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.people.personal_read import grant_consent, list_access
from core.security.authentication import Viewer
from core.texts import Named
from modules.affairs.licences.domain import Licence, LicenceField
from modules.affairs.licences.papers import PURPOSE
from modules.affairs.licences.upstream import LICENCES
from modules.affairs.registry.upstream import REGISTRY_SYSTEM
from tests.asgi import Client
from tests.kinds.application.desk_client import Desk
from tests.kinds.application.papers import pdf
from tests.kinds.application.town import Town, key
from tests.modules.affairs.applications import KINDERGARTEN, PERMIT
from tests.modules.affairs.registry import FakeItems
from tests.modules.affairs.wallet import FakeLicences, licence
from tests.upstreams import by_operation

SERVICE = "residence-permit-apply"
COMPANY = {
    "organisation": "泉边幼儿园",
    "uscc": "913700001630477270",
    "representative": "张三",
}
MakeCall = Callable[..., Call]


def _business_licence() -> Licence:
    fields = [LicenceField(name, Named(name, name), value) for name, value in COMPANY.items()]
    title = Named("营业执照", "Business licence")
    return replace(licence("shop"), kind="business_licence", name=title, fields=fields)


@pytest.fixture
def wallet() -> FakeLicences:
    """The e-licence system: an identity card, an old one, a business licence."""
    fake = FakeLicences()
    fake.licences.append(_business_licence())
    return fake


@pytest.fixture
def upstreams(wallet: FakeLicences) -> Mapping[Any, Any]:
    """It, and the registry of items."""
    return {**by_operation(wallet, LICENCES), **by_operation(FakeItems(), REGISTRY_SYSTEM)}


@pytest.fixture
async def me(citizen: Callable[..., Awaitable[Viewer]]) -> Viewer:
    """A citizen who has consented to nothing yet."""
    return await citizen()


@pytest.fixture
def mine(call: MakeCall, me: Viewer) -> Call:
    """A call of theirs."""
    return call(user_id=me.user_id, level=2)


async def _draft(desk: Desk, me: Viewer) -> str:
    answers = [{"name": name, "value": value} for name, value in PERMIT.items()]
    opened = await desk.send(me, "OpenApplication", serviceId=SERVICE, answers=answers)
    case_id: str = opened["openCase"]["case"]["id"]
    return case_id


async def _take(desk: Desk, me: Viewer, case_id: str, **more: str) -> dict[str, Any]:
    answer = await desk.send(me, "TakeHeldPapers", caseId=case_id, **more)
    taken: dict[str, Any] = answer["takeHeldPapers"]
    return taken


async def _files(desk: Desk, me: Viewer, case_id: str) -> dict[str, list[dict[str, Any]]]:
    shown = await desk.send(me, "Application", caseId=case_id)
    return {paper["code"]: paper["files"] for paper in shown["caseMaterials"] if paper["files"]}


async def test_a_paper_is_taken_out_of_an_e_licence_by_consent_and_officers_read_it(
    app: App, client: Client, call: MakeCall, me: Viewer, mine: Call
) -> None:
    desk, town = Desk(client), Town(app, call)
    officer = (await town.officer("police")).require_viewer()
    form = await desk.send(me, "ApplicationForm", serviceId=SERVICE, item="")
    assert form["caseForm"]["heldPurpose"] == PURPOSE.id
    assert [m["code"] for m in form["caseForm"]["materials"] if m["fromLicence"]] == ["id_card"]
    case_id = await _draft(desk, me)
    assert (await _take(desk, me, case_id))["code"] == "CONSENT_REQUIRED"
    assert await _files(desk, me, case_id) == {} and await list_access(mine, first=5) == []
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    one = key()
    for papers_key in (one, one, key()):  # again with the same key, and with another
        taken = await _take(desk, me, case_id, papersKey=papers_key)
        assert {m["code"]: len(m["files"]) for m in taken["materials"] if m["files"]} == {
            "id_card": 1
        }
    ((file,),) = (await _files(desk, me, case_id)).values()
    assert (file["name"], file["licenceRef"]) == ("居民身份证.txt", "card")
    assert file["licenceAsOf"] == file["attachedAt"]
    (read, _) = await list_access(mine, first=5)
    assert read.purpose == PURPOSE.id
    refused = await desk.step(me, case_id, "submit")
    assert [problem["name"] for problem in refused["problems"]] == ["photo", "residence", "work"]
    for paper in ("photo", "residence", "work"):
        await _send(client, me, case_id, paper)
    assert (await desk.step(me, case_id, "submit"))["state"] == "filed"
    answer = await client.request("GET", file["path"], headers=client.token(officer))
    assert answer.status == 200
    lines = answer.body.decode().splitlines()
    assert lines[0] == "居民身份证 Resident identity card: card"
    assert "resident_id resident_id: 110105199003070010" in lines
    assert (await _take(desk, me, case_id))["code"] == "NOT_YOUR_STEP"


async def _send(client: Client, me: Viewer, case_id: str, paper: str) -> None:
    headers = client.token(me) | {"idempotency-key": key(), "x-file-name": "paper.pdf"}
    path = f"/cases/{case_id}/files/{paper}"
    assert (await client.request("POST", path, pdf(1), headers=headers)).status == 201


async def test_what_does_not_hold_or_is_not_told_now_stands_for_nothing(
    client: Client,
    me: Viewer,
    mine: Call,
    wallet: FakeLicences,
    citizen: Callable[..., Awaitable[Viewer]],
) -> None:
    desk = Desk(client)
    case_id = await _draft(desk, me)
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    wallet.revoke("card")
    taken = await _take(desk, me, case_id)
    assert not any(paper["files"] for paper in taken["materials"])
    wallet.licences[0] = licence("card")
    wallet.is_silent = True  # the last good answer says that it was revoked, and might say anything
    assert (await _take(desk, me, case_id))["code"] == "UPSTREAM_UNAVAILABLE"
    other = await citizen()
    assert (await _take(desk, other, case_id))["code"] == "NOT_FOUND"
    assert await _files(desk, me, case_id) == {}


async def test_a_form_is_filled_in_by_consent_and_says_from_where_and_when(
    client: Client, me: Viewer, mine: Call, wallet: FakeLicences
) -> None:
    desk, account = Desk(client), {"agent_name": "张三"}

    async def known(name: str) -> dict[str, Any]:
        wanted = {"serviceId": "gov-case-apply", "item": KINDERGARTEN}
        form = await desk.send(me, "ApplicationForm", **wanted)
        return {f["name"]: f[name] for f in form["caseForm"]["fields"] if f["known"]}

    assert (await known("known")).keys() == {"agent_name", "agent_phone"}
    assert await list_access(mine, first=5) == []
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    filled = await known("known")
    company = dict(
        zip(("organisation_name", "uscc", "representative"), COMPANY.values(), strict=True)
    )
    assert filled == company | account | {"agent_phone": filled["agent_phone"]}
    sources = await known("knownFrom")
    assert {name: sources[name] for name in company} == dict.fromkeys(company, "Business licence")
    assert sources["agent_name"] == "Your account"
    assert all((await known("knownAsOf")).values())
    wallet.revoke("shop")
    assert (await known("known")).keys() == {"agent_name", "agent_phone"}
