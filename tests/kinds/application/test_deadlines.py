"""Limits by themselves: warned, escalated, lapsed, promised, suspended; none lost, none twice."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import connection
from kinds.application import deadlines, desk, move_store
from kinds.application.definition import Turn
from kinds.application.domain import Promise, TaskKind, days_left, next_look, promise_of
from kinds.application.engine import Choices
from kinds.application.models import Case
from tests.kinds.application.town import Town, find, key
from tests.kinds.application.wing import PERMIT

DAY = timedelta(days=1)
UNITS = ("hotline", "police", "housing_fund", "health", "big_data")


def _promise(case: Case) -> Promise:
    return promise_of(move_store.clocks_of(case), Turn(case.turn))


async def _until(app: App, clock: ManualClock, day: date, case: Case) -> Case:
    """Let days pass, each with its sweep."""
    while civil_date(clock.now()) < day:
        clock.move(DAY)
        await deadlines.sweep(app)
        await deadlines.sweep(app)  # twice: nothing is done twice
    return await find(case.id)


async def _submitted(town: Town, me: Call, **changes: object) -> Case:
    await town.staffed(*UNITS)
    case = await town.open(me, replace(PERMIT, **changes))  # type: ignore[arg-type]
    return await town.step(me, case, "submit")


async def test_an_overdue_case_warns_escalates_and_breaks_by_itself(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await _submitted(town, me)  # Monday 23 November: the desk has until Wednesday
    assert (case.due_on, case.promise_due_on) == (date(2026, 11, 25), date(2026, 11, 30))
    case = await _until(app, clock, date(2026, 11, 24), case)
    assert (await town.events(case))[-1] == "warn"
    case = await _until(app, clock, date(2026, 11, 25), case)
    assert not case.is_escalated
    case = await _until(app, clock, date(2026, 12, 4), case)
    assert await town.events(case) == ["open", "submit", "warn", "escalate", "overdue"]
    assert (case.promise_broken_on, _promise(case)) == (date(2026, 12, 1), Promise.BROKEN)
    assert case.look_on is None
    (supervise,) = await town.tasks(case, TaskKind.SUPERVISE)
    assert supervise.unit == "big_data"
    jobs = await town.rows("SELECT entrypoint FROM pgqueuer WHERE entrypoint LIKE 'appl%'")
    assert sorted(job["entrypoint"] for job in jobs) == [
        "applications.remind_officer",
        "applications.remind_officer",
        "applications.tell",
    ]


async def test_who_supervises_may_do_the_work(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await _until(app, clock, date(2026, 11, 27), await _submitted(town, me))
    (work,) = await town.tasks(case)
    chief = await town.officer("big_data")
    await desk.hand_over(chief, work.id, "police", "the desk is ill", key())
    (work,) = await town.tasks(case)
    assert (work.unit, work.from_unit) == ("police", "hotline")
    case = await town.act(case, "accept")
    assert (case.state, await town.tasks(case, TaskKind.SUPERVISE)) == ("review", [])


async def test_the_promise_stands_still_while_the_citizen_owes_a_paper(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await town.act(await _submitted(town, me), "accept")
    clock.move(2 * DAY)  # Wednesday: two of five days are used
    case = await town.act(case, "ask")
    assert (case.promise_used, case.promise_due_on, _promise(case)) == (2, None, Promise.SUSPENDED)
    assert case.due_on == date(2026, 11, 30)  # the citizen has three days
    clock.move(2 * DAY)
    case = await town.step(me, case, "bring")
    assert (case.promise_due_on, _promise(case)) == (date(2026, 12, 2), Promise.RUNNING)
    assert days_left(move_store.clocks_of(case), app.city.calendar, civil_date(clock.now())) == 3


async def test_a_look_that_was_planned_stays_and_plans_the_next(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await _submitted(town, me)
    planned_on = case.look_on
    case = await town.act(case, "accept")
    needed_on = next_look(move_store.clocks_of(case), PERMIT.by_name["review"])
    assert planned_on is not None and needed_on is not None
    assert case.look_on == planned_on < needed_on
    told = await town.events(case)
    case = await _until(app, clock, planned_on, case)
    assert (case.look_on, await town.events(case)) == (needed_on, told)


async def test_a_restart_promises_anew(app: App, clock: ManualClock, town: Town, me: Call) -> None:
    case = await town.act(await _submitted(town, me), "accept")
    for _ in range(3):
        case = await town.act(case, "agree")
    clock.move(3 * DAY)
    case = await town.act(case, "again")
    assert case.promise_due_on == date(2026, 12, 3)


async def test_a_citizen_who_does_not_answer_is_reminded_and_lapses(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await town.act(await town.act(await _submitted(town, me), "accept"), "ask")
    case = await _until(app, clock, date(2026, 11, 30), case)
    assert (case.state, case.turn) == ("gone", "NOBODY")
    assert await town.events(case) == ["open", "submit", "accept", "ask", "warn", "give_up"]
    assert _promise(case) is Promise.KEPT


async def test_a_late_step_breaks_the_promise_though_no_sweep_saw_it(
    clock: ManualClock, town: Town, me: Call
) -> None:
    case = await _submitted(town, me, limits={"draft": 10, "paper": 3})
    clock.move(9 * DAY)
    case = await town.act(case, "accept")
    assert (_promise(case), case.promise_broken_on) == (Promise.BROKEN, date(2026, 12, 2))


@pytest.mark.parametrize(
    ("starts", "category", "due_on", "provisional"),
    [
        (date(2026, 2, 12), "plain", date(2026, 2, 26), False),  # over the Spring Festival
        (date(2026, 12, 28), "plain", date(2027, 1, 5), True),  # 2027 is not published
    ],
)
async def test_a_promise_over_holidays(
    clock: ManualClock, town: Town, me: Call, starts: date, category: str, due_on: date,
    provisional: bool,
) -> None:  # fmt: skip
    clock.move(starts - civil_date(clock.now()))
    case = await _submitted(town, me, limits={"draft": 10, "paper": 3})
    assert (case.promise_due_on, case.is_provisional) == (due_on, provisional)


async def test_days_are_counted_anew_when_the_calendar_comes(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    clock.move(date(2026, 12, 28) - civil_date(clock.now()))
    case = await _submitted(town, me, limits={"draft": 10, "paper": 3})
    calendar = app.city.calendar
    off = frozenset({date(2027, 1, 1), date(2027, 1, 4)})
    published = replace(calendar, holidays=calendar.holidays | off, years=calendar.years | {2027})
    object.__setattr__(app.city, "calendar", published)
    await deadlines.recount(app)
    case = await find(case.id)
    assert (case.promise_due_on, case.is_provisional) == (date(2027, 1, 6), False)


async def test_one_bad_case_stops_no_other(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    """open-mercato/open-mercato#2293 and egovernments/Digit-Core#1413: 1,000 overdue cases, the
    seventh cannot be read; the others escalate in the same pass."""
    await _submitted(town, me)
    await town.rows(
        """INSERT INTO applications_definition
           SELECT '00000000-0000-0000-0000-000000000bad', service_id, 'bad', '{', first_state,
                  edges, ends, created_at FROM applications_definition"""
    )
    columns = [row["column_name"] for row in await town.rows(
        """SELECT column_name FROM information_schema.columns
            WHERE table_name = 'applications_case'"""
    )]  # fmt: skip
    new = {
        "id": "('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid",
        "no": "'X' || n",
        "state": "'draft'",
        "turn": "'CITIZEN'",
        "definition_id": "CASE WHEN n = 7 THEN '00000000-0000-0000-0000-000000000bad'"
        " ELSE definition_id END",
    }
    await connection().execute_query(
        f"INSERT INTO applications_case ({', '.join(columns)}) "
        f"SELECT {', '.join(new.get(name, name) for name in columns)} "
        "FROM applications_case, generate_series(1, 1000) n"
    )
    await connection().execute_query(
        "UPDATE applications_case SET state = 'desk', turn = 'UNIT', look_on = due_on + 1"
    )
    clock.move(4 * DAY)
    await deadlines.sweep(app)
    (row,) = await town.rows(
        """SELECT count(*) FILTER (WHERE is_escalated) AS done, count(*) AS all,
                  count(*) FILTER (WHERE look_on <= $1) AS left FROM applications_case""",
        civil_date(clock.now()),
    )
    assert row == {"done": 1000, "all": 1001, "left": 1}


async def test_a_supervise_task_is_no_work(
    app: App, clock: ManualClock, town: Town, me: Call
) -> None:
    case = await _until(app, clock, date(2026, 11, 27), await _submitted(town, me))
    (task,) = await town.tasks(case, TaskKind.SUPERVISE)
    with pytest.raises(Exception, match="TASK_SUPERVISED"):
        await desk.act(await town.officer("big_data"), task.id, "accept", Choices(), key())
