"""Citizens and officers who work on cases, in few words."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, transaction
from core.ids import new_id
from core.security.authorization import Role
from kinds.application import desk, service, store, versions
from kinds.application.definition import Definition
from kinds.application.domain import TaskKind, TaskStatus
from kinds.application.engine import Choices
from kinds.application.models import Case, Task
from kinds.application.task_rights import Deed
from modules.identity import staff
from tests.kinds.application.wing import SERVICE, declare

ANSWERS = {"why": "because", "colour": "red"}
ROLES = [Role.DEPARTMENT_OFFICER, Role.GRID_WORKER, Role.RISK_OFFICER]
"""What the officers are: they handle the cases of every service."""

_PHONES = iter(range(13700000000, 13799999999))


def key() -> str:
    """A fresh idempotency key."""
    return f"key-{new_id().hex}"


class Town:
    """Opens cases and does what people do with them; officers are made at first need."""

    def __init__(self, app: App, make_call: Callable[..., Call]) -> None:
        self.app = app
        self._make_call = make_call
        self._officers: dict[str, list[Call]] = {}

    async def officer(self, unit: str, number: int = 0) -> Call:
        """A call of an officer of a unit; `number` tells several apart."""
        mine = self._officers.setdefault(unit, [])
        while len(mine) <= number:
            async with transaction() as tx:
                person_id = await staff.enrol(
                    self.app,
                    tx,
                    phone=str(next(_PHONES)),
                    roles=ROLES,
                    department=unit,
                    secret=bytes(20),
                )
            mine.append(self._make_call(user_id=person_id, level=1, roles=frozenset(ROLES)))
        return mine[number]

    async def staffed(self, *units: str) -> None:
        """Let each unit have an officer."""
        for unit in units:
            await self.officer(unit)

    async def open(
        self,
        citizen: Call,
        definition: Definition,
        *,
        category: str = "plain",
        answers: Mapping[str, str] = ANSWERS,
    ) -> Case:
        """A case of a definition of the probe's service."""
        item = definition.item or "permit"
        declare(definition, item)
        return await service.open_case(
            citizen, SERVICE, answers, key(), item=item, category=category
        )

    async def step(self, citizen: Call, case: Case, event: str, note: str = "well") -> Case:
        """A step of the citizen."""
        return await service.take_step(citizen, case.id, event, note, key())

    async def tasks(self, case: Case, kind: TaskKind = TaskKind.WORK) -> list[Task]:
        """The open tasks of a case, by unit."""
        found = await store.list_tasks(case.id)
        tasks = [one for one in found if one.status == TaskStatus.OPEN and one.kind == kind]
        return sorted(tasks, key=lambda task: task.unit)

    async def act(self, case: Case, event: str, *, by: Call | None = None, **choices: str) -> Case:
        """An officer acts on a case's first open task, one of its unit unless told `by` whom."""
        task = (await self.tasks(case))[0]
        call = by or await self.holder(task)
        said = Choices(choices.pop("note", "well"), **choices)
        deed = Deed("actOnTask", key(), versions.scope_of(self.app, case.service_id))
        async with transaction() as tx:
            _, after, _ = await desk.act_in(call, tx, deed, task.id, event, said)
        return after

    async def holder(self, task: Task) -> Call:
        """The officer who has a task."""
        officers = [one for some in self._officers.values() for one in some]
        for call in officers:
            if call.require_viewer().user_id == task.assignee_id:
                return call
        return await self.officer(task.unit)

    async def events(self, case: Case) -> list[str]:
        """What happened to a case, in order."""
        return [event.event for event in await store.list_events(case.id, after=0, first=500)]

    async def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        return await fetch_all(connection(), sql, *values)


async def find(case_id: UUID) -> Case:
    """A case as it stands."""
    case = await store.find_case(case_id)
    assert case is not None
    return case
