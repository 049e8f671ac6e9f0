"""The engine: a case takes a step, its clocks follow, work is opened for whose turn it is.

Everything here runs in the caller's transaction, under the lock of the case's row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.errors import AppError, Conflict, InvalidInput
from core.queue.jobs import NewJob
from core.texts import shortened
from kinds.application import domain, messages, move_store, store, texts, versions
from kinds.application.assignment import Staff, list_staff, pick_officers, units_of
from kinds.application.definition import AGREE, REFUSE, Actor, Definition, Step, Turn
from kinds.application.domain import TaskKind, TaskStatus
from kinds.application.events import CaseAwaits, CaseEnded, LicenceGranted
from kinds.application.models import Case, Task
from kinds.application.move_store import Entry, MoveRow, WorkRow
from kinds.application.store import Taken, Work

NOTE = "applications.note"
"""The purpose under which notes are sealed."""

NOTE_CHARS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and for which unit."""

    actor: Actor
    id: UUID | None = None
    unit: str = ""


SYSTEM = By(Actor.SYSTEM)


@dataclass(frozen=True, slots=True)
class Choices:
    """What whoever takes a step says with it."""

    note: str = ""
    unit: str = ""
    category: str = ""
    papers: Sequence[str] = ()


NOTHING = Choices()


@dataclass(frozen=True, slots=True)
class Move:
    """A step that is to be taken in a locked case; `task` is the one that is done by it."""

    case: Case
    definition: Definition
    step: Step
    by: By
    choices: Choices = NOTHING
    task: Task | None = None


async def take(
    app: App,
    tx: Transaction,
    case: Case,
    definition: Definition,
    step: Step,
    by: By,
    choices: Choices = NOTHING,
    *,
    task: Task | None = None,
) -> Case:
    """Take a step; the locked case as it stands then.

    `task` is the one that is done by it. Raises InvalidInput for what the step asks and is not
    given, Conflict ONCE_ONLY and FOUR_EYES; nothing is changed then.
    """
    (refusal,) = await take_all(app, tx, [Move(case, definition, step, by, choices, task)])
    if refusal is not None:
        raise refusal
    return case


async def take_all(app: App, tx: Transaction, moves: Sequence[Move]) -> Sequence[AppError | None]:
    """Take a step in each of several locked cases, with as many statements as for one.

    Returns, in order, what `take` would raise; what is refused changes nothing. The instances of
    the cases and tasks are then as their rows.
    """
    checked, before = await check_all(app, tx, moves)
    taken = [one for one in checked if isinstance(one, Move)]
    if taken:
        plan = await make_plan(app, tx, taken, before)
        await move_store.write_moves(tx, plan.rows, plan.work)
        for move in taken:
            said = move.choices.note if move.step.by is Actor.OFFICER else ""
            await tell_service(app, tx, move.case, move.step.event, said)
        await tell_people(tx, taken)
        await app.queue.enqueue(tx, [job for move in taken for job in jobs_of(app, move)])
        await _go_on(app, tx, plan.onward)
    return [None if isinstance(one, Move) else one for one in checked]


async def check_all(
    app: App, db: Transaction, moves: Sequence[Move]
) -> tuple[Sequence[Move | AppError], set[Taken]]:
    """Moves with the choices that their steps take, or what refuses them; and those of the steps
    taken earlier on which it depends who may do what."""
    before = await _steps_before(db, moves)
    checked: list[Move | AppError] = []
    for move in moves:
        try:
            checked.append(_checked(app, move, before))
        except AppError as refusal:
            checked.append(refusal)
    return checked, before


async def _steps_before(tx: Transaction, moves: Sequence[Move]) -> set[Taken]:
    """Those of the steps taken earlier on which it depends who may do what."""
    events: set[str] = set()
    for move in moves:
        events |= move.definition.unlike[move.step.target] | {move.step.unlike}
        if move.step.once:
            events.add(move.step.event)
    events.discard("")
    return set(await store.list_taken(tx, [m.case.id for m in moves], events)) if events else set()


def _checked(app: App, move: Move, before: set[Taken]) -> Move:
    """The move with the choices that its step takes. Raises as `take` does."""
    case, step, choices = move.case, move.step, move.choices
    text = choices.note.strip()
    if step.note and not text:
        raise InvalidInput(texts.NOTE_REQUIRED, "note")
    _refuse_long(text)
    unit = choices.unit if step.assigns else ""
    if step.assigns and not unit:
        raise InvalidInput(texts.UNIT_NEEDED, "unit")
    if unit and unit not in app.city.departments:
        raise InvalidInput(texts.UNIT_UNKNOWN, "unit")
    category = choices.category if step.classifies else ""
    if category and category not in move.definition.promise:
        raise InvalidInput(texts.CATEGORY_UNKNOWN, "category")
    papers = tuple(dict.fromkeys(choices.papers)) if step.asks else ()
    if papers and not set(papers) <= {one.code for one in move.definition.materials}:
        raise InvalidInput(texts.MATERIAL_UNKNOWN, "papers")
    if step.once and any(t.case_id == case.id and t.event == step.event for t in before):
        raise Conflict(texts.ONCE_ONLY)
    if step.unlike and Taken(case.id, step.unlike, move.by.id) in before:
        raise Conflict(texts.FOUR_EYES)
    checked = Choices(text, unit, category, papers)
    return move if checked == choices else replace(move, choices=checked)


def _refuse_long(text: str) -> None:
    """Raise InvalidInput NOTE_LONG for a note without end."""
    if len(text) > NOTE_CHARS_MAX:
        raise InvalidInput(texts.NOTE_LONG, "note", most=NOTE_CHARS_MAX)


@dataclass(frozen=True, slots=True)
class Plan:
    """What moves come to: their rows, the work that opens, the steps that follow at once; and the
    staff of the units that are concerned."""

    rows: Sequence[MoveRow]
    work: Sequence[WorkRow]
    onward: Sequence[Move]
    staff: Staff


async def make_plan(app: App, db: Transaction, moves: Sequence[Move], before: set[Taken]) -> Plan:
    """What moves that are checked come to; the instances of cases and tasks say it already."""
    rows = _rows(app, moves)
    did = {Taken(m.case.id, m.step.event, m.by.id) for m in moves if m.by.actor is Actor.OFFICER}
    cases = [(move.case, move.definition) for move in moves]
    work, onward = await _next_work(db, cases, before | did)
    movers = {(versions.scope_of(app, m.case.service_id), m.by.unit) for m in moves if m.by.unit}
    staff = await list_staff(app, units_of(app, work) | movers)
    closing = [move.case.id for move in moves]
    officers = await pick_officers(app, db, work, staff=staff, closing=closing)
    opens = [
        WorkRow(one.case.id, one.branch, one.unit, officer_id)
        for one, officer_id in zip(work, officers, strict=True)
    ]
    return Plan(rows, opens, onward, staff)


def _rows(app: App, moves: Sequence[Move]) -> list[MoveRow]:
    """The rows of moves, which the instances say then too."""
    now, rows = app.clock.now(), []
    for move in moves:
        case, task, step = move.case, move.task, move.step
        values = _moved(app, move, now)
        entry = _entry(app, step.event, move.by, move.choices.note, now, once=step.once)
        rows.append(MoveRow(case.id, values, entry, None if task is None else task.id))
        case.sequence += 1
        vars(case).update(values)  # as the ORM does, without looking at each
        if task is not None:
            task.status, task.closed_at = TaskStatus.DONE, now
    return rows


async def tell_people(tx: Transaction, moves: Sequence[Move]) -> None:
    """Tell the citizens' open screens of moves that others took when `tx` commits."""
    for move in moves:
        if move.step.by is not Actor.CITIZEN:
            await messages.show(tx, move.case)


def jobs_of(app: App, move: Move) -> list[NewJob]:
    """What tells the citizen, and whoever listens to events, of a move that was planned."""
    case, step = move.case, move.step
    jobs = [] if step.by is Actor.CITIZEN else [messages.news(case, step.event)]
    target = move.definition.by_name[step.target]
    if target.turn is Turn.NOBODY:
        ended = CaseEnded(case.id, case.service_id, case.item, case.citizen_id, case.state)
        jobs += app.events.jobs_of(ended)
    grants = move.definition.grants
    if grants is not None and grants.state == target.name:
        jobs += app.events.jobs_of(LicenceGranted(case.id, case.service_id))
    if target.outside:
        awaits = CaseAwaits(case.id, case.service_id, case.state, case.sequence)
        jobs += app.events.jobs_of(awaits)
    return jobs


async def say(
    app: App,
    tx: Transaction,
    case: Case,
    definition: Definition,
    task: Task,
    event: str,
    by: By,
    choices: Choices,
) -> None:
    """Close a branch: a unit agrees or refuses. The locked case moves on when all have agreed, or
    when one has refused. Raises InvalidInput for a refusal without a reason, and NOTE_LONG."""
    if event == REFUSE and not choices.note.strip():
        raise InvalidInput(texts.NOTE_REQUIRED, "note")
    status = TaskStatus.AGREED if event == AGREE else TaskStatus.REFUSED
    await store.change_task(tx, task, status=status, closed_at=app.clock.now())
    await note(app, tx, case, event, by, choices.note.strip())
    if event == REFUSE:
        step = definition.find_step(case.state, definition.by_name[case.state].refused)
        await take(app, tx, case, definition, step, SYSTEM)
    elif not [t for t in await store.list_open_tasks(tx, case.id) if t.kind == TaskKind.WORK]:
        await open_work(app, tx, case, definition)


async def take_outside(app: App, tx: Transaction, case: Case, event: str, note: str = "") -> Case:
    """Take a step of the system that a service names, in a locked case; the case as it stands then.

    A note of a system outside is cut where it is too long. Raises IllegalTransition.
    """
    definition = await versions.get_stored(app, case.definition_id)
    step = definition.find_step(case.state, event)
    choices = Choices(shortened(note, NOTE_CHARS_MAX))
    return await take(app, tx, case, definition, step, SYSTEM, choices)


def _moved(app: App, move: Move, now: datetime) -> Mapping[str, Any]:
    """The columns of a case that a step changes."""
    case, definition, step, choices = move.case, move.definition, move.step, move.choices
    state, target = definition.by_name[case.state], definition.by_name[step.target]
    today = civil_date(now)
    category = choices.category or case.category
    clocks = domain.enter(
        move_store.clocks_of(case, promise_days=definition.promise[category]),
        definition,
        target,
        app.city.calendar,
        today,
        restarts=step.restarts,
    )
    anew = step.restarts or step.event in (state.agreed, state.refused)
    return {
        "state": target.name,
        "turn": target.turn,
        "unit": choices.unit or case.unit,
        "category": category,
        "round": case.round + anew,
        "papers_asked": list(choices.papers) or None,
        "turn_from_on": today,
        "moved_at": now,
        "ended_at": now if target.turn is Turn.NOBODY else None,
        **{name: getattr(clocks, name) for name in move_store.CLOCKS},
    }


async def open_work(app: App, tx: Transaction, case: Case, definition: Definition) -> Case:
    """Open the work that a case's state asks for, each piece for the least busy of its unit.

    Where all branches have agreed already, the step that follows from it is taken.
    """
    work, onward = await _next_work(tx, [(case, definition)], set())
    if work:
        officers = await pick_officers(app, tx, work)
        await store.open_tasks(tx, TaskKind.WORK, work, officers, app.clock.now())
    await _go_on(app, tx, onward)
    return case


async def _next_work(
    db: Transaction, cases: Sequence[tuple[Case, Definition]], before: set[Taken]
) -> tuple[list[Work], list[Move]]:
    """The work that the states of cases ask for, and the steps that follow where all branches have
    agreed."""
    ours = [one for one in cases if one[1].by_name[one[0].state].turn is Turn.UNIT]
    branched = [case for case, definition in ours if definition.by_name[case.state].branches]
    agreed = await store.list_agreed(db, branched) if branched else {}
    work: list[Work] = []
    onward: list[Move] = []
    for case, definition in ours:
        state = definition.by_name[case.state]
        if not state.branches:
            work.append(Work(case, "", state.unit or case.unit, _barred(case, definition, before)))
        elif group := domain.next_group(state.branches, agreed.get(case.id, ())):
            work += [Work(case, branch, unit, {case.citizen_id}) for branch, unit in group.items()]
        else:
            step = definition.find_step(case.state, state.agreed)
            onward.append(Move(case, definition, step, SYSTEM))
    return work, onward


async def list_barred(tx: Transaction, case: Case, definition: Definition) -> set[UUID]:
    """Who may not do the work that a case waits for: its citizen, and who took the step before that
    has to be another's."""
    unlike = definition.unlike[case.state]
    before = await store.list_taken(tx, [case.id], unlike) if unlike else ()
    return _barred(case, definition, before)


def _barred(case: Case, definition: Definition, before: Collection[Taken]) -> set[UUID]:
    unlike = definition.unlike[case.state]
    others = [t.officer_id for t in before if t.case_id == case.id and t.event in unlike]
    return {case.citizen_id, *filter(None, others)}


async def _go_on(app: App, tx: Transaction, onward: Sequence[Move]) -> None:
    if onward:
        for refusal in await take_all(app, tx, onward):
            if refusal is not None:
                raise refusal


async def note(app: App, tx: Transaction, case: Case, event: str, by: By, note: str = "") -> None:
    """Write a line into the timeline of a case that stays where it is. Raises InvalidInput
    NOTE_LONG."""
    _refuse_long(note)
    await move_store.write_entry(tx, case.id, _entry(app, event, by, note, app.clock.now()))
    case.sequence += 1


async def tell_service(app: App, tx: Transaction, case: Case, event: str, note: str = "") -> None:
    """Let the service of a case keep its own rows in step with it."""
    application = versions.find_application(app, case.service_id)
    if application is not None and application.moved is not None:
        await application.moved(app, tx, case, event, note)


def _entry(app: App, event: str, by: By, note: str, now: datetime, *, once: bool = False) -> Entry:
    sealed = app.vault.encrypt(note, NOTE) if note else None
    return Entry(event, by.actor, by.id, by.unit, sealed, now, once)
