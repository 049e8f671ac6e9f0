"""Orders that payments have left: noted, and looked at until it is sure that they took nothing.

As an ended order is, each is asked for again after ten minutes and after a day: it may have been
made or paid while it was left. One that is open is closed; one that is paid goes back.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.queue.jobs import EARLY_TOLERANCE, job, require_due
from core.upstream.client import UpstreamError
from payments import settlement, store
from payments.domain import AFTER_LOOKS, Evidence, look_at_ended, next_look
from payments.models import Intent, LeftOrder
from payments.psp.port import OrderState, OrderView
from payments.psp.routing import get_psp

_CALL_S = 8.0

log = structlog.get_logger(__name__)


async def leave(app: App, tx: Transaction, intent: Intent, evidence: Evidence) -> None:
    """Note that a locked intent leaves its PSP for `next_psp`, and that the order is looked at.

    An order that was never sent needs no look. The next PSP is none that was left any more.
    """
    now = app.clock.now()
    wait = None if evidence is Evidence.UNSENT else AFTER_LOOKS[0]
    await LeftOrder.filter(intent_id=intent.id, psp=intent.next_psp).using_db(tx).delete()
    left = await LeftOrder.create(
        using_db=tx,
        id=new_id(),
        intent_id=intent.id,
        psp=intent.psp,
        evidence=evidence.value,
        left_at=now,
        due_at=None if wait is None else now + wait,
    )
    if wait is not None:
        await _enqueue(app, tx, left, wait)


async def look_now(app: App, tx: Transaction, intent_id: UUID, psp: str) -> None:
    """An order that was left has been made after all: have it closed. Lock its intent first."""
    left = await store.find_left_order(tx, intent_id, psp)
    if left is not None and not left.captured_fen:
        left.checks, left.due_at = left.checks + 1, app.clock.now()
        await left.save(using_db=tx, update_fields=["checks", "due_at"])
        await _enqueue(app, tx, left, timedelta(0))


@job("payments.check_left", timeout_s=20)
async def check(app: App, intent_id: UUID, psp: str) -> None:
    """Ask for an order that was left: have it closed, or take note that it was paid."""
    async with transaction() as tx:
        left = await store.find_left_order(tx, intent_id, psp)
    if left is None or left.due_at is None:
        return
    require_due(app.clock, left.due_at, EARLY_TOLERANCE)
    view: OrderView | None = None
    try:
        view = await _ask(app, intent_id, psp)
    except UpstreamError as error:
        log.info("psp did not answer", psp=psp, reason=error.reason)
    async with transaction() as tx:
        if view is not None and view.state is OrderState.PAID:
            await settlement.settle(app, tx, psp, view)
        await store.lock_intent(tx, intent_id)
        left = await store.find_left_order(tx, intent_id, psp)
        if left is not None and not left.captured_fen:
            await _look_again(app, tx, left, view)


async def _ask(app: App, intent_id: UUID, psp: str) -> OrderView:
    adapter, deadline = get_psp(app, psp), Deadline.after(_CALL_S)
    view = await adapter.find_order(intent_id, deadline)
    if view.state is OrderState.UNPAID:
        return await adapter.close_order(intent_id, deadline)
    return view


async def _look_again(app: App, tx: Transaction, left: LeftOrder, view: OrderView | None) -> None:
    now: datetime = app.clock.now()
    wait = next_look(left.checks) if view is None else look_at_ended(now, left.left_at)
    left.checks += 1
    left.due_at = None if wait is None else now + wait
    await left.save(using_db=tx, update_fields=["checks", "due_at"])
    if wait is not None:
        await _enqueue(app, tx, left, wait)


async def _enqueue(app: App, tx: Transaction, left: LeftOrder, wait: timedelta) -> None:
    key = f"{left.id}:{left.checks}"
    await check.enqueue(app, tx, left.intent_id, left.psp, key=key, after=wait)
