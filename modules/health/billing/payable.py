"""Hospital bills and deposits as payables: what is due, and how the hospital books a payment."""

from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.deadline import Deadline
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Locale, Named, Text
from core.upstream.operation import Operation
from kinds.payment import Ending, Endings, Values, is_fresh, pass_on
from modules.health import texts
from modules.health.billing import domain, store, upstream
from modules.health.billing.domain import BillStatus
from modules.health.billing.jobs import settle_refund
from modules.health.policy import hospital_name
from payments.api import Accepted, Fulfilment, Paid, Payable, Quote
from payments.events import PaymentFulfilled, PaymentRefunded, PaymentRefused, PaymentReturned

_STATUS_AFTER = {
    "ALREADY_PAID": BillStatus.PAID,
    "BILL_CANCELLED": BillStatus.CANCELLED,
    "NO_SUCH_BILL": BillStatus.CANCELLED,
}


async def quote_bill(call: Call, tx: Transaction, bill_id: str) -> Quote:
    """The self-pay part of a bill, which stays locked.

    Raises NotFound for somebody else's, Conflict for one that is not open or that insurance pays,
    Unavailable where the amount is not known of today.
    """
    bill = await store.lock_bill(tx, UUID(bill_id))
    if bill is None or bill.citizen_id != call.subject_id:
        raise NotFound(NOT_FOUND)
    if bill.status == BillStatus.PAID:
        raise Conflict(texts.BILL_PAID)
    if bill.status == BillStatus.CANCELLED:
        raise Conflict(texts.BILL_CANCELLED)
    if not is_fresh(bill.seen_at, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS)
    if bill.self_pay_fen == 0:
        raise Conflict(texts.NOTHING_DUE)
    return _quote(call.app, bill.self_pay_fen, bill.hospital_ref, texts.MEDICAL_BILL)


async def quote_top_up(call: Call, tx: Transaction, top_up_id: str) -> Quote:
    """The amount of a top-up, which stays locked. Raises NotFound for somebody else's."""
    top_up = await store.lock_top_up(tx, UUID(top_up_id))
    if top_up is None or top_up.citizen_id != call.subject_id:
        raise NotFound(NOT_FOUND)
    return _quote(call.app, top_up.amount_fen, top_up.hospital_ref, texts.TOP_UP)


def title(app: App, hospital_ref: str, text: Text) -> Named:
    """What the cashier, receipts and messages call a payment: the hospital, not what was done."""
    hospital = hospital_name(app, hospital_ref)
    return Named(
        text.say(Locale.ZH, hospital=hospital.zh), text.say(Locale.EN, hospital=hospital.en)
    )


def _quote(app: App, amount_fen: int, hospital_ref: str, text: Text) -> Quote:
    named = title(app, hospital_ref, text)
    return Quote(amount_fen, f"hospital:{hospital_ref}", named.zh[:64], named.en[:64])


async def fulfil_bill(app: App, paid: Paid) -> Fulfilment:
    """Have a bill's payment booked: real-time posting. Repeat-safe by the payment's number."""
    bill = await store.find_bill(UUID(paid.subject_ref))
    assert bill is not None
    return await _fulfil(app, paid, upstream.pay_bill, bill.hospital_ref, bill.bill_no)


async def fulfil_top_up(app: App, paid: Paid) -> Fulfilment:
    """Have a payment booked into a deposit. Repeat-safe by the payment's number."""
    top_up = await store.find_top_up(UUID(paid.subject_ref))
    assert top_up is not None
    return await _fulfil(app, paid, upstream.top_up, top_up.hospital_ref, top_up.account_no)


async def _fulfil(
    app: App, paid: Paid, book: Operation[[str, str, Paid], str], hospital_ref: str, no: str
) -> Fulfilment:
    """What a hospital says to a payment; `book` answers with the receipt's number."""

    async def find(deadline: Deadline) -> str | None:
        receipt = await upstream.find_payment(app, deadline, hospital_ref, paid.payment_ref)
        return None if receipt is None else receipt.receipt_no

    outcome = await pass_on(
        paid,
        find=find,
        book=lambda deadline: book(app, deadline, hospital_ref, no, paid),
        final=domain.REFUSED_FOR_GOOD,
    )
    return Accepted(outcome) if isinstance(outcome, str) else outcome


async def note(app: App, tx: Transaction, ending: Ending) -> Values:
    """Keep the payment for the hospital's refunds, and the bill as the hospital has it.

    Messages call it by the hospital, not by what was done.
    """
    now, hospital_ref = app.clock.now(), await _hospital_of(ending)
    match ending:
        case PaymentFulfilled():
            wait = domain.next_look(now, now)
            await store.note_payment(tx, ending.intent_id, ending.payer_id, hospital_ref, now, wait)
            await _mark(tx, ending, BillStatus.PAID, now)
        case PaymentRefused(reason=reason) if reason in _STATUS_AFTER:
            await _mark(tx, ending, _STATUS_AFTER[reason], now)
        case PaymentRefunded(refund_id=refund_id) | PaymentReturned(refund_id=refund_id):
            if await store.mark_returned(tx, refund_id, now):  # the hospital that decided so
                await settle_refund.enqueue(app, tx, refund_id)
    text = texts.MEDICAL_BILL if ending.kind == domain.BILL_KIND else texts.TOP_UP
    return {"name": title(app, hospital_ref, text)}


async def _mark(tx: Transaction, ending: Ending, status: BillStatus, now: datetime) -> None:
    if ending.kind == domain.BILL_KIND:
        await store.mark_bill(tx, UUID(ending.subject_ref), status, now)


async def _hospital_of(ending: Ending) -> str:
    find = store.find_bill if ending.kind == domain.BILL_KIND else store.find_top_up
    row = await find(UUID(ending.subject_ref))
    assert row is not None
    return row.hospital_ref


BILL = Payable(domain.BILL_KIND, quote_bill, fulfil_bill, service=domain.MEDICAL_PAYMENT)
TOP_UP = Payable(domain.TOP_UP_KIND, quote_top_up, fulfil_top_up, service=domain.MEDICAL_PAYMENT)
ENDINGS = Endings(
    kinds=(domain.BILL_KIND, domain.TOP_UP_KIND),
    templates="health.",
    keys="medical-",
    note=note,
)
