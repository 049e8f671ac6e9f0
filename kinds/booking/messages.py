"""What the parties of a booking are told, in their inbox and on their open screens."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.bus import bus
from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction, transaction
from core.people.directory import Person
from core.people.parties import list_readers
from core.queue.jobs import job
from core.texts import Locale
from kinds.booking import store, texts
from kinds.booking.policy import policy_of
from kinds.booking.store import BookingRow
from notifications import api as notifications

PARTIES_TOLD = "a booking's own messages go to every party of it"
"""For mutations that act for others: how those are told."""


def topic(person_id: UUID) -> str:
    """The bus topic on which changes of a person's bookings are told."""
    return f"appointments:{person_id}"


async def readers(app: App, booking: BookingRow) -> list[Person]:
    """Who is told of a booking; to be asked before the transaction opens."""
    return await list_readers(app, booking.affair)


async def tell(
    app: App,
    tx: Transaction,
    booking: BookingRow,
    readers: Sequence[Person],
    event: str,
    *,
    occasion: str = "",
) -> None:
    """Put a message about a booking into each reader's inbox when `tx` commits; once per event, and
    per occasion of one that may come again."""
    for person in readers:
        await notifications.notify(
            app,
            tx,
            person=person,
            template=f"appointments.{event}",
            values=_values(app, booking, Locale(person.locale)),
            key=f"appointment:{booking.id}:{event}{occasion}",
            deep_link=app.city.deep_link.format(id=booking.service_id),
        )
        await bus.publish(tx, topic(person.id), str(booking.id))


def place_of(app: App, booking: BookingRow, locale: Locale) -> str:
    """What a message calls the place of a booking: the service alone where that tells of somebody's
    health, for an inbox and a lock screen are read without a proof."""
    service = app.services[booking.service_id]
    if service.needs_fresh_auth:
        return service.name_zh if locale is Locale.ZH else service.name_en
    return booking.described.place.say(locale)


def _values(app: App, booking: BookingRow, locale: Locale) -> dict[str, object]:
    described = booking.described
    what = " ".join(filter(None, (described.unit.say(locale), described.name.say(locale))))
    if app.services[booking.service_id].needs_fresh_auth:
        what = texts.SEE_APP.say(locale)
    return {
        "place": place_of(app, booking, locale),
        "what": what,
        "when": _clock_time(booking.starts_at),
        "cancel": _cancel(app, booking, locale),
        "until": _clock_time(booking.hold_expires_at or booking.starts_at),
    }


def _cancel(app: App, booking: BookingRow, locale: Locale) -> str:
    """Until when it can be given back, or that it cannot be any more."""
    until = policy_of(app, booking.service_id).cancel.deadline(booking.starts_at)
    if app.clock.now() >= until:
        return texts.CANCEL_OVER.say(locale)
    return texts.CANCEL_BY.say(locale, cancel_by=_clock_time(until))


async def ping(tx: Transaction, booking: BookingRow) -> None:
    """Have the open screens of whom it is about and who made it look again when `tx` commits."""
    for person_id in {booking.booked_by, booking.subject_id}:
        await bus.publish(tx, topic(person_id), str(booking.id))


async def tell_later(app: App, tx: Transaction, booking_id: UUID, event: str) -> None:
    """The same by a job, where the transaction deals with other people's bookings."""
    await tell_job.enqueue(app, tx, booking_id, event)


@job("appointments.tell")
async def tell_job(app: App, booking_id: UUID, event: str) -> None:
    """The job behind `tell_later`; the message's key makes it repeat-safe."""
    booking = await store.find_booking(booking_id)
    assert booking is not None
    people = await readers(app, booking)
    async with transaction() as tx:
        await tell(app, tx, booking, people, event)


def _clock_time(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
