"""What officers do: see their unit's queue, take work, hand it over, decide.

An officer sees the cases on which their unit works or worked. Others' are not found.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.people.case_register import CaseRegister
from core.people.directory import Person
from core.people.personal_read import look_as_staff
from core.people.staffing import Officer, require_officer
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from kinds.application import engine, errands, store, texts, versions
from kinds.application.assignment import pick_officers
from kinds.application.confidence import may_know, without_person
from kinds.application.definition import AGREE, REFUSE, Actor, Definition
from kinds.application.engine import NOTHING, By, Choices
from kinds.application.models import Case, CaseEvent, Task
from kinds.application.opening import open_form
from kinds.application.store import Work
from kinds.application.task_rights import Deed, begin, refuse_closed, refuse_not_mine

SERVICE = "staff-case"
PERSON_FIELDS = ("name", "phone", "form")
FORM_FIELDS = ("form",)


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """A case as an officer sees it, with what happened; whose it is, where it is still somebody's
    and the officer's unit may know."""

    case: Case
    definition: Definition
    person: Person | None
    answers: Mapping[str, str]
    tasks: Sequence[Task]
    timeline: Sequence[CaseEvent]


async def list_queue(
    call: Call,
    *,
    first: int,
    after: UUID | None,
    mine: bool,
    scope: Scope = Scope.CASES_HANDLE,
) -> Sequence[tuple[Task, Case]]:
    """The open work of the officer's unit, or their own, oldest first: of the services whose cases
    are handled with a scope."""
    officer = await require_officer(call, scope)
    return await store.list_queue(
        officer.unit,
        versions.services_of(call.app, scope),
        assignee_id=officer.id if mine else None,
        first=first,
        after=after,
    )


async def open_case(call: Call, case_id: UUID) -> OpenedCase:
    """A case on which the officer's unit works or worked. The citizen sees who looked.

    Raises NotFound for every other.
    """
    case, person, knows = await look_at(call, case_id)
    definition = await versions.get_stored(call.app, case.definition_id)
    answers = open_form(call.app, case)
    tasks = await store.list_tasks(case_id)
    timeline = await store.list_events(case_id, after=0, first=500)
    if not knows:
        answers = without_person(definition, answers)
        for event in timeline:
            if event.event == texts.CORRECT:  # says why the person's data are others
                event.note_sealed = None
    return OpenedCase(case, definition, person, answers, tasks, timeline)


async def look_at(call: Call, case_id: UUID) -> tuple[Case, Person | None, bool]:
    """A case that the officer may see, whose it is, and whether the officer's unit may know that.

    Nobody's where the unit may not know, and of who has died or left. The look stands in the
    access log.
    """
    officer, case = await _find_case(call, case_id, Scope.CASES_HANDLE)
    knows = await may_know(call.app, case, officer.unit)
    person = await look_as_staff(
        call,
        case.citizen_id,
        service=SERVICE,
        fields=PERSON_FIELDS if knows else FORM_FIELDS,
        basis_ref=case.no,
    )
    return case, person if knows else None, knows


async def concerns(app: App, case_no: str, person_id: UUID, unit: str) -> bool:
    """Whether a case of this number is somebody's, and a unit that may know it works or worked on
    it."""
    case = await store.find_by_no(case_no)
    if case is None or case.citizen_id != person_id:
        return False
    return await store.has_worked(case.id, unit) and await may_know(app, case, unit)


CASES = CaseRegister(concerns)


async def get_case(call: Call, case_id: UUID, scope: Scope) -> Case:
    """A case of a scope on which the officer's unit works or worked. Raises NotFound."""
    _, case = await _find_case(call, case_id, scope)
    return case


async def _find_case(call: Call, case_id: UUID, scope: Scope) -> tuple[Officer, Case]:
    officer = await require_officer(call, scope)
    case = await store.find_case(case_id)
    if case is None or versions.scope_of(call.app, case.service_id) is not scope:
        raise NotFound(NOT_FOUND)
    if not await store.has_worked(case_id, officer.unit):
        raise NotFound(NOT_FOUND)
    return officer, case


async def take_task(
    call: Call, task_id: UUID, key: str, scope: Scope = Scope.CASES_HANDLE
) -> tuple[Task, Case]:
    """Become the officer of a task of one's unit, a colleague's too. Raises NotFound, Conflict."""
    deed = Deed("takeTask", key, scope)
    async with transaction() as tx:
        officer, task, case, replayed = await begin(call, tx, deed, task_id, NOTHING)
        if not replayed:
            refuse_closed(task)
            await store.change_task(tx, task, assignee_id=officer.id)
    return task, case


async def hand_over(
    call: Call,
    task_id: UUID,
    unit: str,
    note: str,
    key: str,
    scope: Scope = Scope.CASES_HANDLE,
) -> tuple[Task, Case]:
    """Give a task to another unit, with the reason; its least busy officer has it then.

    Raises NotFound, Conflict TASK_CLOSED, TASK_TAKEN and TASK_SUPERVISED, InvalidInput.
    """
    choices = Choices(note.strip(), unit)
    deed = Deed("handOver", key, scope)
    async with transaction() as tx:
        officer, task, case, replayed = await begin(call, tx, deed, task_id, choices)
        if not replayed:
            if unit not in call.app.city.departments or unit == task.unit:
                raise InvalidInput(texts.UNIT_UNKNOWN, "unit")
            await _give(call.app, tx, task, case, officer, "hand_over", choices)
    return task, case


async def give_back(call: Call, task_id: UUID, note: str, key: str) -> tuple[Task, Case]:
    """Return a task to the unit that handed it over, with the reason.

    Raises NotFound, Conflict NOWHERE_TO_RETURN besides what `hand_over` raises.
    """
    deed = Deed("returnTask", key)
    async with transaction() as tx:
        choices = Choices(note.strip())
        officer, task, case, replayed = await begin(call, tx, deed, task_id, choices)
        if not replayed:
            if not task.from_unit:
                raise Conflict(texts.NOWHERE_TO_RETURN)
            choices = Choices(choices.note, task.from_unit)
            await _give(call.app, tx, task, case, officer, "return", choices)
    return task, case


async def act(
    call: Call, task_id: UUID, event: str, choices: Choices, key: str
) -> tuple[Task, Case]:
    """Do a task: take a step of the case, or say `agree` or `refuse` of one's branch.

    The same key acts once. Raises NotFound, IllegalTransition, InvalidInput and Conflict.
    """
    shared = await errands.share(call, task_id, event, choices, key)
    if shared is not None:
        return shared
    async with transaction() as tx:
        deed = Deed(errands.OPERATION, key, errands.SCOPE)
        task, case, _ = await act_in(call, tx, deed, task_id, event, choices)
    return task, case


async def act_in(
    call: Call, tx: Transaction, deed: Deed, task_id: UUID, event: str, choices: Choices
) -> tuple[Task, Case, bool]:
    """Do a task in the caller's transaction; whether the key did it before. Raises as `act`."""
    officer, task, case, replayed = await begin(call, tx, deed, task_id, choices, event)
    if replayed:
        return task, case, True
    refuse_not_mine(task, officer)
    by = By(Actor.OFFICER, officer.id, officer.unit)
    definition = await versions.get_stored(call.app, case.definition_id)
    if definition.by_name[case.state].branches and event in (AGREE, REFUSE):
        await engine.say(call.app, tx, case, definition, task, event, by, choices)
    else:
        step = definition.find_step(case.state, event)
        if step.by is not Actor.OFFICER:
            raise Forbidden(texts.NOT_YOUR_STEP)
        await engine.take(call.app, tx, case, definition, step, by, choices, task=task)
    return task, case, False


async def _give(
    app: App,
    tx: Transaction,
    task: Task,
    case: Case,
    officer: Officer,
    event: str,
    choices: Choices,
) -> None:
    if not choices.note:
        raise InvalidInput(texts.NOTE_REQUIRED, "note")
    refuse_not_mine(task, officer)
    is_back = event == "return"
    definition = await versions.get_stored(app, case.definition_id)
    but = {case.citizen_id} if task.branch else await engine.list_barred(tx, case, definition)
    work = [Work(case, task.branch, choices.unit, but)]
    (assignee_id,) = await pick_officers(app, tx, work)
    from_unit = "" if is_back else task.unit
    await store.change_task(
        tx, task, unit=choices.unit, from_unit=from_unit, assignee_id=assignee_id
    )
    if not task.branch and not definition.by_name[case.state].unit:
        await store.update_case(tx, case.id, unit=choices.unit)
        case.unit = choices.unit
    await engine.note(
        app, tx, case, event, By(Actor.OFFICER, officer.id, officer.unit), choices.note
    )
    await engine.tell_service(app, tx, case, event)  # why is for colleagues and the citizen
