"""The engine: a case takes a step, its clocks follow, work is opened for whose turn it is.

Everything here runs in the caller's transaction, under the lock of the case's row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.errors import Conflict, InvalidInput
from core.people.staffing import list_officers
from kinds.application import domain, messages, store, texts, versions
from kinds.application.definition import Actor, Definition, State, Step, Turn
from kinds.application.domain import TaskKind
from kinds.application.events import CaseAwaits, CaseEnded
from kinds.application.models import Case, Task
from kinds.application.store import Entry

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
    choices = await _refuse_wrong(app, tx, case, definition, step, by, choices)
    target = definition.by_name[step.target]
    values = _moved(app, case, definition, step, choices)
    entry = _entry(app, step.event, by, choices.note, once=step.once)
    await store.write_move(tx, case.id, values, entry, done_by=task)
    case.update_from_dict({**values, "sequence": case.sequence + 1})
    said = choices.note if step.by is Actor.OFFICER else ""
    await tell_service(app, tx, case, step.event, said)
    if step.by is not Actor.CITIZEN:
        await messages.tell_later(app, tx, case, step.event)
    if target.turn is Turn.NOBODY:
        ended = CaseEnded(case.id, case.service_id, case.item, case.citizen_id, case.state)
        await app.events.publish(tx, ended)
    if target.outside:
        awaits = CaseAwaits(case.id, case.service_id, case.state, case.sequence)
        await app.events.publish(tx, awaits)
    return await open_work(app, tx, case, definition)


async def take_outside(app: App, tx: Transaction, case: Case, event: str, note: str = "") -> Case:
    """Take a step of the system that a service names, in a locked case; the case as it stands then.

    Raises IllegalTransition.
    """
    definition = await versions.get_stored(app, case.definition_id)
    step = definition.find_step(case.state, event)
    return await take(app, tx, case, definition, step, SYSTEM, Choices(note))


def _moved(
    app: App, case: Case, definition: Definition, step: Step, choices: Choices
) -> Mapping[str, object]:
    """The columns of a case that a step changes."""
    state, target = definition.by_name[case.state], definition.by_name[step.target]
    now = app.clock.now()
    today = civil_date(now)
    category = choices.category or case.category
    clocks = domain.enter(
        replace(store.clocks_of(case), promise_days=definition.promise[category]),
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
        **{name: getattr(clocks, name) for name in store.CLOCKS},
    }


async def open_work(app: App, tx: Transaction, case: Case, definition: Definition) -> Case:
    """Open the work that a case's state asks for, each piece for the least busy of its unit.

    Where all branches have agreed already, the step that follows from it is taken.
    """
    state = definition.by_name[case.state]
    if state.turn is not Turn.UNIT:
        return case
    if not state.branches:
        unit = state.unit or case.unit
        but = {case.citizen_id, *await _other_eyes(tx, case, definition, state)}
        officer = await pick_officer(app, tx, case, unit, but=but)
        work = [("", unit, officer)]
    else:
        waiting = {task.branch for task in await store.list_open_tasks(tx, case.id)}
        agreed = await store.list_agreed(tx, case)
        group = domain.next_group(state.branches, agreed)
        if not group:
            step = definition.find_step(case.state, state.agreed)
            return await take(app, tx, case, definition, step, SYSTEM)
        work = [
            (branch, unit, await pick_officer(app, tx, case, unit, but=[case.citizen_id]))
            for branch, unit in group.items()
            if branch not in waiting
        ]
    await store.open_tasks(tx, case, TaskKind.WORK, work, app.clock.now())
    return case


async def note(app: App, tx: Transaction, case: Case, event: str, by: By, note: str = "") -> None:
    """Write a line into the timeline of a case that stays where it is."""
    await store.write_entry(tx, case.id, _entry(app, event, by, note))
    case.sequence += 1


async def tell_service(app: App, tx: Transaction, case: Case, event: str, note: str = "") -> None:
    """Let the service of a case keep its own rows in step with it."""
    application = versions.find_application(app, case.service_id)
    if application is not None and application.moved is not None:
        await application.moved(app, tx, case, event, note)


async def pick_officer(
    app: App, tx: Transaction, case: Case, unit: str, *, but: Collection[UUID] = ()
) -> UUID | None:
    """The officer of a unit with the fewest open tasks, of those who suit a case where any do;
    None where the unit has nobody else."""
    officers = await list_officers(app, unit, versions.scope_of(app, case.service_id))
    ids = [officer.id for officer in officers if officer.id not in but]
    if not ids:
        return None
    application = versions.find_application(app, case.service_id)
    if application is not None and application.suited is not None and len(ids) > 1:
        suited = await application.suited(app, tx, case)
        ids = [id_ for id_ in ids if id_ in suited] or ids
    loads = await store.count_loads(tx, ids) if len(ids) > 1 else {}
    return min(ids, key=lambda id_: (loads.get(id_, 0), id_))


async def _refuse_wrong(
    app: App,
    tx: Transaction,
    case: Case,
    definition: Definition,
    step: Step,
    by: By,
    choices: Choices,
) -> Choices:
    """The choices that this step takes. Raises as `take` does."""
    text = choices.note.strip()
    if step.note and not text:
        raise InvalidInput(texts.NOTE_REQUIRED, "note")
    if len(text) > NOTE_CHARS_MAX:
        raise InvalidInput(texts.NOTE_LONG, "note", most=NOTE_CHARS_MAX)
    unit = choices.unit if step.assigns else ""
    if step.assigns and not unit:
        raise InvalidInput(texts.UNIT_NEEDED, "unit")
    if unit and unit not in app.city.departments:
        raise InvalidInput(texts.UNIT_UNKNOWN, "unit")
    category = choices.category if step.classifies else ""
    if category and category not in definition.promise:
        raise InvalidInput(texts.CATEGORY_UNKNOWN, "category")
    papers = list(dict.fromkeys(choices.papers)) if step.asks else []
    if not set(papers) <= {material.code for material in definition.materials}:
        raise InvalidInput(texts.MATERIAL_UNKNOWN, "papers")
    if step.once and await store.has_happened(tx, case.id, step.event):
        raise Conflict(texts.ONCE_ONLY)
    if step.unlike and by.id in await store.list_actors(tx, case.id, [step.unlike]):
        raise Conflict(texts.FOUR_EYES)
    return Choices(text, unit, category, papers)


async def _other_eyes(
    tx: Transaction, case: Case, definition: Definition, state: State
) -> set[UUID]:
    """Who may not take the steps of a state, because they took one before."""
    steps: Sequence[Step] = definition.steps_from(state.name, Actor.OFFICER)
    unlike = {step.unlike for step in steps if step.unlike}
    return await store.list_actors(tx, case.id, unlike) if unlike else set()


def _entry(app: App, event: str, by: By, note: str, *, once: bool = False) -> Entry:
    sealed = app.vault.encrypt(note, NOTE) if note else None
    return Entry(event, by.actor, by.id, by.unit, sealed, app.clock.now(), once)
