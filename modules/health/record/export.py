"""Which entries are shown or exported, and the file of the export."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from core.context.app import App
from core.deadline import Deadline
from core.ids import new_id
from core.people.personal_files import PersonalFile, file_routes
from core.people.personal_read import Access
from core.standards.fhir import FHIR_JSON
from modules.health.hospitals.identifiers import identifier_of
from modules.health.programmes.shown import plans_of
from modules.health.record.summary import export_summary
from modules.health.records.domain import Entry, EntryKind, Received
from modules.health.records.lookup import ask_record
from modules.health.records.merge import merge_entries

EXPORT = "health-record"
_ALL, _UNRESTRICTED = "all", "unrestricted"


def ref_of(*, restricted: bool) -> str:
    """Which export a link is for."""
    return _ALL if restricted else _UNRESTRICTED


def choose(
    every: Iterable[Received], kinds: Collection[EntryKind] | None, *, restricted: bool
) -> Sequence[tuple[Entry, Sequence[str]]]:
    """The merged entries of some kinds, each with the other hospitals that have it."""
    return [
        (entry, also_at)
        for entry, also_at in merge_entries(one for sent in every for one in sent.entries)
        if (not kinds or entry.kind in kinds) and (restricted or not entry.labels)
    ]


async def make_summary(app: App, deadline: Deadline, access: Access, *, restricted: bool) -> bytes:
    """The document of a person, made of what the hospitals have now and, where they have agreed,
    their plans. Raises UpstreamError."""
    person = access.person
    records = await ask_record(app, deadline, access)
    chosen = {entry.id for entry, _ in choose(records.received, None, restricted=restricted)}
    system, number = identifier_of(person)
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": system, "value": number or ""}],
        "name": [{"text": person.name}],
    }
    if person.born_on:
        patient["birthDate"] = person.born_on.isoformat()
    return export_summary(
        records.received,
        chosen,
        patient,
        app.city.name.zh,
        app.clock.now(),
        restricted=restricted,
        document_id=new_id(),
        plans=await plans_of(app, person.id),
    )


async def load(app: App, deadline: Deadline, access: Access, ref: str) -> PersonalFile:
    """The document as a file. Raises UpstreamError."""
    body = await make_summary(app, deadline, access, restricted=ref == _ALL)
    return PersonalFile(body, FHIR_JSON, "health-record.json")


ROUTES = file_routes(EXPORT, load)
