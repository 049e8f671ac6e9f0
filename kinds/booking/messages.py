"""What a person is told about their booking, in their inbox and on their open screens."""

from datetime import datetime
from uuid import UUID

from core.bus import bus
from core.clock import SHANGHAI
from core.context.app import App
from core.database import Transaction, transaction
from core.people.directory import Person, get_person
from core.queue.jobs import job
from core.texts import Locale
from kinds.booking import store
from kinds.booking.policy import rules_of
from kinds.booking.store import BookingRow
from notifications import api as notifications


def topic(person_id: UUID) -> str:
    """The bus topic on which changes of a person's bookings are told."""
    return f"appointments:{person_id}"


async def reader(app: App, person_id: UUID) -> Person:
    """The person a message is for; to be asked before the transaction opens."""
    return await get_person(app, person_id)


async def tell(app: App, tx: Transaction, booking: BookingRow, person: Person, event: str) -> None:
    """Put a message about a booking into the inbox when `tx` commits; once per event."""
    locale = Locale(person.locale)
    cancel_by = rules_of(app).policies[booking.service_id].cancel.deadline(booking.starts_at)
    described = booking.described
    values = {
        "place": described.place.say(locale),
        "what": " ".join(filter(None, (described.unit.say(locale), described.name.say(locale)))),
        "when": _clock_time(booking.starts_at),
        "cancel_by": _clock_time(cancel_by),
    }
    await notifications.notify(
        app,
        tx,
        person=person,
        template=f"appointments.{event}",
        values=values,
        key=f"appointment:{booking.id}:{event}",
        deep_link=app.city.deep_link.format(id=booking.service_id),
    )
    await ping(tx, booking)


async def ping(tx: Transaction, booking: BookingRow) -> None:
    """Have the open screens of whoever booked look again when `tx` commits."""
    await bus.publish(tx, topic(booking.booked_by), str(booking.id))


async def tell_later(app: App, tx: Transaction, booking_id: UUID, event: str) -> None:
    """The same by a job, where the transaction deals with other people's bookings."""
    await tell_job.enqueue(app, tx, booking_id, event)


@job("appointments.tell")
async def tell_job(app: App, booking_id: UUID, event: str) -> None:
    """The job behind `tell_later`; the message's key makes it repeat-safe."""
    booking = await store.find_booking(booking_id)
    assert booking is not None
    person = await get_person(app, booking.booked_by)
    async with transaction() as tx:
        await tell(app, tx, booking, person, event)


def _clock_time(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")
