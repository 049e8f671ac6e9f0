"""The queued and scheduled work of hospital payments."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.context.app import App
from core.database import transaction
from core.deadline import Deadline
from modules.health.billing import refunds, store

SETTLE_REFUND = "health.settle_refund"
_DEADLINE_S, _LOOK_S = 8.0, 2.0
_LOOKS_MAX, _UNSETTLED_MAX = 100, 500


async def look_for_refunds(app: App, _payload: Mapping[str, Any]) -> None:
    """Every five minutes: what hospitals give back, and what they do not know to be back yet."""
    await refunds.look_at_due(app, _LOOKS_MAX, _LOOK_S)
    unsettled = [str(refund_id) for refund_id in await store.list_unsettled(_UNSETTLED_MAX)]
    payloads = [{"refund_id": refund_id} for refund_id in unsettled]
    async with transaction() as tx:
        await app.queue.enqueue_many(tx, SETTLE_REFUND, payloads, keys=unsettled)


async def settle_refund(app: App, payload: Mapping[str, Any]) -> None:
    """Tell a hospital that the money is back with the payer. Repeat-safe."""
    await refunds.settle(app, UUID(payload["refund_id"]), Deadline.after(_DEADLINE_S))
