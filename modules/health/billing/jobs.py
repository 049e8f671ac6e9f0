"""The queued and scheduled work of hospital payments."""

from uuid import UUID

from core.context.app import App
from core.context.sweep import pages
from core.database import transaction
from core.deadline import Deadline
from core.queue.jobs import job
from modules.health.billing import refunds, store

_DEADLINE_S, _LOOK_S, _LOOKS_MAX = 8.0, 2.0, 100


@job("health.look_for_refunds", timeout_s=240, every="*/5 * * * *")
async def look_for_refunds(app: App) -> None:
    """Every five minutes: what hospitals give back, and what they do not know to be back yet."""
    await refunds.look_at_due(app, _LOOKS_MAX, _LOOK_S)
    async for ids in pages(store.list_unsettled, key=lambda id: id):
        async with transaction() as tx:
            await app.queue.enqueue(tx, [settle_refund.later(id, key=str(id)) for id in ids])


@job("health.settle_refund")
async def settle_refund(app: App, refund_id: UUID) -> None:
    """Tell a hospital that the money is back with the payer. Repeat-safe."""
    await refunds.settle(app, refund_id, Deadline.after(_DEADLINE_S))
