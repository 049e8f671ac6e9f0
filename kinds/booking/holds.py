"""The end of holds of ours: one job for all that end at the same moment."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.queue.jobs import JobKind

EXPIRE = JobKind[Sequence[UUID]]("appointments.expire")
"""kinds.booking.visits, which imports what imports this file."""


async def end_at(app: App, tx: Transaction, ends_at: datetime, booking_ids: Sequence[UUID]) -> None:
    """See to it, when `tx` commits, that these holds end at a moment."""
    await EXPIRE.enqueue(app, tx, list(booking_ids), after=ends_at - app.clock.now())
