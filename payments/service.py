"""Paying, as seen by the payer: start, be shown the cashier, look how it goes."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from core import idempotency
from core.app import App
from core.call import Call
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.http import UpstreamError, UpstreamRejected
from core.ids import new_id
from core.money import FEN_MAX
from core.texts_common import KEY_REUSED, NOT_FOUND
from payments import limits, settlement, store, texts
from payments.domain import INTENT, INTENT_LIFE, next_look
from payments.models import Intent
from payments.payable import Quote, get_payable
from payments.psp.port import Order, OrderState, OrderView
from payments.psp.routing import DEFAULT, get_psp

log = structlog.get_logger(__name__)


async def create_intent(
    call: Call, tx: Transaction, *, kind: str, subject_ref: str, key: str
) -> UUID:
    """Begin to pay what the payable of `kind` quotes; part of the caller's transaction.

    Returns the intent's id. The same key and subject give the same intent, and so does another key
    while the payer's own cashier for it is open. Raises Conflict PAYMENT_OPEN, ALREADY_PAID,
    LIMIT_REACHED or KEY_REUSED, and whatever the quote refuses.
    """
    app, payer_id = call.app, call.require_viewer().user_id
    command = {"kind": kind, "subject": subject_ref}
    operation = f"pay:{kind}"
    claim = await idempotency.claim(
        app,
        tx,
        subject=payer_id,
        operation=operation,
        key=key,
        command=command,
        effect_id=new_id(),
    )
    if claim.replayed:
        return claim.effect_id
    quote = await get_payable(app, kind).quote(call, tx, subject_ref)
    if not 0 < quote.amount_fen <= FEN_MAX:
        raise InvalidInput(texts.AMOUNT_OUT_OF_RANGE)
    live = await store.find_live_intent(tx, kind, subject_ref)
    if live is None:
        await limits.take(tx, payer_id, kind, quote.amount_fen, app.clock.now())
        await _insert(call, tx, claim.effect_id, payer_id, kind, subject_ref, quote)
        return claim.effect_id
    _refuse_unless_open(call, live, payer_id, quote)
    await idempotency.release(tx, payer_id, operation, key)
    await idempotency.claim(
        app,
        tx,
        subject=payer_id,
        operation=operation,
        key=key,
        command=command,
        effect_id=live.id,
    )
    return live.id


def _refuse_unless_open(call: Call, live: Intent, payer_id: UUID, quote: Quote) -> None:
    """Raise Conflict unless this is the payer's own cashier, still open, for the same amount."""
    if live.state == "fulfilled":
        raise Conflict(texts.ALREADY_PAID)
    same = (live.payer_id, live.amount_fen) == (payer_id, quote.amount_fen)
    open_ = live.state in ("created", "order_unknown", "awaiting")
    if not (same and open_ and call.app.clock.now() < live.expires_at):
        raise Conflict(texts.PAYMENT_OPEN)


async def _insert(
    call: Call,
    tx: Transaction,
    intent_id: UUID,
    payer_id: UUID,
    kind: str,
    subject_ref: str,
    quote: Quote,
) -> None:
    app, now = call.app, call.app.clock.now()
    wait = next_look(0)
    await Intent.create(
        using_db=tx,
        id=intent_id,
        payer_id=payer_id,
        kind=kind,
        subject_ref=subject_ref,
        payee=quote.payee,
        title_zh=quote.title_zh,
        title_en=quote.title_en,
        amount_fen=quote.amount_fen,
        psp=DEFAULT,
        client_address=call.address or "127.0.0.1",
        state="created",
        created_at=now,
        expires_at=now + INTENT_LIFE,
        due_at=now + wait,
    )
    await app.queue.enqueue(tx, "payments.check", {"intent_id": str(intent_id)}, after=wait)


async def present(call: Call, intent_id: UUID) -> Intent:
    """Open the cashier of one of the viewer's payments and return the payment.

    Repeat-safe. Where the PSP does not answer the payment is returned without a cashier: its
    saga goes on asking. Raises NotFound for a payment that is not the viewer's.
    """
    return await open_cashier(call.app, await get_payment(call, intent_id), call.deadline)


async def open_cashier(app: App, intent: Intent, deadline: Deadline) -> Intent:
    """Order at the PSP, outside any transaction, and note what came of it. Repeat-safe.

    Returns the payment as it then is.
    """
    if intent.state not in ("created", "order_unknown"):
        return intent
    order = Order(
        intent.id, intent.title_zh, intent.amount_fen, intent.expires_at, intent.client_address
    )
    psp = get_psp(app, intent.psp)
    url: str | None = None
    view: OrderView | None = None
    try:
        url = await psp.order(order, deadline)
    except UpstreamRejected:
        # an earlier try may have reached the PSP before its process died: refused is not missing
        with suppress(UpstreamError):
            view = await psp.find_order(intent.id, deadline)
    except UpstreamError as error:
        log.info("psp did not answer", psp=intent.psp, reason=error.reason)
    # an open cashier is only noted: the PSP knows the order, and would tell of it again
    async with transaction(lasting=url is None) as tx:
        return await _note_order(app, tx, intent, url, view)


async def _note_order(
    app: App, tx: Transaction, asked: Intent, url: str | None, view: OrderView | None
) -> Intent:
    """Note what an order, or the question after a refused one, brought."""
    if view is not None and view.state is OrderState.PAID:
        await settlement.settle(app, tx, asked.psp, view)
    intent = await store.lock_intent(tx, asked.id)
    assert intent is not None
    if view is not None and view.state is OrderState.PAID:
        return intent
    if url is not None:
        event = "present"
        changes: dict[str, object] = {"cashier_url": url}
    elif view is not None and view.state is OrderState.MISSING:
        event = "reject_order"
        changes = {"refusal": "PSP_REFUSED", "due_at": None, "ended_at": app.clock.now()}
    else:
        event, changes = "lose_order", {}
    if event == "reject_order" and INTENT.allows(intent.state, event):
        await limits.give_back(tx, intent)
    if INTENT.allows(intent.state, event):  # else somebody was faster, or it is unknown already
        await settlement.move_intent(tx, intent, event, **changes)
    return intent


async def get_payment(call: Call, intent_id: UUID) -> Intent:
    """One of the viewer's payments. Raises NotFound for any other."""
    payer_id = call.require_viewer().user_id
    intent = await store.find_intent(intent_id)
    if intent is None or intent.payer_id != payer_id:
        raise NotFound(NOT_FOUND)
    return intent


async def list_payments(call: Call, *, first: int, before: UUID | None = None) -> Sequence[Intent]:
    """The viewer's payments, newest first; `before` is the last one already seen."""
    return await store.list_intents(call.require_viewer().user_id, first=first, before=before)


async def refund(
    app: App, tx: Transaction, intent_id: UUID, amount_fen: int, *, reason: str, key: str
) -> UUID:
    """Give back a part or all of a payment that its payee had accepted; returns the refund's id.

    Part of the caller's transaction; the PSP is asked by a job. Repeat-safe by `key`, the
    permanent business key ("cancel:<booking id>"). Raises NotFound, Conflict REFUND_TOO_LARGE
    above what is left of the capture, InvalidInput for an amount that is none, IllegalTransition
    for a payment that was not passed on.
    """
    if amount_fen <= 0:
        raise InvalidInput(texts.AMOUNT_OUT_OF_RANGE)
    intent = await store.lock_intent(tx, intent_id)
    if intent is None:
        raise NotFound(NOT_FOUND)
    known = await store.find_refund_by_key(tx, key)
    if known is not None:
        if (known.intent_id, known.amount_fen) != (intent_id, amount_fen):
            raise Conflict(KEY_REUSED)
        return known.id
    return await settlement.request_refund(app, tx, intent, amount_fen, reason=reason, key=key)
