"""What a citizen adds to an open case: a line of its timeline that its handler is told of."""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction, rate_limit
from core.errors import Conflict, InvalidInput
from kinds.application import engine, messages, store, texts
from kinds.application.definition import Actor
from kinds.application.engine import NOTE_CHARS_MAX, By

_PER_DAY = 20


async def require_room(app: App, case_id: UUID) -> None:
    """Count an update of a case. Raises RateLimited above twenty a day."""
    await rate_limit.require(
        app.clock,
        f"case-update:{case_id}",
        limit=_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.UPDATES_TODAY,
    )


async def add_update(
    app: App, tx: Transaction, case_id: UUID, citizen_id: UUID | None, text: str
) -> int:
    """Write what a citizen adds into the timeline, and tell the officers who have the case; where
    nobody has it, the one who acted last. Returns its place in the timeline.

    Raises InvalidInput, Conflict CASE_ENDED.
    """
    text = text.strip()
    if not text:
        raise InvalidInput(texts.NOTE_REQUIRED, "text")
    if len(text) > NOTE_CHARS_MAX:
        raise InvalidInput(texts.NOTE_LONG, "text", most=NOTE_CHARS_MAX)
    case = await store.lock_case(tx, case_id)
    if case is None or case.ended_at is not None:
        raise Conflict(texts.CASE_ENDED)
    await engine.note(app, tx, case, texts.UPDATE, By(Actor.CITIZEN, citizen_id), text)
    await messages.remind_officers(app, tx, case, texts.UPDATE, str(case.sequence))
    return case.sequence
