"""A bill as a payable: what is due, how the payee is told of a payment, and what follows.

Real-time posting: the payee can be asked for a payment; `payments.api.Posting` has the others.
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
from modules._example.payment import store, texts
from modules._example.payment.domain import KIND
from modules._example.payment.upstream import BILLS
from payments.api import Accepted, Fulfilment, Paid, Payable, Posting, Quote
from payments.events import PaymentFulfilled, PaymentRefused


async def quote(call: Call, tx: Transaction, bill_id: str) -> Quote:
    """What is due for a bill, which stays locked.

    Raises NotFound, Conflict for a bill that is paid, Unavailable where the amount is not fresh.
    """
    bill = await store.lock_bill(tx, id=bill_id, citizen_id=call.require_viewer(2).user_id)
    if bill is None:
        raise NotFound(NOT_FOUND)
    if bill.is_paid:
        raise Conflict(texts.PAID)
    open_ = await find_open_payment(call, bill.intent_id)
    if open_ is None and not is_fresh(bill.seen_at, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PAYEE)
    title_zh, title_en = f"{texts.TITLE.zh} {bill.bill_no}", f"{texts.TITLE.en} {bill.bill_no}"
    return Quote(open_.amount if open_ else bill.amount_fen, KIND, title_zh, title_en)


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Tell the payee. Repeat-safe."""
    bill = await store.get_bill(UUID(paid.subject_ref))
    outcome = await book(app, BILLS, bill.bill_no, paid)
    return Accepted(outcome.receipt_no) if isinstance(outcome, Receipt) else outcome


async def note(_app: App, tx: Transaction, ending: Ending) -> None:
    """Keep a bill as paid once the payee has it as paid."""
    match ending:
        case PaymentFulfilled() | PaymentRefused(reason="ALREADY_PAID"):
            await store.update_bill(tx, UUID(ending.subject_ref), is_paid=True)


BILL = Payable(kind=KIND, quote=quote, fulfil=fulfil, posting=Posting.REAL_TIME)
ENDINGS = Endings(kinds=(KIND,), templates="example.example_payment-", note=note)
MESSAGES = ending_templates(
    ENDINGS.templates,
    paid=(texts.TITLE, texts.PAID_BODY),
    refused=(texts.TITLE, texts.REFUSED_BODY),
    refunded=(texts.TITLE, texts.REFUNDED_BODY),
)
