"""The cashier of a payment: an order at one PSP, and at another one where that fails.

No two PSPs are ever to charge for one payment. So an intent leaves a PSP only when there is
certainly no order, or when the PSP says that it is closed, or that it knows none and nobody was
shown its cashier. Until then it is `leaving` and the PSP is asked. PostgreSQL refuses any other
change of an intent's PSP. What a PSP that was left takes all the same is returned through it
(payments.settlement).
"""

from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog
from prometheus_client import Counter

from core.context.app import App
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.upstream.client import UpstreamError, UpstreamRejected
from payments import contracts, left_orders, limits, settlement, store, texts
from payments.domain import INTENT, TO_ORDER, Evidence, method_of
from payments.models import Intent
from payments.psp import routing
from payments.psp.channels import PaymentChannel
from payments.psp.port import Order, OrderState, OrderView

_CLOSE_S = routing.LEAVE_AFTER_S - routing.SILENT_S

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of ordering: an address (empty: the PSP deducts), or what it said of the order.

    Neither: it may exist. `unsent`: nothing has ever reached the PSP.
    """

    url: str | None = None
    view: OrderView | None = None
    unsent: bool = False

    @property
    def evidence(self) -> Evidence | None:
        """Why no order there takes money; None where one may."""
        if self.unsent:
            return Evidence.UNSENT
        return _evidence(self.view, shown=False)


async def open_cashier(
    app: App, intent: Intent, deadline: Deadline, *, first: bool = False
) -> Intent:
    """Order at the intent's PSP, or at another one; returns the intent as it then is.

    Outside any transaction. Repeat-safe. `first` says that nobody else can have tried before: the
    caller has just made the intent.
    """
    tried: set[str] = set()
    moved = True
    while moved and intent.psp not in tried:
        tried.add(intent.psp)
        moved = False
        if intent.state in TO_ORDER:
            intent, moved = await _order(app, intent, deadline, first)
        if intent.state == "leaving":
            intent, moved = await _leave(app, intent, deadline)
        first = moved
    return intent


async def wish(app: App, tx: Transaction, intent: Intent, psp: str) -> None:
    """The payer of an open payment, which is locked, asks for another PSP.

    It stays where it is when that one fails, or was left for good, and where a PSP deducts under a
    contract. Raises Conflict CHANNEL_NOT_OFFERED, also where the payee's own merchant takes it.
    """
    if intent.contract_id is not None:
        return
    if intent.merchant is not None:
        if method_of(intent.psp) != psp and psp in routing.names(app):
            raise Conflict(texts.CHANNEL_NOT_OFFERED)
        return
    if psp not in routing.names(app) or not routing.health(app, psp).ready:
        return
    if not routing.offers(app, psp, PaymentChannel(intent.channel)):
        raise Conflict(texts.CHANNEL_NOT_OFFERED)
    if intent.psp == psp or psp in await store.list_left_for_good(tx, intent.id):
        return
    if intent.state == "leaving":
        await settlement.save_intent(tx, intent, next_psp=psp)
    elif INTENT.allows(intent.state, "leave"):
        await settlement.move_intent(tx, intent, "leave", next_psp=psp)


async def _order(app: App, intent: Intent, deadline: Deadline, first: bool) -> tuple[Intent, bool]:
    """Order at the intent's PSP and note what came of it.

    Returns the intent as it then is, and whether this call moved it to another PSP.
    """
    moved = False
    if not first:
        tries = await store.announce_order(intent.id, intent.psp, TO_ORDER)
        if tries is None:  # somebody else has got further
            return await store.get_intent(intent.id), moved
        intent.order_tries = tries
    answer = await _ask(app, intent, deadline)
    if answer.url is not None and await settlement.present(intent, answer.url or None):
        return intent, moved
    async with transaction() as tx:
        if answer.view is not None and answer.view.state is OrderState.PAID:
            await settlement.settle(app, tx, intent.psp, answer.view)
        locked = await store.lock_intent(tx, intent.id)
        assert locked is not None
        if locked.psp != intent.psp:
            # left meanwhile: this order's address is shown to nobody, and the order is closed
            await left_orders.look_now(app, tx, intent.id, intent.psp)
        elif locked.state in TO_ORDER:
            moved = await _note(app, tx, locked, answer, sole=locked.order_tries == 1)
    return locked, moved


async def _ask(app: App, intent: Intent, deadline: Deadline) -> _Answer:
    """Order, up to three times within the time there is where another PSP could take over."""
    channel = PaymentChannel(intent.channel)
    order = Order(
        intent.id,
        intent.title_zh,
        intent.amount_fen,
        intent.expires_at,
        intent.client_address,
        channel,
        intent.openid,
        intent.merchant,
        intent.share_bps > 0,
    )
    if intent.contract_id is not None:
        return await _deduct(app, intent.contract_id, order, deadline)
    alone = _other(app, intent, {intent.psp}) is None
    patience = deadline if alone else deadline.share(cap_s=routing.SILENT_S)
    unsent = True
    for _ in range(1 if alone else routing.LEAVE_AFTER_FAILURES):
        try:
            return _Answer(url=await routing.order(app, intent.psp, order, patience))
        except UpstreamRejected:
            return await _after_refusal(app, intent.psp, order, deadline)
        except UpstreamError as error:
            log.info("psp did not answer", psp=intent.psp, reason=error.reason)
            unsent = unsent and error.outcome_known
        if patience.expired:
            break
    return _Answer(unsent=unsent)


async def _deduct(app: App, contract_id: UUID, order: Order, deadline: Deadline) -> _Answer:
    """Have the contract's PSP take the money; no other one ever does."""
    try:
        await contracts.deduct(app, contract_id, order, deadline)
    except UpstreamRejected:
        return await _after_refusal(app, contracts.PSP, order, deadline)
    except UpstreamError as error:
        log.info("psp did not answer", psp=contracts.PSP, reason=error.reason)
        return _Answer()
    return _Answer(url="")


async def _after_refusal(app: App, psp: str, order: Order, deadline: Deadline) -> _Answer:
    """What a refused order is: an earlier try may have arrived before its process died."""
    adapter = routing.get_psp(app, psp, order.merchant)
    with suppress(UpstreamError):
        return _Answer(view=await adapter.find_order(order.intent_id, deadline))
    return _Answer()


async def _note(app: App, tx: Transaction, intent: Intent, answer: _Answer, *, sole: bool) -> bool:
    """Show the cashier, go to another PSP, or wait until it is known what has become of it.

    Returns whether the intent has moved.
    """
    if answer.url is not None:
        await settlement.move_intent(tx, intent, "present", cashier_url=answer.url or None)
        return False
    evidence = answer.evidence
    if evidence is Evidence.UNSENT and not sole:
        evidence = None
    if evidence is Evidence.UNSENT:
        await settlement.save_intent(tx, intent, order_tries=0)
    refused = evidence is Evidence.MISSING
    left = await store.list_left_for_good(tx, intent.id)
    other = _other(app, intent, {intent.psp, *left})
    if other is not None and intent.contract_id is None:
        await settlement.move_intent(tx, intent, "leave", next_psp=other)
        if evidence is not None:
            await _move(app, tx, intent, evidence)
        return evidence is not None
    if refused:
        changes = {"refusal": "PSP_REFUSED", "due_at": None, "ended_at": app.clock.now()}
        await limits.give_back(tx, intent)
        await settlement.move_intent(tx, intent, "reject_order", **changes)
    elif INTENT.allows(intent.state, "lose_order"):
        await settlement.move_intent(tx, intent, "lose_order")
    return False


def _other(app: App, intent: Intent, but: Container[str]) -> str | None:
    """Who could take the payment over; nobody where the payee's own merchant is to have it."""
    if intent.merchant is not None:
        return None
    return routing.choose_other(app, but, PaymentChannel(intent.channel))


async def _leave(app: App, intent: Intent, deadline: Deadline) -> tuple[Intent, bool]:
    """Have the order closed and move on; returns the intent, and whether this call moved it."""
    view: OrderView | None = None
    try:
        psp = routing.get_psp(app, intent.psp)
        view = await psp.close_order(intent.id, deadline.share(cap_s=_CLOSE_S))
    except UpstreamRejected:
        view = OrderView(intent.id, OrderState.UNPAID)
    except UpstreamError as error:
        log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    async with transaction() as tx:
        if view is not None and view.state is OrderState.PAID:
            await settlement.settle(app, tx, intent.psp, view)
        locked = await store.lock_intent(tx, intent.id)
        assert locked is not None
        if view is None or locked.state != "leaving" or locked.psp != intent.psp:
            return locked, False
        shown = locked.cashier_url is not None
        evidence = _evidence(view, shown=shown)
        if evidence is not None:
            await _move(app, tx, locked, evidence)
        elif shown:  # it can still be paid there, so that is where it stays
            await settlement.move_intent(tx, locked, "stay")
    return locked, evidence is not None


async def _move(app: App, tx: Transaction, intent: Intent, evidence: Evidence) -> None:
    """Note the order as left, and begin anew at the next PSP."""
    left = intent.psp
    await left_orders.leave(app, tx, intent, evidence)
    await settlement.move_intent(
        tx, intent, "move", psp=intent.next_psp, cashier_url=None, order_tries=1
    )
    _moves(app).labels(left, evidence.value).inc()
    log.info("psp left", psp=left, taken_by=intent.psp, evidence=evidence.value)


def _evidence(view: OrderView | None, *, shown: bool) -> Evidence | None:
    """What a PSP's word on an order proves; "not there" proves nothing of one that was shown."""
    if view is not None and view.state is OrderState.CLOSED:
        return Evidence.CLOSED
    if view is not None and view.state is OrderState.MISSING and not shown:
        return Evidence.MISSING
    return None


def _moves(app: App) -> Counter:
    return app.once(
        "payments.moves",
        lambda: Counter(
            "quancheng_payments_psp_left",
            "Payments that left a PSP for another, by what proved that it takes nothing.",
            ("psp", "evidence"),
            registry=app.metrics.registry,
        ),
    )
