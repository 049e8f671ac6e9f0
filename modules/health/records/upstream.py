"""The hospitals' record servers, FHIR R4: laboratory, imaging, visits; one below each hospital's
code. See docs/upstreams/hospital-records.md.
"""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from multidict import MultiDict

from core.deadline import Deadline
from core.people.personal_files import PersonalFile
from core.people.personal_read import Access
from core.standards.fhir import FHIR_JSON
from core.standards.fhir_bundle import Page, read_page
from core.upstream.client import ANY, UpstreamFailed
from core.upstream.operation import Answer, Connected, Request, System
from modules.health.hospitals.identifiers import IDENTIFIERS, identifier_of

RECORDS = System("hospital_records", documents=IDENTIFIERS)
PAGES_MAX = 40
"""With 250 resources on each: 10,000."""
BYTES_MAX = 10_000_000
"""Of one hospital's pages together; the last may exceed it."""
PAGE_BYTES_MAX = 4_000_000
FILE_BYTES_MAX = 20_000_000
_COUNT = ("_count", "250")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_REPORTS = (
    ("_include", "DiagnosticReport:subject"),
    ("_include", "DiagnosticReport:result"),
    ("_include", "DiagnosticReport:media"),
    ("_include:iterate", "Observation:has-member"),
    ("_sort", "-date"),
)
_FILES = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
)
_BODY = Answer(lambda response: response.body)
"""A page as it came: it is read beside the event loop, see `read_pages`."""


@RECORDS.operation(
    "POST",
    "/{hospital}/fhir/DiagnosticReport/_search",
    answers=_BODY,
    safe=True,
    personal=True,
    accept=FHIR_JSON,
    body_max_bytes=PAGE_BYTES_MAX,
)
def search_reports(access: Access, hospital_ref: str) -> Request:
    """The first page of the reports of the person of the access with their results, newest first.

    The number of their document stands in the body, never in an address.
    """
    return _form(access, hospital_ref, ("patient.identifier", _identifier(access)), *_REPORTS)


@RECORDS.operation(
    "POST",
    "/{hospital}/fhir/Patient/_search",
    answers=_BODY,
    safe=True,
    personal=True,
    accept=FHIR_JSON,
    body_max_bytes=PAGE_BYTES_MAX,
)
def search_patients(access: Access, hospital_ref: str) -> Request:
    """The person of the access as the hospital knows them, with those records merged into one."""
    return _form(access, hospital_ref, ("identifier", _identifier(access)))


@RECORDS.operation(
    "GET",
    "/{hospital}/fhir/Patient/{patient}/$everything",
    answers=_BODY,
    personal=True,
    accept=FHIR_JSON,
    body_max_bytes=PAGE_BYTES_MAX,
)
def read_everything(access: Access, hospital_ref: str, patient_ref: str) -> Request:
    """The first page of all that a hospital has of one of its patients, by its own number."""
    path = {"hospital": hospital_ref, "patient": patient_ref}
    return Request(path=path, params=dict([_COUNT]), access=access, server=hospital_ref)


@RECORDS.operation(
    "GET",
    "/{hospital}/fhir",
    answers=_BODY,
    personal=True,
    accept=FHIR_JSON,
    body_max_bytes=PAGE_BYTES_MAX,
)
def read_next(access: Access, hospital_ref: str, path: str, query: Mapping[str, str]) -> Request:
    """The page that a `next` link of the same hospital names."""
    return Request(link=path, params=query, access=access, server=hospital_ref)


def to_file(body: bytes) -> PersonalFile:
    """A document or picture by what it is, whatever it is said to be. Raises ValueError for
    anything else."""
    for magic, media_type, ending in _FILES:
        if body.startswith(magic):
            return PersonalFile(body, media_type, f"report.{ending}")
    raise ValueError("neither picture nor PDF")


@RECORDS.operation(
    "GET",
    "/{hospital}/fhir/Binary/{binary}",
    answers=_BODY.then(to_file),
    personal=True,
    accept=ANY,
    body_max_bytes=FILE_BYTES_MAX,
)
def fetch_file(access: Access, hospital_ref: str, binary_ref: str) -> Request:
    """A file of a report of the person of the access."""
    path = {"hospital": hospital_ref, "binary": binary_ref}
    return Request(path=path, access=access, server=hospital_ref)


async def read_pages(
    app: Connected, deadline: Deadline, access: Access, hospital_ref: str, first: bytes
) -> tuple[Sequence[Page], bool]:
    """A first page and those that follow it, and whether there is still more.

    Only `next` links are followed, never beyond the hospital's own server, PAGES_MAX or
    BYTES_MAX. What has not the form of R4 is counted in the metrics too. Raises UpstreamError.
    """
    pages, size_bytes = [await parse_page(app, first)], len(first)
    while pages[-1].next_url:
        if len(pages) == PAGES_MAX or size_bytes > BYTES_MAX:
            return pages, True
        path, query = _below(hospital_ref, pages[-1].next_url)
        received = await read_next(app, deadline, access, hospital_ref, path, query)
        pages.append(await parse_page(app, received))
        size_bytes += len(received)
    return pages, False


async def parse_page(app: Connected, received: bytes) -> Page:
    """A page that a hospital has sent. Raises UpstreamFailed for what is no Bundle."""
    try:
        page = await asyncio.to_thread(read_page, received)
    except ValueError:
        app.upstreams.note_unreadable(read_next, 1)
        raise UpstreamFailed(RECORDS.name, read_next.name, "no Bundle") from None
    if page.set_aside:
        app.upstreams.note_unreadable(read_next, page.set_aside)
    return page


def _below(hospital_ref: str, url: str) -> tuple[str, MultiDict[str]]:
    """Path and query of a link, whatever server it names: it is looked for at the hospital's."""
    root, parts = f"/{hospital_ref}/fhir", urlsplit(url)
    _, found, rest = parts.path.partition(root)
    if not found or (rest and not rest.startswith("/")):
        raise UpstreamFailed(RECORDS.name, "read_next", "a next link leaves the server")
    return root + rest, MultiDict(parse_qsl(parts.query, keep_blank_values=True))


def _form(access: Access, hospital_ref: str, *params: tuple[str, str]) -> Request:
    return Request(
        path={"hospital": hospital_ref},
        data=urlencode([*params, _COUNT]).encode(),
        headers=_FORM,
        access=access,
        server=hospital_ref,
    )


def _identifier(access: Access) -> str:
    return "|".join(map(str, identifier_of(access.person)))
