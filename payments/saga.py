"""The steps that carry a payment to its end, whatever crashed or did not answer on the way.

Every step may run at any time and any number of times. It looks at the intent, does the one thing
that is due, outside any transaction, and notes the outcome. What settles nothing is asked again,
at 5 s, 15 s, 30 s, 2 min, 10 min and then every 10 min.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import structlog

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.queue.jobs import EARLY_TOLERANCE, GiveUp, Lane, job, require_due
from core.upstream.client import UpstreamError, UpstreamFailed
from payments import cashier, limits, oddities, settlement, store
from payments import share_returns as returns
from payments.domain import (
    INTENT,
    REFUND,
    REFUND_OPEN,
    REFUND_WINDOW,
    SHORT_FOR,
    TO_FULFIL,
    TO_ORDER,
    UNPAID,
    Settled,
    look_at_ended,
    look_at_unpaid,
    next_look,
)
from payments.events import Oddity
from payments.models import Intent, Refund
from payments.payable import (
    Accepted,
    Refused,
    Unknown,
    get_payable,
    judge,
    wait_before_next,
)
from payments.psp.port import OrderState, OrderView, RefundOrder, RefundState, RefundView
from payments.psp.routing import get_psp

_TO_CHECK = UNPAID | {"expired"}
_CALL_S = 8.0
log = structlog.get_logger(__name__)


@job("payments.check", lane=Lane.CRITICAL, timeout_s=20)
async def check(app: App, intent_id: UUID) -> None:
    """Find out whether an intent was paid; end it when its time is over.

    An ended one is looked at twice more: what was on its way when it was closed goes back.
    """
    intent = await store.find_intent(intent_id)
    if intent is None or intent.state not in _TO_CHECK:
        return
    require_due(app.clock, intent.due_at, EARLY_TOLERANCE)
    view: OrderView | None = None
    try:
        view = await _ask(app, intent)
    except UpstreamError as error:
        log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    async with transaction() as tx:
        if view is not None and view.state is OrderState.PAID:
            settled = await settlement.settle(app, tx, intent.psp, view)
            if settled is Settled.AMOUNT_DIFFERS:
                log.error("captured amount differs", intent_id=str(intent_id))
        locked = await store.lock_intent(tx, intent_id)
        assert locked is not None
        if locked.psp != intent.psp or locked.state == "leaving":
            view = None  # this was about an order that is left: see payments.cashier
        if locked.state in _TO_CHECK:
            await _look_again(app, tx, locked, view)


async def _look_again(app: App, tx: Transaction, intent: Intent, view: OrderView | None) -> None:
    """Note that an order is gone, and when to ask next."""
    now = app.clock.now()
    if intent.state in UNPAID and view is not None and _is_gone(app, intent, view):
        if intent.state != "cancelling":  # which has given it back already
            await limits.give_back(tx, intent)
        if INTENT.allows(intent.state, "expire"):
            await settlement.move_intent(tx, intent, "expire")
        await settlement.move_intent(tx, intent, "close", ended_at=now)
    wait: timedelta | None = look_at_unpaid(now, intent.checks, intent.expires_at)
    if intent.state == "expired" and view is not None:
        assert intent.ended_at is not None
        wait = look_at_ended(now, intent.ended_at)
    due_at = None if wait is None else now + wait
    await settlement.save_intent(tx, intent, checks=intent.checks + 1, due_at=due_at)
    if wait is not None:
        await check.enqueue(app, tx, intent.id, key=settlement.check_key(intent), after=wait)


async def _ask(app: App, intent: Intent) -> OrderView | None:
    """The one question that is due: open the cashier, ask for the order, or close it."""
    psp, deadline = get_psp(app, intent.psp, intent.merchant), Deadline.after(_CALL_S)
    if intent.state == "expired":
        return await psp.find_order(intent.id, deadline)
    if intent.state == "cancelling" or app.clock.now() >= intent.expires_at:
        async with transaction() as tx:
            locked = await store.lock_intent(tx, intent.id)
            if locked is not None and INTENT.allows(locked.state, "expire"):
                await settlement.move_intent(tx, locked, "expire")
        if locked is not None and locked.order_tries == 0:
            return OrderView(intent.id, OrderState.MISSING)  # no order ever reached the PSP
        return await psp.close_order(intent.id, deadline)
    if intent.state in TO_ORDER | {"leaving"}:
        await cashier.open_cashier(app, intent, deadline)
        return None
    return await psp.find_order(intent.id, deadline)


def _is_gone(app: App, intent: Intent, view: OrderView) -> bool:
    """Whether the order can be paid no more.

    One that is "not there" may yet be made by a payer who was shown its address, until its time.
    """
    if view.state is OrderState.CLOSED:
        return True
    if view.state is not OrderState.MISSING or intent.state not in ("closing", "cancelling"):
        return False
    return intent.cashier_url is None or app.clock.now() >= intent.expires_at


@job("payments.fulfil", lane=Lane.CRITICAL, timeout_s=20)
async def fulfil(app: App, intent_id: UUID) -> None:
    """Pass a captured payment on to its payee, or start its way back."""
    paid = await store.begin_fulfilment(intent_id, TO_FULFIL, app.clock.now() + EARLY_TOLERANCE)
    if paid is None:
        intent = await store.find_intent(intent_id)
        if intent is not None and intent.state in TO_FULFIL:
            require_due(app.clock, intent.due_at, EARLY_TOLERANCE)
        return
    payable = get_payable(app, paid.kind)
    outcome = await payable.fulfil(app, paid)
    async with transaction() as tx:
        locked = await store.lock_intent(tx, intent_id)
        assert locked is not None
        if locked.state not in TO_FULFIL:
            return
        match judge(payable.posting, outcome, paid, app.clock.now()):
            case Accepted(ref):
                await settlement.fulfilled(app, tx, locked, ref)
            case Refused(reason):
                await settlement.refuse(app, tx, locked, reason)
            case unsettled:
                if isinstance(unsettled, Unknown) and locked.state == "paid":
                    await settlement.move_intent(tx, locked, "lose_fulfilment")
                wait = wait_before_next(payable.posting, paid.attempt)
                await settlement.look_again(app, tx, locked, paid.attempt, wait)


@job("payments.refund", lane=Lane.CRITICAL, timeout_s=20)
async def refund(app: App, refund_id: UUID) -> None:
    """Carry a refund on until the PSP has returned the money.

    Raises GiveUp where the PSP refuses, or has had too little to refund from for three days: the
    money stays set aside, people are told by a case, and the job stands among the dead letters;
    running it again asks the PSP again. Of a payment that the city has a share of, its part of that
    goes back first.
    """
    found = await store.find_refund(refund_id)
    if found is None or found.state not in REFUND_OPEN | {"failed"}:
        return
    require_due(app.clock, found.due_at, EARLY_TOLERANCE)
    intent = await store.find_intent(found.intent_id)
    assert intent is not None
    if await returns.keeps_waiting(app, intent, found):
        return
    attempt = await _announce_refund(app, refund_id)
    if attempt is None:
        return
    try:
        view = await _ask_refund(app, intent, found, attempt)
    except UpstreamError as error:
        log.info("psp did not answer", psp=found.psp, reason=error.reason)
        view = RefundView(refund_id, RefundState.MISSING)
    age = app.clock.now() - found.created_at
    if view.state is RefundState.SHORT and age >= SHORT_FOR:
        view = replace(view, state=RefundState.FAILED)
    async with transaction() as tx:
        noted = await settlement.apply_refund(app, tx, found.psp, view)
        if noted is not None and noted.state in REFUND_OPEN:
            if age >= REFUND_WINDOW:
                await oddities.report_refund(app, tx, intent, noted, Oddity.REFUND_OVERDUE)
            wait = next_look(attempt)
            noted.due_at = app.clock.now() + wait
            await noted.save(using_db=tx, update_fields=["due_at"])
            key = f"{refund_id}:{attempt}"
            await refund.enqueue(app, tx, refund_id, key=key, after=wait)
    if noted is not None and noted.state == "failed":
        raise GiveUp("the PSP refuses this refund")


async def _announce_refund(app: App, refund_id: UUID) -> int | None:
    """Count the try that comes; None where the refund has come to its end meanwhile.

    One that had failed is under way again, and due: the sweep sees it, should this try die.
    """
    async with transaction() as tx:
        locked = await store.lock_refund(tx, refund_id)
        assert locked is not None
        if locked.state not in REFUND_OPEN | {"failed"}:
            return None
        attempt: int = locked.attempts
        locked.attempts = attempt + 1
        if REFUND.allows(locked.state, "retry"):
            locked.state = REFUND.next_state(locked.state, "retry")
            locked.due_at = app.clock.now()
        await locked.save(using_db=tx, update_fields=["attempts", "state", "due_at"])
    return attempt


async def _ask_refund(app: App, intent: Intent, refund: Refund, attempt: int) -> RefundView:
    """What has become of a refund, which is asked for unless it was. Raises UpstreamError, also for
    an answer of another amount: that is no word on this refund."""
    psp, deadline = get_psp(app, refund.psp, intent.merchant), Deadline.after(_CALL_S)
    order = RefundOrder(refund.id, intent.id, refund.amount_fen, intent.amount_fen, refund.reason)
    view = RefundView(refund.id, RefundState.MISSING)
    if attempt and refund.state != "failed":
        view = await psp.find_refund(order, deadline)
    if view.state is RefundState.MISSING:
        view = await psp.refund(order, deadline)
    if view.amount_fen not in (None, refund.amount_fen):
        raise UpstreamFailed(refund.psp, "refund", "the answer tells of another amount")
    return view
