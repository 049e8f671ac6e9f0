"""Reading personal data: consent first, a trace always.

`personal_read` is the only way to data outside: it finds a live consent, writes the access-log
row, and only then hands out an `Access`, without which the outbound client asks for nobody's
data. Staff read under a case number instead of a consent and leave the same trace.
PIPL Art. 13-15 (consent), 44 (right to know), 55 (records of processing).
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.coalescing import Turn
from core.database.models import AccessLog, Consent
from core.errors import Forbidden, NotFound
from core.id_documents import ID_NUMBERS_ALONE, DocumentCodes
from core.ids import new_id
from core.people import consents
from core.people.access_log import (
    Actor,
    Entry,
    access_topic,
    enter_consented,
    enter_under_case,
)
from core.people.consents import (
    PURPOSES,
    Purpose,
    documents_of,
    find_purpose,
    grant_consent,
    kept_under,
    list_consents,
    list_purposes,
    withdraw_consent,
)
from core.people.directory import Person, find_person, get_person, probe_of
from core.people.mandates import still_acts
from core.people.merged_accounts import list_accounts
from core.refusal_texts import (
    CONSENT_REQUIRED,
    DOCUMENT_NOT_TAKEN,
    LEVEL_REQUIRED,
    NOT_FOUND,
)
from core.security.authentication import PROBE_ID
from core.security.authorization import Need, Scope, decide
from core.upstream.exchange import UpstreamRejected
from core.upstream.readings import Reading, ReadStatus

__all__ = [
    "PURPOSES",
    "Access",
    "Purpose",
    "Verifier",
    "about_person",
    "access_topic",
    "find_purpose",
    "grant_consent",
    "list_access",
    "list_consents",
    "list_purposes",
    "look_as_staff",
    "open_access",
    "open_access_shown",
    "personal_read",
    "read_as_staff",
    "resume_access",
    "withdraw_consent",
]

T = TypeVar("T")

log = structlog.get_logger(__name__)

SELF = "self"
"""The actor's role of whoever reads their own data."""

SHOWN_TO = "verifier"
"""The actor's role of an outside party to whom the person has shown the data."""

_BASIS_CHARS = 64

_MAX_STALE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Access:
    """Proof that one read of one person's data is consented to and logged, and whose it is."""

    person: Person
    purpose: str
    consent_id: UUID
    access_id: UUID
    upstream: str = ""
    """The one upstream whose client takes it."""
    documents: DocumentCodes = ID_NUMBERS_ALONE
    """How that upstream is told whom it is asked about."""

    @property
    def person_members(self) -> Mapping[str, str]:
        """The members of a body that say whom the upstream is asked about.

        Raises Forbidden for whose document is not known any more, or not taken.
        """
        members = self.person.members_for(self.documents)
        if members is None:
            raise Forbidden(DOCUMENT_NOT_TAKEN if self.person.document_kind else LEVEL_REQUIRED)
        return members


def about_person(access: Access) -> Mapping[str, str]:
    """The body in which a registry is asked about the person of an access."""
    return {**access.person_members, "consent_ref": str(access.consent_id)}


async def list_access(call: Call, *, first: int, before: UUID | None = None) -> list[AccessLog]:
    """Who read the subject's data, newest first; `before` is the last row already seen."""
    rows = AccessLog.filter(subject_id__in=await list_accounts(call.subject_id))
    if before is not None:
        rows = rows.filter(id__lt=before)
    return await rows.order_by("-id").limit(first)


async def personal_read(
    call: Call,
    *,
    service: str,
    purpose: Purpose,
    fetch: Callable[[Access], Awaitable[T]],
    max_stale: timedelta = _MAX_STALE,
    part: Sequence[Hashable] = (),
) -> Reading[T]:
    """Read the subject's data from an upstream: consent, access log, deadline, last good answer.

    Raises LoginRequired below level 2 and Forbidden CONSENT_REQUIRED without a live consent; in
    both cases nothing is asked upstream. An upstream that fails gives a STALE or UNAVAILABLE
    reading, never an exception. The last good answer is kept per person, purpose and `part`. What
    was withdrawn while the upstream was answering is not shown.
    """
    call.require_viewer(2)
    access = await open_access(call, service=service, purpose=purpose)
    try:
        reading: Reading[T] = await call.app.last_good.read_through(
            kept_under(access.person.id, purpose.id, *part),
            lambda: fetch(access),
            clock=call.app.clock,
            max_stale=max_stale,
        )
    except UpstreamRejected as error:  # what a refusal means here is for `fetch` to know
        log.warning("personal read rejected", upstream=error.upstream, status=error.status)
        reading = Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)
    try:
        if not await call.once(_still_held, lambda: Turn(partial(_still_held, call))).ask(access):
            raise Forbidden(CONSENT_REQUIRED, purpose=purpose.id)
    except Forbidden:
        call.app.last_good.forget_all(kept_under(access.person.id, purpose.id))
        raise
    return reading


async def open_access(call: Call, *, service: str, purpose: Purpose) -> Access:
    """Find the subject's consent and leave the access-log row; repeated reads leave repeated rows.

    Raises LoginRequired for strangers, Forbidden CONSENT_REQUIRED without a live consent of the
    purpose's present text, DOCUMENT_NOT_TAKEN for whom the upstream cannot know, NotFound where the
    viewer's mandate for the subject has ended.
    """
    opening = call.once(_open_own, lambda: Turn(partial(_open_own, call)))
    access = await opening.ask(_entry(call.app, service, purpose, purpose.fields))
    if isinstance(access, Forbidden):
        raise access
    return access


@dataclass(frozen=True, slots=True)
class Verifier:
    """An outside party to whom people show something; by `name` they find it in their log."""

    id: UUID
    name: str


async def open_access_shown(
    app: App,
    subject_id: UUID,
    verifier: Verifier,
    *,
    service: str,
    purpose: Purpose,
    fields: Sequence[str],
    request_id: str,
) -> Access:
    """As `open_access`, of what a person has shown to a verifier, who now reads it.

    Raises NotFound for nobody, Forbidden CONSENT_REQUIRED where the consent was withdrawn.
    """
    person = await find_person(app, subject_id)
    if person is None:
        raise NotFound(NOT_FOUND)
    actor = Actor(verifier.id, SHOWN_TO, request_id, basis_ref=verifier.name[:_BASIS_CHARS])
    (access,) = await _open(app, person.id, actor, [_entry(app, service, purpose, fields)])
    if isinstance(access, Forbidden):
        raise access
    return access


async def resume_access(app: App, access_id: UUID) -> Access:
    """Go on under an access that was opened before, in a job that completes what it began.

    Raises Forbidden CONSENT_REQUIRED where the consent has been withdrawn since.
    """
    row = await AccessLog.get(id=access_id)
    consent = (
        await Consent.filter(subject_id=row.subject_id, purpose=row.purpose, withdrawn_at=None)
        .order_by("-granted_at")
        .first()
    )
    now = app.clock.now()
    if consent is None or (consent.until_at is not None and consent.until_at <= now):
        raise Forbidden(CONSENT_REQUIRED, purpose=row.purpose)
    person = await find_person(app, row.subject_id)
    if person is None:
        raise Forbidden(CONSENT_REQUIRED, purpose=row.purpose)
    declared = (purpose for purpose in app.extensions(PURPOSES) if purpose.id == row.purpose)
    documents = next((documents_of(app, purpose) for purpose in declared), ID_NUMBERS_ALONE)
    return Access(person, row.purpose, consent.id, row.id, row.upstream, documents)


async def read_as_staff(
    call: Call,
    subject_id: UUID,
    *,
    service: str,
    fields: Sequence[str],
    basis_ref: str,
    scope: Scope = Scope.PEOPLE_READ,
) -> Person:
    """A person's own data for a member of staff who handles a case; the person sees the row.

    `scope` is what lets them, where their work has one of its own. Raises LoginRequired, Forbidden
    without the scope, NotFound for nobody; then no row is left.
    """
    decide(call.viewer, Need(level=1, scope=scope), call.app.clock.now())
    person = await get_person(call.app, subject_id)
    await _note_look(call, subject_id, Entry(service, "identity", service, fields), basis_ref)
    return person


async def look_as_staff(
    call: Call, subject_id: UUID, *, service: str, fields: Sequence[str], basis_ref: str
) -> Person | None:
    """As `read_as_staff`, for a matter that outlives its person: a merged account's is its owner's,
    and None is who has left; their row is left all the same."""
    decide(call.viewer, Need(level=1, scope=Scope.PEOPLE_READ), call.app.clock.now())
    person = await find_person(call.app, subject_id)
    seen_id = subject_id if person is None else person.id
    await _note_look(call, seen_id, Entry(service, "identity", service, fields), basis_ref)
    return person


async def _note_look(call: Call, subject_id: UUID, entry: Entry, basis_ref: str) -> None:
    viewer = call.require_viewer()
    actor = Actor(viewer.user_id, min(viewer.roles), call.request_id, basis_ref=basis_ref)
    async with transaction() as tx:
        await enter_under_case(tx, subject_id, actor, entry, call.app.clock.now())


def forget_withdrawn(app: App) -> None:
    """Let this process drop what it keeps of a person when their consent is withdrawn.

    Reads do not rest on it: they look the consent up before anything kept is shown.
    """

    def forget(message: Any) -> None:
        subject_id, purpose = message
        app.last_good.forget_all(kept_under(UUID(subject_id), purpose))

    app.bus.listen(consents.WITHDRAWN, forget)


async def _open_own(call: Call, entries: Sequence[Entry]) -> Sequence[Access | Forbidden]:
    """What `open_access` opens of a call in one turn."""
    await still_acts(call)
    actor = Actor(
        call.require_viewer().user_id,
        call.mandate.kind if call.mandate else SELF,
        call.request_id,
        mandate_id=call.mandate.id if call.mandate else None,
    )
    return await _open(call.app, call.subject_id, actor, entries)


async def _still_held(call: Call, accesses: Sequence[Access]) -> Sequence[bool]:
    """Whether each consent holds to this moment. Raises NotFound where the mandate has ended."""
    ids = [access.consent_id for access in accesses]
    held = await consents.list_held(ids, call.app.clock.now())
    await still_acts(call)
    return [consent_id in held for consent_id in ids]


def _entry(app: App, service: str, purpose: Purpose, fields: Sequence[str]) -> Entry:
    documents = documents_of(app, purpose)
    return Entry(service, purpose.upstream, purpose.id, fields, purpose.text_version, documents)


async def _open(
    app: App, subject_id: UUID, actor: Actor, entries: Sequence[Entry]
) -> Sequence[Access | Forbidden]:
    """Find the consents and leave the rows, or say why not. The probe leaves no row.

    Raises NotFound for who has no account.
    """
    if subject_id == PROBE_ID:
        person = probe_of(app).person
        assert person is not None  # it reads: the process has one
        entered: Sequence[tuple[UUID, UUID] | None] = [(new_id(), PROBE_ID) for _ in entries]
    else:
        person, entered = await enter_consented(app, subject_id, actor, entries)
    return [_opened(person, entry, ids) for entry, ids in zip(entries, entered, strict=True)]


def _opened(person: Person, entry: Entry, ids: tuple[UUID, UUID] | None) -> Access | Forbidden:
    if not person.is_known_by(entry.documents.kinds):
        return Forbidden(DOCUMENT_NOT_TAKEN)
    if ids is None:
        return Forbidden(CONSENT_REQUIRED, purpose=entry.purpose)
    return Access(person, entry.purpose, ids[1], ids[0], entry.upstream, entry.documents)
