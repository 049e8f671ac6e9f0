"""Reading personal data from outside: consent first, a trace always.

`personal_read` is the only way: it finds a live consent, writes the access-log row, and only then
hands out an `Access`, which an upstream client demands before it asks for anybody's data.
PIPL Art. 13-15 (consent, withdrawable), 44 (right to know), 55 (records of processing).
"""

import re
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog

from core.auth import Viewer
from core.call import Call
from core.database import transaction
from core.errors import Conflict, Forbidden, NotFound
from core.exchange import UpstreamRejected
from core.ids import new_id
from core.last_good import Reading, ReadStatus
from core.models import AccessLog, Consent
from core.people import Person, get_person
from core.texts import Text
from core.texts_common import CONSENT_REQUIRED, CONSENT_TEXT_CHANGED, NOT_FOUND

if TYPE_CHECKING:
    from core.app import App

log = structlog.get_logger(__name__)

T = TypeVar("T")

PURPOSES = "privacy.purposes"
_MAX_STALE = timedelta(days=1)
_PURPOSE_ID = re.compile(r"[\x21-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What personal data is read for. The text is what the citizen agrees to, in a version."""

    id: str
    upstream: str
    fields: Sequence[str]
    text: Text
    text_version: str


@dataclass(frozen=True, slots=True)
class Access:
    """Proof that one read of one person's data is consented to and logged, and whose it is."""

    person: Person
    purpose: str
    consent_id: UUID
    access_id: UUID


async def grant_consent(call: Call, purpose_id: str, text_version: str) -> Consent:
    """The viewer agrees to a purpose. Repeat-safe: a live consent of the same text is returned.

    Raises NotFound for an unknown purpose and Conflict when the text the viewer saw is outdated.
    """
    viewer = call.require_viewer()
    purpose = find_purpose(call, purpose_id)
    if purpose is None:
        raise NotFound(NOT_FOUND)
    if purpose.text_version != text_version:
        raise Conflict(CONSENT_TEXT_CHANGED)
    async with transaction() as tx:
        # one lock per person and purpose: two taps at once make one consent
        await tx.execute_query(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
            [f"consent:{viewer.user_id}:{purpose.id}"],
        )
        live = await Consent.get_or_none(
            subject_id=viewer.user_id,
            purpose=purpose.id,
            text_version=purpose.text_version,
            withdrawn_at=None,
            using_db=tx,
        )
        return live or await Consent.create(
            using_db=tx,
            id=new_id(),
            subject_id=viewer.user_id,
            purpose=purpose.id,
            text_version=purpose.text_version,
            granted_at=call.app.clock.now(),
        )


def list_purposes(call: Call) -> list[Purpose]:
    """Everything a citizen can be asked to consent to."""
    return list(call.app.extensions(PURPOSES))


def find_purpose(call: Call, purpose_id: str) -> Purpose | None:
    """A purpose by its id."""
    return next((p for p in list_purposes(call) if p.id == purpose_id), None)


async def withdraw_consent(call: Call, purpose_id: str) -> int:
    """The viewer takes back a purpose; returns how many live consents ended. Repeat-safe.

    What was kept of earlier answers is forgotten.
    """
    viewer = call.require_viewer()
    if not _PURPOSE_ID.fullmatch(purpose_id):
        return 0
    async with transaction() as tx:
        ended = (
            await Consent.filter(subject_id=viewer.user_id, purpose=purpose_id, withdrawn_at=None)
            .using_db(tx)
            .update(withdrawn_at=call.app.clock.now())
        )
    call.app.last_good.forget(_kept_under(viewer, purpose_id))
    return ended


async def list_consents(call: Call) -> list[Consent]:
    """The viewer's consents, newest first, withdrawn ones included."""
    viewer = call.require_viewer()
    return await Consent.filter(subject_id=viewer.user_id).order_by("-granted_at")


async def list_access(call: Call, *, first: int, before: UUID | None = None) -> list[AccessLog]:
    """Who read the viewer's data, newest first; `before` is the last row already seen."""
    viewer = call.require_viewer()
    rows = AccessLog.filter(subject_id=viewer.user_id)
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
) -> Reading[T]:
    """Read the viewer's data from an upstream: consent, access log, deadline, last good answer.

    Raises LoginRequired below level 2 and Forbidden CONSENT_REQUIRED without a live consent; in
    both cases nothing is asked upstream. An upstream that fails gives a STALE or UNAVAILABLE
    reading, never an exception. The last good answer is kept per person and purpose.
    """
    viewer = call.require_viewer(2)
    access = await open_access(call, service=service, purpose=purpose)
    try:
        return await call.app.last_good.read_through(
            _kept_under(viewer, purpose.id),
            lambda: fetch(access),
            clock=call.app.clock,
            max_stale=max_stale,
        )
    except UpstreamRejected as error:  # what a refusal means here is for `fetch` to know
        log.warning("personal read rejected", upstream=error.upstream, status=error.status)
        return Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)


async def open_access(call: Call, *, service: str, purpose: Purpose) -> Access:
    """Find the viewer's consent and leave the access-log row; repeated reads leave repeated rows.

    Raises LoginRequired for strangers and Forbidden CONSENT_REQUIRED without a live consent of the
    purpose's present text.
    """
    subject_id = call.require_viewer().user_id
    person = await get_person(call.app, subject_id)
    async with transaction() as tx:
        consent = (
            await Consent.filter(
                subject_id=subject_id,
                purpose=purpose.id,
                text_version=purpose.text_version,
                withdrawn_at=None,
            )
            .using_db(tx)
            .first()
        )
        if consent is None:
            raise Forbidden(CONSENT_REQUIRED, purpose=purpose.id)
        row = await AccessLog.create(
            using_db=tx,
            id=new_id(),
            subject_id=subject_id,
            actor_id=subject_id,
            service=service,
            upstream=purpose.upstream,
            purpose=purpose.id,
            fields_read=list(purpose.fields),
            request_id=call.request_id,
            read_at=call.app.clock.now(),
        )
    return Access(person, purpose.id, consent.id, row.id)


async def resume_access(app: "App", access_id: UUID) -> Access:
    """Go on under an access that was opened before, in a job that completes what it began.

    Raises Forbidden CONSENT_REQUIRED where the consent has been withdrawn since.
    """
    row = await AccessLog.get(id=access_id)
    consent = (
        await Consent.filter(subject_id=row.subject_id, purpose=row.purpose, withdrawn_at=None)
        .order_by("-granted_at")
        .first()
    )
    if consent is None:
        raise Forbidden(CONSENT_REQUIRED, purpose=row.purpose)
    return Access(await get_person(app, row.subject_id), row.purpose, consent.id, row.id)


def _kept_under(viewer: Viewer, purpose_id: str) -> Hashable:
    """The last good answer's key: per person, so that nobody is shown another's data."""
    return ("personal", viewer.user_id, purpose_id)
