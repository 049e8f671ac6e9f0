"""The queue's side of the saga."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from payments import contracts, left_orders, receipts, saga, store
from payments.ledger import store as ledger

_OVERDUE = timedelta(minutes=1)
_NONCES_KEPT = timedelta(minutes=15)
"""Three times the age at which a callback is refused anyway."""

_USAGE_KEPT = timedelta(days=35)


async def check(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.saga.check."""
    await saga.check(app, UUID(payload["intent_id"]))


async def check_left(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.left_orders.check."""
    await left_orders.check(app, UUID(payload["intent_id"]), payload["psp"])


async def fulfil(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.saga.fulfil."""
    await saga.fulfil(app, UUID(payload["intent_id"]))


async def refund(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.saga.refund."""
    await saga.refund(app, UUID(payload["refund_id"]))


async def issue_receipt(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.receipts.issue."""
    await receipts.issue(app, UUID(payload["intent_id"]))


async def end_contract(app: App, payload: Mapping[str, Any]) -> None:
    """See payments.contracts.tell_end."""
    await contracts.tell_end(app, UUID(payload["contract_id"]))


async def expire_hold(app: App, payload: Mapping[str, Any]) -> None:
    """Free a hold at the end of its life. Repeat-safe."""
    async with transaction() as tx:
        await ledger.expire_hold(tx, UUID(payload["hold_id"]), app.clock.now())


async def sweep(app: App, _payload: Mapping[str, Any]) -> None:
    """Queue again what nobody looked at when it was due: its job is among the dead letters."""
    before = app.clock.now() - _OVERDUE
    intents = await store.list_overdue_intents(before)
    refunds = await store.list_overdue_refunds(before)
    overdue_left = await store.list_overdue_left_orders(before)
    async with transaction() as tx:
        for intent in intents:
            kind = "payments.check" if intent.captured_fen == 0 else "payments.fulfil"
            payload = {"intent_id": str(intent.id)}
            await app.queue.enqueue(tx, kind, payload, key=f"{intent.id}:sweep")
        for refund in refunds:
            payload = {"refund_id": str(refund.id)}
            await app.queue.enqueue(tx, "payments.refund", payload, key=f"{refund.id}:sweep")
        for left in overdue_left:
            payload = {"intent_id": str(left.intent_id), "psp": left.psp}
            await app.queue.enqueue(tx, "payments.check_left", payload, key=f"{left.id}:sweep")


async def forget(app: App, _payload: Mapping[str, Any]) -> None:
    """Drop nonces of callbacks too old to be believed, and counters of days long past."""
    now = app.clock.now()
    await store.forget_nonces(now - _NONCES_KEPT)
    await store.forget_usage(civil_date(now - _USAGE_KEPT))
