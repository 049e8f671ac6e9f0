"""A booking as an iCalendar file (RFC 5545, RFC 5546): one UID through every change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Alarm, Calendar, Event, vCalAddress

from core.context.app import App
from core.texts import Locale
from kinds.booking.domain import ENDED, State
from kinds.booking.policy import find_item
from kinds.booking.store import BookingRow

_REMIND_BEFORE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a calendar shows. `sequence` rises with every change; all times aware UTC."""

    series_id: UUID
    sequence: int
    domain: str
    summary: str
    location: str
    organiser: str
    organiser_uri: str
    description: str
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    changed_at: datetime
    status: str
    """CONFIRMED, TENTATIVE or CANCELLED."""


def write(app: App, booking: BookingRow, locale: Locale) -> str:
    """The calendar file of a booking. Every change of state raises its sequence."""
    described = booking.described
    what = " ".join(filter(None, (described.unit.say(locale), described.name.say(locale))))
    ended = booking.state in ENDED
    status = "CANCELLED" if ended else "TENTATIVE" if booking.state is State.HELD else "CONFIRMED"
    service = app.services[booking.service_id]
    title = service.name_zh if locale is Locale.ZH else service.name_en
    item = find_item(app, booking.service_id, booking.item_id)
    bring = [f"- {paper.say(locale)}" for paper in item.bring] if item else []
    return write_ics(
        Entry(
            series_id=booking.series_id,
            sequence=booking.version,
            domain=app.city.slug,
            summary=f"{title} {described.place.say(locale)}",
            location=", ".join(filter(None, (described.place.say(locale), booking.address))),
            organiser=described.place.say(locale),
            organiser_uri=app.city.deep_link.format(id=booking.service_id),
            description="\n".join(filter(None, (what, described.notes.say(locale), *bring))),
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            made_at=app.clock.now(),
            changed_at=booking.ended_at or booking.confirmed_at or booking.created_at,
            status=status,
        )
    )


def write_ics(entry: Entry) -> str:
    """The file's text, lines folded and ended as the standard asks."""
    event = Event()
    event.add("uid", f"{entry.series_id}@{entry.domain}")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.made_at)
    event.add("last-modified", entry.changed_at)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
    event.add("organizer", _organiser(entry))
    event.add("summary", entry.summary)
    event.add("location", entry.location)
    event.add("description", entry.description)
    event.add("status", entry.status)
    if entry.status != "CANCELLED":
        event.add_component(_reminder(entry.summary))
    calendar = Calendar()
    calendar.add("prodid", "-//quancheng//appointments//ZH")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if entry.status == "CANCELLED" else "PUBLISH")
    calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text.decode()


def _organiser(entry: Entry) -> vCalAddress:
    """Who publishes the event, which a METHOD asks for (RFC 5546 3.2.1)."""
    address = vCalAddress(entry.organiser_uri)
    address.params["CN"] = entry.organiser
    return address


def _reminder(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -_REMIND_BEFORE)
    return alarm
