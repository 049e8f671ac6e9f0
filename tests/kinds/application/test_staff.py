"""The officers' side: who sees what, who has the work, hand-over and return, four eyes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.models import AccessLog
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.people.data_rights import erase_person, export_person, find_holds
from core.people.merged_accounts import note_merge
from core.security.authentication import Viewer
from kinds.application import desk, messages, service
from kinds.application.engine import NOTHING, Choices
from kinds.application.models import Case
from modules.identity import deaths, staff
from modules.identity.models import Citizen, Death
from notifications.messages.models import Message
from tests.asgi import Client
from tests.core.waiting import eventually
from tests.kinds.application.town import ANSWERS, Town, find, key
from tests.kinds.application.wing import PERMIT, SERVICE, declare
from tests.machine import PATIENCE_S
from tests.people import close_account

MakeCitizen = Callable[..., Awaitable[Viewer]]
UNITS = ("hotline", "police", "housing_fund", "health")


async def _submitted(town: Town, me: Call) -> Case:
    return await town.step(me, await town.open(me, PERMIT), "submit")


async def test_an_officer_of_another_unit_sees_nothing(town: Town, me: Call) -> None:
    await town.staffed("hotline")
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    other = await town.officer("police")
    assert await desk.list_queue(other, first=10, after=None, mine=False) == []
    for attempt in (
        desk.open_case(other, case.id),
        desk.take_task(other, task.id, key()),
        desk.act(other, task.id, "accept", NOTHING, key()),
        desk.hand_over(other, task.id, "police", "mine", key()),
        desk.give_back(other, task.id, "no", key()),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await find(case.id) == case
    assert await AccessLog.filter(subject_id=case.citizen_id).count() == 0


async def test_who_is_no_officer_is_refused(
    town: Town, me: Call, call: Callable[..., Call]
) -> None:
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    grid = call(user_id=me.subject_id, level=2, roles=frozenset({"grid_worker"}))
    no_staff = call(user_id=me.subject_id, level=2, roles=frozenset({"department_officer"}))
    for somebody in (me, grid, no_staff):
        with pytest.raises(Forbidden):
            await desk.list_queue(somebody, first=10, after=None, mine=False)
        with pytest.raises(Forbidden):
            await desk.act(somebody, task.id, "accept", NOTHING, key())


async def test_a_suspended_officer_is_none(town: Town, me: Call, app: App) -> None:
    officer = await town.officer("hotline")
    phone = "13700000000"
    from modules.identity.models import Staff

    await Staff.filter(citizen_id=officer.subject_id).update(suspended_at=app.clock.now())
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    assert task.assignee_id is None
    with pytest.raises(Forbidden):
        await desk.take_task(officer, task.id, key())
    assert await staff.suspend(app, phone[:-1] + "x") is False


async def test_the_least_busy_gets_the_work(
    town: Town, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> None:
    officers = [await town.officer("hotline", number) for number in range(3)]
    for _ in range(6):
        somebody = call(user_id=(await citizen()).user_id, level=2)
        await _submitted(town, somebody)
    for officer in officers:
        mine = await desk.list_queue(officer, first=10, after=None, mine=True)
        assert len(mine) == 2
    queue = await desk.list_queue(officers[0], first=4, after=None, mine=False)
    rest = await desk.list_queue(officers[0], first=4, after=queue[-1][0].id, mine=False)
    assert (len(queue), len(rest)) == (4, 2)


async def test_work_is_taken_over_and_done_by_whoever_has_it(town: Town, me: Call) -> None:
    first, second = await town.officer("hotline"), await town.officer("hotline", 1)
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    has, has_not = (first, second) if task.assignee_id == first.subject_id else (second, first)
    with pytest.raises(Conflict, match="TASK_TAKEN"):
        await desk.act(has_not, task.id, "accept", NOTHING, key())
    await desk.take_task(has_not, task.id, key())
    with pytest.raises(Conflict, match="TASK_TAKEN"):
        await desk.act(has, task.id, "accept", NOTHING, key())
    one = key()
    await asyncio.gather(*(desk.act(has_not, task.id, "accept", NOTHING, one) for _ in range(4)))
    assert await town.events(case) == ["open", "submit", "accept"]
    with pytest.raises(Conflict, match="TASK_CLOSED"):
        await desk.act(has_not, task.id, "accept", NOTHING, key())


async def test_work_is_handed_over_and_returned_with_a_reason(town: Town, me: Call) -> None:
    await town.staffed("hotline", "police")
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    ours, theirs = await town.officer("hotline"), await town.officer("police")
    with pytest.raises(InvalidInput, match="NOTE_REQUIRED"):
        await desk.hand_over(ours, task.id, "police", " ", key())
    for unit in ("nowhere", "hotline", ""):
        with pytest.raises(InvalidInput, match="UNIT_UNKNOWN"):
            await desk.hand_over(ours, task.id, unit, "theirs", key())
    with pytest.raises(Conflict, match="NOWHERE_TO_RETURN"):
        await desk.give_back(ours, task.id, "theirs", key())
    one = key()
    for _ in range(2):
        given, _ = await desk.hand_over(ours, task.id, "police", "it is theirs", one)
    assert (given.unit, given.from_unit, given.assignee_id) == (
        "police", "hotline", theirs.subject_id,
    )  # fmt: skip
    with pytest.raises(NotFound):
        await desk.act(ours, task.id, "accept", NOTHING, key())
    assert (await desk.open_case(ours, case.id)).case == await find(case.id)  # still worked on it
    back, _ = await desk.give_back(theirs, task.id, "no, yours", key())
    assert (back.unit, back.from_unit) == ("hotline", "")
    assert await town.events(case) == ["open", "submit", "hand_over", "return"]


async def test_two_pairs_of_eyes(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await _submitted(town, me), "accept")
    for _ in range(3):
        case = await town.act(case, "agree")
    (task,) = await town.tasks(case)
    assert task.assignee_id is None  # the only officer of the unit accepted it
    same, other = await town.officer("hotline"), await town.officer("hotline", 1)
    before = await town.events(case)
    with pytest.raises(Conflict, match="FOUR_EYES"):
        await desk.act(same, task.id, "grant", NOTHING, key())
    assert (await town.events(case), (await find(case.id)).state) == (before, "decision")
    await desk.act(other, task.id, "grant", NOTHING, key())
    assert (await find(case.id)).state == "granted"


async def test_nobody_handles_a_case_of_their_own(town: Town) -> None:
    officer = await town.officer("hotline")
    officer = replace(officer, viewer=replace(officer.require_viewer(), level=2))
    declare(PERMIT, "permit")
    case = await service.open_case(
        officer, SERVICE, ANSWERS, key(), item="permit", category="plain"
    )
    case = await town.step(officer, case, "submit")
    (task,) = await town.tasks(case)
    assert task.assignee_id is None
    with pytest.raises(Conflict, match="OWN_CASE"):
        await desk.act(officer, task.id, "accept", NOTHING, key())


async def test_assigning_names_a_unit_that_there_is(town: Town, me: Call) -> None:
    await town.staffed("hotline", "police")
    case = await _submitted(town, me)
    for unit, code in (("", "UNIT_NEEDED"), ("nowhere", "UNIT_UNKNOWN")):
        with pytest.raises(InvalidInput, match=code):
            await town.act(case, "pass_on", unit=unit)
    case = await town.act(case, "pass_on", unit="police")
    (task,) = await town.tasks(case)
    assert (case.unit, task.unit) == ("police", "police")


async def test_a_note_is_bounded_and_asked_for(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await _submitted(town, me), "accept")
    for note, code in (("  ", "NOTE_REQUIRED"), ("x" * 1001, "NOTE_LONG")):
        with pytest.raises(InvalidInput, match=code):
            await town.act(case, "ask", note=note)
    with pytest.raises(InvalidInput, match="NOTE_REQUIRED"):
        await town.act(case, "refuse", note="")
    assert (await find(case.id)).state == "review"


async def test_the_citizen_sees_who_looked_and_is_told_of_steps(
    town: Town, me: Call, app: App
) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await _submitted(town, me), "accept")
    officer = await town.officer("hotline")
    opened = await desk.open_case(officer, case.id)
    assert opened.person.id == case.citizen_id
    (row,) = await AccessLog.filter(subject_id=case.citizen_id)
    assert (row.actor_role, row.basis_ref, row.fields_read) == (
        "department_officer", case.no, ["name", "phone", "form"],
    )  # fmt: skip
    case = await town.act(case, "ask", note="the lease, please")
    for _ in range(2):
        await messages.tell(app, case.id, case.sequence, "ask", case.state)
    (told,) = await Message.filter(person_id=case.citizen_id)
    assert told.template == "applications.turn"


@pytest.mark.parametrize("level", [1, 2])
async def test_open_screens_hear_of_steps_of_the_city(
    town: Town, me: Call, app: App, client: Client, level: int
) -> None:
    """As `cases` shows them, whatever the session may do in their service now."""
    await town.staffed(*UNITS)
    case = await _submitted(town, me)
    query = "subscription { caseChanged { id state } }"
    viewer = replace(me.require_viewer(), level=level)
    async with client.events(query, headers=client.token(viewer)) as events:
        stream = asyncio.ensure_future(events.get())
        await eventually(_is_heard(app, me), what="listening")
        await town.act(case, "accept")
        told = await asyncio.wait_for(stream, PATIENCE_S)
    assert b'"state":"review"' in told and str(case.id).encode() in told


def _is_heard(app: App, me: Call) -> Callable[[], Awaitable[bool]]:
    async def is_heard() -> bool:
        return messages.topic(me.subject_id) in app.bus._listeners

    return is_heard


async def test_an_erasure_waits_for_open_cases_and_takes_away_who_it_was(
    town: Town, me: Call, app: App
) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await _submitted(town, me), "accept")
    case = await town.act(case, "ask", note="the lease, please")
    person_id = case.citizen_id
    assert "applications" in await find_holds(app, person_id)
    (exported,) = (await export_person(app, person_id))["applications"].data["cases"]
    assert exported["form"] == ANSWERS
    assert exported["timeline"][-1]["note"] == "the lease, please"
    await town.step(me, case, "withdraw", "I move away")
    assert "applications" not in await find_holds(app, person_id)
    for _ in range(2):
        async with transaction() as tx:
            await erase_person(app, tx, person_id)
    case = await find(case.id)
    assert (case.form_sealed, case.state) == (None, "gone")
    assert case.citizen_id != person_id
    rows = await town.rows("SELECT actor_id, note_sealed FROM applications_event")
    assert person_id not in {row["actor_id"] for row in rows}
    assert {row["note_sealed"] for row in rows} == {None}


async def test_after_a_death_drafts_end_and_what_a_unit_has_goes_on_without_a_person(
    town: Town, me: Call, app: App
) -> None:
    officer = await town.officer("hotline")
    draft = await town.open(me, replace(PERMIT, item="other"))
    case = await _submitted(town, me)
    row, now = await Citizen.get(id=me.subject_id), app.clock.now()
    index = bytes(row.resident_index or b"")
    await Death.create(record_no=1, resident_index=index, died_on=now.date(), read_at=now)
    for _ in range(2):
        await deaths._close(app, 1)
    assert [(await find(one.id)).state for one in (draft, case)] == ["gone", "desk"]
    assert await town.events(draft) == ["open", "forget"]
    opened = await desk.open_case(officer, case.id)
    assert (opened.person, opened.answers) == (None, ANSWERS)
    look = await AccessLog.get(subject_id=me.subject_id, actor_id=officer.subject_id)
    assert look.fields_read == ["name", "phone", "form"]
    assert (await town.act(case, "accept")).state == "review"


async def test_a_case_that_a_merge_left_behind_is_shown_as_the_owners(
    town: Town, me: Call, app: App, call: Callable[..., Call], citizen: MakeCitizen
) -> None:
    officer, owner = await town.officer("hotline"), (await citizen()).user_id
    case = await _submitted(town, me)
    async with transaction() as tx:
        await note_merge(app, tx, me.subject_id, owner)
    await close_account(app, me.subject_id)
    opened = await desk.open_case(officer, case.id)
    assert opened.person is not None and opened.person.id == owner
    assert await AccessLog.filter(subject_id=owner, actor_id=officer.subject_id).count() == 1


async def test_an_erasure_of_the_officers_own_account_leaves_the_timeline(
    town: Town, me: Call, app: App
) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await _submitted(town, me), "accept")
    officer = await town.officer("hotline")
    async with transaction() as tx:
        await erase_person(app, tx, officer.subject_id)
    assert await town.events(case) == ["open", "submit", "accept"]
    assert replace(NOTHING) == Choices()


async def test_work_comes_back_to_another_officer_than_the_one_before(town: Town, me: Call) -> None:
    """Who accepted may not decide, however little else there is to do."""
    await town.staffed(*UNITS)
    officers = [await town.officer("hotline", number) for number in range(2)]
    case = await _submitted(town, me)
    (task,) = await town.tasks(case)
    accepts = await town.holder(task)
    (decides,) = (one for one in officers if one is not accepts)
    await town.act(case, "accept")
    for _ in range(3):
        await town.act(case, "agree")
    for _ in range(2):
        (other,) = await town.tasks(await _submitted(town, me))
        await desk.take_task(decides, other.id, key())
    (task,) = await town.tasks(case)
    assert task.assignee_id == decides.subject_id
    await desk.hand_over(decides, task.id, "police", "theirs", key())
    back, _ = await desk.give_back(await town.officer("police"), task.id, "yours", key())
    assert back.assignee_id == decides.subject_id
    with pytest.raises(Conflict, match="FOUR_EYES"):
        await desk.take_task(accepts, task.id, key())
        await desk.act(accepts, task.id, "grant", NOTHING, key())
