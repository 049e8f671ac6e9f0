"""Services 33 and 34 in GraphQL, as grid workers and units use them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.graphql import (
    After,
    At,
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
from kinds.application.domain import TaskKind
from kinds.application.staff_graphql import Note, TaskId, Unit
from kinds.application.views import CaseAnswer, CaseEventView, to_case, to_event
from modules.community.reports import handling, photo_store
from modules.community.reports.graphql import PhotoIds, ReportChanged, ReportId
from modules.community.reports.handling import SCOPE, Work
from modules.community.reports.models import Report
from modules.community.reports.views import ReportView, show_all, to_report

_WORKERS = staff(SCOPE)


@view
@dataclass(frozen=True, slots=True)
class ReportTask:
    """A report that a unit has to do."""

    id: Annotated[UUID, "The task's id."]
    kind: Annotated[TaskKind, "What it is."]
    is_mine: Annotated[bool, "Whether the viewer has it."]
    is_taken: Annotated[bool, "Whether anybody has it."]
    due_on: Annotated[date | None, "The last day of the present turn."]
    report: Annotated[ReportView, "The report with its photographs."]


@view
@dataclass(frozen=True, slots=True)
class StaffReport:
    """A report as its handlers see it."""

    report: Annotated[ReportView, "The report with all its photographs."]
    tasks: Annotated[Sequence[ReportTask], "The open work on it."]
    answers: Annotated[Sequence[CaseAnswer], "The form as it was filled in."]
    timeline: Annotated[Sequence[CaseEventView], "What happened, in order."]


@view
@dataclass(frozen=True, slots=True)
class ReportTaskChanged:
    """The work as it stands now."""

    task: Annotated[ReportTask, "The open task of the report."]


@view
@dataclass(frozen=True, slots=True)
class GridBeat:
    """The part of the city that a worker walks."""

    id: Annotated[UUID, "The worker's id."]
    prefixes: Annotated[Sequence[str], "The beginnings of the codes of the grids they walk."]


@view
@dataclass(frozen=True, slots=True)
class GridsCovered:
    """The beat as it is now."""

    beat: Annotated[GridBeat, "The worker's beat."]


AcceptReportResult = Annotated[ReportTaskChanged | Refused, strawberry.union("AcceptReportResult")]
TakeReportResult = Annotated[ReportTaskChanged | Refused, strawberry.union("TakeReportResult")]
FinishReportResult = Annotated[ReportChanged | Refused, strawberry.union("FinishReportResult")]
DeclineReportResult = Annotated[ReportChanged | Refused, strawberry.union("DeclineReportResult")]
MergeReportResult = Annotated[ReportChanged | Refused, strawberry.union("MergeReportResult")]
ReassignReportResult = Annotated[ReportChanged | Refused, strawberry.union("ReassignReportResult")]
ReleaseReportPhotosResult = Annotated[
    ReportChanged | Refused, strawberry.union("ReleaseReportPhotosResult")
]
CoverGridsResult = Annotated[GridsCovered | Refused, strawberry.union("CoverGridsResult")]

Mine = Annotated[bool, strawberry.argument(description="Only one's own.")]


@strawberry.type
class Query:
    """The query fields of workers."""

    @query(_WORKERS, description="For staff: the open reports of one's unit, oldest first.")
    async def staff_reports(
        self, info: Info, first: First, after: After = None, mine: Mine = False
    ) -> Connection[ReportTask]:
        """A worker of another unit sees nothing of it."""
        call, first = info.context, page_size(first)
        work, has_more = await handling.list_inbox(
            call, first=first, after=parse_id(after) if after else None, mine=mine
        )
        shown = await _tasks(call, work)
        rows = [*shown, shown[-1]] if has_more and shown else shown
        return connection(rows, first, lambda one: str(one.id), lambda one: one, after=after)

    @query(_WORKERS, description="For staff: the same, nearest to a place first.")
    async def staff_reports_near(
        self, info: Info, at: At, first: First, mine: Mine = False
    ) -> list[ReportTask]:
        """In the order of a walk's next step."""
        call, first = info.context, page_size(first)
        here = at.within(call.app.city, "at")
        return await _tasks(call, await handling.list_map(call, here, mine=mine, most=first))

    @query(_WORKERS, description="For staff: a report on which one's unit works or worked.")
    async def staff_report(self, info: Info, id: ReportId) -> StaffReport:
        """Who filed it is not shown; a contact is, where they left one."""
        call = info.context
        opened = await handling.open_report(call, parse_id(id))
        case = to_case(call, opened.case, opened.definition, opened.answers)
        work = [Work(t, opened.case, opened.report) for t in opened.tasks if t.closed_at is None]
        return StaffReport(
            report=(await _with_photos(call, [opened.report]))[0],
            tasks=await _tasks(call, work),
            answers=case.answers,
            timeline=[to_event(call, event, opened.definition) for event in opened.timeline],
        )


@strawberry.type
class Mutation:
    """The mutation fields of workers."""

    @mutation(_WORKERS, description="For staff: take a report on.")
    async def accept_report(
        self, info: Info, task_id: TaskId, idempotency_key: IdempotencyKey
    ) -> AcceptReportResult:
        """Its citizen and its followers are told."""
        work = await handling.accept(info.context, parse_id(task_id), idempotency_key)
        return ReportTaskChanged((await _tasks(info.context, [work]))[0])

    @mutation(_WORKERS, description="For staff: become the worker of a report of one's unit.")
    async def take_report(
        self, info: Info, task_id: TaskId, idempotency_key: IdempotencyKey
    ) -> TakeReportResult:
        """A colleague's too, who is away."""
        work = await handling.take(info.context, parse_id(task_id), idempotency_key)
        return ReportTaskChanged((await _tasks(info.context, [work]))[0])

    @mutation(_WORKERS, description="For staff: say that it is done, with a photograph of it.")
    async def finish_report(
        self,
        info: Info,
        task_id: TaskId,
        idempotency_key: IdempotencyKey,
        photo_ids: PhotoIds = None,
        note: Note = "",
        is_public: Annotated[
            bool,
            strawberry.argument(
                description="Whether everybody may see the photographs: there is no face and no "
                "number plate on them."
            ),
        ] = False,
    ) -> FinishReportResult:
        """Without a photograph it takes a reason; everybody reads it."""
        ids = [parse_id(id_) for id_ in photo_ids or ()]
        row = await handling.finish(
            info.context, parse_id(task_id), ids, note, idempotency_key, is_public=is_public
        )
        return await _changed(info.context, row)

    @mutation(_WORKERS, description="For staff: close a report without work, for a reason.")
    async def decline_report(
        self, info: Info, task_id: TaskId, note: Note, idempotency_key: IdempotencyKey
    ) -> DeclineReportResult:
        """Everybody reads the reason."""
        row = await handling.decline(info.context, parse_id(task_id), note, idempotency_key)
        return await _changed(info.context, row)

    @mutation(_WORKERS, description="For staff: end a report that is the same as another.")
    async def merge_report(
        self,
        info: Info,
        task_id: TaskId,
        into: Annotated[strawberry.ID, strawberry.argument(description="The other, open one.")],
        idempotency_key: IdempotencyKey,
    ) -> MergeReportResult:
        """Whoever filed or follows it is told of the other."""
        row = await handling.merge(info.context, parse_id(task_id), parse_id(into), idempotency_key)
        return await _changed(info.context, row)

    @mutation(_WORKERS, description="For staff: give a report to another unit.")
    async def reassign_report(
        self, info: Info, task_id: TaskId, unit: Unit, note: Note, idempotency_key: IdempotencyKey
    ) -> ReassignReportResult:
        """Its limits go on."""
        row = await handling.reassign(info.context, parse_id(task_id), unit, note, idempotency_key)
        return await _changed(info.context, row)

    @mutation(_WORKERS, description="For staff: let everybody see photographs of a report.")
    async def release_report_photos(
        self,
        info: Info,
        id: ReportId,
        photo_ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description="Those on which no face and no number plate is."),
        ],
        idempotency_key: IdempotencyKey,
    ) -> ReleaseReportPhotosResult:
        """Until then they are for its citizen and the staff."""
        ids = [parse_id(id_) for id_ in photo_ids]
        row = await handling.release(info.context, parse_id(id), ids, idempotency_key)
        return await _changed(info.context, row)

    @mutation(_WORKERS, description="For staff: say which grids one walks.")
    async def cover_grids(
        self,
        info: Info,
        prefixes: Annotated[
            list[str],
            strawberry.argument(
                description="The beginnings of grid codes: district 6 digits, street 9, "
                "community 12, grid 15."
            ),
        ],
        idempotency_key: IdempotencyKey,
    ) -> CoverGridsResult:
        """New reports there come to them first; an empty list ends it."""
        covered = await handling.cover(info.context, prefixes, idempotency_key)
        return GridsCovered(GridBeat(info.context.require_viewer().user_id, covered))


async def _changed(call: Call, row: Report) -> ReportChanged:
    return ReportChanged((await show_all(call, [row]))[0])


async def _with_photos(call: Call, rows: Sequence[Report]) -> list[ReportView]:
    """Reports with all their photographs, as their handlers see them."""
    photos = await photo_store.list_photos([row.id for row in rows]) if rows else ()
    return [to_report(call, row, [p for p in photos if p.report_id == row.id]) for row in rows]


async def _tasks(call: Call, work: Sequence[Work]) -> list[ReportTask]:
    me = call.require_viewer().user_id
    reports = await _with_photos(call, [one.report for one in work])
    return [
        ReportTask(
            id=one.task.id,
            kind=TaskKind(one.task.kind),
            is_mine=one.task.assignee_id == me,
            is_taken=one.task.assignee_id is not None,
            due_on=one.case.due_on,
            report=report,
        )
        for one, report in zip(work, reports, strict=True)
    ]
