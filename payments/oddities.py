"""What a PSP says that a payment cannot follow by itself: checked here, and told to people.

Each function is part of the caller's transaction, which holds the intent's lock.
"""

from datetime import datetime

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from payments import store
from payments.domain import CLOCKS_DIFFER, Settled
from payments.events import Oddity, OddityFound
from payments.models import Intent, Refund
from payments.psp.port import ForeignRefund, OrderView


async def differs(
    app: App, tx: Transaction, intent: Intent, psp: str, view: OrderView
) -> Settled | None:
    """Why what a PSP says it took is not what was ordered; people are told. None where it is."""
    if view.currency != "CNY":
        await _report(app, tx, intent, psp, Oddity.OTHER_CURRENCY, view.psp_ref, None)
        return Settled.CURRENCY_DIFFERS
    if view.amount_fen != intent.amount_fen:
        await _report(app, tx, intent, psp, Oddity.OTHER_AMOUNT, view.psp_ref, view.amount_fen)
        return Settled.AMOUNT_DIFFERS
    return None


async def captured_again(
    app: App, tx: Transaction, intent: Intent, psp: str, view: OrderView, known_ref: str | None
) -> Settled:
    """The same news again, or a second capture, which people are told of."""
    if view.psp_ref == known_ref:
        return Settled.KNOWN
    await _report(app, tx, intent, psp, Oddity.SECOND_CAPTURE, view.psp_ref, view.amount_fen)
    return Settled.AMOUNT_DIFFERS


async def time_of(app: App, tx: Transaction, intent: Intent, psp: str, view: OrderView) -> datetime:
    """When it was paid: the PSP's time, or now where that cannot be, and people are told.

    The money is there either way. Not before the order, not in the future; clocks differ a little.
    """
    now, paid_at = app.clock.now(), view.paid_at
    if paid_at is not None and intent.created_at - CLOCKS_DIFFER <= paid_at <= now + CLOCKS_DIFFER:
        return paid_at
    await _report(app, tx, intent, psp, Oddity.OTHER_TIME, view.psp_ref, view.amount_fen)
    return now


async def note_foreign_refund(app: App, tx: Transaction, psp: str, refund: ForeignRefund) -> bool:
    """A PSP has returned what nobody here asked for: people are told, and no payout is made.

    False for a payment that is not ours.
    """
    intent = await store.lock_intent(tx, refund.intent_id)
    if intent is None:
        return False
    ref, fen = refund.their_ref, refund.amount_fen
    await _report(app, tx, intent, psp, Oddity.FOREIGN_REFUND, ref, fen)
    return True


async def _report(
    app: App,
    tx: Transaction,
    intent: Intent,
    psp: str,
    oddity: Oddity,
    their_ref: str | None,
    their_fen: int | None,
) -> None:
    """Tell people of a payment; told again it is the same."""
    found_on = civil_date(intent.created_at)
    ref = intent.id.hex
    await app.events.publish(
        tx,
        OddityFound(
            oddity, psp, intent.id, intent.payee, ref, their_ref, intent.amount_fen, their_fen,
            found_on,
        ),
    )  # fmt: skip


async def report_refund(
    app: App, tx: Transaction, intent: Intent, refund: Refund, oddity: Oddity
) -> None:
    """Tell people of a refund that does not come to its end."""
    await app.events.publish(
        tx,
        OddityFound(
            oddity,
            refund.psp,
            intent.id,
            intent.payee,
            refund.id.hex,
            refund.psp_ref,
            refund.amount_fen,
            None,
            civil_date(refund.created_at),
        ),
    )
