"""The log of what an endpoint was sent, and sending it once more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.context.app import App
from core.database import Transaction, connection, fetch_all
from notifications.webhooks.models import BODY, Event
from notifications.webhooks.service import SEND


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event of an endpoint and how its delivery stands: created, sent or failed."""

    id: UUID
    kind: str
    sequence: int
    data: dict[str, Any]
    state: str
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None

    @property
    def webhook_id(self) -> str:
        """What the receiver knows it by, the same at every attempt."""
        return f"msg_{self.id.hex}"


async def list_deliveries(
    app: App, endpoint_id: UUID, *, first: int, before: UUID | None = None
) -> Sequence[Delivery]:
    """Deliveries of an endpoint, the newest first; `before` is the last that was seen already."""
    rows = await fetch_all(
        connection(),
        """SELECT * FROM notifications_webhook_event
            WHERE endpoint_id = $1 AND ($2::uuid IS NULL OR (created_at, id) <
                  (SELECT created_at, id FROM notifications_webhook_event
                    WHERE endpoint_id = $1 AND id = $2))
            ORDER BY created_at DESC, id DESC LIMIT $3""",
        endpoint_id,
        before,
        first,
    )
    return [_delivery(app, Event._init_from_db(**row)) for row in rows]


async def replay(app: App, tx: Transaction, endpoint_id: UUID, event_id: UUID) -> Delivery | None:
    """Send an event again when `tx` commits, under the id that it had; None where there is none.

    One that is still on its way goes now instead of later.
    """
    event = await (
        Event.select_for_update().using_db(tx).get_or_none(id=event_id, endpoint_id=endpoint_id)
    )
    if event is None:
        return None
    now = app.clock.now()
    event.state, event.attempts, event.due_at, event.ended_at = "created", 0, now, None
    await event.save(using_db=tx, update_fields=["state", "attempts", "due_at", "ended_at"])
    await SEND.enqueue(app, tx, event.id, 0)
    return _delivery(app, event)


def _delivery(app: App, event: Event) -> Delivery:
    body = orjson.loads(app.vault.decrypt(event.body_sealed, BODY))
    return Delivery(
        id=event.id,
        kind=body["type"],
        sequence=body["sequence"],
        data=body["data"],
        state=event.state,
        attempts=event.attempts,
        error=event.error,
        created_at=event.created_at,
        due_at=event.due_at,
        ended_at=event.ended_at,
    )
