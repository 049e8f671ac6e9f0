"""What the hospitals are asked about a person's reports and record, on which consent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.deadline import Deadline
from core.errors import NotFound
from core.people.personal_files import PersonalFile, file_routes
from core.people.personal_read import Access, Purpose
from core.refusal_texts import NOT_FOUND
from core.standards.fhir_bundle import Page
from kinds.lookup import PersonalLookup
from modules.health.hospitals.everywhere import AtHospital, ask_everywhere
from modules.health.hospitals.identifiers import identifier_of
from modules.health.records import inline, texts, upstream
from modules.health.records.domain import Received
from modules.health.records.reading import patient_refs, read_received
from modules.health.records.upstream import RECORDS, parse_page, read_pages, to_file

REPORT_SERVICE, RECORD_SERVICE = "medical-report", "health-record"
REPORT_FILES = "medical-report"
PURPOSE = Purpose(
    id="health.records",
    upstream=RECORDS.name,
    fields=("reports", "results", "images", "record"),
    text=texts.CONSENT,
    text_version="2026-12",
)


@dataclass(frozen=True, slots=True)
class Records:
    """What all hospitals sent, and the access under which they were asked."""

    hospitals: Sequence[AtHospital[Received]]
    access_id: UUID

    @property
    def received(self) -> Sequence[Received]:
        """What came, live or as it was last."""
        return [at.reading.value for at in self.hospitals if at.reading.value is not None]


async def ask_reports(app: App, deadline: Deadline, access: Access) -> Records:
    """The reports of every hospital. Raises UpstreamError where none answers."""

    async def first_pages(until: Deadline, ref: str) -> Sequence[bytes]:
        return [await upstream.search_reports(app, until, access, ref)]

    return await _ask(app, deadline, access, REPORT_SERVICE, first_pages)


async def ask_record(app: App, deadline: Deadline, access: Access) -> Records:
    """All that every hospital has of the person. Raises UpstreamError where none answers."""

    async def first_pages(until: Deadline, ref: str) -> Sequence[bytes]:
        patients = await upstream.search_patients(app, until, access, ref)
        found = [await parse_page(app, patients)]
        numbers = patient_refs(identifier_of(access.person), found)
        everything = await asyncio.gather(
            *(upstream.read_everything(app, until, access, ref, number) for number in numbers)
        )
        return [patients, *everything]

    return await _ask(app, deadline, access, RECORD_SERVICE, first_pages)


async def load_file(app: App, deadline: Deadline, access: Access, ref: str) -> PersonalFile:
    """A report's file, `ref` is "<hospital>|<number there>".

    One that stands in the report itself is asked for with all reports again. Raises UpstreamError,
    NotFound.
    """
    hospital_ref, _, name = ref.partition("|")
    if not name.startswith(inline.PREFIX):
        return await upstream.fetch_file(app, deadline, access, hospital_ref, name)
    first = await upstream.search_reports(app, deadline, access, hospital_ref)
    pages, _ = await read_pages(app, deadline, access, hospital_ref, first)
    try:
        return to_file(inline.find_content(pages, name) or b"")
    except ValueError:
        raise NotFound(NOT_FOUND) from None


async def _ask(
    app: App,
    deadline: Deadline,
    access: Access,
    part: str,
    first_pages: Callable[[Deadline, str], Awaitable[Sequence[bytes]]],
) -> Records:
    async def ask(until: Deadline, ref: str) -> Received:
        pages: list[Page] = []
        truncated = False
        for first in await first_pages(until, ref):
            following, more = await read_pages(app, until, access, ref, first)
            pages += following
            truncated = truncated or more
        identifier = identifier_of(access.person)
        return await asyncio.to_thread(read_received, ref, identifier, pages, truncated=truncated)

    hospitals = await ask_everywhere(app, deadline, access, ask, (part,))
    return Records(hospitals, access.access_id)


REPORTS = PersonalLookup(REPORT_SERVICE, PURPOSE, ask_reports)
RECORD = PersonalLookup(RECORD_SERVICE, PURPOSE, ask_record)
ROUTES = file_routes(REPORT_FILES, load_file)
