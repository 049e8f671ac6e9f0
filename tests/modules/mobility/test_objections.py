"""Objections to violations: what they are held against, and how a record is removed."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.errors import Conflict, NotFound, Unavailable
from core.id_documents import Document, DocumentKind
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.upstream.client import UpstreamError
from core.upstream.records import Records
from kinds.application import service
from kinds.application.events import CaseAwaits
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import POLICE
from modules.mobility.objections.jobs import objection_awaits, remove_record
from modules.mobility.violations.lookup import PURPOSE, SERVICE
from tests.jobs import run_due
from tests.kinds.application.town import Town, find, key
from tests.modules.mobility.applications import OBJECTION, VIOLATION_NO
from tests.modules.mobility.police import FakePolice, violation
from tests.people import close_account
from tests.upstreams import by_operation

REMOVING = ("applications.CaseAwaits>mobility.objection_awaits", "mobility.remove_record")


@pytest.fixture
def police() -> FakePolice:
    """The traffic police, with one violation that can be objected to."""
    police = FakePolice()
    police.violations = Records([violation(VIOLATION_NO, FineStatus.UNCONFIRMED)])
    return police


@pytest.fixture
def upstreams(police: FakePolice) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(police, POLICE)


@pytest.fixture
async def me(citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]) -> Call:
    """Somebody verified who has consented."""
    viewer = await citizen(number=OBJECTION["resident_id"])
    mine = call(user_id=viewer.user_id, level=2)
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    return mine


async def _draft(me: Call, number: str = VIOLATION_NO) -> Case:
    return await service.open_case(me, SERVICE, OBJECTION, key(), item=number)


async def _problems(me: Call, case: Case) -> list[str]:
    with pytest.raises(FormIncomplete) as refusal:
        await service.take_step(me, case.id, "submit", "", key())
    assert (await find(case.id)).state == "draft"
    return [problem.text.code for problem in refusal.value.problems]


async def test_an_objection_is_held_against_the_record_of_this_minute(
    me: Call, police: FakePolice
) -> None:
    case = await _draft(me)
    with pytest.raises(Conflict):
        await _draft(me)
    assert await _problems(me, await _draft(me, "WF404")) == ["OBJECTION_VIOLATION_UNKNOWN"]
    for status in (FineStatus.SETTLED, FineStatus.WITHDRAWN):
        police.violations = Records([violation(VIOLATION_NO, status)])
        assert await _problems(me, case) == ["OBJECTION_VIOLATION_UNKNOWN"]
    police.violations = Records([violation(VIOLATION_NO, FineStatus.UNPAID)])
    assert await _problems(me, case) == ["OBJECTION_VIOLATION_ACCEPTED"]
    others = Records([violation("WF405", FineStatus.UNPAID)], unreadable=1)
    for police.is_silent, police.violations in ((False, others), (True, None)):
        with pytest.raises(Unavailable) as refusal:
            await service.take_step(me, case.id, "submit", "", key())
        assert refusal.value.code == "UPSTREAM_UNAVAILABLE"
    assert (await find(case.id)).state == "draft"
    assert police.removed == []


@pytest.mark.parametrize("number", ["", "wf1", "WF 1", "W" * 33, "../WF1"])
async def test_what_is_no_number_of_a_violation_has_no_objection(me: Call, number: str) -> None:
    with pytest.raises(NotFound):
        await _draft(me, number)


async def _sustained(
    app: App,
    me: Call,
    call: Callable[..., Call],
    answers: Mapping[str, str] = OBJECTION,
    town: Town | None = None,
) -> Case:
    town = town or Town(app, call)
    await town.officer("traffic_police")
    case = await service.open_case(me, SERVICE, answers, key(), item=VIOLATION_NO)
    await town.step(me, case, "submit")
    return await town.act(await find(case.id), "sustain")


async def test_a_sustained_objection_removes_the_record_once_the_police_answer(
    app: App, me: Call, call: Callable[..., Call], police: FakePolice
) -> None:
    case = await _sustained(app, me, call)
    police.is_silent = True
    with pytest.raises(UpstreamError):
        await remove_record(app, case.id)
    assert ((await find(case.id)).state, police.removed) == ("removing", [])
    police.is_silent = False
    await run_due(app, *REMOVING)
    assert (await find(case.id)).state == "removed"
    await remove_record(app, case.id)
    owner = {"document_type": "A", "document_no": OBJECTION["resident_id"]}
    assert police.removed == [(VIOLATION_NO, owner, case.no, "CLONED_PLATE")]


async def test_the_police_are_told_of_an_owner_with_a_permit(
    app: App,
    citizen: Callable[..., Awaitable[Viewer]],
    call: Callable[..., Call],
    police: FakePolice,
) -> None:
    document = Document(DocumentKind.TAIWAN_PERMIT, "12345678", date(1990, 12, 31))
    me = call(user_id=(await citizen(document=document)).user_id, level=2)
    await grant_consent(me, PURPOSE.id, PURPOSE.text_version)
    typed = OBJECTION | {"resident_id": "1234567801(B)"}  # as it stands on an older permit
    case = await _sustained(app, me, call, typed)
    await run_due(app, *REMOVING)
    owner = {"document_type": "F", "document_no": document.number, "born_on": "1990-12-31"}
    assert police.removed == [(VIOLATION_NO, owner, case.no, "CLONED_PLATE")]


async def test_what_the_police_refuse_for_good_is_told_with_the_reason(
    app: App, me: Call, call: Callable[..., Call], police: FakePolice
) -> None:
    case = await _sustained(app, me, call)
    police.refusal = "ALREADY_ACCEPTED"
    await run_due(app, *REMOVING)
    assert (await find(case.id)).state == "rejected"
    (last,) = (await service.list_timeline(me, case, after=0, first=50))[-1:]
    assert last.event == "refuse_removal"
    assert police.removed == []


async def test_a_refusal_of_another_kind_leaves_the_objection_waiting(
    app: App, me: Call, call: Callable[..., Call], police: FakePolice
) -> None:
    case = await _sustained(app, me, call)
    police.refusal = "CLOCK_WRONG"
    with pytest.raises(UpstreamError):
        await remove_record(app, case.id)
    assert (await find(case.id)).state == "removing"


async def test_what_the_police_may_have_removed_is_not_told_as_refused_when_its_person_has_left(
    app: App, me: Call, call: Callable[..., Call], police: FakePolice
) -> None:
    town = Town(app, call)
    case = await _sustained(app, me, call, town=town)
    police.refusal = "CLOCK_WRONG"  # nothing is known
    awaits = CaseAwaits(case.id, SERVICE, case.state, case.sequence)
    with pytest.raises(UpstreamError):
        await objection_awaits(app, awaits)
    await close_account(app, me.subject_id)
    await objection_awaits(app, awaits)
    assert (await find(case.id)).state == "removing"
    await town.act(await find(case.id), "refuse_by_hand", note="记录仍在")
    assert (await find(case.id)).state == "rejected"


async def test_nothing_is_removed_for_who_has_left_meanwhile(
    app: App, me: Call, call: Callable[..., Call], police: FakePolice
) -> None:
    case = await _sustained(app, me, call)
    await close_account(app, me.subject_id)
    await run_due(app, *REMOVING)
    assert ((await find(case.id)).state, police.removed) == ("rejected", [])
