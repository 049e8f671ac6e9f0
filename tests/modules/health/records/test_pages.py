"""The pages of a hospital: bounded, and never beyond its own server."""

from typing import Any

import pytest

from core.deadline import Deadline
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.standards import fhir_json
from core.standards.fhir_bundle import read_page
from core.upstream.client import UpstreamFailed
from modules.health.records import inline
from modules.health.records.upstream import PAGES_MAX, RECORDS, read_pages, to_file
from tests.upstreams import in_place_of


def page(next_url: str = "", entries: int = 0) -> bytes:
    entry = ",".join('{"resource":{"resourceType":"Patient","id":"p"}}' for _ in range(entries))
    link = f'"link":[{{"relation":"next","url":"{next_url}"}}],' if next_url else ""
    return f'{{"resourceType":"Bundle",{link}"entry":[{entry}]}}'.encode()


class Server:
    """A hospital whose search has so many pages."""

    def __init__(self, pages: int, entries: int) -> None:
        self.left, self.entries = pages, entries
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def read_next(self, access: Access, hospital_ref: str, path: str, query: Any) -> bytes:
        """See modules.health.records.upstream."""
        self.asked.append((path, dict(query)))
        self.left -= 1
        return page("http://any/h1/fhir?_getpages=t" if self.left else "", self.entries)


@pytest.fixture
def access() -> Access:
    """Leave to read at the hospitals."""
    person = Person(new_id(), "", "甄示范", "500099198805170011", 2, "zh")
    return Access(person, "health.records", new_id(), new_id(), RECORDS.name)


async def _read(server: Server, access: Access, url: str) -> tuple[int, bool]:
    app = in_place_of(RECORDS, server)
    pages, more = await read_pages(app, Deadline.after(5), access, "h1", page(url))
    return len(pages), more


async def test_ten_thousand_entries_are_read_page_by_page_and_no_more(access: Access) -> None:
    whole = Server(39, 250)
    assert await _read(whole, access, "https://proxy/base/h1/fhir?_getpages=t&_x=1") == (40, False)
    assert whole.asked[0] == ("/h1/fhir", {"_getpages": "t", "_x": "1"})
    endless = Server(10**6, 1)
    assert await _read(endless, access, "http://any/h1/fhir?_getpages=t") == (PAGES_MAX, True)


@pytest.mark.parametrize(
    "url", ["https://elsewhere.example/x", "http://any/h2/fhir?t", "http://any/h1/fhirx?t"]
)
async def test_a_link_that_leaves_the_hospital_is_not_followed(access: Access, url: str) -> None:
    server = Server(1, 1)
    with pytest.raises(UpstreamFailed):
        await _read(server, access, url)
    assert server.asked == []


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"%PDF-1.7 ...", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_are(body: bytes, media_type: str | None) -> None:
    if media_type is None:
        with pytest.raises(ValueError):
            to_file(body)
    else:
        assert to_file(body).media_type == media_type


def test_a_document_inside_a_report_is_found_by_its_content_alone() -> None:
    form = {"data": "JVBERi0xLjQ=", "contentType": "application/pdf", "title": "报告单"}
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "final",
              "code": {"text": "x"},
              "presentedForm": [{"url": "https://a.example"}, form]}  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": report}]}
    pages = [read_page(fhir_json.dumps(bundle).encode())]
    name = inline.name_of(form)
    assert name is not None and inline.find_content(pages, name) == b"%PDF-1.4"
    assert inline.find_content(pages, f"{inline.PREFIX}0") is None
    assert inline.name_of({"url": "Binary/b"}) is None
