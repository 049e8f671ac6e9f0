"""What the platform's risk officers do: settle what was referred, look again at what was refused.

The cases are the workflow engine's; what the engine advised on them is read from the decision log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.context.call import Call
from core.database import transaction
from core.people.personal_read import read_as_staff
from core.security.authorization import Scope
from credit.api import find_decision
from credit.lending.applications.definition import products_of
from credit.lending.products import service as products
from kinds.application import desk, store
from kinds.application.engine import Choices
from kinds.application.models import Case, Task
from kinds.application.opening import open_form
from kinds.application.task_rights import Deed

SCOPE = Scope.RISK_REVIEW
Advice = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Review:
    """A case that a person looks at, its form, and the last advice for each bank."""

    case: Case
    form: dict[str, str]
    tasks: Sequence[Task]
    advice: Sequence[tuple[str, Advice]]


async def list_queue(call: Call, *, first: int, after: UUID | None) -> Sequence[tuple[Task, Case]]:
    """What waits for the viewer's unit, oldest first."""
    return await desk.list_queue(call, first=first, after=after, mine=False, scope=SCOPE)


async def open_review(call: Call, case_id: UUID) -> Review:
    """A case of the viewer's unit; the owner sees who looked. Raises NotFound."""
    case = await desk.get_case(call, case_id, SCOPE)
    await read_as_staff(
        call, case.citizen_id, service=desk.SERVICE, fields=("form",), basis_ref=case.no,
        scope=SCOPE,
    )  # fmt: skip
    form = open_form(call.app, case)
    current = await products.list_current()
    banks = [current[code][1].bank for code in products_of(form) if code in current]
    advice = []
    async with transaction() as tx:
        for bank in banks:
            found = await find_decision(tx, call.app.vault, bank, f"{case.id}:")
            if found is not None and found[1] is not None:
                advice.append((bank, found[1]["decision"]))
    return Review(case, form, await store.list_tasks(case_id), advice)


async def take(call: Call, task_id: UUID, key: str) -> tuple[Task, Case]:
    """Become the officer of a task. Raises as `desk.take_task`."""
    return await desk.take_task(call, task_id, key, SCOPE)


async def settle(call: Call, task_id: UUID, event: str, note: str, key: str) -> tuple[Task, Case]:
    """Pass on, turn down, overturn or uphold, with the reason. Raises as `desk.act`."""
    async with transaction() as tx:
        deed = Deed("settleLoanReview", key, SCOPE)
        task, case, _ = await desk.act_in(call, tx, deed, task_id, event, Choices(note))
    return task, case
