"""Service 23 in GraphQL: reports by pages, and the course of one value."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import After, First, Info, of_service, query, reading_view, view
from core.graphql.types import Edge
from core.people.personal_files import file_link
from core.upstream.readings import Reading
from kinds.lookup import ReadingConnection, page_of
from modules.health.records.domain import Measure, ReportStatus, Result
from modules.health.records.lookup import REPORT_FILES, REPORT_SERVICE, REPORTS, Records
from modules.health.records.merge import Merged, merge_reports
from modules.health.records.view import (
    RecordSource,
    Restricted,
    sees_restricted,
    source_of,
    sources_of,
    unrestricted_report,
)
from modules.health.reports.domain import LinkedFile, MedicalReport, Trend, is_critical, trends_of

view(ReportStatus, name="MedicalReportStatus")
view(Result, name="MedicalResult", hidden=("labels",))
view(Measure, name="MedicalMeasure")
view(MedicalReport)
view(Trend, name="MedicalTrend")
MedicalReportReading = reading_view(
    "MedicalReportReading",
    "A report, and how fresh that is.",
    report=Annotated[MedicalReport, "The report; null where it is not there."],
)
MedicalTrends = reading_view(
    "MedicalTrends",
    "The course of one value over all hospitals, and how fresh that is.",
    items=Annotated[Sequence[Trend], "One course for each unit."],
)


@strawberry.type(description="A page of reports from every connected hospital, newest first.")
class MedicalReports(ReadingConnection[MedicalReport]):
    sources: list[RecordSource] = strawberry.field(description="What each hospital has answered.")
    hidden_count: int = strawberry.field(
        description="How many of the viewer's own are left out by their security label."
    )


@strawberry.type
class Query:
    """The query fields of reports."""

    @query(
        of_service(REPORT_SERVICE, for_others=True),
        description="Reports of every connected hospital. Needs the consent `health.records`.",
    )
    async def medical_reports(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        include_restricted: Restricted = False,
    ) -> MedicalReports:
        """Asks all hospitals at once; `sources` says which of them is missing."""
        call = info.context
        reading = await REPORTS.read(call)
        restricted = sees_restricted(call, include_restricted)
        every = reading.map(_merged)
        shown = every.map(lambda all_: _shown(all_, restricted=restricted))
        page = page_of(shown, first, after, lambda one: one.report.id)
        hidden = len(every.items) - len(shown.items) if call.mandate is None else 0
        return MedicalReports(
            edges=[
                Edge(cursor=edge.cursor, node=_report(call, edge.node, reading.value))
                for edge in page.edges
            ],
            page_info=page.page_info,
            total_count=page.total_count,
            **reading.freshness,
            sources=sources_of(call, reading),
            hidden_count=hidden,
        )

    @query(
        of_service(REPORT_SERVICE, for_others=True),
        description="One report with its results; null value where there is none of this id.",
        returns=MedicalReportReading,
    )
    async def medical_report(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The report's id.")],
        include_restricted: Restricted = False,
    ) -> Reading[MedicalReport]:
        """One that somebody else may not see is not there for them."""
        call = info.context
        restricted = sees_restricted(call, include_restricted)
        reading = await REPORTS.read(call)
        shown = reading.map(lambda records: _shown(_merged(records), restricted=restricted))
        wanted = next((one for one in shown.items if one.report.id == id), None)
        report = None if wanted is None else _report(call, wanted, reading.value)
        return Reading(reading.status, report, reading.as_of, reading.reason)

    @query(
        of_service(REPORT_SERVICE, for_others=True),
        description="The course of one value over all hospitals; needs `health.records` too.",
        returns=MedicalTrends,
    )
    async def medical_trends(
        self,
        info: Info,
        code: Annotated[str, strawberry.argument(description="The value's code, as in a report.")],
        include_restricted: Restricted = False,
    ) -> Reading[Sequence[Trend]]:
        """Values of one unit make one course; none is converted."""
        call = info.context
        restricted = sees_restricted(call, include_restricted)
        reading = await REPORTS.read(call)

        def courses(records: Records) -> Sequence[Trend]:
            shown = _shown(_merged(records), restricted=restricted)
            pairs = [(one.report, source_of(call, one.report.hospital_ref)) for one in shown]
            return trends_of(pairs, code)

        return reading.map(courses)


def _merged(records: Records) -> Sequence[Merged]:
    return merge_reports(report for sent in records.received for report in sent.reports)


def _shown(every: Sequence[Merged], *, restricted: bool) -> Sequence[Merged]:
    return [
        replace(one, report=unrestricted_report(one.report, restricted=restricted))
        for one in every
        if restricted or not one.report.labels
    ]


def _report(call: Call, merged: Merged, records: Records | None) -> MedicalReport:
    report = merged.report
    access_id = records.access_id if records else None
    return MedicalReport(
        id=report.id,
        hospital=source_of(call, report.hospital_ref),
        also_at=[source_of(call, ref) for ref in merged.also_at],
        name=report.name,
        category=report.category,
        status=ReportStatus(report.status.upper()),
        replaces=merged.replaces,
        at=report.at,
        conclusion=report.conclusion,
        results=report.results,
        missing_results=report.missing_results,
        has_critical=is_critical(report),
        is_restricted=bool(report.labels),
        similar=merged.similar,
        files=[
            LinkedFile(
                file.title, file.media_type, file_link(call.app, REPORT_FILES, access_id, file.ref)
            )
            for file in report.files
            if access_id is not None
        ],
    )
