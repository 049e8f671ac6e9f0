"""The record as a FHIR document: the International Patient Summary, as far as the data go.

http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips: a Bundle of the type document whose
first entry is a Composition; problems, allergies and medicines have a section in any case, which
says so where there is nothing. Resources of the hospitals stand in it as they were received, each
under its own hospital's address, so that references within a hospital hold.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from core.standards import fhir_json
from core.standards.fhir_bundle import Index, Page, Resource, codes_of, read_page
from modules.health.records.domain import Received
from modules.health.records.fields import labels_of
from modules.health.records.reading import record_id

LOINC = "http://loinc.org"
_DOCUMENT = "60591-5"
Plan = Callable[[str], Iterable[tuple[str, Mapping[str, Any]]]]
"""Writes a plan and what belongs to it about a subject: the address and the resource of each."""
_VITAL_SIGNS = "vital-signs"
_SECTIONS: Sequence[tuple[str, str, str, frozenset[str], bool]] = (
    ("11450-4", "问题清单", "Problem list", frozenset({"Condition"}), True),
    ("48765-2", "过敏与不良反应", "Allergies and adverse reactions",
     frozenset({"AllergyIntolerance"}), True),
    ("10160-0", "用药", "Medication use",
     frozenset({"MedicationRequest", "MedicationStatement"}), True),
    ("11369-6", "预防接种", "Immunizations", frozenset({"Immunization"}), False),
    ("30954-2", "检验检查结果", "Results", frozenset({"DiagnosticReport", "Observation"}), False),
    ("8716-3", "生命体征", "Vital signs", frozenset({_VITAL_SIGNS}), False),
    ("47519-4", "操作与手术", "Procedures", frozenset({"Procedure"}), False),
    ("46240-8", "就诊", "Encounters", frozenset({"Encounter"}), False),
    ("18776-5", "照护计划", "Plan of care", frozenset({"CarePlan"}), False),
)  # fmt: skip
"""LOINC code, title in both languages, what stands in it, whether it stands there when empty."""
_UNAVAILABLE = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}
    ]
}


def export_summary(
    every: Iterable[Received],
    chosen: Collection[str],
    patient: Mapping[str, Any],
    author: str,
    at: datetime,
    *,
    restricted: bool,
    document_id: UUID,
    plans: Iterable[Plan] = (),
) -> bytes:
    """The document: the `chosen` entries of what hospitals sent, and what these refer to.

    `patient` is the person as we know them; resources under a label are left out unless
    `restricted`. `plans` are those of our own programmes.
    """
    resources: dict[str, Resource] = {}
    for received in every:
        pages = [read_page(page) for page in received.pages]
        for resource in _closure(received.hospital_ref, pages, chosen):
            if restricted or not labels_of(resource.data):
                resources.setdefault(_url(received.hospital_ref, resource), resource)
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    subject = f"urn:uuid:{uuid5(document_id, 'patient')}"
    for plan in plans:
        for url, data in plan(subject):
            resources[url] = Resource(data, url)
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": _DOCUMENT}]},
        "subject": {"reference": subject},
        "date": moment,
        "author": [{"display": author}],
        "title": "个人健康摘要 / Patient summary",
        "section": list(_sections(resources)),
    }
    entries = [
        (f"urn:uuid:{uuid5(document_id, 'composition')}", composition),
        (subject, patient),
        *((url, resource.data) for url, resource in resources.items()),
    ]
    bundle = {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{document_id}"},
        "type": "document",
        "timestamp": moment,
        "entry": [{"fullUrl": url, "resource": data} for url, data in entries],
    }
    return fhir_json.dumps(bundle).encode()


def _closure(
    hospital_ref: str, pages: Sequence[Page], chosen: Collection[str]
) -> Iterable[Resource]:
    """The chosen resources of a hospital and the results and images that they list."""
    resources = [resource for page in pages for resource in page.resources]
    index, by_data = Index(resources), {id(one.data): one for one in resources}
    waiting = [one for one in resources if record_id(hospital_ref, one) in chosen]
    seen: set[int] = set()
    while waiting:
        resource = waiting.pop(0)
        if id(resource.data) in seen:
            continue
        seen.add(id(resource.data))
        yield resource
        media = [one["link"] for one in resource.data.get("media", ())]
        for reference in (*resource.data.get("result", ()), *media,
                          *resource.data.get("hasMember", ()), *_goals(resource)):  # fmt: skip
            found = by_data.get(id(index.find(reference, resource)))
            if found is not None:
                waiting.append(found)


def _goals(resource: Resource) -> Sequence[Mapping[str, Any]]:
    return resource.data.get("goal", ()) if resource.type == "CarePlan" else ()


def _sections(resources: Mapping[str, Resource]) -> Iterable[Mapping[str, Any]]:
    for code, zh, en, types, always in _SECTIONS:
        urls = [url for url, resource in resources.items() if _kind(resource) in types]
        if urls or always:
            content = (
                {"entry": [{"reference": url} for url in urls]}
                if urls
                else {"emptyReason": _UNAVAILABLE}
            )
            yield {
                "title": f"{zh} / {en}",
                "code": {"coding": [{"system": LOINC, "code": code}]},
                **content,
            }


def _kind(resource: Resource) -> str:
    """A resource's type; that of a vital sign is not observation alone."""
    if resource.type != "Observation":
        return resource.type
    codes = {code for _, code in codes_of(resource.data.get("category", ()))}
    return _VITAL_SIGNS if _VITAL_SIGNS in codes else resource.type


def _url(hospital_ref: str, resource: Resource) -> str:
    if resource.full_url:
        return resource.full_url
    return f"urn:uuid:{uuid5(NAMESPACE_URL, record_id(hospital_ref, resource))}"
