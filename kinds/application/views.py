"""What a case shows, to its citizen and to officers, and how rows become it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from core.clock import civil_date
from core.context.call import Call
from core.people.personal_read import Purpose
from core.texts import Named
from kinds.application import domain, engine, move_store, texts
from kinds.application.attachments import FILE
from kinds.application.definition import (
    AGREE,
    REFUSE,
    Actor,
    Definition,
    Field,
    FieldType,
    Material,
    Step,
    Turn,
)
from kinds.application.domain import Promise, TaskKind, TaskStatus
from kinds.application.form import is_wanted
from kinds.application.holdings import Known
from kinds.application.models import Case, CaseEvent, CaseFile, Task

_CITY = Named("系统", "The system")
_CITIZEN = Named("申请人", "The citizen")


@dataclass(frozen=True, slots=True)
class CaseChoice:
    """A value to choose."""

    value: Annotated[str, "What is sent."]
    title: Annotated[Named, "What it is called."]


@dataclass(frozen=True, slots=True)
class CaseField:
    """A field of a form, as a phone can draw it."""

    name: Annotated[str, "The name under which its answer is sent."]
    title: Annotated[Named, "What is asked."]
    type: Annotated[FieldType, "How it is filled in."]
    required: Annotated[bool, "Whether it must be filled in."]
    most: Annotated[int, "The most characters of a text, the largest number."]
    options: Annotated[Sequence[CaseChoice], "What can be chosen, of a CHOICE."]
    known: Annotated[str | None, "What the city holds already and fills in; it may be corrected."]
    known_from: Annotated[Named | None, "Where that comes from: the account, an e-licence."]
    known_as_of: Annotated[datetime | None, "When it was true there."]


@dataclass(frozen=True, slots=True)
class CaseFileView:
    """A file that was attached."""

    id: Annotated[UUID, "The file's id."]
    name: Annotated[str, "What its sender called it."]
    media_type: Annotated[str, "What it really is."]
    size_bytes: Annotated[int, "Its size (bytes)."]
    pages: Annotated[int, "Its pages."]
    attached_at: Annotated[datetime, "When it was attached."]
    path: Annotated[str, "Where it is read, with the same Authorization header."]
    licence_ref: Annotated[
        str | None, "The e-licence out of which it was taken; null: it was sent."
    ]
    licence_as_of: Annotated[datetime | None, "When the e-licence stood so."]


@dataclass(frozen=True, slots=True)
class CaseMaterial:
    """A paper that is handed in with a case."""

    code: Annotated[str, "Its name in the address to which its files are sent."]
    title: Annotated[Named, "What it is."]
    required: Annotated[bool, "Whether it has to be handed in."]
    files_most: Annotated[int, "How many files it may have."]
    from_licence: Annotated[
        bool, "Whether an e-licence stands for it, which takeHeldPapers attaches."
    ]
    is_asked: Annotated[bool, "Whether an officer has asked for it anew."]
    files: Annotated[Sequence[CaseFileView], "What was attached."]


@dataclass(frozen=True, slots=True)
class CaseForm:
    """The form with which a case is opened."""

    service_id: Annotated[str, "The catalogue service."]
    item: Annotated[str, "The item of the city's registry; empty where the service has none."]
    title: Annotated[Named, "What is applied for."]
    categories: Annotated[Sequence[CaseChoice], "The categories, one of which is to be named."]
    fields: Annotated[Sequence[CaseField], "The fields in their order."]
    materials: Annotated[Sequence[CaseMaterial], "The papers to attach once the case is opened."]
    promise_days: Annotated[int, "The working days promised, the longest of all categories."]
    held_purpose: Annotated[
        str | None,
        "The purpose to consent to, so that fields are filled in and papers taken out of the "
        "viewer's e-licences; null: none are.",
    ]


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """A field of a case as it was filled in."""

    name: Annotated[str, "The field's name."]
    title: Annotated[Named, "What was asked."]
    value: Annotated[str, "The answer."]


@dataclass(frozen=True, slots=True)
class CaseStep:
    """Something that can be done now."""

    event: Annotated[str, "What to send."]
    title: Annotated[Named, "What stands on the button."]
    needs_note: Annotated[bool, "Whether a reason has to be given."]
    needs_unit: Annotated[bool, "Whether the unit that works next has to be named."]
    takes_category: Annotated[bool, "Whether the category may be set."]
    takes_papers: Annotated[bool, "Whether papers may be named that are to be handed in anew."]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A matter of one citizen on its way through the city."""

    row: Case
    definition: Definition
    id: Annotated[UUID, "The case's id."]
    no: Annotated[str, "The case number, for people."]
    service_id: Annotated[str, "The catalogue service."]
    item: Annotated[str, "The item of the city's registry; empty where there is none."]
    title: Annotated[Named, "What it is about."]
    category: Annotated[Named | None, "Its category, where there are any."]
    state: Annotated[str, "Where it stands, a stable name within its service."]
    state_title: Annotated[Named, "Where it stands."]
    turn: Annotated[Turn, "Whose turn it is."]
    unit: Annotated[Named, "The unit that handles it."]
    promise: Annotated[Promise, "Whether the city keeps what it promised."]
    promised_on: Annotated[
        date | None, "The day until which the city promised; null while it waits for the citizen."
    ]
    due_on: Annotated[date | None, "The last day of the present turn."]
    days_left: Annotated[
        int | None, "Working days until then: 0 on the last day, negative when it is late."
    ]
    is_provisional: Annotated[
        bool,
        "A day was counted over a year whose calendar is not published yet, and may still change.",
    ]
    opened_at: Annotated[datetime, "When it was opened."]
    moved_at: Annotated[datetime, "When it last moved."]
    ended_at: Annotated[datetime | None, "When it ended."]
    next_steps: Annotated[Sequence[CaseStep], "What its citizen can do now."]
    answers: Annotated[Sequence[CaseAnswer], "The form as it was filled in."]


@dataclass(frozen=True, slots=True)
class CaseEventView:
    """A line of a case's timeline."""

    sequence: Annotated[int, "Its place in the timeline, a cursor for `after`."]
    event: Annotated[str, "What happened, a stable name."]
    title: Annotated[Named, "What happened."]
    actor: Annotated[Actor, "Who did it."]
    by: Annotated[Named, "Who did it: the unit, where it was an officer."]
    state: Annotated[Named, "Where the case stood then."]
    note: Annotated[str | None, "What was said with it."]
    happened_at: Annotated[datetime, "When."]


@dataclass(frozen=True, slots=True)
class CaseTaskView:
    """A piece of work of a unit on a case."""

    id: Annotated[UUID, "The task's id."]
    kind: Annotated[TaskKind, "What it is."]
    status: Annotated[TaskStatus, "How it stands."]
    unit: Annotated[Named, "The unit that has it."]
    assignee_id: Annotated[str | None, "The officer who has it."]
    is_mine: Annotated[bool, "Whether the viewer has it."]
    opened_at: Annotated[datetime, "When it was opened."]
    closed_at: Annotated[datetime | None, "When it was closed."]
    steps: Annotated[Sequence[CaseStep], "What an officer can do with it, while it is open."]
    case: Annotated[CaseView, "The case."]


@dataclass(frozen=True, slots=True)
class StaffCaseView:
    """A case as the officers see it whose unit works on it."""

    case: Annotated[CaseView, "The case with its form."]
    citizen_name: Annotated[
        str | None,
        "Whose it is, where the real name is verified; null too where the citizen asked to be "
        "unknown to the unit, and of an account that is closed.",
    ]
    citizen_phone: Annotated[
        str,
        "Where the citizen is reached; empty where the citizen asked to be unknown to the unit, "
        "and of an account that is closed.",
    ]
    materials: Annotated[Sequence[CaseMaterial], "Its papers with their files."]
    tasks: Annotated[Sequence[CaseTaskView], "All work on it, in the order of its opening."]
    timeline: Annotated[Sequence[CaseEventView], "What happened, in order."]


def to_case(call: Call, row: Case, definition: Definition, answers: Mapping[str, str]) -> CaseView:
    """A case as it stands today."""
    today = civil_date(call.app.clock.now())
    clocks, state = move_store.clocks_of(row), definition.by_name[row.state]
    fields = {field.name: field.title for field in definition.form}
    titles = {one.value: one.title for one in definition.categories}
    return CaseView(
        row=row,
        definition=definition,
        id=row.id,
        no=row.no,
        service_id=row.service_id,
        item=row.item,
        title=definition.title,
        category=titles.get(row.category),
        state=row.state,
        state_title=state.title,
        turn=state.turn,
        unit=unit_name(call, state.unit or row.unit),
        promise=domain.promise_of(clocks, state.turn),
        promised_on=row.promise_due_on,
        due_on=row.due_on,
        days_left=domain.days_left(clocks, call.app.city.calendar, today),
        is_provisional=row.is_provisional,
        opened_at=row.opened_at,
        moved_at=row.moved_at,
        ended_at=row.ended_at,
        next_steps=[to_step(s) for s in definition.steps_from(row.state, Actor.CITIZEN)],
        answers=[CaseAnswer(n, fields[n], text) for n, text in answers.items() if n in fields],
    )


def to_step(step: Step) -> CaseStep:
    """A step as somebody may take it."""
    return CaseStep(step.event, step.title, step.note, step.assigns, step.classifies, step.asks)


def to_form(
    definition: Definition, known: Mapping[str, Known], purpose: Purpose | None = None
) -> CaseForm:
    """A blank form."""
    return CaseForm(
        service_id=definition.service,
        item=definition.item,
        title=definition.title,
        categories=[CaseChoice(one.value, one.title) for one in definition.categories],
        fields=[_field(field, known.get(field.name)) for field in definition.form],
        materials=[_material(paper, paper.required) for paper in definition.materials],
        promise_days=max(definition.promise.values()),
        held_purpose=None if purpose is None else purpose.id,
    )


def _field(field: Field, known: Known | None) -> CaseField:
    return CaseField(
        name=field.name,
        title=field.title,
        type=field.type,
        required=field.required,
        most=field.most,
        options=[CaseChoice(option.value, option.title) for option in field.options],
        known=known.value if known else None,
        known_from=known.source if known else None,
        known_as_of=known.as_of if known else None,
    )


def to_materials(
    call: Call,
    case: Case,
    definition: Definition,
    answers: Mapping[str, str],
    files: Sequence[CaseFile],
) -> list[CaseMaterial]:
    """The papers of a case."""
    papers = case.papers_asked or ()
    return [
        replace(
            _material(paper, paper.code in papers or is_wanted(paper, answers)),
            is_asked=paper.code in papers,
            files=[_file(call, file) for file in files if file.material == paper.code],
        )
        for paper in definition.materials
    ]


def _material(paper: Material, required: bool) -> CaseMaterial:
    is_held = bool(paper.licence)
    return CaseMaterial(paper.code, paper.title, required, paper.files_most, is_held, False, [])


def _file(call: Call, file: CaseFile) -> CaseFileView:
    return CaseFileView(
        id=file.id,
        name=call.app.vault.decrypt(file.name_sealed, FILE),
        media_type=file.media_type,
        size_bytes=file.size_bytes,
        pages=file.pages,
        attached_at=file.attached_at,
        path=f"/cases/{file.case_id}/files/{file.id}",
        licence_ref=file.licence_ref,
        licence_as_of=file.licence_as_of,
    )


def to_event(call: Call, row: CaseEvent, definition: Definition) -> CaseEventView:
    """A line of the timeline."""
    sealed = row.note_sealed
    actor = Actor(row.actor)
    by = {Actor.CITIZEN: _CITIZEN, Actor.SYSTEM: _CITY}.get(actor) or unit_name(call, row.unit)
    return CaseEventView(
        sequence=row.sequence,
        event=row.event,
        title=texts.title_of(definition, row.event),
        actor=actor,
        by=by,
        state=definition.by_name[row.state].title,
        note=call.app.vault.decrypt(sealed, engine.NOTE) if sealed else None,
        happened_at=row.happened_at,
    )


def to_task(call: Call, task: Task, case: CaseView) -> CaseTaskView:
    """A piece of work as an officer sees it."""
    steps: list[CaseStep] = []
    if task.status == TaskStatus.OPEN and task.kind == TaskKind.WORK:
        state = case.definition.by_name[task.state]
        steps = [to_step(s) for s in case.definition.steps_from(task.state, Actor.OFFICER)]
        if state.branches:
            said = ((AGREE, False), (REFUSE, True))
            steps += [
                CaseStep(event, texts.ENGINE_EVENTS[event], note, False, False, False)
                for event, note in said
            ]
    return CaseTaskView(
        id=task.id,
        kind=TaskKind(task.kind),
        status=TaskStatus(task.status),
        unit=unit_name(call, task.unit),
        assignee_id=str(task.assignee_id) if task.assignee_id else None,
        is_mine=task.assignee_id == call.require_viewer().user_id,
        opened_at=task.opened_at,
        closed_at=task.closed_at,
        steps=steps,
        case=case,
    )


def unit_name(call: Call, unit: str) -> Named:
    """A unit's name; a department that the city has no more is shown by its key."""
    return call.app.city.departments.get(unit) or Named(unit, unit)
