"""The access log's rows: each is committed before anything is asked, so that none can be missing.

A row and the consent that it rests on are one statement. A crash, a lost reply or a caller who
gives up leaves a row without a reading, never a reading without its row. What one request reads at
once is one statement for all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from core.bus import bus
from core.context.app import App
from core.database import Transaction, connection, fetch_all
from core.database.models import AccessLog
from core.errors import NotFound
from core.id_documents import EVERY_DOCUMENT, DocumentCodes
from core.ids import new_id
from core.people.directory import Person, directory_of
from core.refusal_texts import NOT_FOUND


@dataclass(frozen=True, slots=True)
class Actor:
    """Who reads, as what, in which request."""

    id: UUID
    role: str
    request_id: str
    mandate_id: UUID | None = None
    basis_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is read, and for what."""

    service: str
    upstream: str
    purpose: str
    fields: Sequence[str]
    text_version: str = ""
    """Of the consent that must be there; "" where none need be."""
    documents: DocumentCodes = EVERY_DOCUMENT
    """By which of them the upstream knows people."""


_ENTER = """WITH person AS (
    {person}
), wanted AS (
    SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::text[],
                         $8::text[])
        AS wanted (entry_id, service, upstream, purpose, fields_read, text_version, notice)
), live AS (
    SELECT wanted.*, consent.id AS consent_id
      FROM wanted JOIN core_consent consent USING (purpose, text_version)
     WHERE consent.subject_id = $1 AND consent.withdrawn_at IS NULL
       AND (consent.until_at IS NULL OR consent.until_at > $14)
       AND EXISTS (SELECT FROM person)
), entered AS (
    INSERT INTO core_access_log (id, service, upstream, purpose, fields_read, subject_id, actor_id,
                                 actor_role, mandate_id, basis_ref, request_id, read_at)
    SELECT entry_id, service, upstream, purpose, fields_read, $1::uuid, $9::uuid,
           $10::text, $11::uuid, $12::text, $13::text, $14::timestamptz
      FROM live
)
SELECT entry_id, consent_id, CASE WHEN notice IS NOT NULL THEN pg_notify($15, notice) END, person.*
  FROM person LEFT JOIN live ON true"""


def access_topic(subject_id: UUID) -> str:
    """The bus topic on which reads of a person's data are told."""
    return f"access:{subject_id}"


async def enter_consented(
    app: App, subject_id: UUID, actor: Actor, entries: Sequence[Entry]
) -> tuple[Person, Sequence[tuple[UUID, UUID] | None]]:
    """Write a row for each entry whose consent holds now: the ids of the row and of the consent.

    None where there is no such consent; then no row is written either. Raises NotFound for who has
    no account; then there is none at all.
    """
    directory, topic = directory_of(app), access_topic(subject_id)
    ids = [new_id() for _ in entries]
    rows = await fetch_all(
        connection(),
        _ENTER.format(person=directory.query),
        subject_id,
        ids,
        [entry.service for entry in entries],
        [entry.upstream for entry in entries],
        [entry.purpose for entry in entries],
        [orjson.dumps(list(entry.fields)).decode() for entry in entries],
        [entry.text_version for entry in entries],
        [bus.message_body(topic, str(row_id)) for row_id in ids],
        actor.id,
        actor.role,
        actor.mandate_id,
        actor.basis_ref,
        actor.request_id,
        app.clock.now(),
        bus.CHANNEL,
    )
    if not rows:
        raise NotFound(NOT_FOUND)
    consents: Mapping[UUID, UUID] = {row["entry_id"]: row["consent_id"] for row in rows}
    entered = [(row_id, consents[row_id]) if row_id in consents else None for row_id in ids]
    return await directory.read(app, rows[0]), entered


async def enter_under_case(
    tx: Transaction, subject_id: UUID, actor: Actor, entry: Entry, now: datetime
) -> None:
    """Write the row of a member of staff, who reads without a consent, when `tx` commits."""
    row_id = new_id()
    await AccessLog.create(
        using_db=tx,
        id=row_id,
        subject_id=subject_id,
        actor_id=actor.id,
        actor_role=actor.role,
        mandate_id=actor.mandate_id,
        basis_ref=actor.basis_ref,
        service=entry.service,
        upstream=entry.upstream,
        purpose=entry.purpose,
        fields_read=list(entry.fields),
        request_id=actor.request_id,
        read_at=now,
    )
    await bus.publish(tx, access_topic(subject_id), str(row_id))
