"""Fees paid in advance: a hold becomes an appointment because it is paid for.

The seat is held while the cashier is open. A payment that comes when the hold has ended is refused
and goes back by itself; one for another system's number is passed on when that has given it.
"""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict, NotFound
from core.money import format_yuan
from core.people.directory import find_person
from core.people.parties import is_party
from core.queue.events import on
from core.refusal_texts import NOT_FOUND
from core.security import authorization
from core.texts import Locale
from core.upstream.client import UpstreamError
from kinds.booking import domain, messages, saga, service, store, texts
from kinds.booking.domain import ENDED, State
from kinds.booking.policy import policy_of
from kinds.booking.sources import source_of
from kinds.booking.store import BookingRow
from kinds.payment import open_cashier
from notifications import api as notifications
from payments import api as payments
from payments.api import Accepted, Fulfilment, Paid, Payable, Quote, Refused, Unknown
from payments.events import PaymentRefunded, PaymentReturned

KIND = "appointments.fee"
_DEADLINE_S = 8.0
_PLACE_MAX = 40


async def pay(
    call: Call, booking_id: UUID, key: str, wish: payments.Wish | None = None
) -> payments.Payment:
    """Begin to pay the fee of the viewer's hold and open the cashier.

    The same key gives the same payment. Raises LoginRequired also for an authentication that is
    not of the last minutes, NotFound for somebody else's, Conflict where nothing is to be paid,
    the hold has ended or it is paid already.
    """
    booking = await service.get_booking(call, booking_id)
    need = authorization.need_of(call.app.services[booking.service_id])
    authorization.decide(call.viewer, replace(need, fresh=True), call.app.clock.now())
    async with transaction() as tx:
        intent_id = await payments.create_intent(
            call, tx, kind=KIND, subject_ref=str(booking_id), key=key, wish=wish
        )
    return await open_cashier(call, intent_id)


async def quote(call: Call, tx: Transaction, subject_ref: str) -> Quote:
    """The fee of the viewer's hold, which stays locked. Raises NotFound and Conflict."""
    app = call.app
    booking = await store.lock_booking(tx, UUID(subject_ref))
    if booking is None or not await is_party(app, booking.affair, call.require_viewer().user_id):
        raise NotFound(NOT_FOUND)
    if not booking.prepaid or booking.fee_fen is None:
        raise Conflict(texts.NOTHING_TO_PAY)
    if booking.payment_id is not None:
        raise Conflict(texts.FEE_PAID)
    ended = booking.state is not State.HELD
    if ended or service.has_lapsed(booking, app.clock.now()):
        raise Conflict(texts.HOLD_EXPIRED)
    return Quote(
        booking.fee_fen,
        _payee(app, booking),
        _title(booking.described.place.zh, Locale.ZH),
        _title(booking.described.place.en, Locale.EN),
    )


async def fulfil(app: App, paid: Paid) -> Fulfilment:
    """Turn a paid hold into an appointment, in the outside system too. Repeat-safe.

    Refused where the hold has ended or that system does not give the number: the payer gets the
    money back. Unknown while it has not answered; the booking's own job goes on.
    """
    booking_id = UUID(paid.subject_ref)
    async with transaction() as tx:
        booking = await store.lock_booking(tx, booking_id)
        if booking is not None and booking.awaits_payment:
            await _note_paid(app, tx, booking, paid)
    try:
        await saga.settle(app, booking_id, Deadline.after(_DEADLINE_S))
    except UpstreamError:
        return Unknown()
    return judge(await store.find_booking(booking_id), paid)


def judge(booking: BookingRow | None, paid: Paid) -> Fulfilment:
    """What a payment came to, as its booking stands."""
    if booking is None:
        return Refused("NO_SUCH_APPOINTMENT")
    if booking.payment_id != paid.intent_id:
        return Refused(texts.HOLD_EXPIRED.code)
    if booking.confirmed_at is not None:
        return Accepted(booking.upstream_ref or booking.id.hex)
    if booking.state in ENDED:
        return Refused(booking.refusal_code or texts.HOLD_EXPIRED.code)
    return Unknown()


@on("payments.PaymentRefunded", "payments.PaymentReturned", kinds="appointments.")
async def payment_refunded(app: App, event: PaymentRefunded | PaymentReturned) -> None:
    """The fee is back with the payer: tell them. Repeat-safe by the refund's id."""
    if event.kind != KIND:
        return
    booking = await store.find_booking(UUID(event.subject_ref))
    assert booking is not None
    person = await find_person(app, event.payer_id)
    if person is None:
        return
    locale = Locale(person.locale)
    values: Mapping[str, object] = {
        "title": _title(messages.place_of(app, booking, locale), locale),
        "amount": format_yuan(event.amount_fen),
    }
    async with transaction() as tx:
        await notifications.notify(
            app,
            tx,
            person=person,
            template="appointments.refunded",
            values=values,
            key=f"appointment-refunded:{event.refund_id}",
            deep_link=f"/payments/{event.intent_id}",
        )


async def _note_paid(app: App, tx: Transaction, booking: BookingRow, paid: Paid) -> None:
    """The hold is paid for: ours is confirmed with that, another system's is now booked there."""
    now = app.clock.now()
    if not booking.is_external:
        await store.move(
            tx,
            booking.id,
            [State.HELD],
            State.CONFIRMED,
            payment_id=paid.intent_id,
            confirmed_at=now,
        )
        await messages.tell_later(app, tx, booking.id, "confirmed")
        return
    ends_at = domain.hold_end(now, policy_of(app, booking.service_id).hold, booking.starts_at)
    await store.note_payment(tx, booking.id, paid.intent_id, ends_at)
    await saga.enqueue_settle(app, tx, booking.id)


def _payee(app: App, booking: BookingRow) -> str:
    """Who gets the fee: the outside system's, or the department whose service it is."""
    if booking.is_external:
        return source_of(app, booking.service_id).payee(booking.server_ref)
    return app.services[booking.service_id].department


def _title(place: str, locale: Locale) -> str:
    """What the cashier shows: the place, but not what for."""
    return texts.FEE_TITLE.say(locale, place=place[:_PLACE_MAX])


PAYABLE = Payable(kind=KIND, quote=quote, fulfil=fulfil)
