"""Service 24 in GraphQL: the record by pages, and its export."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import After, First, Info, of_service, query, reading_view, view
from core.graphql.types import Edge
from core.people.file_link import FileLink
from core.people.personal_files import file_link
from core.upstream.readings import Reading
from kinds.lookup import ReadingConnection, page_of
from modules.health.record.export import EXPORT, choose, ref_of
from modules.health.records.domain import ClinicalDate, Entry, EntryKind, Source
from modules.health.records.lookup import RECORD, RECORD_SERVICE
from modules.health.records.view import (
    RecordSource,
    Restricted,
    sees_restricted,
    source_of,
    sources_of,
)

view(EntryKind, name="HealthRecordEntryKind")


@view
@dataclass(frozen=True, slots=True)
class HealthRecordEntry:
    """Something that a hospital recorded."""

    code: Annotated[str, "What names it; of a report the id of `medicalReport`."]
    kind: Annotated[EntryKind, "What it is."]
    title: Annotated[str, "What it says."]
    detail: Annotated[str | None, "More of it: dosage, conclusion, value."]
    status: Annotated[str, "FHIR's status of it."]
    at: Annotated[ClinicalDate, "When."]
    hospital: Annotated[Source, "Who recorded it."]
    also_at: Annotated[Sequence[Source], "Other hospitals that have it."]
    is_restricted: Annotated[bool, "Whether a security label hides it from others."]


HealthRecordExport = reading_view(
    "HealthRecordExport",
    "The record as a file, and how fresh that is.",
    file=Annotated[FileLink, "Where the FHIR document can be fetched for some minutes."],
)


@strawberry.type(description="A page of the health record, newest first.")
class HealthRecord(ReadingConnection[HealthRecordEntry]):
    sources: list[RecordSource] = strawberry.field(description="What each hospital has answered.")
    hidden_count: int = strawberry.field(
        description="How many of the viewer's own are left out by their security label."
    )


@strawberry.type
class Query:
    """The query fields of the record."""

    @query(
        of_service(RECORD_SERVICE, for_others=True),
        description="All that the connected hospitals have. Needs the consent `health.records`; "
        "who looked at it stands in `viewer.accessLog`.",
    )
    async def health_record(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        kinds: Annotated[
            list[EntryKind] | None, strawberry.argument(description="Only these; all if null.")
        ] = None,
        include_restricted: Restricted = False,
    ) -> HealthRecord:
        """Asks all hospitals at once; `sources` says which of them is missing."""
        call = info.context
        restricted = sees_restricted(call, include_restricted)
        reading = await RECORD.read(call)
        every = reading.map(lambda records: choose(records.received, kinds, restricted=True))
        shown = reading.map(lambda records: choose(records.received, kinds, restricted=restricted))
        page = page_of(shown, first, after, lambda pair: pair[0].id)
        return HealthRecord(
            edges=[Edge(cursor=edge.cursor, node=_entry(call, *edge.node)) for edge in page.edges],
            page_info=page.page_info,
            total_count=page.total_count,
            **reading.freshness,
            sources=sources_of(call, reading),
            hidden_count=len(every.items) - len(shown.items) if call.mandate is None else 0,
        )

    @query(
        of_service(RECORD_SERVICE, for_others=True),
        description="The record as a FHIR R4 document (International Patient Summary).",
        returns=HealthRecordExport,
    )
    async def health_record_export(
        self, info: Info, include_restricted: Restricted = False
    ) -> Reading[FileLink]:
        """The file is made when the link is fetched."""
        call = info.context
        ref = ref_of(restricted=sees_restricted(call, include_restricted))
        reading = await RECORD.read(call)
        return reading.map(lambda records: file_link(call.app, EXPORT, records.access_id, ref))


def _entry(call: Call, entry: Entry, also_at: Sequence[str]) -> HealthRecordEntry:
    return HealthRecordEntry(
        code=entry.id,
        kind=entry.kind,
        title=entry.title,
        detail=entry.detail,
        status=entry.status,
        at=entry.at,
        hospital=source_of(call, entry.hospital_ref),
        also_at=[source_of(call, ref) for ref in also_at],
        is_restricted=bool(entry.labels),
    )
