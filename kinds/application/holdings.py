"""What other systems of the city hold of a person and an application takes over by consent: values
for its form, and papers that need no upload.

A wing that has such papers declares one `Holdings`; which field and which paper they serve stands
in definitions.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import Transaction, transaction
from core.errors import Forbidden, Unavailable
from core.ids import new_id
from core.people.directory import get_person
from core.people.personal_read import Purpose
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.rooms import ExtensionPoint
from core.texts import Named
from core.upstream.readings import Reading, ReadStatus
from kinds.application import attachments, file_store, texts, versions
from kinds.application.attachments import FILE
from kinds.application.definition import Definition
from kinds.application.models import Case, CaseFile
from kinds.application.opening import open_form

MEDIA_TYPE = "text/plain; charset=utf-8"
"""In which a held paper is kept with a case."""

_TAKE = "takeHeldPapers"


@dataclass(frozen=True, slots=True)
class HeldPaper:
    """A paper that holds now. `fields` are what stands in it: a title and a value, by name."""

    kind: str
    ref: str
    title: Named
    issuer: str
    issued_on: date
    valid_until: date | None
    fields: Mapping[str, tuple[Named, str]]


@dataclass(frozen=True, slots=True)
class Holdings:
    """Where held papers are read: `read(call)` gives those of the viewer that hold, and raises
    Forbidden CONSENT_REQUIRED without a consent to `purpose`. `system` is its name for people."""

    purpose: Purpose
    read: Callable[[Call], Awaitable[Reading[Sequence[HeldPaper]]]]
    system: str


HOLDINGS = ExtensionPoint("application holdings", Holdings, key=lambda _: "the holdings")


@dataclass(frozen=True, slots=True)
class Known:
    """A value that the city fills in, where it has it from, and when it was true there."""

    value: str
    source: Named
    as_of: datetime


def find_purpose(app: App, definition: Definition) -> Purpose | None:
    """What a citizen consents to so that an application takes over what is held; None where this
    one takes over nothing."""
    holdings = _find(app)
    takes = any(field.held for field in definition.form) or any(
        paper.licence for paper in definition.materials
    )
    return holdings.purpose if holdings and takes else None


async def fill_in(call: Call, definition: Definition) -> Mapping[str, Known]:
    """What the city knows of the viewer already, by the field that asks for it.

    What is held elsewhere is there only by consent, and only while its system answers.
    """
    known = {}
    if wanted := {field.name: field.prefill for field in definition.form if field.prefill}:
        person = await get_person(call.app, call.require_viewer().user_id)
        account = {
            "name": person.name,
            "phone": person.phone,
            "resident_id": person.resident_id,
            "document_no": person.document_no,
        }
        now = call.app.clock.now()
        for name, prefill in wanted.items():
            if value := account[prefill]:
                known[name] = Known(value, texts.FROM_ACCOUNT, now)
    return {**known, **await _fill_from_papers(call, definition)}


async def _fill_from_papers(call: Call, definition: Definition) -> Mapping[str, Known]:
    wanted = {field.name: field.held for field in definition.form if field.held}
    holdings = _find(call.app)
    if not wanted or holdings is None:
        return {}
    try:
        reading = await holdings.read(call)
    except Forbidden:
        return {}
    known = {}
    for name, held in wanted.items():
        for paper in reading.items:
            if paper.kind == held.kind and held.field in paper.fields:
                assert reading.as_of is not None  # there is a value
                known[name] = Known(paper.fields[held.field][1], paper.title, reading.as_of)
                break
    return known


async def take_papers(call: Call, case: Case, key: str) -> None:
    """Attach the held papers that a case of the viewer's still lacks, as they stand now.

    The same key takes them once. Raises Conflict where it is not the citizen's turn, Forbidden
    CONSENT_REQUIRED, Unavailable where their system does not answer: what was revoked meanwhile
    must not count.
    """
    app = call.app
    definition = await versions.get_stored(app, case.definition_id)
    holdings = _find(app)
    if holdings is None or not any(paper.licence for paper in definition.materials):
        return
    command = {"case": case.id}
    if await recall_key(call, _TAKE, key, command):
        return
    reading = await holdings.read(call)
    if reading.status is not ReadStatus.LIVE or reading.as_of is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=holdings.system)
    held = {paper.kind: paper for paper in reading.items}
    async with transaction() as tx:
        claim = await claim_key(call, tx, _TAKE, key, command, effect_id=case.id)
        if claim.replayed:
            return
        locked = await attachments.lock_for_citizen(tx, case.id)
        answers = open_form(app, locked)
        problems = await attachments.find_missing(tx, locked, definition, answers)
        missing = {problem.name for problem in problems}
        for material in definition.materials:
            if material.code in missing and material.licence in held:
                await _attach(app, tx, locked, material.code, held[material.licence], reading.as_of)


async def _attach(
    app: App, tx: Transaction, case: Case, material: str, paper: HeldPaper, as_of: datetime
) -> None:
    content = _write(paper, as_of).encode()
    key_sealed, body = app.vault.encrypt_file(content, FILE)
    row = CaseFile(
        id=new_id(),
        case_id=case.id,
        citizen_id=case.citizen_id,
        material=material,
        name_sealed=app.vault.encrypt(f"{paper.title.zh}.txt", FILE),
        key_sealed=key_sealed,
        media_type=MEDIA_TYPE,
        size_bytes=len(content),
        pages=1,
        attached_at=app.clock.now(),
        licence_ref=paper.ref,
        licence_as_of=as_of,
    )
    await file_store.insert_file(tx, row, body)


def _write(paper: HeldPaper, as_of: datetime) -> str:
    """A held paper as officers read it: a line for each thing that stands in it."""
    lines = [
        (paper.title, paper.ref),
        (texts.LICENCE_ISSUER, paper.issuer),
        (texts.LICENCE_ISSUED, paper.issued_on.isoformat()),
        (texts.LICENCE_UNTIL, paper.valid_until.isoformat() if paper.valid_until else "–"),
        *paper.fields.values(),
        (texts.LICENCE_AS_OF, as_of.isoformat(timespec="seconds")),
    ]
    return "".join(f"{title.zh} {title.en}: {value}\n" for title, value in lines)


def _find(app: App) -> Holdings | None:
    """The city's holdings; None where no wing has any."""
    return next(iter(app.extensions(HOLDINGS)), None)
