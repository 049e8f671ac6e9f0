"""Reading personal data from outside: consent first, a trace always.

`personal_read` is the only way: it finds a live consent, writes the access-log row, and only then
hands out an `Access`, which an upstream client demands before it asks for anybody's data.
PIPL Art. 13-15 (consent, withdrawable), 44 (right to know), 55 (records of processing).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from core.call import Call
from core.database import transaction
from core.errors import Forbidden
from core.ids import new_id
from core.last_good import Reading
from core.models import AccessLog, Consent
from core.texts import Text
from core.texts_common import CONSENT_REQUIRED

T = TypeVar("T")

_MAX_STALE = timedelta(days=1)


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
    """Proof that one read of one person's data is consented to and logged."""

    subject_id: UUID
    purpose: str
    consent_id: UUID
    access_id: UUID


async def grant_consent(call: Call, purpose: Purpose) -> Consent:
    """The viewer agrees to a purpose. Repeat-safe: a live consent of the same text is returned."""
    viewer = call.require_viewer()
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
        ).using_db(tx)
        return live or await Consent.create(
            using_db=tx,
            id=new_id(),
            subject_id=viewer.user_id,
            purpose=purpose.id,
            text_version=purpose.text_version,
            granted_at=call.app.clock.now(),
        )


async def withdraw_consent(call: Call, purpose_id: str) -> int:
    """The viewer takes back a purpose; returns how many live consents ended. Repeat-safe."""
    viewer = call.require_viewer()
    async with transaction() as tx:
        return (
            await Consent.filter(subject_id=viewer.user_id, purpose=purpose_id, withdrawn_at=None)
            .using_db(tx)
            .update(withdrawn_at=call.app.clock.now())
        )


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
    access = await _open_access(call, viewer.user_id, service, purpose)
    return await call.app.last_good.read_through(
        ("personal", viewer.user_id, purpose.id),
        lambda: fetch(access),
        clock=call.app.clock,
        max_stale=max_stale,
    )


async def _open_access(call: Call, subject_id: UUID, service: str, purpose: Purpose) -> Access:
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
    return Access(subject_id, purpose.id, consent.id, row.id)


def consent_is_live(consent: Consent, at: datetime) -> bool:
    """Whether a consent holds at a moment."""
    return consent.granted_at <= at and (consent.withdrawn_at is None or at < consent.withdrawn_at)
