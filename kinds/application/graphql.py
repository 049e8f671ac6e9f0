"""Applications in GraphQL, as citizens use them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import (
    After,
    Connection,
    First,
    HomeSection,
    IdempotencyKey,
    Info,
    Refusal,
    Refused,
    by_data,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    subscription,
    view,
)
from core.upstream.readings import ReadStatus
from kinds.application import attachments, holdings, messages, service, texts, versions
from kinds.application.definition import Actor, FieldType, Turn
from kinds.application.domain import Promise, TaskKind, TaskStatus
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from kinds.application.views import (
    CaseEventView,
    CaseFileView,
    CaseForm,
    CaseMaterial,
    CaseView,
    to_case,
    to_event,
    to_form,
    to_materials,
)

view(Turn, name="CaseTurn")
view(Actor, name="CaseActor")
view(FieldType, name="CaseFieldType")
view(Promise, name="CasePromise")
view(TaskKind, name="CaseTaskKind")
view(TaskStatus, name="CaseTaskStatus")
view(CaseFileView, name="CaseFile")
view(CaseForm)
view(CaseView, name="Case", hidden=("row", "definition"))
view(CaseEventView, name="CaseEvent")


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class YourCasesSection(HomeSection):
    """The card of the viewer's open cases."""

    waiting_for_you: Annotated[int, "How many of those shown wait for the viewer."]
    cases: Annotated[Sequence[CaseView], "Five of them: first what waits for the viewer."]


_SHOWN_AT_HOME = 5
_BY_SERVICE = by_data("the service, and so the level it asks, is an argument or is the case's")

ServiceId = Annotated[strawberry.ID, strawberry.argument(description="The catalogue service.")]
ItemCode = Annotated[
    str,
    strawberry.argument(description="The item of the city's registry, where the service has any."),
]
CaseId = Annotated[strawberry.ID, strawberry.argument(description="The case's id.")]


@strawberry.input(description="The answer to a field of a form.")
class CaseAnswerInput:
    name: str = strawberry.field(description="The field's name.")
    value: str = strawberry.field(description="The answer, as the field's type writes it.")
    why: str = strawberry.field(
        default="", description="Why it is another than `known`, for the timeline; may be empty."
    )


Answers = Annotated[
    list[CaseAnswerInput], strawberry.argument(description="The form as it is filled in.")
]


@strawberry.type(description="The case as it stands now.")
class CaseChanged:
    case: CaseView = strawberry.field(description="The case.")


@strawberry.type(description="Something that is missing or wrong.")
class CaseProblem:
    name: str = strawberry.field(description="The field or the paper, by its name.")
    code: str = strawberry.field(description="What is wrong, a stable code.")
    message: str = strawberry.field(description="The sentence for the person.")


@strawberry.type(description="The form cannot be taken yet; everything that it lacks, at once.")
class CaseIncomplete(Refusal):
    """FORM_INCOMPLETE."""

    problems: list[CaseProblem] = strawberry.field(description="What is missing or wrong.")


@strawberry.type(description="What the e-licences stand for is attached.")
class HeldPapersTaken:
    materials: list[CaseMaterial] = strawberry.field(
        description="The papers of the case, with their files."
    )


OpenCaseResult = Annotated[
    CaseChanged | CaseIncomplete | Refused, strawberry.union("OpenCaseResult")
]
SaveCaseResult = Annotated[
    CaseChanged | CaseIncomplete | Refused, strawberry.union("SaveCaseResult")
]
TakeHeldPapersResult = Annotated[
    HeldPapersTaken | Refused, strawberry.union("TakeHeldPapersResult")
]
RemoveCaseFileResult = Annotated[CaseChanged | Refused, strawberry.union("RemoveCaseFileResult")]
TakeCaseStepResult = Annotated[
    CaseChanged | CaseIncomplete | Refused, strawberry.union("TakeCaseStepResult")
]


@strawberry.type
class Query:
    """The query fields of applications."""

    @query(_BY_SERVICE, description="The form with which a case is opened.")
    async def case_form(self, info: Info, service_id: ServiceId, item: ItemCode = "") -> CaseForm:
        """With what the city holds of the viewer filled in."""
        blank = await service.get_form(info.context, service_id, item)
        purpose = holdings.find_purpose(info.context.app, blank.definition)
        return to_form(blank.definition, blank.known, purpose)

    @query(signed_in(), description="The viewer's cases, newest first.")
    async def cases(
        self,
        info: Info,
        first: First,
        after: After = None,
        only_open: Annotated[
            bool, strawberry.argument(description="Leave out what has ended.")
        ] = False,
        service_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Those of one service only.")
        ] = None,
    ) -> Connection[CaseView]:
        """Of every service."""
        first = page_size(first)
        rows = await service.list_cases(
            info.context,
            first=first + 1,
            before=parse_id(after) if after else None,
            only_open=only_open,
            service=service_id,
        )
        shown = {case.id: case for case in await _show_all(info.context, rows)}
        return connection(
            rows, first, lambda row: str(row.id), lambda row: shown[row.id], after=after
        )

    @query(_BY_SERVICE, description="One of the viewer's cases.")
    async def case(self, info: Info, id: CaseId) -> CaseView:
        """Somebody else's is not found."""
        return await _case(info, await service.get_case(info.context, parse_id(id)))

    @query(signed_in(), description="One of the viewer's cases by its number; null for any other.")
    async def case_by_no(
        self,
        info: Info,
        no: Annotated[str, strawberry.argument(description="The case number.")],
    ) -> CaseView | None:
        """As it stands in a message or on a receipt."""
        row = await service.find_by_no(info.context, no)
        return None if row is None else await _case(info, row)

    @query(_BY_SERVICE, description="What happened to one of the viewer's cases, in order.")
    async def case_timeline(
        self,
        info: Info,
        case_id: CaseId,
        first: First,
        after: Annotated[
            int, strawberry.argument(description="Show what comes after this sequence number.")
        ] = 0,
    ) -> list[CaseEventView]:
        """Who, when, what."""
        call, id_ = info.context, parse_id(case_id)
        row = await service.get_case(call, id_)
        definition = await versions.get_stored(call.app, row.definition_id)
        events = await service.list_timeline(call, row, after=after, first=page_size(first))
        return [to_event(call, event, definition) for event in events]

    @query(_BY_SERVICE, description="The papers of one of the viewer's cases, with their files.")
    async def case_materials(self, info: Info, case_id: CaseId) -> list[CaseMaterial]:
        """What is to be attached, and what was."""
        return await _materials(
            info.context, await service.get_case(info.context, parse_id(case_id))
        )


@strawberry.type
class Mutation:
    """The mutation fields of applications."""

    @mutation(_BY_SERVICE, description="Open a case: apply, ask, complain.")
    async def open_case(
        self,
        info: Info,
        service_id: ServiceId,
        answers: Answers,
        idempotency_key: IdempotencyKey,
        item: ItemCode = "",
        category: Annotated[
            str, strawberry.argument(description="One of the form's categories, if it has any.")
        ] = "",
    ) -> OpenCaseResult:
        """The case has its number and its promised day at once."""
        try:
            row = await service.open_case(
                info.context,
                service_id,
                _answers(answers),
                idempotency_key,
                item=item,
                category=category,
                reasons=_reasons(answers),
            )
        except FormIncomplete as error:
            return to_incomplete(info, error)
        return CaseChanged(case=await _case(info, row))

    @mutation(_BY_SERVICE, description="Fill in the form of a case that waits for the viewer.")
    async def save_case(
        self, info: Info, case_id: CaseId, answers: Answers, idempotency_key: IdempotencyKey
    ) -> SaveCaseResult:
        """Kept as a draft; it need not be complete."""
        try:
            row = await service.save_answers(
                info.context,
                parse_id(case_id),
                _answers(answers),
                idempotency_key,
                reasons=_reasons(answers),
            )
        except FormIncomplete as error:
            return to_incomplete(info, error)
        return CaseChanged(case=await _case(info, row))

    @mutation(_BY_SERVICE, description="Take one of a case's `nextSteps`.")
    async def take_case_step(
        self,
        info: Info,
        case_id: CaseId,
        event: Annotated[str, strawberry.argument(description="The step, from nextSteps.")],
        idempotency_key: IdempotencyKey,
        note: Annotated[
            str, strawberry.argument(description="The reason, or what there is to say.")
        ] = "",
    ) -> TakeCaseStepResult:
        """Submit, withdraw, say whether one is satisfied."""
        try:
            row = await service.take_step(
                info.context, parse_id(case_id), event, note, idempotency_key
            )
        except FormIncomplete as error:
            return to_incomplete(info, error)
        return CaseChanged(case=await _case(info, row))

    @mutation(
        _BY_SERVICE,
        description="Attach those of the viewer's e-licences that stand for a paper which one of "
        "their cases still lacks; needs the consent of the form's heldPurpose.",
    )
    async def take_held_papers(
        self, info: Info, case_id: CaseId, idempotency_key: IdempotencyKey
    ) -> TakeHeldPapersResult:
        """What is still missing then has to be sent."""
        row = await service.get_case(info.context, parse_id(case_id))
        await holdings.take_papers(info.context, row, idempotency_key)
        return HeldPapersTaken(materials=await _materials(info.context, row))

    @mutation(_BY_SERVICE, description="Take a file away from a case that waits for the viewer.")
    async def remove_case_file(
        self,
        info: Info,
        case_id: CaseId,
        file_id: Annotated[strawberry.ID, strawberry.argument(description="The file's id.")],
        idempotency_key: IdempotencyKey,
    ) -> RemoveCaseFileResult:
        """For good."""
        row = await service.get_case(info.context, parse_id(case_id))
        await attachments.remove(info.context, row, parse_id(file_id), idempotency_key)
        return CaseChanged(case=await _case(info, row))


@strawberry.type
class Subscription:
    """The subscription field of applications."""

    @subscription(signed_in(), description="The viewer's cases, each time the city moves one.")
    async def case_changed(self, info: Info) -> AsyncIterator[CaseView]:
        """As `cases` shows it, whichever process moved it."""
        call = info.context
        async for case_id in call.app.bus.stream(messages.topic(call.require_viewer().user_id)):
            row = await service.find_own_case(call, UUID(case_id))
            if row is not None:
                yield await _case(info, row)


@home_card("your-cases", texts.YOUR_CASES, identity_level=1)
async def your_cases_card(call: Call) -> YourCasesSection:
    """The home screen's card."""
    rows = await service.list_open(call, _SHOWN_AT_HOME)
    return YourCasesSection(
        id="your-cases",
        title=texts.YOUR_CASES.say(call.locale),
        status=ReadStatus.LIVE,
        as_of=call.app.clock.now(),
        reason=None,
        waiting_for_you=sum(row.turn == Turn.CITIZEN for row in rows),
        cases=await _show_all(call, rows),
    )


async def _case(info: Info, row: Case) -> CaseView:
    (shown,) = await _show_all(info.context, [row])
    return shown


async def _materials(call: Call, row: Case) -> list[CaseMaterial]:
    definition = await versions.get_stored(call.app, row.definition_id)
    files = await attachments.list_files(row.id)
    return to_materials(call, row, definition, service.answers_of(call, row), files)


async def _show_all(call: Call, rows: Sequence[Case]) -> list[CaseView]:
    stored = await versions.get_all_stored(call.app, {row.definition_id for row in rows})
    return [
        to_case(call, row, stored[row.definition_id], service.answers_of(call, row)) for row in rows
    ]


def _answers(given: list[CaseAnswerInput]) -> dict[str, str]:
    return {answer.name: answer.value for answer in given}


def _reasons(given: list[CaseAnswerInput]) -> dict[str, str]:
    return {answer.name: answer.why for answer in given if answer.why.strip()}


def to_incomplete(info: Info, error: FormIncomplete) -> CaseIncomplete:
    """The union member that tells everything a form lacks."""
    locale = info.context.locale
    problems = [
        CaseProblem(name=problem.name, code=problem.text.code, message=problem.say(locale))
        for problem in error.problems
    ]
    return CaseIncomplete(code=error.code, message=error.say(locale), problems=problems)
