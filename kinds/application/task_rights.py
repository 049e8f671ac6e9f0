"""Which tasks an officer may do, and how a command on one begins: key, locks, refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction
from core.errors import Conflict, NotFound
from core.people.staffing import Officer, require_officer
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from kinds.application import store, texts, versions
from kinds.application.domain import TaskKind, TaskStatus
from kinds.application.engine import Choices
from kinds.application.models import Case, Task


@dataclass(frozen=True, slots=True)
class Deed:
    """What an officer does: the operation and its key, the scope with which the service's cases are
    handled, and what the operation is given besides its choices."""

    operation: str
    key: str
    scope: Scope = Scope.CASES_HANDLE
    more: Mapping[str, object] = field(default_factory=dict)


async def begin(
    call: Call, tx: Transaction, deed: Deed, task_id: UUID, choices: Choices, event: str = ""
) -> tuple[Officer, Task, Case, bool]:
    """The officer, the task and its locked case, and whether the key did this already.

    Raises NotFound for a task that the officer's unit neither has nor supervises, and for one of a
    service that is handled with another scope.
    """
    officer = await require_officer(call, deed.scope)
    locked = await store.lock_case_of(tx, task_id)
    if locked is None:
        raise NotFound(NOT_FOUND)
    # the case before the key, as where errands share: two sends at once wait and do not lock up
    command = {**command_of(task_id, event, choices), **deed.more}
    claim = await claim_key(call, tx, deed.operation, deed.key, command, effect_id=task_id)
    case, task = locked
    refuse_foreign(call.app, case, officer, deed.scope)
    if not claim.replayed and not await _works_on(tx, task, officer):
        raise NotFound(NOT_FOUND)
    return officer, task, case, claim.replayed


def command_of(task_id: UUID, event: str, choices: Choices) -> dict[str, Any]:
    """What an officer asks of a task, as it is bound to the key."""
    return {"task": task_id, "event": event, "choices": choices}


def refuse_foreign(app: App, case: Case, officer: Officer, scope: Scope) -> None:
    """Raise NotFound for a case that is handled with another scope, Conflict for one's own."""
    if versions.scope_of(app, case.service_id) is not scope:
        raise NotFound(NOT_FOUND)
    if case.citizen_id == officer.id:
        raise Conflict(texts.OWN_CASE)


async def _works_on(tx: Transaction, task: Task, officer: Officer) -> bool:
    if task.unit == officer.unit:
        return True
    return any(
        other.kind == TaskKind.SUPERVISE and other.unit == officer.unit
        for other in await store.list_open_tasks(tx, task.case_id)
    )


def refuse_closed(task: Task) -> None:
    """Raise Conflict for a task that is done."""
    if task.status != TaskStatus.OPEN:
        raise Conflict(texts.TASK_CLOSED)


def refuse_not_mine(task: Task, officer: Officer) -> None:
    """Raise Conflict for a closed task, a colleague's, and the task to supervise another."""
    refuse_closed(task)
    if task.kind == TaskKind.SUPERVISE:
        raise Conflict(texts.TASK_SUPERVISED)
    if task.unit == officer.unit and task.assignee_id not in (None, officer.id):
        raise Conflict(texts.TASK_TAKEN)
