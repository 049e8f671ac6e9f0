"""Applications in GraphQL, as officers use them: the queue, and what is done with its tasks."""

from typing import Annotated

import strawberry

from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    Refused,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    staff,
    view,
)
from core.security.authorization import Scope
from kinds.application import attachments, desk, versions
from kinds.application.engine import Choices
from kinds.application.graphql import CaseId
from kinds.application.models import Case, Task
from kinds.application.views import (
    CaseTaskView,
    StaffCaseView,
    to_case,
    to_event,
    to_materials,
    to_task,
)

view(CaseTaskView, name="CaseTask")
view(StaffCaseView, name="StaffCase")

_OFFICERS = staff(Scope.CASES_HANDLE)

TaskId = Annotated[strawberry.ID, strawberry.argument(description="The task's id.")]
Note = Annotated[str, strawberry.argument(description="The reason; the citizen reads it.")]
Unit = Annotated[str, strawberry.argument(description="A unit: a department's key.")]


@strawberry.type(description="The task as it stands now.")
class CaseTaskChanged:
    task: CaseTaskView = strawberry.field(description="The task with its case.")


TakeTaskResult = Annotated[CaseTaskChanged | Refused, strawberry.union("TakeTaskResult")]
HandOverTaskResult = Annotated[CaseTaskChanged | Refused, strawberry.union("HandOverTaskResult")]
ReturnTaskResult = Annotated[CaseTaskChanged | Refused, strawberry.union("ReturnTaskResult")]
ActOnTaskResult = Annotated[CaseTaskChanged | Refused, strawberry.union("ActOnTaskResult")]


@strawberry.type
class Query:
    """The query fields of officers."""

    @query(_OFFICERS, description="For staff: the open work of one's unit, oldest first.")
    async def staff_tasks(
        self,
        info: Info,
        first: First,
        after: After = None,
        mine: Annotated[bool, strawberry.argument(description="Only one's own.")] = False,
    ) -> Connection[CaseTaskView]:
        """An officer of another unit sees nothing of it."""
        first = page_size(first)
        rows = await desk.list_queue(
            info.context, first=first + 1, after=parse_id(after) if after else None, mine=mine
        )
        definitions = {case.definition_id for _, case in rows}
        await versions.get_all_stored(info.context.app, definitions)  # at once, not one by one
        shown = {task.id: await _task(info, task, case) for task, case in rows}
        return connection(
            rows, first, lambda row: str(row[0].id), lambda row: shown[row[0].id], after=after
        )

    @query(_OFFICERS, description="For staff: a case on which one's unit works or worked.")
    async def staff_case(self, info: Info, case_id: CaseId) -> StaffCaseView:
        """Each look leaves a row in the citizen's access log."""
        call = info.context
        opened = await desk.open_case(call, parse_id(case_id))
        answers, person = opened.answers, opened.person
        case = to_case(call, opened.case, opened.definition, answers)
        return StaffCaseView(
            case=case,
            citizen_name=person.name if person else None,
            citizen_phone=person.phone if person else "",
            materials=to_materials(
                call,
                opened.case,
                opened.definition,
                answers,
                await attachments.list_files(opened.case.id),
            ),
            tasks=[to_task(call, task, case) for task in opened.tasks],
            timeline=[to_event(call, event, opened.definition) for event in opened.timeline],
        )


@strawberry.type
class Mutation:
    """The mutation fields of officers."""

    @mutation(_OFFICERS, description="For staff: become the officer of a task of one's unit.")
    async def take_task(
        self, info: Info, task_id: TaskId, idempotency_key: IdempotencyKey
    ) -> TakeTaskResult:
        """A colleague's too, who is away."""
        task, case = await desk.take_task(info.context, parse_id(task_id), idempotency_key)
        return CaseTaskChanged(task=await _task(info, task, case))

    @mutation(_OFFICERS, description="For staff: give a task to another unit.")
    async def hand_over_task(
        self, info: Info, task_id: TaskId, unit: Unit, note: Note, idempotency_key: IdempotencyKey
    ) -> HandOverTaskResult:
        """Its limit goes on."""
        task, case = await desk.hand_over(
            info.context, parse_id(task_id), unit, note, idempotency_key
        )
        return CaseTaskChanged(task=await _task(info, task, case))

    @mutation(_OFFICERS, description="For staff: return a task to the unit it came from.")
    async def return_task(
        self, info: Info, task_id: TaskId, note: Note, idempotency_key: IdempotencyKey
    ) -> ReturnTaskResult:
        """Only what was handed over."""
        task, case = await desk.give_back(info.context, parse_id(task_id), note, idempotency_key)
        return CaseTaskChanged(task=await _task(info, task, case))

    @mutation(_OFFICERS, description="For staff: take one of a task's `steps`.")
    async def act_on_task(
        self,
        info: Info,
        task_id: TaskId,
        event: Annotated[str, strawberry.argument(description="The step, from the task's steps.")],
        idempotency_key: IdempotencyKey,
        note: Note = "",
        unit: Unit = "",
        category: Annotated[
            str, strawberry.argument(description="The category, where the step may set it.")
        ] = "",
        papers: Annotated[
            list[str] | None,
            strawberry.argument(description="Papers to be handed in anew, by their codes."),
        ] = None,
    ) -> ActOnTaskResult:
        """Accept, assign, ask, reply, decide."""
        task, case = await desk.act(
            info.context,
            parse_id(task_id),
            event,
            Choices(note, unit, category, tuple(papers or ())),
            idempotency_key,
        )
        return CaseTaskChanged(task=await _task(info, task, case))


async def _task(info: Info, task: Task, row: Case) -> CaseTaskView:
    """A task with its case, without the form: that is looked at with staffCase."""
    definition = await versions.get_stored(info.context.app, row.definition_id)
    return to_task(info.context, task, to_case(info.context, row, definition, {}))
