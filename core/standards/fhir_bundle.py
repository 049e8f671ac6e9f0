"""Reading what FHIR servers send: pages of a search, their resources, what refers to what.

A resource that has not the form of R4 is set aside and counted, and does not take the others with
it. The bytes as they came stay with the page; everything read of them is a copy.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.standards import fhir_check, fhir_json

_OUTCOME = "outcome"
_ISSUE = re.compile(r"[a-z-]{1,32}")
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a page: plain data whose numbers are `fhir_json.Number`."""

    data: Data
    full_url: str = ""

    @property
    def type(self) -> str:
        """Its resource type."""
        return str(self.data["resourceType"])

    @property
    def id(self) -> str:
        """Its id on its server, empty where it has none."""
        return str(self.data.get("id", ""))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a Bundle."""

    resources: Sequence[Resource]
    set_aside: int
    """How many of its entries have not the form of R4."""
    next_url: str
    """Where the next page is; empty on the last."""
    received: bytes
    """The page as it came."""


def read_page(received: bytes) -> Page:
    """A Bundle as it came. Raises ValueError for what is none; its entries stand for themselves."""
    bundle = fhir_json.loads(received)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ValueError("no Bundle")
    entries = bundle.get("entry", [])
    links = bundle.get("link", [])
    if not isinstance(entries, list) or not isinstance(links, list):
        raise ValueError("no Bundle")
    resources, set_aside = [], 0
    for entry in entries:
        data = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(data, dict) and _mode(entry) == _OUTCOME:
            continue
        if data is None or not fhir_check.is_valid(data):
            set_aside += 1
            continue
        full_url = entry.get("fullUrl")
        resources.append(Resource(data, full_url if isinstance(full_url, str) else ""))
    return Page(resources, set_aside, _next_url(links), received)


def outcome_codes(body: bytes) -> Sequence[str]:
    """What kinds of issue an OperationOutcome tells of (its `issue.code`), for logs; never its
    words, which may name a patient. Empty for any other body."""
    try:
        outcome = fhir_json.loads(body)
        codes = [issue["code"] for issue in outcome["issue"]]
    except (KeyError, TypeError, ValueError):
        return []
    return [code for code in codes if isinstance(code, str) and _ISSUE.fullmatch(code)]


class Index:
    """The resources of all pages by what refers to them: `Type/id`, or the full URL."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._known: dict[str, Resource] = {}
        for resource in resources:
            if resource.id:
                self._known.setdefault(f"{resource.type}/{resource.id}", resource)
            if resource.full_url:
                self._known.setdefault(resource.full_url, resource)

    def find(self, reference: Data, within: Resource) -> Data | None:
        """What a Reference in a resource points at; None for nothing that was sent.

        `#id` is contained in `within`; a version of a reference does not matter.
        """
        text = str(reference.get("reference", "")).split("/_history/")[0]
        if text.startswith("#"):
            return next((c for c in within.data.get("contained", ()) if c.get("id") == text[1:]),
                        None)  # fmt: skip
        found = self._known.get(text) or self._known.get("/".join(text.split("/")[-2:]))
        return None if found is None else found.data


def identifiers_of(data: Data) -> Iterator[tuple[str, str]]:
    """System and value of a resource's business identifiers, those with both."""
    for identifier in data.get("identifier", ()):
        system, value = identifier.get("system"), identifier.get("value")
        if system and value:
            yield str(system), str(value)


def text_of(concept: Data | None) -> str:
    """What a CodeableConcept says: its text, else a display, else a code; empty for nothing."""
    if not concept:
        return ""
    codings = concept.get("coding", ())
    texts = [concept.get("text"), *(c.get("display") for c in codings),
             *(c.get("code") for c in codings)]  # fmt: skip
    return next((str(text) for text in texts if text), "")


def codes_of(concepts: Iterable[Data]) -> Iterator[tuple[str, str]]:
    """System (empty where there is none) and code of all codings."""
    for concept in concepts:
        for coding in concept.get("coding", ()):
            if coding.get("code"):
                yield str(coding.get("system", "")), str(coding["code"])


def _mode(entry: Data) -> object:
    search = entry.get("search")
    return search.get("mode") if isinstance(search, dict) else None


def _next_url(links: Sequence[Any]) -> str:
    for link in links:
        if isinstance(link, dict) and link.get("relation") == "next":
            return str(link.get("url", ""))
    return ""
