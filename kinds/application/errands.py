"""Tasks that officers of one process do at the same moment are done together.

A step is dear by its trips to the database and by its commit. So what arrives while others are
under way waits and goes with the next: trips, locks and commit are shared, and who is refused
changes nothing for the others. What cannot share is left, and goes alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from core.context.app import App
from core.context.call import Call
from core.database import Transaction, idempotency, transaction
from core.database.coalescing import Together
from core.database.idempotency import Claim, Wish
from core.errors import AppError, Forbidden
from core.people.staffing import Officer, find_officers, officer_in
from core.security.authorization import Scope
from kinds.application import engine, store, texts, versions
from kinds.application.definition import AGREE, REFUSE, Actor
from kinds.application.engine import By, Choices, Move
from kinds.application.models import Case, Task
from kinds.application.task_rights import command_of, refuse_foreign, refuse_not_mine

OPERATION = "actOnTask"
SCOPE = Scope.CASES_HANDLE
_MOST = 32
_AT_ONCE, _CROWD = 2, 4
"""While one go waits for the disk another may read; a small one would only cost its trips."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Errand:
    """A task that an officer wants to do. `outcome` is the task and its case as they stand then, or
    the refusal; None: it has to go alone."""

    officer_id: UUID
    task_id: UUID
    event: str
    choices: Choices
    key: str
    outcome: tuple[Task, Case] | AppError | None = None


async def share(
    call: Call, task_id: UUID, event: str, choices: Choices, key: str
) -> tuple[Task, Case] | None:
    """Do a task with whatever else is done now; None where it has to go alone, and nothing
    happened. The same key acts once. Raises what refuses it."""
    officer_id = call.require_scope(SCOPE).user_id
    errand = Errand(officer_id, task_id, event, choices, key)
    await _line(call.app).do(errand)
    if isinstance(errand.outcome, AppError):
        raise errand.outcome
    return errand.outcome


def _line(app: App) -> Together[Errand]:
    return app.once(
        "applications.errands",
        lambda: Together(partial(go, app), most=_MOST, at_once=_AT_ONCE, crowd=_CROWD),
    )


async def go(app: App, errands: Sequence[Errand]) -> None:
    """Do errands in one transaction; where it fails none is done, and each has to go alone."""
    try:
        await _go(app, errands)
    except Exception as error:
        log.info("errands go alone", number=len(errands), error=type(error).__name__)
        for errand in errands:
            errand.outcome = None


async def _go(app: App, errands: Sequence[Errand]) -> None:
    # two of one task cannot share: what the second finds is what the first did
    first = list({errand.task_id: errand for errand in reversed(errands)}.values())
    officers = await find_officers(app, {errand.officer_id for errand in first})
    async with transaction() as tx:
        wishes = [_wish(errand) for errand in first]
        claims = await idempotency.claim_many(app.clock, tx, OPERATION, wishes)
        locked = await store.lock_free_cases_of(tx, [errand.task_id for errand in first])
        moves: dict[UUID, tuple[Errand, Move]] = {}
        for errand, claim in zip(first, claims, strict=True):
            try:
                move = _move(app, errand, claim, officers, locked)
            except AppError as refusal:
                errand.outcome = refusal
            else:
                if move is not None:  # of a case that has one already the other is left
                    moves.setdefault(move.case.id, (errand, move))
        await _take(app, tx, list(moves.values()))
        undone = [
            (wish.subject, wish.key)
            for errand, wish, claim in zip(first, wishes, claims, strict=True)
            if isinstance(claim, Claim) and not claim.replayed
            if not isinstance(errand.outcome, tuple)
        ]
        if undone:  # they may be tried again with their keys
            await idempotency.release_many(tx, OPERATION, undone)


def _wish(errand: Errand) -> Wish:
    command = command_of(errand.task_id, errand.event, errand.choices)
    return Wish(str(errand.officer_id), errand.key, command, errand.task_id)


def _move(
    app: App,
    errand: Errand,
    claim: Claim | AppError,
    officers: Mapping[UUID, Officer],
    locked: Mapping[UUID, tuple[Case, Task]],
) -> Move | None:
    """The move that an errand is; None where it is none any more, or has to go alone. Raises what
    refuses it."""
    officer = officer_in(officers, errand.officer_id)
    if isinstance(claim, AppError):
        raise claim
    if errand.task_id not in locked:
        return None
    case, task = locked[errand.task_id]
    refuse_foreign(app, case, officer, SCOPE)
    if claim.replayed:
        errand.outcome = (task, case)
        return None
    definition = versions.find_stored(app, case.definition_id)
    if definition is None or task.unit != officer.unit:
        return None
    refuse_not_mine(task, officer)
    if definition.by_name[case.state].branches and errand.event in (AGREE, REFUSE):
        return None
    step = definition.find_step(case.state, errand.event)
    if step.by is not Actor.OFFICER:
        raise Forbidden(texts.NOT_YOUR_STEP)
    by = By(Actor.OFFICER, officer.id, officer.unit)
    return Move(case, definition, step, by, errand.choices, task)


async def _take(app: App, tx: Transaction, moves: Sequence[tuple[Errand, Move]]) -> None:
    refusals = await engine.take_all(app, tx, [move for _, move in moves])
    for (errand, move), refusal in zip(moves, refusals, strict=True):
        assert move.task is not None
        errand.outcome = refusal or (move.task, move.case)
