"""A provider's yes, noted by one row the moment it comes.

Whoever dies after it need not ask again: the next worker finds the note and writes the states that
follow. What is not noted is handed over again, so the note is the smallest write there is: one row
for a request, in a table without a log, whose commit waits for no disk. A database that crashes
has forgotten the notes of the moment, and those pushes are asked for again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from core.context.app import App
from core.database import Transaction, connection, fetch_all, is_unavailable
from core.ids import new_id
from core.json import to_json
from notifications.channels.port import Outbound, Outcome, Provider, Taken

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Noted:
    """What a provider took before the worker that asked it was gone."""

    provider: str
    outcome: Taken


async def note(
    app: App, provider: Provider, outbounds: Sequence[Outbound], outcomes: Sequence[Outcome]
) -> UUID | None:
    """Note what was taken; the note's id, None where there is none. The states follow anyway, so
    that a database which is away for the moment is no error."""
    taken = {
        outbound.ref: outcome.ref
        for outbound, outcome in zip(outbounds, outcomes, strict=True)
        if isinstance(outcome, Taken)
    }
    if not taken:
        return None
    note_id = new_id()
    try:
        await fetch_all(
            connection(),
            """INSERT INTO notifications_handover (id, provider, taken, taken_at)
               VALUES ($1, $2, $3, $4) RETURNING 1""",
            note_id,
            provider.name,
            to_json(taken).decode(),
            app.clock.now(),
        )
    except Exception as error:
        if not is_unavailable(error):
            raise
        log.warning("handover not noted", provider=provider.name, number=len(taken))
    return note_id


async def find(refs: Collection[str]) -> Mapping[str, Noted]:
    """Those of some refs that a provider has taken and whose state is not written."""
    if not refs:
        return {}
    rows = await fetch_all(
        connection(),
        """SELECT t.key AS ref, t.value AS name, h.provider
             FROM notifications_handover h, jsonb_each_text(h.taken) t
            WHERE h.taken ?| $1::text[] AND t.key = ANY($1)""",
        list(refs),
    )
    return {row["ref"]: Noted(row["provider"], Taken(row["name"])) for row in rows}


async def delete(tx: Transaction, note_ids: Collection[UUID]) -> None:
    """Drop notes whose deliveries' states `tx` writes."""
    await fetch_all(
        tx, "DELETE FROM notifications_handover WHERE id = ANY($1) RETURNING 1", list(note_ids)
    )


async def forget(db: Transaction, before: datetime) -> None:
    """Drop what workers left that died before a moment."""
    await fetch_all(
        db, "DELETE FROM notifications_handover WHERE taken_at < $1 RETURNING 1", before
    )
