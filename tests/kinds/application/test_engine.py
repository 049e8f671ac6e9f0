"""A case on its way: steps, branches, numbers, refusals that change nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, transaction, violated
from core.errors import Conflict, InvalidInput, LoginRequired, NotFound
from core.ids import new_id
from core.people.data_rights import merge_person
from core.security.authentication import Viewer
from core.states import IllegalTransition
from kinds.application import desk, engine, service, store, versions
from kinds.application.definition import Actor, Step
from kinds.application.domain import Promise, promise_of
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from kinds.application.move_store import clocks_of
from tests.kinds.application.town import ANSWERS, Town, find, key
from tests.kinds.application.wing import DEFINITIONS, PERMIT, SERVICE, declare, named

UNITS = ("hotline", "police", "housing_fund", "health")


async def _snapshot(town: Town) -> list[object]:
    """Everything that a refusal must leave as it was."""
    tables = ("case", "event", "task", "serial")
    return [await town.rows(f"SELECT * FROM applications_{t} ORDER BY id") for t in tables]


async def test_a_case_goes_its_way_and_says_so(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case = await town.open(me, PERMIT, category="hard")
    assert (case.no, case.state, case.turn) == ("PROBE202611230001", "draft", "CITIZEN")
    case = await town.step(me, case, "submit")
    case = await town.act(case, "accept", category="plain")
    assert (case.category, case.promise_days) == ("plain", 5)
    assert [task.unit for task in await town.tasks(case)] == ["housing_fund", "police"]
    case = await town.act(case, "agree")
    assert case.state == "review"
    case = await town.act(case, "agree")
    assert [task.unit for task in await town.tasks(case)] == ["health"]
    case = await town.act(case, "agree")
    assert case.state == "decision"
    case = await town.act(case, "grant", by=await town.officer("hotline", 1))
    assert (case.state, case.turn) == ("granted", "NOBODY")
    assert case.ended_at is not None and case.look_on is None
    assert promise_of(clocks_of(case), PERMIT.by_name["granted"].turn) is Promise.KEPT
    assert await town.events(case) == [
        "open", "submit", "accept", "agree", "agree", "agree", "all_agree", "grant",
    ]  # fmt: skip
    assert await town.tasks(case) == []


async def test_one_who_refuses_ends_all_branches(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case = await town.step(me, await town.open(me, PERMIT), "submit")
    case = await town.act(case, "accept")
    case = await town.act(case, "refuse", note="it does not stand")
    assert case.state == "denied"
    statuses = {t["unit"]: t["status"] for t in await town.rows("SELECT * FROM applications_task")}
    assert statuses == {"hotline": "DONE", "housing_fund": "REFUSED", "police": "DROPPED"}


async def test_what_was_agreed_stays_agreed_over_a_missing_paper_and_not_over_a_restart(
    town: Town, me: Call
) -> None:
    await town.staffed(*UNITS)
    case = await town.step(me, await town.open(me, PERMIT), "submit")
    case = await town.act(await town.act(case, "accept"), "agree")
    case = await town.act(case, "ask", note="the lease, please")
    assert (case.state, await town.tasks(case)) == ("paper", [])
    case = await town.step(me, case, "bring")
    assert [task.unit for task in await town.tasks(case)] == ["police"]
    case = await town.act(await town.act(case, "agree"), "agree")
    assert case.state == "decision"
    case = await town.act(case, "again")
    assert [task.unit for task in await town.tasks(case)] == ["housing_fund", "police"]
    for _ in range(3):
        case = await town.act(case, "agree")
    before = await _snapshot(town)
    with pytest.raises(Conflict, match="ONCE_ONLY"):
        await town.act(case, "again")
    assert await _snapshot(town) == before


async def test_nothing_is_decided_while_the_case_waits_for_the_citizen(
    town: Town, me: Call
) -> None:
    await town.staffed(*UNITS)
    case = await town.act(await town.step(me, await town.open(me, PERMIT), "submit"), "accept")
    (task, *_) = await town.tasks(case)
    officer = await town.holder(task)
    case = await town.act(case, "ask")
    from kinds.application import desk
    from kinds.application.engine import NOTHING

    before = await _snapshot(town)
    for event in ("agree", "ask", "grant"):
        with pytest.raises((Conflict, IllegalTransition)):
            await desk.act(officer, task.id, event, NOTHING, key())
    assert await _snapshot(town) == before


async def test_one_key_is_one_case_however_often_and_at_once(town: Town, me: Call) -> None:
    declare(PERMIT, "permit")
    one = key()
    cases = await asyncio.gather(
        *(service.open_case(me, SERVICE, ANSWERS, one, item="permit", category="plain")
          for _ in range(6))
    )  # fmt: skip
    assert len({case.id for case in cases}) == 1
    assert len(await town.rows("SELECT * FROM applications_case")) == 1
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await service.open_case(me, SERVICE, ANSWERS, one, item="permit", category="hard")
    step = key()
    for _ in range(2):
        await service.take_step(me, cases[0].id, "submit", "", step)
    assert await town.events(cases[0]) == ["open", "submit"]


async def test_numbers_run_without_a_gap_though_many_come_at_once(
    town: Town, call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    declare(PERMIT, "permit")
    people = [call(user_id=(await citizen()).user_id, level=2) for _ in range(8)]
    cases = await asyncio.gather(*(town.open(person, PERMIT) for person in people))
    assert sorted(case.no[-4:] for case in cases) == [f"{n:04d}" for n in range(1, 9)]


async def test_so_many_open_and_no_more(town: Town, me: Call) -> None:
    cases = [await town.open(me, PERMIT) for _ in range(3)]
    before = await _snapshot(town)
    with pytest.raises(Conflict, match="TOO_MANY_OPEN"):
        await town.open(me, PERMIT)
    assert await _snapshot(town) == before
    await town.step(me, cases[0], "withdraw")
    await town.open(me, PERMIT)


async def test_an_exclusive_item_is_open_once_a_person(town: Town, me: Call) -> None:
    only = replace(PERMIT, exclusive=True)
    first = await town.open(me, only)
    before = await _snapshot(town)
    with pytest.raises(Conflict, match="ALREADY_OPEN"):
        await town.open(me, only)
    assert await _snapshot(town) == before
    await town.step(me, first, "withdraw")
    await town.open(me, only)


async def test_an_exclusive_case_goes_along_with_a_merged_account(
    town: Town, me: Call, call: Callable[..., Call]
) -> None:
    """Where the owner has such a case too: both are theirs, to see and to take on."""
    only = replace(PERMIT, exclusive=True)
    mine, old = await town.open(me, only), call(user_id=new_id(), level=2)
    case = await town.open(old, only)
    async with transaction() as tx:
        await merge_person(town.app, tx, old.subject_id, me.subject_id)
    shown = await service.list_cases(me, first=10, before=None, only_open=True, service=None)
    assert {one.id for one in shown} == {mine.id, case.id}
    with pytest.raises(Conflict, match="ALREADY_OPEN"):
        await town.open(me, only)
    assert (await town.step(me, case, "withdraw")).ended_at is not None
    with pytest.raises(NotFound):
        await service.get_case(old, case.id)


async def test_everything_that_a_form_lacks_is_told_at_once(town: Town, me: Call) -> None:
    case = await town.open(me, PERMIT, answers={})
    before = await _snapshot(town)
    with pytest.raises(FormIncomplete) as refused:
        await town.step(me, case, "submit")
    assert [problem.name for problem in refused.value.problems] == ["why", "colour"]
    wrong = {"why": "x", "size": "12", "colour": "green", "phone": "x" * 300, "extra": "1"}
    with pytest.raises(FormIncomplete) as refused:
        await service.save_answers(me, case.id, wrong, key())
    assert {problem.name: problem.text.code for problem in refused.value.problems} == {
        "extra": "FIELD_UNKNOWN",
        "why": "FIELD_INVALID",
        "size": "FIELD_INVALID",
        "colour": "FIELD_INVALID",
        "phone": "FIELD_LONG",
    }
    assert await _snapshot(town) == before
    await service.save_answers(me, case.id, {"why": " because ", "colour": "red"}, key())
    assert service.answers_of(me, await find(case.id)) == {"why": "because", "colour": "red"}
    assert (await town.step(me, case, "submit")).state == "desk"


async def test_what_the_city_holds_is_filled_in(me: Call) -> None:
    declare(PERMIT, "permit")
    blank = await service.get_form(me, SERVICE, "permit")
    known = blank.known["phone"]
    assert known.value.startswith("139") and known.as_of == me.app.clock.now()


async def test_what_was_filled_in_is_corrected_with_a_reason(town: Town, me: Call) -> None:
    declare(PERMIT, "permit")
    answers, one = ANSWERS | {"phone": "13900000009"}, key()
    for _ in range(2):
        case = await service.open_case(
            me, SERVICE, answers, one, item="permit", category="plain",
            reasons={"phone": " the other is my mother's "},
        )  # fmt: skip
    again = {"phone": "a new one"}
    await service.save_answers(me, case.id, answers, key(), reasons=again)
    lines = await store.list_events(case.id, after=0, first=9)
    assert [line.event for line in lines] == ["open", "correct", "correct"]
    said = me.app.vault.decrypt(lines[1].note_sealed or b"", engine.NOTE)
    assert said == "phone: the other is my mother's"
    for reasons in ({"why": "it is not filled in"}, {"size": "it is not answered"}, {"x": "no"}):
        with pytest.raises(InvalidInput, match="REASON_UNKNOWN"):
            await service.save_answers(me, case.id, answers, key(), reasons=reasons)
    with pytest.raises(InvalidInput, match="NOTE_LONG"):
        await service.save_answers(me, case.id, answers, key(), reasons={"phone": "x" * 1_000})
    assert await town.events(case) == ["open", "correct", "correct"]


async def test_somebody_elses_case_is_as_missing_as_none(
    town: Town, me: Call, call: Callable[..., Call]
) -> None:
    case = await town.open(me, PERMIT)
    stranger = call(user_id=new_id(), level=2)
    before = await _snapshot(town)
    for case_id in (case.id, new_id()):
        with pytest.raises(NotFound):
            await service.get_case(stranger, case_id)
        with pytest.raises(NotFound):
            await service.take_step(stranger, case_id, "submit", "", key())
        with pytest.raises(NotFound):
            await service.save_answers(stranger, case_id, ANSWERS, key())
    with pytest.raises(LoginRequired):
        await service.open_case(call(), SERVICE, ANSWERS, key(), item="permit", category="plain")
    assert await _snapshot(town) == before


@pytest.mark.parametrize("event", ["accept", "forget", "all_agree", "grant", "nothing"])
async def test_a_citizen_takes_no_step_that_is_not_theirs(town: Town, me: Call, event: str) -> None:
    case = await town.open(me, PERMIT)
    before = await _snapshot(town)
    with pytest.raises(Exception) as refused:
        await town.step(me, case, event)
    assert getattr(refused.value, "code", None) in ("ILLEGAL_STATE", "NOT_YOUR_STEP")
    assert await _snapshot(town) == before


async def test_unknown_services_items_and_categories_are_refused(town: Town, me: Call) -> None:
    declare(PERMIT, "permit")
    for name, item in ((SERVICE, "other"), ("no-service", ""), (SERVICE, "")):
        with pytest.raises(NotFound):
            await service.open_case(me, name, ANSWERS, key(), item=item, category="plain")
    with pytest.raises(InvalidInput, match="CATEGORY_UNKNOWN"):
        await town.open(me, PERMIT, category="odd")
    assert await town.rows("SELECT * FROM applications_case") == []


async def test_a_running_case_keeps_its_definition(
    town: Town, me: Call, app: App, clock: ManualClock
) -> None:
    await town.staffed(*UNITS)
    old = await town.open(me, PERMIT)
    steps = [replace(s, target="granted") if s.event == "submit" else s for s in PERMIT.steps]
    swift = replace(
        PERMIT,
        states=[s for s in PERMIT.states if s.name in ("draft", "granted", "gone")],
        steps=[
            replace(s, states=("draft",))
            for s in steps
            if s.event in ("submit", "withdraw", "forget")
        ],
        limits={"draft": 1},
    )
    new = await town.open(me, swift)
    assert DEFINITIONS["permit"].limits == {"draft": 1}
    app._once.pop("applications.stored")  # as another process, which never saw the old one
    assert (await town.step(me, old, "submit")).state == "desk"
    assert (await town.step(me, new, "submit")).state == "granted"
    assert old.definition_id != new.definition_id
    again = await town.open(me, PERMIT)
    assert again.definition_id == old.definition_id


async def test_the_database_refuses_what_the_definition_does_not_know(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case = await town.step(me, await town.open(me, PERMIT), "submit")
    before = await _snapshot(town)
    for change, constraint in (
        ("state = 'granted', turn = 'NOBODY', ended_at = now()", "applications_case_edges"),
        ("state = 'nowhere'", "applications_case_edges"),
        ("state = 'gone'", "applications_case_edges"),  # ended, and the turn does not say so
        ("turn = 'NOBODY', ended_at = now()", "applications_case_edges"),
        ("ended_at = now()", "applications_case_ended"),
        ("no = 'OTHER'", "applications_case_fixed"),
        ("promise_days = 0", "applications_case_promise"),
    ):
        with pytest.raises(IntegrityError) as refused:
            await connection().execute_query(
                f"UPDATE applications_case SET {change} WHERE id = $1", [case.id]
            )
        assert violated(refused.value) == constraint, change
    with pytest.raises(IntegrityError):
        await connection().execute_query("DELETE FROM applications_case")
    with pytest.raises(IntegrityError):
        await connection().execute_query("UPDATE applications_event SET event = 'other'")
    with pytest.raises(Exception, match=r"permission|append"):
        await connection().execute_query("UPDATE applications_definition SET body = ''")
    assert await _snapshot(town) == before
    assert isinstance(case, Case)


async def test_a_stored_definition_is_the_one_that_was_declared(app: App) -> None:
    definition = declare(PERMIT, "permit")
    definition_id = await versions.store(app, definition)
    app._once.pop("applications.stored")
    read = await versions.get_stored(app, definition_id)
    assert await versions.store(app, read) == definition_id
    assert {s.name: s.turn for s in read.states} == {s.name: s.turn for s in PERMIT.states}


async def test_no_note_is_without_end_whoever_writes_it(town: Town, me: Call) -> None:
    await town.staffed(*UNITS)
    case, long = await town.step(me, await town.open(me, PERMIT), "submit"), "长" * 1_001
    (task,) = await town.tasks(case)
    hotline, police = await town.officer("hotline"), await town.officer("police")
    before = await _snapshot(town)
    with pytest.raises(InvalidInput, match="NOTE_LONG"):
        await desk.hand_over(hotline, task.id, "police", long, key())
    with pytest.raises(InvalidInput, match="NOTE_LONG"):
        await town.act(case, "accept", note=long)
    assert await _snapshot(town) == before
    await desk.hand_over(hotline, task.id, "police", long[:-1], key())
    with pytest.raises(InvalidInput, match="NOTE_LONG"):
        await desk.give_back(police, task.id, long, key())
    await desk.give_back(police, task.id, "yours", key())
    case = await town.act(case, "accept")
    before = await _snapshot(town)
    for event in ("agree", "refuse"):
        with pytest.raises(InvalidInput, match="NOTE_LONG"):
            await town.act(case, event, note=long)
    assert await _snapshot(town) == before


async def test_what_a_system_outside_says_without_end_moves_the_case_all_the_same(
    town: Town, me: Call, app: App
) -> None:
    await town.staffed("hotline")
    heard = replace(
        PERMIT,
        states=[replace(s, outside=("hear",)) if s.name == "desk" else s for s in PERMIT.states],
        steps=[*PERMIT.steps, Step("hear", ("desk",), "paper", Actor.SYSTEM, named("heard"))],
    )
    case = await town.step(me, await town.open(me, heard), "submit")
    async with transaction() as tx:
        locked = await store.lock_case(tx, case.id)
        assert locked is not None
        await engine.take_outside(app, tx, locked, "hear", "长" * 5_000)
    *_, event = await service.list_timeline(me, await find(case.id), after=0, first=9)
    assert event.note_sealed is not None
    assert app.vault.decrypt(event.note_sealed, engine.NOTE) == "长" * 999 + "…"
