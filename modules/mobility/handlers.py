"""What mobility does when a payment has ended: note what was paid for, write to the payer."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from core.app import App
from core.clock import SHANGHAI
from core.database import Transaction, transaction
from core.money import format_yuan
from core.people.directory import get_person
from core.texts import Locale
from modules.mobility.fines import domain as fines
from modules.mobility.fines import store as fine_store
from modules.mobility.parking import domain as parking
from modules.mobility.parking import store as parking_store
from modules.mobility.transit import payable as transit
from modules.mobility.transit import store as trip_store
from notifications import api as notifications
from payments.events import PaymentFulfilled, PaymentRefunded, PaymentRefused, PaymentReturned

Ended = PaymentFulfilled | PaymentRefused | PaymentRefunded | PaymentReturned
Values = Mapping[str, object]


async def _describe_parking(event: Ended, _locale: Locale) -> Values:
    charge = await parking_store.find_charge(UUID(event.subject_ref))
    assert charge is not None
    if charge.exit_by is None:
        return {}
    return {"exit_by": f"{charge.exit_by.astimezone(SHANGHAI):%H:%M}"}


async def _describe_fine(_event: Ended, _locale: Locale) -> Values:
    return {}


async def _describe_trip(event: Ended, locale: Locale) -> Values:
    trip = await trip_store.find_trip(UUID(event.subject_ref))
    assert trip is not None
    return {"name": transit.name(trip, locale), "since": transit.since(trip)}


async def _note_fine(app: App, tx: Transaction, event: Ended) -> None:
    fine_id, now = UUID(event.subject_ref), app.clock.now()
    match event:
        case PaymentFulfilled(fulfilment_ref=receipt_no):
            await fine_store.note_paid(tx, fine_id, receipt_no, now)
        case PaymentRefused(reason=reason) if reason in fines.AFTER_REFUSAL:
            await fine_store.mark(tx, fine_id, fines.AFTER_REFUSAL[reason], now)


async def _note_trip(app: App, tx: Transaction, event: Ended) -> None:
    match event:
        case PaymentFulfilled() | PaymentRefused(reason="ALREADY_PAID"):
            await trip_store.mark_paid(tx, UUID(event.subject_ref), app.clock.now())


async def _note_nothing(_app: App, _tx: Transaction, _event: Ended) -> None:
    """The operator is asked anew whenever a stay is shown."""


_DESCRIBE: Mapping[str, Callable[[Ended, Locale], Awaitable[Values]]] = {
    parking.KIND: _describe_parking,
    fines.KIND: _describe_fine,
    transit.TRIP.kind: _describe_trip,
}
_NOTE: Mapping[str, Callable[[App, Transaction, Ended], Awaitable[None]]] = {
    parking.KIND: _note_nothing,
    fines.KIND: _note_fine,
    transit.TRIP.kind: _note_trip,
}


async def payment_fulfilled(app: App, event: PaymentFulfilled) -> None:
    """The payee has booked the payment. Repeat-safe by the payment's id."""
    await _tell(app, event, "paid", str(event.intent_id), {"ref": event.fulfilment_ref})


async def payment_refused(app: App, event: PaymentRefused) -> None:
    """The payee will not book it; the money goes back. Repeat-safe by the payment's id."""
    await _tell(app, event, "refused", str(event.intent_id), {})


async def payment_refunded(app: App, event: PaymentRefunded | PaymentReturned) -> None:
    """The money is back with the payer. Repeat-safe by the refund's id."""
    await _tell(app, event, "refunded", str(event.refund_id), {})


async def _tell(app: App, event: Ended, ending: str, ref: str, values: Values) -> None:
    if event.kind not in _DESCRIBE:
        return
    person = await get_person(app, event.payer_id)
    described = await _DESCRIBE[event.kind](event, Locale(person.locale))
    async with transaction() as tx:
        await _NOTE[event.kind](app, tx, event)
        await notifications.notify(
            app,
            tx,
            person=person,
            template=f"{event.kind}-{ending}",
            values={"amount": format_yuan(event.amount_fen), **described, **values},
            key=f"{event.kind}-{ending}:{ref}",
            deep_link=f"/payments/{event.intent_id}",
        )
