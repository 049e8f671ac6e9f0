"""Tasks that officers of one process do at the same moment are done together.

A step is dear by its trips to the database and by its commit. So what arrives while others are
under way waits and goes with the next: cases are read without a lock, and one statement writes
all that are still as they were read and that nobody holds. Whatever cannot share goes alone, under
locks: what somebody else holds or has changed, what was done before, and all that is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from core.context.app import App
from core.context.call import Call
from core.database import connection, statement
from core.database.coalescing import Together
from core.database.idempotency import Wish
from core.errors import AppError
from core.people.staffing import Officer
from core.security.authorization import Scope
from kinds.application import engine, move_store, store, versions
from kinds.application.definition import AGREE, REFUSE, Actor
from kinds.application.engine import By, Choices, Move
from kinds.application.models import Case, Task
from kinds.application.move_store import Seen
from kinds.application.task_rights import command_of, refuse_foreign, refuse_not_mine

OPERATION = "actOnTask"
SCOPE = Scope.CASES_HANDLE
_MOST = 32
_AT_ONCE, _CROWD = 2, 8
"""While one go waits for the disk another may read; a small one would only cost its trips."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Errand:
    """A task that an officer wants to do. `outcome` is the task and its case as they stand then;
    None: nothing happened, and it has to go alone."""

    officer_id: UUID
    task_id: UUID
    event: str
    choices: Choices
    key: str
    outcome: tuple[Task, Case] | None = None


async def share(
    call: Call, task_id: UUID, event: str, choices: Choices, key: str
) -> tuple[Task, Case] | None:
    """Do a task with whatever else is done now; None where it has to go alone, and nothing
    happened. The same key acts once. Raises LoginRequired and Forbidden."""
    officer_id = call.require_scope(SCOPE).user_id
    errand = Errand(officer_id, task_id, event, choices, key)
    await _line(call.app).do(errand)
    return errand.outcome


def _line(app: App) -> Together[Errand]:
    return app.once(
        "applications.errands",
        lambda: Together(partial(go, app), most=_MOST, at_once=_AT_ONCE, crowd=_CROWD),
    )


async def go(app: App, errands: Sequence[Errand]) -> None:
    """Do errands in one statement; where it fails none is done, and each has to go alone."""
    try:
        await _go(app, errands)
    except Exception as error:
        log.info("errands go alone", number=len(errands), error=type(error).__name__)
        for errand in errands:
            errand.outcome = None


async def _go(app: App, errands: Sequence[Errand]) -> None:
    going = await read(app, errands)
    checked, before = await engine.check_all(
        app, connection(), [one.move for one in going.values()]
    )
    moves = [move for move in checked if isinstance(move, Move)]
    if not moves:
        return
    plan = await engine.make_plan(app, connection(), moves, before)
    onward = {move.case.id for move in plan.onward}
    able = [
        (row, going[row.case_id].seen)
        for move, row in zip(moves, plan.rows, strict=True)
        if row.case_id not in onward and move.by.id in plan.staff[SCOPE, move.by.unit]
    ]
    jobs = {move.case.id: engine.jobs_of(app, move) for move in moves}
    columns = [(id_, app.queue.columns_of(job)) for id_, its in jobs.items() for job in its]
    async with statement() as db:
        moved = await move_store.write_free(db, app.clock, OPERATION, able, plan.work, columns)
        await engine.tell_people(db, [move for move in moves if move.case.id in moved])
        await app.queue.wake(db, [job for id_ in moved for job in jobs[id_]])
    for id_ in moved:
        one = going[id_]
        one.errand.outcome = (one.task, one.move.case)


@dataclass(frozen=True, slots=True)
class Going:
    """An errand that can share, the move that it is, and what was read for it."""

    errand: Errand
    move: Move
    task: Task
    seen: Seen


async def read(app: App, errands: Sequence[Errand]) -> Mapping[UUID, Going]:
    """By case, those of some errands that can share, with the move that each is. Of two of one case
    the second has to go alone: what it finds is what the first did."""
    first = {errand.task_id: errand for errand in reversed(errands)}
    found = await store.list_seen(connection(), list(first))
    going: dict[UUID, Going] = {}
    for task_id, (case, task, case_seen, task_seen) in found.items():
        errand = first[task_id]
        command = command_of(task_id, errand.event, errand.choices)
        wish = Wish(str(errand.officer_id), errand.key, command, task_id)
        move = _move(app, errand, case, task)
        if move is not None and wish.is_well_formed:
            seen = Seen(case_seen, task_seen, wish)
            going.setdefault(case.id, Going(errand, move, task, seen))
    return going


def _move(app: App, errand: Errand, case: Case, task: Task) -> Move | None:
    """The move that an errand is; None where it has to go alone."""
    definition = versions.find_stored(app, case.definition_id)
    application = versions.find_application(app, case.service_id)
    if definition is None or (application is not None and application.moved is not None):
        return None
    officer = Officer(errand.officer_id, task.unit)
    try:
        refuse_foreign(app, case, officer, SCOPE)
        refuse_not_mine(task, officer)
        if definition.by_name[case.state].branches and errand.event in (AGREE, REFUSE):
            return None
        step = definition.find_step(case.state, errand.event)
    except AppError:
        return None
    if step.by is not Actor.OFFICER:
        return None
    by = By(Actor.OFFICER, officer.id, officer.unit)
    return Move(case, definition, step, by, errand.choices, task)
