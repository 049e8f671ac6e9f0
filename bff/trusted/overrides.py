"""Hot fixes: a trusted document gets another text, or is withdrawn, without a deploy.

Apps in the field go on sending the id they were built with; every process learns of a change
through the bus and reads the table afresh.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import structlog

from bff.request.operation import RequestError
from bff.trusted.library import Library
from core.bus.bus import publish
from core.clock import Clock
from core.context.app import App
from core.database import Transaction, connection, fetch_all

CHANGED = "bff.documents_changed"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Override:
    """What runs in place of a document; nothing does where `source` is None."""

    document_id: str
    source: str | None
    reason: str


async def list_overrides() -> Sequence[Override]:
    """Every change there is."""
    rows = await fetch_all(
        connection(),
        "SELECT document_id, source, reason FROM bff_document_override ORDER BY document_id",
    )
    return [Override(**row) for row in rows]


async def set_override(tx: Transaction, clock: Clock, override: Override) -> None:
    """Fix or kill a document on every process when `tx` commits. Repeat-safe.

    The caller has checked that the text fits the schema; a process to which it does not, because
    it is older or newer, keeps what it had.
    """
    await tx.execute_query(
        """INSERT INTO bff_document_override (document_id, source, reason, changed_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (document_id) DO UPDATE
             SET source = EXCLUDED.source, reason = EXCLUDED.reason,
                 changed_at = EXCLUDED.changed_at""",
        [override.document_id, override.source, override.reason, clock.now()],
    )
    await publish(tx, CHANGED, override.document_id)


async def drop_override(tx: Transaction, document_id: str) -> None:
    """Run a document as it shipped again, when `tx` commits. Repeat-safe."""
    await tx.execute_query(
        "DELETE FROM bff_document_override WHERE document_id = $1", [document_id]
    )
    await publish(tx, CHANGED, document_id)


async def apply_overrides(library: Library) -> None:
    """Bring a process's library to the state of the table."""
    overrides = await list_overrides()
    library.restore()
    for override in overrides:
        if override.source is None:
            library.withdraw(override.document_id)
            continue
        try:
            library.replace(override.document_id, override.source)
        except RequestError as error:
            log.error("a hot fix does not fit", document=override.document_id, reason=str(error))


@asynccontextmanager
async def following_overrides(app: App, library: Library) -> AsyncIterator[None]:
    """Keep a library at the state of the table while the process lives."""
    await apply_overrides(library)
    following = asyncio.create_task(_follow(app, library), name="document overrides")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait({following})


async def _follow(app: App, library: Library) -> None:
    async with aclosing(app.bus.wakes(CHANGED)) as wakes:
        async for _ in wakes:
            try:
                await apply_overrides(library)
            except Exception:
                log.exception("document overrides could not be read")
