"""A traffic fine as a payable: what the platform asks today, and how it is told of a payment.

Real-time posting: the platform can be asked for a payment, and what it has booked is public money
that no machine may send back. It judges by the day of payment, so waiting costs the payer nothing.
"""

from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from kinds.payment import (
    Ending,
    Endings,
    Receipt,
    book,
    ending_templates,
    find_open_payment,
    is_fresh,
)
from modules.mobility.fines import domain, store, texts
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import FINES
from modules.mobility.models import Fine
from payments.api import Accepted, Fulfilment, Paid, Payable, Posting, Quote
from payments.events import PaymentFulfilled, PaymentRefused


async def quote(call: Call, tx: Transaction, fine_id: str) -> Quote:
    """What is due for a fine today, surcharge included; the fine stays locked.

    Raises NotFound, Conflict FINE_NOT_ACCEPTED, FINE_PAID or FINE_WITHDRAWN, Unavailable where the
    amount is not known of today.
    """
    fine = await store.lock_fine(tx, UUID(fine_id))
    if fine is None or fine.citizen_id != call.require_viewer(2).user_id:
        raise NotFound(NOT_FOUND)
    if fine.status == FineStatus.SETTLED:
        raise Conflict(texts.FINE_PAID)
    if fine.status == FineStatus.WITHDRAWN:
        raise Conflict(texts.FINE_WITHDRAWN)
    if fine.order_no is None:
        raise Conflict(texts.FINE_NOT_ACCEPTED)
    open_ = await find_open_payment(call, fine.intent_id)
    if open_ is not None:  # a surcharge may have grown at midnight: what was asked for is paid
        return _quote(fine, open_.amount)
    if fine.total_fen is None or not is_fresh(fine.seen_at, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM)
    return _quote(fine, fine.total_fen)


def _quote(fine: Fine, amount_fen: int) -> Quote:
    title_zh, title_en = f"交通违法罚款 {fine.order_no}", f"Traffic fine {fine.order_no}"
    return Quote(amount_fen, "non-tax", title_zh, title_en)


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Tell the platform; its number for the payment is the electronic receipt's. Repeat-safe."""
    fine = await store.find_fine(UUID(paid.subject_ref))
    assert fine is not None and fine.order_no is not None
    outcome = await book(app, FINES, fine.order_no, paid)
    return Accepted(outcome.receipt_no) if isinstance(outcome, Receipt) else outcome


async def note(app: App, tx: Transaction, ending: Ending) -> None:
    """Keep the fine as the platform has it after the payment."""
    fine_id, now = UUID(ending.subject_ref), app.clock.now()
    match ending:
        case PaymentFulfilled(fulfilment_ref=receipt_no):
            await store.note_paid(tx, fine_id, receipt_no, now)
        case PaymentRefused(reason=reason) if reason in domain.AFTER_REFUSAL:
            await store.mark(tx, fine_id, domain.AFTER_REFUSAL[reason], now)


FINE = Payable(kind=domain.KIND, quote=quote, fulfil=fulfil, posting=Posting.REAL_TIME)
ENDINGS = Endings(kinds=(domain.KIND,), templates="mobility.fine-", note=note)
MESSAGES = ending_templates(
    "mobility.fine-",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
)
