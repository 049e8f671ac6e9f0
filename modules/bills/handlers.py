"""What bills does when a payment has ended: note the bill, write to the payer."""

from collections.abc import Mapping
from uuid import UUID

from core.app import App
from core.database import transaction
from core.money import format_yuan
from core.people.directory import get_person
from core.texts import Locale
from modules.bills import domain, store
from modules.bills.domain import BillStatus, UtilityKind
from modules.bills.models import Bill
from notifications import api as notifications
from payments.events import PaymentFulfilled, PaymentRefunded, PaymentRefused, PaymentReturned

_PREFIX = "bills."
_STATUS_AFTER = {
    "ALREADY_PAID": BillStatus.PAID,
    "BILL_WITHDRAWN": BillStatus.WITHDRAWN,
    "NO_SUCH_BILL": BillStatus.WITHDRAWN,
}


async def payment_fulfilled(app: App, event: PaymentFulfilled) -> None:
    """The biller has written the bill off. Repeat-safe by the payment's id."""
    if event.kind.startswith(_PREFIX):
        values = {"amount": format_yuan(event.amount_fen), "ref": event.fulfilment_ref}
        await _tell(app, event, "bills.paid", f"bill-paid:{event.intent_id}", values)


async def payment_refused(app: App, event: PaymentRefused) -> None:
    """The biller will not write the bill off; the money goes back. Repeat-safe."""
    if event.kind.startswith(_PREFIX):
        values = {"amount": format_yuan(event.amount_fen)}
        await _tell(app, event, "bills.refused", f"bill-refused:{event.intent_id}", values)


async def payment_refunded(app: App, event: PaymentRefunded | PaymentReturned) -> None:
    """The money is back with the payer. Repeat-safe by the refund's id."""
    if event.kind.startswith(_PREFIX):
        values = {"amount": format_yuan(event.amount_fen)}
        await _tell(app, event, "bills.refunded", f"bill-refunded:{event.refund_id}", values)


async def _tell(
    app: App,
    event: PaymentFulfilled | PaymentRefused | PaymentRefunded | PaymentReturned,
    template: str,
    key: str,
    values: Mapping[str, object],
) -> None:
    person = await get_person(app, event.payer_id)
    async with transaction() as tx:
        bill_id, now = UUID(event.subject_ref), app.clock.now()
        bill = await store.mark_bill(tx, bill_id, _status_after(event), now)
        await notifications.notify(
            app,
            tx,
            person=person,
            template=template,
            values=_named(bill, Locale(person.locale)) | dict(values),
            key=key,
            deep_link=f"/payments/{event.intent_id}",
        )


def _named(bill: Bill, locale: Locale) -> dict[str, object]:
    return {"name": domain.NAME[UtilityKind(bill.kind)].say(locale), "period": bill.period}


def _status_after(event: object) -> BillStatus | None:
    match event:
        case PaymentFulfilled():
            return BillStatus.PAID
        case PaymentRefused(reason=reason):
            return _STATUS_AFTER.get(reason)
    return None
