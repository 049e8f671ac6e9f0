"""From the pages of one hospital's Bundles to reports and entries of one person."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from core.standards.fhir import is_id
from core.standards.fhir_bundle import (
    Data,
    Index,
    Page,
    Resource,
    codes_of,
    identifiers_of,
    text_of,
)
from modules.health.records import inline
from modules.health.records.domain import (
    Entry,
    EntryKind,
    Measure,
    Received,
    Report,
    ReportFile,
    Result,
)
from modules.health.records.fields import (
    changed_at,
    date_of,
    first_text,
    labels_of,
    measure_of,
    note_of,
)
from modules.health.records.plausibility import marked

_ID_DIGITS = 24
Identifier: TypeAlias = tuple[str, str | None]
"""The system and the number by which a hospital knows a person."""
GONE = frozenset({"cancelled", "entered-in-error", "not-done", "revoked"})
_KINDS: Mapping[str, EntryKind] = {
    "Encounter": EntryKind.VISIT,
    "Condition": EntryKind.DIAGNOSIS,
    "AllergyIntolerance": EntryKind.ALLERGY,
    "MedicationRequest": EntryKind.MEDICATION,
    "MedicationStatement": EntryKind.MEDICATION,
    "Immunization": EntryKind.IMMUNIZATION,
    "Procedure": EntryKind.PROCEDURE,
    "DiagnosticReport": EntryKind.REPORT,
    "Observation": EntryKind.MEASUREMENT,
    "CarePlan": EntryKind.PLAN,
}


def read_received(
    hospital_ref: str, identifier: Identifier, pages: Sequence[Page], *, truncated: bool
) -> Received:
    """What a hospital's pages hold of the person with an identifier.

    A report without patient, or of somebody else, is set aside and counted: it is shown to nobody.
    """
    resources = list(_once(resource for page in pages for resource in page.resources))
    reader = _Reader(hospital_ref, identifier, resources)
    reports, entries, foreign = [], [], 0
    for resource in resources:
        if resource.type not in _KINDS:
            continue
        if not reader.is_mine(resource):
            foreign += resource.type == "DiagnosticReport" or not reader.is_part(resource)
            continue
        if resource.type == "DiagnosticReport":
            reports.append(reader.report(resource))
        if not reader.is_part(resource):
            entries.append(reader.entry(resource))
    return Received(
        hospital_ref=hospital_ref,
        reports=reports,
        entries=entries,
        set_aside=foreign + sum(page.set_aside for page in pages),
        truncated=truncated,
        pages=[page.received for page in pages],
    )


def patient_refs(identifier: Identifier, pages: Sequence[Page]) -> Sequence[str]:
    """The numbers under which a hospital knows a person, the one that stands first.

    Records that were merged are linked (`Patient.link`); the one that replaces another stands.
    """
    resources = [r for page in pages for r in page.resources if r.type == "Patient"]
    mine = _linked(identifier, resources)
    replaced = {r.id for r in resources if _links(r, {"replaced-by"}) and r.id in mine}
    ids = [r.id for r in resources if r.id in mine]
    return sorted(ids, key=lambda id_: id_ in replaced)


def _once(resources: Iterable[Resource]) -> Iterable[Resource]:
    """Resources without those that came before: a page may change while it is turned, and what is
    linked is sent under each of a patient's numbers."""
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        key = resource.type, resource.id or resource.full_url
        if key[1] and key in seen:
            continue
        seen.add(key)
        yield resource


class _Reader:
    """Reads the resources of one hospital about one person."""

    def __init__(
        self, hospital_ref: str, identifier: Identifier, resources: Sequence[Resource]
    ) -> None:
        self._hospital_ref = hospital_ref
        self._identifier = identifier
        self._index = Index(resources)
        patients = [resource for resource in resources if resource.type == "Patient"]
        self._patients = _linked(identifier, patients)
        mine = [one for one in patients if one.id in self._patients]
        self._labels = [label for one in mine for label in labels_of(one.data)]
        self._parts = {id(data) for r in resources for data in self._part_data(r)}

    def is_part(self, resource: Resource) -> bool:
        """Whether it is an observation that a report or a panel lists."""
        return id(resource.data) in self._parts

    def is_mine(self, resource: Resource) -> bool:
        """Whether its patient is the person; one without patient is nobody's."""
        return self._names_person(resource.data, resource, unnamed=False)

    def _names_person(self, data: Data, resource: Resource, *, unnamed: bool) -> bool:
        subject = data.get("subject") or data.get("patient")
        if not subject:
            return unnamed
        named, (system, number) = subject.get("identifier", {}), self._identifier
        # the digits of a permit may be the hospital's own number of somebody else
        if named.get("value") == number and named.get("system", system) == system:
            return True
        patient = self._index.find(subject, resource)
        return patient is not None and (
            patient.get("id") in self._patients or _is_person(patient, self._identifier)
        )

    def _labels_of(self, *every: Data) -> Sequence[str]:
        """The labels of some resources, and those of the patient, under which all stands."""
        return [*(label for data in every for label in labels_of(data)), *self._labels]

    def report(self, resource: Resource) -> Report:
        """A DiagnosticReport with its results."""
        data, references = resource.data, resource.data.get("result", ())
        found = [self._index.find(reference, resource) for reference in references]
        results = [
            self._result(observation, resource)
            for observation in found
            if observation is not None
            and observation["resourceType"] == "Observation"
            and self._names_person(observation, resource, unnamed=True)
        ]
        based_on = [one.get("identifier", {}) for one in data.get("basedOn", ())]
        orders = {(one.get("system"), one.get("value")) for one in based_on}
        return Report(
            id=record_id(self._hospital_ref, resource),
            hospital_ref=self._hospital_ref,
            name=text_of(data["code"]),
            category=first_text(data.get("category", ())),
            status=data["status"],
            at=date_of(data),
            conclusion=data.get("conclusion") or first_text(data.get("conclusionCode", ())) or None,
            results=[r for r in results if r.status not in GONE],
            missing_results=len(references) - len(results),
            files=self._files(resource),
            labels=self._labels_of(data),
            code=next(codes_of([data["code"]]), None),
            identifiers=frozenset(identifiers_of(data)),
            orders=frozenset((s, v) for s, v in orders if s and v),
            changed_at=changed_at(data),
        )

    def entry(self, resource: Resource) -> Entry:
        """An entry of the record."""
        data, kind = resource.data, _KINDS[resource.type]
        concepts = [data.get(name) for name in ("code", "medicationCodeableConcept", "vaccineCode")]
        title = first_text([one for one in concepts if one]) or first_text(data.get("type", ()))
        if kind is EntryKind.PLAN:
            title = data.get("title") or first_text(data.get("category", ()))
        if "medicationReference" in data:
            title = (
                title
                or text_of(
                    (self._index.find(data["medicationReference"], resource) or {}).get("code")
                )
                or data["medicationReference"].get("display", "")
            )
        status = data.get("status") or text_of(data.get("clinicalStatus"))
        verification = [code for _, code in codes_of([data.get("verificationStatus") or {}])]
        return Entry(
            id=record_id(self._hospital_ref, resource),
            hospital_ref=self._hospital_ref,
            kind=kind,
            title=title or resource.type,
            detail=self._detail(resource),
            status=next((code for code in verification if code in GONE), status or "unknown"),
            at=date_of(data),
            labels=self._labels_of(data),
            identifiers=frozenset(identifiers_of(data)),
            changed_at=changed_at(data),
        )

    def _detail(self, resource: Resource) -> str | None:
        data = resource.data
        if resource.type == "Observation":
            return "; ".join(filter(None, map(_said, marked(self._measures(data))))) or None
        dosage = "; ".join(
            one["text"] for one in data.get("dosageInstruction", ()) if one.get("text")
        )
        reasons = first_text(data.get("reasonCode", ()))
        planned = data.get("description") or "; ".join(_activities(data))
        return data.get("conclusion") or dosage or reasons or planned or note_of(data)

    def _result(self, data: Data, within: Resource) -> Result:
        panel = list(self._panel(data, within))
        return Result(
            name=text_of(data["code"]),
            status=data["status"],
            at=date_of(data),
            measures=marked([measure for one in panel for measure in self._measures(one)]),
            note=note_of(data),
            labels=self._labels_of(*panel),
        )

    def _panel(self, data: Data, within: Resource) -> Iterable[Data]:
        """An observation and those that it groups, each once."""
        waiting, seen = [data], {id(data)}
        while waiting:
            one = waiting.pop(0)
            yield one
            for reference in one.get("hasMember", ()):
                member = self._index.find(reference, within)
                if (
                    member is not None
                    and id(member) not in seen
                    and member["resourceType"] == "Observation"
                    and self._names_person(member, within, unnamed=True)
                ):
                    seen.add(id(member))
                    waiting.append(member)

    def _measures(self, data: Data) -> Sequence[Measure]:
        own, components = measure_of(data), data.get("component", ())
        parts = [measure_of(component) for component in components]
        says_nothing = own.text is None and own.absent is None
        return parts if says_nothing and parts else [own, *parts]

    def _files(self, resource: Resource) -> Sequence[ReportFile]:
        """Documents and images that the hospital's own server has; a link elsewhere is none."""
        forms: list[tuple[Data, Data]] = [({}, f) for f in resource.data.get("presentedForm", ())]
        for link in resource.data.get("media", ()):
            media = self._index.find(link["link"], resource) or {}
            forms.append((media, media.get("content", {})))
        files = []
        for media, form in forms:
            name = _binary_of(form) or inline.name_of(form)
            if name is not None:
                type_ = str(form.get("contentType", "application/octet-stream"))
                ref = f"{self._hospital_ref}|{name}"
                labels = self._labels_of(media)
                files.append(ReportFile(ref, str(form.get("title", "")), type_, labels))
        return files

    def _part_data(self, resource: Resource) -> Iterable[Data]:
        names = {"DiagnosticReport": "result", "Observation": "hasMember"}
        for reference in resource.data.get(names.get(resource.type, ""), ()):
            found = self._index.find(reference, resource)
            if found is not None:
                yield found


def _activities(data: Data) -> Iterable[str]:
    """What a plan has its person do."""
    for activity in data.get("activity", ()):
        detail = activity.get("detail", {})
        text = detail.get("description") or text_of(detail.get("code"))
        if text:
            yield text


def _binary_of(form: Data) -> str | None:
    """The id of the Binary that an Attachment names on the hospital's own server."""
    parts = str(form.get("url", "")).split("?")[0].split("/")
    is_binary = len(parts) >= 2 and parts[-2] == "Binary" and is_id(parts[-1])
    return parts[-1] if is_binary else None


def record_id(hospital_ref: str, resource: Resource) -> str:
    """Our id of a hospital's resource: always the same, and tells nothing."""
    name = f"{hospital_ref}|{resource.type}/{resource.id or resource.full_url}"
    return hashlib.sha256(name.encode()).hexdigest()[:_ID_DIGITS]


def _said(measure: Measure) -> str | None:
    doubt = " (存疑 / implausible)" if measure.is_implausible else ""
    return None if measure.text is None else f"{measure.text}{doubt}"


def _linked(identifier: Identifier, patients: Sequence[Resource]) -> set[str]:
    """The ids of a person's Patients: those with their number, and what is merged with these."""
    mine = {patient.id for patient in patients if _is_person(patient.data, identifier)}
    while True:
        more = {p.id for p in patients if not mine.isdisjoint(_links(p, None))}
        more |= {ref for p in patients if p.id in mine for ref in _links(p, None)}
        if more <= mine:
            return mine
        mine |= more


def _links(patient: Resource, types: set[str] | None) -> Sequence[str]:
    links = patient.data.get("link", ())
    chosen: Callable[[Data], bool] = lambda link: types is None or link["type"] in types  # noqa: E731
    return [str(one["other"].get("reference", "")).split("/")[-1] for one in links if chosen(one)]


def _is_person(patient: Data, identifier: Identifier) -> bool:
    return identifier in set(identifiers_of(patient))
