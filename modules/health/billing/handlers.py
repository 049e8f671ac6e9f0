"""What health does when a hospital payment has ended: note it, write to the payer."""

from collections.abc import Mapping
from uuid import UUID

from core.app import App
from core.city import Named
from core.database import transaction
from core.money import format_yuan
from core.people.directory import get_person
from core.texts import Locale
from modules.health import texts
from modules.health.billing import domain, payable, store
from modules.health.billing.domain import BILL_KIND, TOP_UP_KIND, BillStatus
from modules.health.billing.jobs import SETTLE_REFUND
from notifications import api as notifications
from payments.events import PaymentFulfilled, PaymentRefunded, PaymentRefused, PaymentReturned

_STATUS_AFTER = {
    "ALREADY_PAID": BillStatus.PAID,
    "BILL_CANCELLED": BillStatus.CANCELLED,
    "NO_SUCH_BILL": BillStatus.CANCELLED,
}
_Ended = PaymentFulfilled | PaymentRefused | PaymentRefunded | PaymentReturned


async def payment_fulfilled(app: App, event: PaymentFulfilled) -> None:
    """The hospital has booked it: from now on it may decide refunds. Repeat-safe."""
    hospital_ref = await _hospital_of(event)
    if hospital_ref is None:
        return
    async with transaction() as tx:
        now = app.clock.now()
        wait = domain.next_look(now, now)
        await store.note_payment(tx, event.intent_id, event.payer_id, hospital_ref, now, wait)
        if event.kind == BILL_KIND:
            await store.mark_bill(tx, UUID(event.subject_ref), BillStatus.PAID, now)
    values = {"ref": event.fulfilment_ref}
    key = f"medical-paid:{event.intent_id}"
    await _tell(app, event, "health.paid", key, hospital_ref, values)


async def payment_refused(app: App, event: PaymentRefused) -> None:
    """The hospital will not book it; the money goes back. Repeat-safe."""
    hospital_ref = await _hospital_of(event)
    if hospital_ref is None:
        return
    status = _STATUS_AFTER.get(event.reason)
    if event.kind == BILL_KIND and status is not None:
        async with transaction() as tx:
            await store.mark_bill(tx, UUID(event.subject_ref), status, app.clock.now())
    key = f"medical-refused:{event.intent_id}"
    await _tell(app, event, "health.refused", key, hospital_ref, {})


async def payment_refunded(app: App, event: PaymentRefunded | PaymentReturned) -> None:
    """The money is back: the hospital that decided so is told by a job. Repeat-safe."""
    hospital_ref = await _hospital_of(event)
    if hospital_ref is None:
        return
    async with transaction() as tx:
        if await store.mark_returned(tx, event.refund_id, app.clock.now()):
            await app.queue.enqueue(tx, SETTLE_REFUND, {"refund_id": str(event.refund_id)})
    key = f"medical-refunded:{event.refund_id}"
    await _tell(app, event, "health.refunded", key, hospital_ref, {})


async def _hospital_of(event: _Ended) -> str | None:
    """The hospital that a payment was for; None where it was for something else."""
    if event.kind == BILL_KIND:
        bill = await store.find_bill(UUID(event.subject_ref))
        assert bill is not None
        return bill.hospital_ref
    if event.kind == TOP_UP_KIND:
        top_up = await store.find_top_up(UUID(event.subject_ref))
        assert top_up is not None
        return top_up.hospital_ref
    return None


async def _tell(
    app: App,
    event: _Ended,
    template: str,
    key: str,
    hospital_ref: str,
    values: Mapping[str, object],
) -> None:
    person = await get_person(app, event.payer_id)
    name = _name(app, event.kind, hospital_ref).say(Locale(person.locale))
    amount = format_yuan(event.amount_fen)
    async with transaction() as tx:
        await notifications.notify(
            app,
            tx,
            person=person,
            template=template,
            values={"name": name, "amount": amount} | dict(values),
            key=key,
            deep_link=f"/payments/{event.intent_id}",
        )


def _name(app: App, kind: str, hospital_ref: str) -> Named:
    text = texts.MEDICAL_BILL if kind == BILL_KIND else texts.TOP_UP
    return payable.title(app, hospital_ref, text)
