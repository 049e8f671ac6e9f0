"""The sweeps of payments: what lost its job, what has run out, what is kept no longer."""

from datetime import timedelta
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.queue.jobs import Lane, job, require_due
from payments import left_orders, saga, shares, store
from payments import share_returns as returns
from payments.ledger import store as ledger
from payments.models import Hold
from payments.sharing import store as sharing

_OVERDUE = timedelta(minutes=1)
_NONCES_KEPT = timedelta(minutes=15)
"""Three times the age at which a callback is refused anyway."""

_USAGE_KEPT = timedelta(days=35)


@job("payments.expire_hold")
async def expire_hold(app: App, hold_id: UUID) -> None:
    """Free a hold at the end of its life. Repeat-safe."""
    hold = await Hold.get_or_none(id=hold_id)
    if hold is not None and hold.state == "pending":
        require_due(app.clock, hold.expires_at)
        async with transaction() as tx:
            await ledger.expire_hold(tx, hold_id, app.clock.now())


@job("payments.sweep", lane=Lane.CRITICAL, every="* * * * *")
async def sweep(app: App) -> None:
    """Queue again what nobody looked at when it was due: its job is among the dead letters."""
    before = app.clock.now() - _OVERDUE
    intents = await store.list_overdue_intents(before)
    refunds = await store.list_overdue_refunds(before)
    overdue_left = await store.list_overdue_left_orders(before)
    overdue_shares = await sharing.list_overdue_shares(before)
    overdue_returns = await sharing.list_overdue_returns(before)
    async with transaction() as tx:
        for intent in intents:
            step = saga.check if intent.captured_fen == 0 else saga.fulfil
            await step.enqueue(app, tx, intent.id, key=f"{intent.id}:sweep")
        for refund in refunds:
            await saga.refund.enqueue(app, tx, refund.id, key=f"{refund.id}:sweep")
        for left in overdue_left:
            key = f"{left.id}:sweep"
            await left_orders.check.enqueue(app, tx, left.intent_id, left.psp, key=key)
        for share in overdue_shares:
            await shares.step.enqueue(app, tx, share.id, key=f"{share.id}:sweep")
        for returned in overdue_returns:
            await returns.step.enqueue(app, tx, returned.id, key=f"{returned.id}:sweep")


@job("payments.forget", lane=Lane.BULK, every="*/10 * * * *")
async def forget(app: App) -> None:
    """Drop nonces of callbacks too old to be believed, and counters of days long past."""
    now = app.clock.now()
    await store.forget_nonces(now - _NONCES_KEPT)
    await store.forget_usage(civil_date(now - _USAGE_KEPT))
