"""The sweeps of payments: what lost its job, what has run out, what is kept no longer."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import pages
from core.database import transaction
from core.queue.jobs import Lane, NewJob, job, require_due
from payments import left_orders, saga, shares, store
from payments import share_returns as returns
from payments.ledger import store as ledger
from payments.models import Hold, Intent, LeftOrder, Refund
from payments.sharing import store as sharing
from payments.sharing.models import Share, ShareReturn

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
    overdue: Sequence[tuple[Callable[..., Awaitable[Sequence[Any]]], Callable[[Any], NewJob]]] = (
        (store.list_overdue_intents, _look_at),
        (store.list_overdue_refunds, lambda row: saga.refund.later(row.id, key=_key(row))),
        (
            store.list_overdue_left_orders,
            lambda row: left_orders.check.later(row.intent_id, row.psp, key=_key(row)),
        ),
        (sharing.list_overdue_shares, lambda row: shares.step.later(row.id, key=_key(row))),
        (sharing.list_overdue_returns, lambda row: returns.step.later(row.id, key=_key(row))),
    )
    for list_overdue, again in overdue:
        async for rows in pages(partial(list_overdue, before), key=lambda row: row.id):
            async with transaction() as tx:
                await app.queue.enqueue(tx, [again(row) for row in rows])


def _look_at(intent: Intent) -> NewJob:
    step = saga.check if intent.captured_fen == 0 else saga.fulfil
    return step.later(intent.id, key=_key(intent))


def _key(row: Intent | Refund | LeftOrder | Share | ShareReturn) -> str:
    return f"{row.id}:sweep"


@job("payments.forget", lane=Lane.BULK, every="*/10 * * * *")
async def forget(app: App) -> None:
    """Drop nonces of callbacks too old to be believed, and counters of days long past."""
    now = app.clock.now()
    await store.forget_nonces(now - _NONCES_KEPT)
    await store.forget_usage(civil_date(now - _USAGE_KEPT))
