"""Household bills as payables: what is due, and how the biller writes a payment off."""

from uuid import UUID

import structlog

from core.app import App
from core.call import Call
from core.database import Transaction
from core.deadline import Deadline
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Locale
from core.upstream.client import UpstreamError, UpstreamRejected
from modules.bills import domain, store, texts
from modules.bills.domain import BillStatus, UtilityKind
from modules.bills.models import Bill
from modules.bills.upstream import Billers, refusal_code
from payments.api import (
    Accepted,
    Fulfilment,
    NotYet,
    Paid,
    Payable,
    Quote,
    Refused,
    Unknown,
)

_DEADLINE_S = 8.0

log = structlog.get_logger(__name__)


async def quote(call: Call, tx: Transaction, bill_id: str) -> Quote:
    """What is due for a bill, which stays locked.

    Raises NotFound, Conflict BILL_PAID or BILL_WITHDRAWN, Unavailable where the amount is not
    known of today.
    """
    bill = await store.lock_bill(tx, UUID(bill_id))
    if bill is None:
        raise NotFound(NOT_FOUND)
    if bill.status == BillStatus.PAID:
        raise Conflict(texts.BILL_PAID)
    if bill.status == BillStatus.WITHDRAWN:
        raise Conflict(texts.BILL_WITHDRAWN)
    if not domain.is_fresh(bill.seen_at, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BILLER)
    return Quote(bill.total_fen, bill.kind, title(bill, Locale.ZH), title(bill, Locale.EN))


def title(bill: Bill, locale: Locale) -> str:
    """What the cashier and receipts call a bill."""
    name = domain.NAME[UtilityKind(bill.kind)].say(locale)
    return f"{name} {bill.period}"


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Write a payment off at its biller: real-time posting.

    After a lost reply the biller is asked for the payment first. Repeat-safe: the biller books a
    payment's number once.
    """
    bill = await store.find_bill(UUID(paid.subject_ref))
    assert bill is not None
    billers, kind = app.upstream(Billers), UtilityKind(bill.kind)
    deadline = Deadline.after(_DEADLINE_S)
    if paid.attempt:
        try:
            found = await billers.find_write_off(kind, paid.payment_ref, deadline)
        except UpstreamError:
            return Unknown()
        if found is not None:
            return Accepted(found)
    try:
        return Accepted(
            await billers.write_off(
                kind,
                bill.bill_no,
                payment_ref=paid.payment_ref,
                amount_fen=paid.amount_fen,
                paid_at=paid.paid_at,
                deadline=deadline,
            )
        )
    except UpstreamRejected as refusal:
        return _judge(refusal)
    except UpstreamError as error:
        return NotYet() if error.outcome_known else Unknown()


def _judge(refusal: UpstreamRejected) -> Fulfilment:
    code = refusal_code(refusal)
    if code in domain.REFUSED_FOR_GOOD:
        return Refused(code)
    if code == "PAYMENT_REF_REUSED":
        # something was settled with this payment: no machine may send the money back
        log.error("a payment settled another bill", upstream=refusal.upstream)
        return Unknown()
    return NotYet()


WATER, ELECTRICITY, GAS, HEATING = (
    Payable(kind=domain.payable_kind(kind), quote=quote, fulfil=fulfil) for kind in UtilityKind
)
