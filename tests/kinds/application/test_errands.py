"""Tasks done at the same moment: one transaction, and nobody's loss is another's."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import connection, idempotency, statement, transaction
from core.errors import AppError
from core.security.authentication import Viewer
from kinds.application import desk, engine, errands, move_store, store
from kinds.application.engine import NOTHING, Choices
from kinds.application.errands import Errand
from kinds.application.models import Case, Task
from kinds.application.versions import Application
from tests.kinds.application.town import Town, find, key
from tests.kinds.application.wing import PERMIT


@pytest.fixture
async def filed(
    town: Town, call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> list[Task]:
    """The tasks of four citizens' cases that wait to be accepted, all with one officer."""
    await town.staffed("hotline", "police", "housing_fund", "health")
    tasks = []
    for _ in range(4):
        me = call(user_id=(await citizen()).user_id, level=2)
        case = await town.step(me, await town.open(me, PERMIT), "submit")
        tasks += await town.tasks(case)
    return tasks


def _errand(officer: Call, task: Task, event: str = "accept", one: str | None = None) -> Errand:
    return Errand(officer.subject_id, task.id, event, NOTHING, one or key())


async def _states(tasks: list[Task]) -> list[str]:
    return [(await find(task.case_id)).state for task in tasks]


async def test_those_who_share_are_written_together_and_the_refused_are_left(
    app: App, town: Town, filed: list[Task]
) -> None:
    officer, other = await town.officer("hotline"), await town.officer("police")
    good, wrong, foreign, also = filed
    one = key()
    party = [
        _errand(officer, good, one=one),
        _errand(officer, wrong, "grant"),
        _errand(other, foreign),
        _errand(officer, also),
    ]
    before = await town.rows("SELECT count(*) AS n FROM core_idempotency")
    await errands.go(app, party)
    assert await _states(filed) == ["review", "desk", "desk", "review"]
    assert party[1].outcome is None and party[2].outcome is None
    # the keys of those who are left are free
    after = await town.rows("SELECT count(*) AS n FROM core_idempotency")
    assert after[0]["n"] == before[0]["n"] + 2
    task, case = await desk.act(officer, good.id, "accept", NOTHING, one)
    assert (task.status, case.state) == ("DONE", "review")
    assert await town.events(case) == ["open", "submit", "accept"]
    with pytest.raises(AppError, match="KEY_REUSED"):
        await desk.act(officer, also.id, "accept", NOTHING, one)
    with pytest.raises(AppError):
        await desk.act(officer, wrong.id, "grant", NOTHING, key())


async def test_work_that_is_opened_together_is_spread(
    app: App, town: Town, filed: list[Task]
) -> None:
    officer = await town.officer("hotline")
    police = [await town.officer("police", number) for number in range(4)]
    await errands.go(app, [_errand(officer, task) for task in filed])
    held = await store.count_loads(connection(), [one.subject_id for one in police])
    assert sorted(held.values()) == [1, 1, 1, 1]


@pytest.mark.parametrize("change", ["case", "task", "key", "nothing"])
async def test_what_has_changed_since_it_was_read_is_not_written(
    app: App, town: Town, filed: list[Task], change: str
) -> None:
    officer, (first, *_) = await town.officer("hotline"), filed
    colleague = await town.officer("hotline", 1)
    errand = _errand(officer, first)
    ((case_id, one),) = (await errands.read(app, [errand])).items()
    async with transaction() as tx:
        if change == "case":
            case = await store.lock_case(tx, case_id)
            assert case is not None
            await engine.note(app, tx, case, "remark", engine.SYSTEM)
        elif change == "task":
            await store.change_task(tx, first, assignee_id=colleague.subject_id)
        elif change == "key":
            await idempotency.claim_many(app.clock, tx, errands.OPERATION, [one.seen.wish])
    before = await _written(town)
    plan = await engine.make_plan(app, connection(), [one.move], set())
    jobs = [(case_id, app.queue.columns_of(job)) for job in engine.jobs_of(app, one.move)]
    async with statement() as db:
        moves = [(plan.rows[0], one.seen)]
        moved = await move_store.write_free(
            db, app.clock, errands.OPERATION, moves, plan.work, jobs
        )
    assert moved == ({case_id} if change == "nothing" else set())
    assert (await _written(town) == before) is (change != "nothing")


async def _written(town: Town) -> list[dict[str, Any]]:
    return await town.rows(
        """SELECT (SELECT count(*) FROM applications_event) AS lines,
                  (SELECT count(*) FROM applications_task) AS tasks,
                  (SELECT count(*) FROM applications_task WHERE status = 'OPEN') AS open,
                  (SELECT sum(sequence) FROM applications_case) AS sequence,
                  (SELECT count(*) FROM core_idempotency) AS keys,
                  (SELECT count(*) FROM pgqueuer) AS jobs"""
    )


async def test_what_cannot_share_goes_alone(app: App, town: Town, filed: list[Task]) -> None:
    officer = await town.officer("hotline")
    first = filed[0]
    twice = await asyncio.gather(
        *(desk.act(officer, first.id, "accept", NOTHING, key()) for _ in range(2)),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in twice) == ["Conflict", "tuple"]
    (said, *_) = await town.tasks(await find(first.case_id))
    holder = await town.holder(said)
    task, _ = await desk.act(holder, said.id, "agree", NOTHING, key())
    assert task.status == "AGREED"


async def test_one_key_sent_many_times_at_once_acts_once(town: Town, filed: list[Task]) -> None:
    officer, (first, *_), one = await town.officer("hotline"), filed, key()
    sent = [desk.act(officer, first.id, "accept", NOTHING, one) for _ in range(8)]
    for task, case in await asyncio.gather(*sent):
        assert (task.id, task.status, case.state) == (first.id, "DONE", "review")
    assert await town.events(await find(first.case_id)) == ["open", "submit", "accept"]


async def test_a_case_that_somebody_holds_is_left_and_waits_alone(
    app: App, town: Town, filed: list[Task]
) -> None:
    officer = await town.officer("hotline")
    held, free = filed[:2]
    party = [_errand(officer, held), _errand(officer, free)]
    gone, over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction() as tx:
            assert await store.lock_case(tx, held.case_id) is not None
            gone.set()
            await over.wait()

    holding = asyncio.create_task(hold())
    await gone.wait()
    await errands.go(app, party)
    assert party[0].outcome is None and isinstance(party[1].outcome, tuple)
    alone = asyncio.create_task(desk.act(officer, held.id, "accept", NOTHING, party[0].key))
    over.set()
    await alone
    await holding
    assert await _states(filed[:2]) == ["review", "review"]


async def test_one_that_breaks_the_transaction_breaks_nobody_elses(
    app: App, town: Town, filed: list[Task]
) -> None:
    """A service's own rows refuse one of two cases."""
    officer = await town.officer("hotline")
    bad, good = filed[:2]

    async def moved(_app: App, _tx: Any, case: Case, _event: str, _note: str) -> None:
        if case.id == bad.case_id:
            raise LookupError("no row of its own")

    service = (await find(bad.case_id)).service_id
    declared: dict[str, Application] = app._once["applications.declared"]
    declared[service] = replace(declared[service], moved=moved)
    outcomes = await asyncio.gather(
        *(desk.act(officer, task.id, "accept", Choices(), key()) for task in (bad, good)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], LookupError) and isinstance(outcomes[1], tuple)
    assert await _states(filed[:2]) == ["desk", "review"]
