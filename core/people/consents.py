"""Consents: what a person allows to be read, from whom, for whom, until when.

Every read looks its consent up in the database, so a withdrawal counts from the next read on in
every process. What processes keep in memory is dropped on the bus's word (`WITHDRAWN`).
PIPL Art. 13-15 (consent, withdrawable), 23 (recipients), 31 (children).
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.bus import bus
from core.clock import civil_date, start_of_day
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import (
    Transaction,
    connection,
    fetch_all,
    fetch_one,
    lock_name,
    transaction,
)
from core.database.models import Consent
from core.errors import Conflict, Forbidden, NotFound
from core.id_documents import DocumentCodes
from core.ids import new_id
from core.people import acts
from core.people.directory import (
    ADULT_AGE,
    CHILD_UNTIL_AGE,
    Person,
    birthday,
    get_person,
)
from core.refusal_texts import (
    CONSENT_REQUIRED,
    CONSENT_TEXT_CHANGED,
    GUARDIAN_CONSENT_REQUIRED,
    NOT_ALLOWED,
    NOT_FOUND,
)
from core.rooms import ExtensionPoint
from core.security.authentication import PROBE_ID
from core.security.mandate import MandateKind
from core.texts import Named, Text

WITHDRAWN = "privacy.consent_withdrawn"
"""The bus topic that tells [subject id, purpose] of withdrawn consents."""

_PURPOSE_ID = re.compile(r"[\x21-\x7e]{1,64}")

AGREED = Named("同意使用其个人信息", "agreed to the use of their personal data")
TOOK_BACK = Named("撤回其个人信息授权", "took back a consent to the use of their personal data")
PARTIES_TOLD = "the command tells them, where a consent was given or ended"

CONSENTS_SHOWN = 100

CITY = "city"
"""The recipient of what the app itself shows or uses."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What personal data is read for. The text is what the citizen agrees to, in a version.

    `recipient` is CITY, or the outside party that the data is passed to (a bank's id); `life` is
    how long a consent holds, None until it is withdrawn. `proves`: it is read to prove who somebody
    is, so people agree to it before they are proved.
    """

    id: str
    upstream: str
    fields: Sequence[str]
    text: Text
    text_version: str
    recipient: str = CITY
    life: timedelta | None = None
    proves: bool = False
    documents: DocumentCodes | None = None
    """Of whom it can be read, and how the upstream is told; None: as the `System` of its name is.
    Who has no document that is taken is refused before anybody is asked."""


PURPOSES = ExtensionPoint("privacy.purposes", Purpose, key=lambda purpose: purpose.id)


def list_purposes(call: Call) -> list[Purpose]:
    """Everything a citizen can be asked to consent to."""
    return list(call.app.extensions(PURPOSES))


def find_purpose(call: Call, purpose_id: str) -> Purpose | None:
    """A purpose by its id."""
    return next((p for p in list_purposes(call) if p.id == purpose_id), None)


def documents_of(app: App, purpose: Purpose) -> DocumentCodes:
    """Of whom a purpose's upstream knows something, and how it is told of them."""
    return purpose.documents or app.upstreams.documents_of(purpose.upstream)


async def grant_consent(
    call: Call, purpose_id: str, text_version: str, key: str | None = None
) -> Consent:
    """The subject agrees to a purpose; a guardian agrees for a child, a proxy for nobody.

    Repeat-safe: a live consent of the same text is returned, and with a `key` that gave one before
    that one, withdrawn or not: what comes late brings none back. Raises NotFound for an unknown
    purpose, Conflict when the text the viewer saw is outdated, Forbidden for a proxy and for
    a child on its own.
    """
    subject_id, granted_by = call.subject_id, call.require_viewer().user_id
    purpose = find_purpose(call, purpose_id)
    if purpose is None:
        raise NotFound(NOT_FOUND)
    if purpose.text_version != text_version:
        raise Conflict(CONSENT_TEXT_CHANGED)
    person = await _consenter_of(call)
    now = call.app.clock.now()
    async with transaction() as tx:
        # one lock per person and purpose: two taps at once make one consent
        await lock_name(tx, f"consent:{subject_id}:{purpose.id}")
        given_id, is_known = await _find_given(call, tx, purpose, now, key)
        if is_known:
            return await Consent.get(id=given_id, using_db=tx)
        # one that has run out makes room for its successor
        await (
            Consent.filter(
                subject_id=subject_id, purpose=purpose.id, until_at__lte=now, withdrawn_at=None
            )
            .using_db(tx)
            .update(withdrawn_at=now)
        )
        given = await Consent.create(
            using_db=tx,
            id=given_id,
            subject_id=subject_id,
            purpose=purpose.id,
            text_version=purpose.text_version,
            source=purpose.upstream,
            recipient=purpose.recipient,
            fields_agreed=list(purpose.fields),
            granted_by=granted_by,
            granted_at=now,
            until_at=_until(call, person, now, purpose),
        )
        await _tell_parties(call, tx, AGREED, f"consent:{given.id}")
        return given


async def _find_given(
    call: Call, tx: Transaction, purpose: Purpose, now: datetime, key: str | None
) -> tuple[UUID, bool]:
    """The subject's live consent, or the one that the key has given, and that it is there; else a
    new id."""
    subject_id, text = call.subject_id, purpose.text_version
    live = await find_live(tx, subject_id, purpose.id, text, now)
    given_id, is_known = live or new_id(), live is not None
    if key is None:
        return given_id, is_known
    command = {"for": str(subject_id), "purpose": purpose.id, "text": text}
    claim = await claim_key(call, tx, "grantConsent", key, command, effect_id=given_id)
    return claim.effect_id, is_known or claim.replayed


async def withdraw_consent(call: Call, purpose_id: str, key: str | None = None) -> int:
    """Take back the subject's consents to a purpose; returns how many ended. Repeat-safe; with a
    `key` that did so before none of those that were given since.

    What was kept of earlier answers is forgotten.
    """
    subject_id = call.subject_id
    if not _PURPOSE_ID.fullmatch(purpose_id):
        return 0
    if call.mandate is not None and call.mandate.kind is not MandateKind.GUARDIAN:
        raise Forbidden(NOT_ALLOWED)
    async with transaction() as tx:
        if key is not None:
            command = {"for": str(subject_id), "purpose": purpose_id}
            if (await claim_key(call, tx, "withdrawConsent", key, command)).replayed:
                return 0
        ended = await end_consents(tx, call.app.clock.now(), subject_id, purpose_id=purpose_id)
        if ended:
            await _tell_parties(call, tx, TOOK_BACK, f"consent-ended:{new_id()}")
    call.app.last_good.forget_all(kept_under(subject_id, purpose_id))
    return ended


async def _tell_parties(call: Call, tx: Transaction, what: Named, key: str) -> None:
    """Tell who else is party to a consent that was given or taken back for somebody."""
    if call.mandate is not None:
        actor_id, subject_id = call.mandate.actor_id, call.mandate.subject_id
        await acts.tell(call.app, tx, acts.Act(actor_id, subject_id, "", what, key))


async def end_consents(
    tx: Transaction,
    now: datetime,
    subject_id: UUID,
    *,
    purpose_id: str | None = None,
    granted_by: UUID | None = None,
) -> int:
    """End a subject's live consents, all or those of a purpose or a guardian; tell every process.

    Returns how many ended.
    """
    rows = await fetch_all(
        tx,
        """UPDATE core_consent SET withdrawn_at = $2
            WHERE subject_id = $1 AND withdrawn_at IS NULL
              AND ($3::text IS NULL OR purpose = $3) AND ($4::uuid IS NULL OR granted_by = $4)
        RETURNING purpose""",
        subject_id,
        now,
        purpose_id,
        granted_by,
    )
    for purpose in {row["purpose"] for row in rows}:
        await bus.publish(tx, WITHDRAWN, [str(subject_id), purpose])
    return len(rows)


async def find_live(
    tx: Transaction, subject_id: UUID, purpose: str, text_version: str, now: datetime
) -> UUID | None:
    """The id of the consent that holds now, if there is one; the probe needs none."""
    if subject_id == PROBE_ID:
        return PROBE_ID
    row = await fetch_one(
        tx,
        """SELECT id FROM core_consent
            WHERE subject_id = $1 AND purpose = $2 AND text_version = $3
              AND withdrawn_at IS NULL AND (until_at IS NULL OR until_at > $4)""",
        subject_id,
        purpose,
        text_version,
        now,
    )
    return row["id"] if row else None


async def list_agreed(
    subject_ids: Sequence[UUID], purpose: str, text_version: str, now: datetime
) -> set[UUID]:
    """Those of some people whose consent to a purpose holds now."""
    rows = await fetch_all(
        connection(),
        """SELECT subject_id FROM core_consent
            WHERE subject_id = ANY ($1::uuid[]) AND purpose = $2 AND text_version = $3
              AND withdrawn_at IS NULL AND (until_at IS NULL OR until_at > $4)""",
        subject_ids,
        purpose,
        text_version,
        now,
    )
    return {row["subject_id"] for row in rows}


async def require_held(consent_id: UUID, purpose: str, now: datetime) -> None:
    """Raise Forbidden CONSENT_REQUIRED where a consent has ended meanwhile."""
    if not await list_held([consent_id], now):
        raise Forbidden(CONSENT_REQUIRED, purpose=purpose)


async def list_held(consent_ids: Sequence[UUID], now: datetime) -> set[UUID]:
    """Which of these consents still hold; the probe's always does."""
    ids = [consent_id for consent_id in consent_ids if consent_id != PROBE_ID]
    held = {PROBE_ID} & set(consent_ids)
    if ids:
        rows = await fetch_all(
            connection(),
            """SELECT id FROM core_consent
                WHERE id = ANY ($1::uuid[]) AND withdrawn_at IS NULL
                  AND (until_at IS NULL OR until_at > $2)""",
            ids,
            now,
        )
        held.update(row["id"] for row in rows)
    return held


async def list_consents(call: Call) -> list[Consent]:
    """The subject's consents, newest first: those that hold and, as far as there is room, those
    withdrawn last. All of them are in the export of a person's data."""
    rows = Consent.filter(subject_id=call.subject_id).order_by("-withdrawn_at", "-granted_at")
    return sorted(await rows.limit(CONSENTS_SHOWN), key=lambda row: row.granted_at, reverse=True)


def kept_under(person_id: UUID, purpose_id: str, *part: Hashable) -> tuple[Hashable, ...]:
    """The last good answer's key: per person, so that nobody is shown another's data.

    `part` tells apart what was asked for under one purpose; without it, all of it.
    """
    return ("personal", person_id, purpose_id, *part)


async def _consenter_of(call: Call) -> Person:
    """Whom the consent is of. Raises Forbidden for who may not give it."""
    person = await get_person(call.app, call.subject_id)
    if call.mandate is not None:
        if call.mandate.kind is not MandateKind.GUARDIAN:
            raise Forbidden(NOT_ALLOWED)
    elif person.is_child(civil_date(call.app.clock.now())):
        raise Forbidden(GUARDIAN_CONSENT_REQUIRED)
    return person


def _until(call: Call, person: Person, now: datetime, purpose: Purpose) -> datetime | None:
    """When a new consent ends by itself. A guardian's does when the child is old enough to be
    asked: on the 14th birthday, and what was agreed after it on the 18th. That of an adult's stays.
    """
    ends = [now + purpose.life] if purpose.life else []
    if call.mandate is not None and person.born_on is not None:
        days = [birthday(person.born_on, age) for age in (CHILD_UNTIL_AGE, ADULT_AGE)]
        ends += [start_of_day(day) for day in days if day > civil_date(now)][:1]
    return min(ends, default=None)
