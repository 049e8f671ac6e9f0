"""Household bills as payables: what is due, and how the biller writes a payment off."""

from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.errors import Conflict, NotFound, Unavailable
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.texts import Locale
from kinds.payment import Ending, Endings, Values, ending_templates, is_fresh, pass_on
from modules.utilities.accounts.domain import NAME, UtilityKind
from modules.utilities.accounts.texts import BILLER
from modules.utilities.bills import domain, store, texts
from modules.utilities.bills.domain import BillStatus
from modules.utilities.bills.models import Bill
from modules.utilities.bills.upstream import find_write_off, write_off
from payments.api import Accepted, Fulfilment, Paid, Parts, Payable, Quote
from payments.events import PaymentFulfilled, PaymentRefused

_STATUS_AFTER = {
    "ALREADY_PAID": BillStatus.PAID,
    "BILL_WITHDRAWN": BillStatus.WITHDRAWN,
    "NO_SUCH_BILL": BillStatus.WITHDRAWN,
}


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
    if bill.seen_turn is None or not is_fresh(bill.seen_at, call.app.clock.now()):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=BILLER)
    least_fen = bill.least_part_fen
    enquiry = bill.seen_at, bill.seen_turn
    parts = None if least_fen is None else Parts(bill.total_fen, least_fen, *enquiry)
    named = title(bill, Locale.ZH), title(bill, Locale.EN)
    return Quote(bill.total_fen, bill.kind, *named, parts=parts)


def title(bill: Bill, locale: Locale) -> str:
    """What the cashier and receipts call a bill."""
    name = NAME[UtilityKind(bill.kind)].say(locale)
    return f"{name} {bill.period}"


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Write a payment off at its biller: real-time posting. Repeat-safe.

    The biller books a payment's number once.
    """
    bill = await store.find_bill(UUID(paid.subject_ref))
    assert bill is not None
    kind, bill_no = UtilityKind(bill.kind), bill.bill_no
    outcome = await pass_on(
        paid,
        find=lambda deadline: find_write_off(app, deadline, kind, paid.payment_ref),
        book=lambda deadline: write_off(app, deadline, kind, bill_no, paid),
        final=domain.REFUSED_FOR_GOOD,
    )
    return Accepted(outcome) if isinstance(outcome, str) else outcome


async def note(app: App, tx: Transaction, ending: Ending) -> Values:
    """Keep the bill as the biller has it after the payment; says what messages call it.

    What stays open after a part only the biller can tell: it is asked before the next one.
    """
    match ending:
        case PaymentFulfilled(is_part=False):
            status: BillStatus | None = BillStatus.PAID
        case PaymentRefused(reason=reason):
            status = _STATUS_AFTER.get(reason)
        case _:
            status = None
    bill = await store.mark_bill(tx, UUID(ending.subject_ref), status, app.clock.now())
    return {"name": NAME[UtilityKind(bill.kind)], "period": bill.period}


WATER, ELECTRICITY, GAS, HEATING = (
    Payable(kind=domain.payable_kind(kind), quote=quote, fulfil=fulfil) for kind in UtilityKind
)

ENDINGS = Endings(
    kinds=tuple(domain.payable_kind(kind) for kind in UtilityKind),
    templates="bills.",
    keys="bill-",
    note=note,
)
MESSAGES = ending_templates(
    "bills.",
    paid=(texts.PAID_TITLE, texts.PAID_BODY),
    refused=(texts.REFUSED_TITLE, texts.REFUSED_BODY),
    refunded=(texts.REFUNDED_TITLE, texts.REFUNDED_BODY),
    part_paid=(texts.PART_PAID_TITLE, texts.PART_PAID_BODY),
)
