"""Hospital bills and deposits as payables: what is due, and how the hospital books a payment."""

from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import structlog

from core.app import App
from core.call import Call
from core.city import Named
from core.database import Transaction
from core.deadline import Deadline
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Locale, Text
from core.upstream.client import UpstreamError, UpstreamRejected
from modules.health import texts
from modules.health.billing import domain, store
from modules.health.billing.domain import BillStatus
from modules.health.billing.upstream import HospitalBilling, refusal_code
from modules.health.policy import hospital_name
from payments.api import Accepted, Fulfilment, NotYet, Paid, Payable, Quote, Refused, Unknown

_DEADLINE_S = 8.0

log = structlog.get_logger(__name__)


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
    if not domain.is_fresh(bill.seen_at, call.app.clock.now()):
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
    book = partial(app.upstream(HospitalBilling).pay_bill, bill.hospital_ref, bill.bill_no)
    return await _fulfil(app, paid, bill.hospital_ref, book)


async def fulfil_top_up(app: App, paid: Paid) -> Fulfilment:
    """Have a payment booked into a deposit. Repeat-safe by the payment's number."""
    top_up = await store.find_top_up(UUID(paid.subject_ref))
    assert top_up is not None
    book = partial(app.upstream(HospitalBilling).top_up, top_up.hospital_ref, top_up.account_no)
    return await _fulfil(app, paid, top_up.hospital_ref, book)


async def _fulfil(
    app: App, paid: Paid, hospital_ref: str, book: Callable[..., Awaitable[str]]
) -> Fulfilment:
    """What a hospital says to a payment; `book` tells it and returns the receipt's number."""
    deadline = Deadline.after(_DEADLINE_S)
    try:
        known = await _find(app.upstream(HospitalBilling), hospital_ref, paid, deadline)
        if known is not None:
            return known
        receipt_no = await book(
            payment_ref=paid.payment_ref,
            amount_fen=paid.amount_fen,
            paid_at=paid.paid_at,
            deadline=deadline,
        )
    except UpstreamError as error:
        return _judge(error)
    return Accepted(receipt_no)


async def _find(
    hospitals: HospitalBilling, hospital_ref: str, paid: Paid, deadline: Deadline
) -> Fulfilment | None:
    """What an earlier try came to; without an answer it may have arrived."""
    if not paid.attempt:
        return None
    try:
        receipt = await hospitals.find_payment(hospital_ref, paid.payment_ref, deadline)
    except UpstreamError:
        return Unknown()
    return None if receipt is None else Accepted(receipt.receipt_no)


def _judge(error: UpstreamError) -> Fulfilment:
    if not isinstance(error, UpstreamRejected):
        return NotYet() if error.outcome_known else Unknown()
    code = refusal_code(error)
    if code in domain.REFUSED_FOR_GOOD:
        return Refused(code)
    if code == "PAYMENT_REF_REUSED":
        # something was settled with this payment: no machine may send the money back
        log.error("a payment settled another bill", upstream=error.upstream)
        return Unknown()
    return NotYet()


BILL = Payable(kind=domain.BILL_KIND, quote=quote_bill, fulfil=fulfil_bill)
TOP_UP = Payable(kind=domain.TOP_UP_KIND, quote=quote_top_up, fulfil=fulfil_top_up)
