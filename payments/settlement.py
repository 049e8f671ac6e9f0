"""The moments at which money moves: captured, passed on, sent back.

Each function is part of the caller's transaction, holds the intent's lock, changes its state by an
edge of the machine and posts the matching entries, so that state and ledger are never apart.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import Transaction
from core.errors import Conflict
from core.ids import new_id
from core.queue.jobs import JobKind
from payments import limits, oddities, shares, store, texts
from payments.domain import INTENT, REFUND, UNPAID, Settled, late_event, refunded_event
from payments.events import (
    Oddity,
    PaymentFulfilled,
    PaymentRefunded,
    PaymentRefused,
    PaymentReturned,
    PaymentSettled,
)
from payments.ledger import store as ledger
from payments.ledger.accounts import Account, payee_payable, payer_funds, psp_receivable
from payments.ledger.payee_turns import account_to_reverse, is_taken_back
from payments.ledger.postings import Leg, Posting, transfer
from payments.models import Intent, Refund
from payments.psp.port import OrderView, RefundState, RefundView
from payments.sharing.domain import return_of

CHECK = JobKind[UUID]("payments.check")
FULFIL = JobKind[UUID]("payments.fulfil")
REFUND_MONEY = JobKind[UUID]("payments.refund")
ISSUE_RECEIPT = JobKind[UUID]("payments.issue_receipt")
"""The steps that come next: payments.saga and payments.receipts import this file."""


def topic(intent_id: UUID) -> str:
    """The bus topic on which changes of a payment are told."""
    return f"payment:{intent_id}"


def check_key(intent: Intent) -> str:
    """The key of the job that is to look at an unpaid intent next."""
    return f"{intent.id}:{intent.checks}"


def notice(intent_id: UUID, state: str) -> str:
    """What the bus is told of a payment."""
    return bus.message_body(topic(intent_id), state)


async def move_intent(tx: Transaction, intent: Intent, event: str, **changes: object) -> None:
    """Take an edge of the intent's machine and tell it. Raises IllegalTransition."""
    if intent.state == "leaving":
        changes = {"next_psp": None} | changes
    intent.state = INTENT.next_state(intent.state, event)
    if intent.openid is not None and intent.state not in UNPAID:
        changes = {"openid": None} | changes  # nobody is asked to pay any more
    await save_intent(tx, intent, **changes)


async def present(intent: Intent, cashier_url: str | None) -> bool:
    """Take the edge "present" by one statement, outside any transaction, and tell it.

    False, and nothing done, where the intent is not as it was read any more.
    """
    state = INTENT.next_state(intent.state, "present")
    if not await store.show_cashier(intent, state, cashier_url, notice(intent.id, state)):
        return False
    intent.update_from_dict({"state": state, "cashier_url": cashier_url})
    return True


async def cancel(app: App, tx: Transaction, intent: Intent, reason: str) -> None:
    """End a payment before its time: the subject is free, and the limits, when `tx` commits.

    The PSP is asked to close the order at once; what it takes all the same goes straight back.
    Raises IllegalTransition for one that is paid or ended.
    """
    await CHECK.drop(tx, check_key(intent))
    now, checks = app.clock.now(), intent.checks + 1
    await move_intent(tx, intent, "cancel", refusal=reason, due_at=now, checks=checks)
    await limits.give_back(tx, intent)
    await CHECK.enqueue(app, tx, intent.id, key=check_key(intent))


async def save_intent(tx: Transaction, intent: Intent, **changes: object) -> None:
    """Write changes of a locked intent and tell whoever watches it."""
    intent.update_from_dict(changes)
    await store.write_intent(tx, intent, ("state", *changes), notice(intent.id, intent.state))


async def settle(app: App, tx: Transaction, psp: str, view: OrderView) -> Settled:
    """Take note that the PSP has captured an order. Repeat-safe.

    A payment that comes after the intent's end is captured too, and goes straight back; so does
    one for an order that the intent has left.
    """
    intent = await store.lock_intent(tx, view.intent_id)
    if intent is None or intent.merchant != view.merchant:
        return Settled.NO_SUCH_ORDER
    if intent.psp != psp:
        return await _settle_left(app, tx, intent, psp, view)
    differs = await oddities.differs(app, tx, intent, psp, view)
    if differs is not None:
        return differs
    if intent.captured_fen:
        return await oddities.captured_again(app, tx, intent, psp, view, intent.psp_ref)
    now, event = app.clock.now(), late_event(intent.state)
    paid_at = await oddities.time_of(app, tx, intent, psp, view)
    await move_intent(
        tx,
        intent,
        event,
        psp_ref=view.psp_ref,
        captured_fen=intent.amount_fen,
        paid_at=paid_at,
        due_at=now if event == "settle" else None,
        refusal=None if event == "settle" else "LATE_PAYMENT",
    )
    await _post(tx, "settle", intent, intent.id, _capture(psp, intent), now)
    await limits.note_captured(tx, intent, now)
    if event == "settle_late":
        await CHECK.drop(tx, check_key(intent))
        await _refuse(app, tx, intent, "LATE_PAYMENT")
        return Settled.LATE
    await app.events.publish(
        tx,
        PaymentSettled(*_news(intent), intent.amount_fen),
        FULFIL.later(intent.id),
        instead_of=CHECK.waiting(check_key(intent)),
    )
    return Settled.CAPTURED


async def _settle_left(
    app: App, tx: Transaction, intent: Intent, psp: str, view: OrderView
) -> Settled:
    """A PSP that the intent has left took the money all the same: it goes back through that PSP.

    The intent itself is not touched: its own order is paid, or not.
    """
    left = await store.find_left_order(tx, intent.id, psp)
    if left is None:
        return Settled.NO_SUCH_ORDER
    differs = await oddities.differs(app, tx, intent, psp, view)
    if differs is not None:
        return differs
    if left.captured_fen:
        return await oddities.captured_again(app, tx, intent, psp, view, left.psp_ref)
    now = app.clock.now()
    left.captured_fen, left.psp_ref = intent.amount_fen, view.psp_ref
    left.paid_at = await oddities.time_of(app, tx, intent, psp, view)
    left.due_at = None
    await left.save(using_db=tx, update_fields=["captured_fen", "psp_ref", "paid_at", "due_at"])
    await _post(tx, "settle", intent, left.id, _capture(psp, intent), now)
    await limits.note_captured(tx, intent, now)
    await _insert_refund(app, tx, intent, psp, left.captured_fen, "LEFT_ORDER", f"left:{left.id}")
    return Settled.LATE


def _capture(psp: str, intent: Intent) -> Sequence[Leg]:
    """What a PSP has taken for a payment: it owes that to us, and we to the payer."""
    debit, credit = psp_receivable(psp), payer_funds(intent.payer_id)
    return transfer(debit=debit, credit=credit, amount_fen=intent.amount_fen)


async def fulfilled(app: App, tx: Transaction, intent: Intent, ref: str) -> None:
    """The payee has accepted: what was the payer's becomes the payee's, or is so already."""
    now = app.clock.now()
    await move_intent(
        tx, intent, "fulfil", fulfilment_ref=ref[:64], ended_at=now, due_at=None, refusal=None
    )
    await _post(
        tx,
        "fulfil",
        intent,
        intent.id,
        transfer(
            debit=payer_funds(intent.payer_id),
            credit=_account_to_fulfil(intent),
            amount_fen=intent.amount_fen,
        ),
        now,
    )
    await shares.begin(app, tx, intent, now)
    await app.events.publish(
        tx,
        PaymentFulfilled(*_news(intent), intent.amount_fen, ref[:64], intent.is_part),
        ISSUE_RECEIPT.later(intent.id),
    )


def _account_to_fulfil(intent: Intent) -> Account:
    """Where a payment stands once its payee has accepted it: in the payee's account with us; or
    nowhere, since the payee's own merchant has it and the PSP owes us nothing."""
    return payee_payable(intent.payee) if intent.merchant is None else psp_receivable(intent.psp)


async def _account_to_reverse(tx: Transaction, intent: Intent) -> Account:
    """Where a refund of it is taken from: what its payee has with us or owes us, or the same way
    back."""
    if intent.merchant is not None:
        return psp_receivable(intent.psp)
    return await account_to_reverse(tx, intent.id, intent.payee)


async def refuse(app: App, tx: Transaction, intent: Intent, reason: str) -> None:
    """The payee will not accept: all of it goes back to the payer, by itself."""
    await move_intent(tx, intent, "refuse_fulfilment", refusal=reason[:32], due_at=None)
    await limits.give_back(tx, intent)
    await _refuse(app, tx, intent, reason)


async def _refuse(app: App, tx: Transaction, intent: Intent, reason: str) -> None:
    await app.events.publish(tx, PaymentRefused(*_news(intent), intent.amount_fen, reason[:32]))
    await _open_refund(app, tx, intent, intent.amount_fen, reason, key=f"refuse:{intent.id}")


async def request_refund(
    app: App, tx: Transaction, intent: Intent, amount_fen: int, *, reason: str, key: str
) -> UUID:
    """Give back a part of what a payee had accepted; returns the refund's id.

    The payee owes that much less from this moment. Raises Conflict REFUND_TOO_LARGE above what is
    left of the capture, TAKEN_BACK for a payment that was taken back from its payee,
    IllegalTransition for one that was not passed on.
    """
    if amount_fen > intent.kept_fen:
        raise Conflict(texts.REFUND_TOO_LARGE)
    if await is_taken_back(tx, intent.id, intent.payee):
        raise Conflict(texts.TAKEN_BACK)
    if intent.state != "refunding":
        await move_intent(tx, intent, "request_refund")
    await shares.stop(app, tx, intent)
    return await _open_refund(app, tx, intent, amount_fen, reason, key=key, was_passed_on=True)


async def _open_refund(
    app: App,
    tx: Transaction,
    intent: Intent,
    amount_fen: int,
    reason: str,
    *,
    key: str,
    was_passed_on: bool = False,
) -> UUID:
    """Return a part of the intent's own capture."""
    refund_id = new_id()
    if was_passed_on:
        legs = transfer(
            debit=await _account_to_reverse(tx, intent),
            credit=payer_funds(intent.payer_id),
            amount_fen=amount_fen,
        )
        await _post(tx, "reverse", intent, refund_id, legs, app.clock.now())
    await _insert_refund(app, tx, intent, intent.psp, amount_fen, reason, key, refund_id)
    await save_intent(tx, intent, refunding_fen=intent.refunding_fen + amount_fen)
    return refund_id


async def _insert_refund(
    app: App,
    tx: Transaction,
    intent: Intent,
    psp: str,
    amount_fen: int,
    reason: str,
    key: str,
    refund_id: UUID | None = None,
) -> None:
    """Set the amount aside in the payer's account and queue the refund."""
    refund_id, now = refund_id or new_id(), app.clock.now()
    funds = payer_funds(intent.payer_id)
    hold_id = await ledger.hold(app, tx, funds, amount_fen, key=f"refund:{refund_id}", at=now)
    await Refund.create(
        using_db=tx,
        id=refund_id,
        intent_id=intent.id,
        psp=psp,
        key=key,
        hold_id=hold_id,
        amount_fen=amount_fen,
        share_fen=return_of(intent.kept_fen, amount_fen, intent.share_bps),
        reason=reason[:32],
        state="requested",
        created_at=now,
        due_at=now,
    )
    await REFUND_MONEY.enqueue(app, tx, refund_id)


async def apply_refund(
    app: App,
    tx: Transaction,
    psp: str,
    view: RefundView,
    *,
    paid_from: Account | None = None,
) -> Refund | None:
    """Take note of what a PSP says of a refund; returns it, None for one that is not ours.

    Repeat-safe: what is known already changes nothing. `paid_from` is the account that the money
    came from where it was not the PSP's.
    """
    found = await store.find_refund(view.refund_id, tx)
    if found is None:
        return None
    intent = await store.lock_intent(tx, found.intent_id)
    refund = await store.lock_refund(tx, view.refund_id)
    assert intent is not None and refund is not None
    if refund.psp != psp or view.amount_fen not in (None, refund.amount_fen):
        return None
    event = {
        RefundState.PROCESSING: "accept",
        RefundState.SUCCEEDED: "succeed",
        RefundState.FAILED: "fail",
        RefundState.SHORT: "lose",
        RefundState.MISSING: "lose",
    }[view.state]
    if REFUND.allows(refund.state, event):
        refund.state = REFUND.next_state(refund.state, event)
        refund.psp_ref = view.psp_ref or refund.psp_ref
        if refund.state in ("succeeded", "failed"):
            refund.due_at = None
        if refund.state == "succeeded":
            refund.ended_at = app.clock.now()
        # before it is posted: the journal seals what the refund says
        await refund.save(using_db=tx, update_fields=["state", "psp_ref", "due_at", "ended_at"])
        if refund.state == "succeeded":
            await _refunded(app, tx, intent, refund, paid_from or psp_receivable(refund.psp))
        elif refund.state == "failed":
            await oddities.report_refund(app, tx, intent, refund, Oddity.REFUND_REFUSED)
    return refund


async def _refunded(
    app: App, tx: Transaction, intent: Intent, refund: Refund, paid_from: Account
) -> None:
    now = refund.ended_at
    assert now is not None
    posting = Posting(
        kind="refund",
        key=f"refund:{refund.id}",
        intent_id=intent.id,
        legs=transfer(
            debit=payer_funds(intent.payer_id),
            credit=paid_from,
            amount_fen=refund.amount_fen,
        ),
    )
    posted = await ledger.post_hold(tx, refund.hold_id, posting, refund.amount_fen, now)
    assert posted, "an open refund has its hold"
    if refund.psp != intent.psp:  # of an order that the intent had left
        await app.events.publish(tx, PaymentReturned(*_news(intent), refund.id, refund.amount_fen))
        return
    intent.refunding_fen -= refund.amount_fen
    intent.refunded_fen += refund.amount_fen
    if intent.refunding_fen == 0:
        intent.state = INTENT.next_state(
            intent.state, refunded_event(intent.captured_fen, intent.refunded_fen)
        )
    await save_intent(
        tx,
        intent,
        refunding_fen=intent.refunding_fen,
        refunded_fen=intent.refunded_fen,
        ended_at=now,
    )
    await app.events.publish(tx, PaymentRefunded(*_news(intent), refund.id, refund.amount_fen))


async def look_again(
    app: App, tx: Transaction, intent: Intent, attempt: int, wait: timedelta
) -> None:
    """Queue the next attempt to fulfil; `attempt` is the one that settled nothing."""
    await save_intent(tx, intent, due_at=app.clock.now() + wait)
    await FULFIL.enqueue(app, tx, intent.id, key=f"{intent.id}:{attempt}", after=wait)


async def _post(
    tx: Transaction, kind: str, intent: Intent, key: UUID, legs: Sequence[Leg], at: datetime
) -> None:
    posting = Posting(kind=kind, key=f"{kind}:{key}", legs=legs, intent_id=intent.id)
    await ledger.post(tx, posting, at)


def _news(intent: Intent) -> tuple[UUID, UUID, str, str]:
    return intent.id, intent.payer_id, intent.kind, intent.subject_ref
