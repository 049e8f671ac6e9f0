"""Limits: warnings, broken promises, escalation and lapses, by a pass over what is due.

Nothing rests on a job that could be lost: each case says on which day to look at it, the pass asks
for those, and what it does is decided anew under the lock of the case's row.
"""

from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import sweep_pages
from core.database import Transaction, transaction
from core.queue.jobs import job
from kinds.application import domain, engine, messages, move_store, store, versions
from kinds.application.assignment import pick_officers
from kinds.application.definition import Definition, Turn
from kinds.application.domain import Due, TaskKind
from kinds.application.engine import SYSTEM
from kinds.application.models import Case
from kinds.application.store import Work

_TIMEOUT_S = 300


@job("applications.sweep", timeout_s=_TIMEOUT_S, every="* * * * *")
async def sweep(app: App) -> None:
    """Look at every case at which something is due. Repeat-safe."""
    await sweep_pages(
        app,
        "applications.due",
        partial(store.list_to_look_at, civil_date(app.clock.now())),
        partial(look, app),
        key=lambda case_id: case_id,
    )


@job("applications.recount", timeout_s=_TIMEOUT_S, every="30 16 * * *")
async def recount(app: App) -> None:
    """Count the days of open cases anew whose calendar was not published yet. Repeat-safe."""
    await sweep_pages(
        app,
        "applications.recount",
        store.list_provisional,
        partial(count_again, app),
        key=lambda case_id: case_id,
    )


async def look(app: App, case_id: UUID) -> None:
    """Do what is due at one case; nothing where somebody was faster."""
    async with transaction() as tx:
        case = await store.lock_case(tx, case_id)
        if case is None:
            return
        definition = await versions.get_stored(app, case.definition_id)
        state, today = definition.by_name[case.state], civil_date(app.clock.now())
        clocks = move_store.clocks_of(case)
        due = domain.list_due(clocks, state, today)
        if due == [Due.LAPSE]:
            step = definition.find_step(case.state, state.lapse)
            await engine.take(app, tx, case, definition, step, SYSTEM)
            return
        after = domain.after(clocks, state, due, today)
        values = {name: getattr(after, name) for name in move_store.CLOCKS}
        await store.update_case(tx, case_id, **values)
        case.update_from_dict(values)
        for one in due:
            await _DO[one](app, tx, case, definition)


async def lapse(app: App, case_id: UUID) -> None:
    """Let a case that waits for its citizen go on as if that time were over."""
    async with transaction() as tx:
        case = await store.lock_case(tx, case_id)
        if case is None or case.turn != Turn.CITIZEN:
            return
        definition = await versions.get_stored(app, case.definition_id)
        step = definition.find_step(case.state, definition.by_name[case.state].lapse)
        await engine.take(app, tx, case, definition, step, SYSTEM)


async def count_again(app: App, case_id: UUID) -> None:
    """Count the days of one case by the calendar as it is now."""
    async with transaction() as tx:
        case = await store.lock_case(tx, case_id)
        if case is None or case.ended_at is not None:
            return
        definition = await versions.get_stored(app, case.definition_id)
        state = definition.by_name[case.state]
        clocks = domain.count(
            move_store.clocks_of(case), definition, state, app.city.calendar, case.turn_from_on
        )
        values = {name: getattr(clocks, name) for name in move_store.CLOCKS}
        await store.update_case(tx, case_id, **values)


async def _break(app: App, tx: Transaction, case: Case, _definition: Definition) -> None:
    await engine.note(app, tx, case, "overdue", SYSTEM)
    await app.queue.enqueue(tx, [await messages.tell_later(tx, case, "overdue")])


async def _escalate(app: App, tx: Transaction, case: Case, definition: Definition) -> None:
    """Open the case to the unit that supervises, and tell the officers who have it."""
    await engine.note(app, tx, case, "escalate", SYSTEM)
    await _remind(app, tx, case, "escalate")
    work = [Work(case, "", definition.escalates_to, {case.citizen_id})]
    officers = await pick_officers(app, tx, work)
    await store.open_tasks(tx, TaskKind.SUPERVISE, work, officers, app.clock.now())


async def _warn(app: App, tx: Transaction, case: Case, _definition: Definition) -> None:
    await engine.note(app, tx, case, "warn", SYSTEM)
    if case.turn == Turn.CITIZEN:
        await app.queue.enqueue(tx, [await messages.tell_later(tx, case, "warn")])
    else:
        await _remind(app, tx, case, "warn")


async def _remind(app: App, tx: Transaction, case: Case, event: str) -> None:
    day = civil_date(app.clock.now()).isoformat()
    await messages.remind_officers(app, tx, case, event, day)


_DO = {Due.BREAK: _break, Due.ESCALATE: _escalate, Due.WARN: _warn}
