"""Services 33 and 34 in GraphQL, as citizens and everybody use them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.errors import InvalidInput
from core.graphql import (
    RADIUS_M,
    After,
    At,
    Connection,
    First,
    GeoAreaInput,
    GeoPointInput,
    IdempotencyKey,
    Info,
    RadiusM,
    Refusal,
    Refused,
    anybody,
    connection,
    mutation,
    of_service,
    page_size,
    parse_id,
    public,
    query,
    radius_within,
    view,
)
from core.refusal_texts import INVALID_INPUT
from core.standards.coordinates import NEAREST_MAX, GeoPoint, distance_m
from core.texts import Named
from kinds.application import service as engine_service
from kinds.application.form import FormIncomplete
from kinds.application.graphql import CaseAnswerInput, CaseIncomplete, to_incomplete
from kinds.application.views import unit_name
from modules.community.reports import service, store
from modules.community.reports.categories import categories_of
from modules.community.reports.definition import CONTACT, PROGRESS, SERVICE
from modules.community.reports.domain import Likeness, ReportState, Similar
from modules.community.reports.models import Report
from modules.community.reports.service import Draft, SimilarReports
from modules.community.reports.store import Filter
from modules.community.reports.views import (
    ReportCategory,
    ReportEventView,
    ReportPhotoView,
    ReportView,
    list_public_events,
    show_all,
    to_category,
)

_DAYS_MOST = 366

view(ReportState)
view(Likeness, name="ReportLikeness")
view(ReportCategory)
view(ReportPhotoView, name="ReportPhoto")
view(ReportView, name="Report")
view(ReportEventView, name="ReportEvent")


@view
@dataclass(frozen=True, slots=True)
class SimilarReport:
    """An open report that may be about the same thing."""

    report: Annotated[ReportView, "The report; it can be followed instead of filing another."]
    likeness: Annotated[Likeness, "Why it may be the same."]


@view
@dataclass(frozen=True, slots=True)
class UnitStatistics:
    """How a unit does with what was reported in some days."""

    unit: Annotated[Named, "The unit."]
    filed: Annotated[int, "Reports filed in these days."]
    done: Annotated[int, "Those of them with which it is done."]
    in_time: Annotated[int, "Those with which it was done by the promised day."]
    late: Annotated[int, "Those that are open and past the promised day."]
    in_time_share: Annotated[
        float | None, "in_time of done and late together, 0 to 1; null where there are none."
    ]


@view
@dataclass(frozen=True, slots=True)
class ReportChanged:
    """The report as it stands now."""

    report: Annotated[ReportView, "The report."]


@strawberry.type(description="Similar reports are open nearby, and were not named as seen.")
class SimilarOffered(Refusal):
    """REPORT_SIMILAR."""

    similar: list[SimilarReport] = strawberry.field(
        description="To follow one of them, `followReport`; to file all the same, name them seen."
    )


FileReportResult = Annotated[
    ReportChanged | SimilarOffered | CaseIncomplete | Refused, strawberry.union("FileReportResult")
]
FollowReportResult = Annotated[ReportChanged | Refused, strawberry.union("FollowReportResult")]
UnfollowReportResult = Annotated[ReportChanged | Refused, strawberry.union("UnfollowReportResult")]
UpdateReportResult = Annotated[ReportChanged | Refused, strawberry.union("UpdateReportResult")]
HideReportResult = Annotated[ReportChanged | Refused, strawberry.union("HideReportResult")]

Code = Annotated[str, strawberry.argument(description="The category's code.")]
Codes = Annotated[
    list[str] | None, strawberry.argument(description="Only these categories; all when null.")
]
OnlyOpen = Annotated[bool, strawberry.argument(description="Leave out what is done.")]
PhotoIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Photographs that were uploaded to /reports/photos."),
]
ReportId = Annotated[strawberry.ID, strawberry.argument(description="The report's id.")]


@strawberry.input(description="A report as it is filed.")
class ReportInput:
    category: str = strawberry.field(description="One of `reportCategories`, by its code.")
    at: GeoPointInput = strawberry.field(description="The place.")
    photo_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Photographs uploaded to /reports/photos, at most six."
    )
    answers: list[CaseAnswerInput] = strawberry.field(
        default_factory=list, description="The category's fields as they are filled in."
    )
    is_anonymous: bool = strawberry.field(
        default=True, description="Whether the handler gets no `contact` of whoever files it."
    )
    is_public: bool = strawberry.field(
        default=False, description="Whether everybody may read the description and the address."
    )
    seen: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="Similar reports that were shown and are about something else.",
    )


@strawberry.type
class Query:
    """The query fields of services 33 and 34."""

    @query(anybody(), description="What can be reported today, with what is asked.")
    async def report_categories(self, info: Info) -> list[ReportCategory]:
        """In the city's order."""
        call = info.context
        today = civil_date(call.app.clock.now())
        return [to_category(call, one) for one in categories_of(call.app).list_offered(today)]

    @query(
        of_service(SERVICE),
        description="Open reports near a place that may be about the same thing.",
    )
    async def similar_reports(
        self, info: Info, category: Code, at: At, photo_ids: PhotoIds = None
    ) -> list[SimilarReport]:
        """To be offered before one is filed."""
        call = info.context
        here = at.within(call.app.city, "at")
        similar = await service.list_similar(call, category, here, _ids(photo_ids))
        return await _similar(call, similar)

    @query(anybody(), description="A report.")
    async def report(self, info: Info, id: ReportId) -> ReportView:
        """As everybody sees it; whoever filed it sees their photographs too."""
        return await _one(info.context, await service.get_report(parse_id(id)))

    @query(anybody(), description="What happened to a report, in order.")
    async def report_events(self, info: Info, id: ReportId) -> list[ReportEventView]:
        """The reason of a closure is among it."""
        return await list_public_events(info.context, await service.get_report(parse_id(id)))

    @query(anybody(), description="Reports around a place, nearest first, at most fifty.")
    async def reports_near(
        self,
        info: Info,
        at: At,
        radius_m: RadiusM = RADIUS_M,
        categories: Codes = None,
        only_open: OnlyOpen = False,
    ) -> list[ReportView]:
        """Withdrawn and merged ones are not among them."""
        call = info.context
        here, wanted = at.within(call.app.city, "at"), Filter(categories or (), only_open)
        rows = await store.list_around(here, radius_within(radius_m), wanted, NEAREST_MAX)
        metres = {row.id: distance_m(here, GeoPoint(row.lat, row.lon)) for row in rows}
        rows = sorted((r for r in rows if metres[r.id] <= radius_m), key=lambda r: metres[r.id])
        return await show_all(call, rows, metres)

    @query(anybody(), description="Reports in a rectangle, newest first.")
    async def reports_in(
        self,
        info: Info,
        area: Annotated[GeoAreaInput, strawberry.argument(description="The rectangle.")],
        first: First,
        after: After = None,
        categories: Codes = None,
        only_open: OnlyOpen = False,
    ) -> Connection[ReportView]:
        """By pages."""
        call, first = info.context, page_size(first)
        rows = await store.list_in_area(
            area.within(call.app.city, "area"),
            Filter(categories or (), only_open),
            first=first + 1,
            before=parse_id(after) if after else None,
        )
        return await _page(call, rows, first, after)

    @query(
        anybody(),
        description="How the units do with what was reported in the last days.",
        metadata=public(300),
    )
    async def report_statistics(
        self,
        info: Info,
        days: Annotated[int, strawberry.argument(description="How many days back, 1 to 366.")] = 90,
    ) -> list[UnitStatistics]:
        """By unit."""
        if not 1 <= days <= _DAYS_MOST:
            detail = f"days must be between 1 and {_DAYS_MOST}"
            raise InvalidInput(INVALID_INPUT, "days", detail=detail)
        call = info.context
        today = civil_date(call.app.clock.now())
        counts = await store.count_by_unit(today - timedelta(days=days - 1), today)
        return [_statistics(call, count) for count in counts]

    @query(of_service(PROGRESS), description="The viewer's own reports, newest first.")
    async def my_reports(
        self, info: Info, first: First, after: After = None
    ) -> Connection[ReportView]:
        """What can be done with one is in its case: `nextSteps`, `takeCaseStep`."""
        call, first = info.context, page_size(first)
        cases = await engine_service.list_cases(
            call,
            first=first + 1,
            before=parse_id(after) if after else None,
            only_open=False,
            service=SERVICE,
        )
        reports = await store.list_by_case([case.id for case in cases])
        rows = [reports[case.id] for case in cases if case.id in reports]
        return await _page(call, rows, first, after, lambda row: str(row.case_id))

    @query(of_service(PROGRESS), description="The reports that the viewer follows.")
    async def followed_reports(
        self, info: Info, first: First, after: After = None
    ) -> Connection[ReportView]:
        """The latest followed first."""
        call, first = info.context, page_size(first)
        follows = await store.list_follows(
            call.require_viewer().user_id,
            first=first + 1,
            before=parse_id(after) if after else None,
        )
        reports = await store.list_reports([row.report_id for row in follows])
        rows = [reports[row.report_id] for row in follows]
        shown = {report.id: report for report in await show_all(call, rows)}
        return connection(
            follows, first, lambda row: str(row.id), lambda row: shown[row.report_id], after=after
        )


@strawberry.type
class Mutation:
    """The mutation fields of services 33 and 34."""

    @mutation(of_service(SERVICE), description="File a report; its number is in the answer.")
    async def file_report(
        self,
        info: Info,
        report: Annotated[ReportInput, strawberry.argument(description="The report.")],
        idempotency_key: IdempotencyKey,
    ) -> FileReportResult:
        """Photographs first, then the place, then the category's questions."""
        call = info.context
        answers = {answer.name: answer.value for answer in report.answers}
        if report.is_anonymous:
            answers.pop(CONTACT, None)
        draft = Draft(
            category=report.category,
            at=report.at.within(call.app.city, "at"),
            answers=answers,
            photo_ids=_ids(report.photo_ids),
            is_public=report.is_public,
            seen=_ids(report.seen),
        )
        try:
            filed = await service.file_report(call, draft, idempotency_key)
        except FormIncomplete as error:
            return to_incomplete(info, error)
        except SimilarReports as error:
            similar = await _similar(call, error.similar)
            return SimilarOffered(code=error.code, message=error.say(call.locale), similar=similar)
        return ReportChanged(await _one(call, filed))

    @mutation(of_service(PROGRESS), description="Be told of each step of a report.")
    async def follow_report(
        self, info: Info, id: ReportId, idempotency_key: IdempotencyKey
    ) -> FollowReportResult:
        """Of a merged one, of that as which it goes on."""
        row = await service.follow(info.context, parse_id(id), idempotency_key)
        return ReportChanged(await _one(info.context, row))

    @mutation(of_service(PROGRESS), description="Be told of a report no more.")
    async def unfollow_report(
        self, info: Info, id: ReportId, idempotency_key: IdempotencyKey
    ) -> UnfollowReportResult:
        """One that is not followed stays so."""
        row = await service.unfollow(info.context, parse_id(id), idempotency_key)
        return ReportChanged(await _one(info.context, row))

    @mutation(of_service(SERVICE), description="Add something to a report of one's own.")
    async def update_report(
        self,
        info: Info,
        id: ReportId,
        text: Annotated[str, strawberry.argument(description="What there is to say.")],
        idempotency_key: IdempotencyKey,
        photo_ids: PhotoIds = None,
    ) -> UpdateReportResult:
        """Whoever handles it is told at once."""
        row = await service.add_update(
            info.context, parse_id(id), text, _ids(photo_ids), idempotency_key
        )
        return ReportChanged(await _one(info.context, row))

    @mutation(
        of_service(SERVICE),
        description="Take the words and photographs of one's own report away from the public.",
    )
    async def hide_report(
        self, info: Info, id: ReportId, idempotency_key: IdempotencyKey
    ) -> HideReportResult:
        """The staff go on seeing them."""
        row = await service.hide(info.context, parse_id(id), idempotency_key)
        return ReportChanged(await _one(info.context, row))


async def _one(call: Call, row: Report) -> ReportView:
    (shown,) = await show_all(call, [row])
    return shown


async def _page(
    call: Call,
    rows: Sequence[Report],
    first: int,
    after: str | None,
    cursor: Callable[[Report], str] = lambda row: str(row.id),
) -> Connection[ReportView]:
    shown = {report.id: report for report in await show_all(call, rows[:first])}
    return connection(rows, first, cursor, lambda row: shown[row.id], after=after)


async def _similar(call: Call, similar: Sequence[Similar]) -> list[SimilarReport]:
    rows = await store.list_reports([one.id for one in similar])
    metres = {one.id: one.distance_m for one in similar}
    shown = await show_all(call, [rows[one.id] for one in similar], metres)
    pairs = zip(shown, similar, strict=True)
    return [SimilarReport(report, one.likeness) for report, one in pairs]


def _statistics(call: Call, count: store.UnitCount) -> UnitStatistics:
    judged = count.done + count.late
    return UnitStatistics(
        unit=unit_name(call, count.unit),
        filed=count.filed,
        done=count.done,
        in_time=count.in_time,
        late=count.late,
        in_time_share=count.in_time / judged if judged else None,
    )


def _ids(ids: Sequence[strawberry.ID] | None) -> list[UUID]:
    return [parse_id(id_) for id_ in ids or ()]
