"""A booking as an iCalendar file (RFC 5545, RFC 5546): one UID through every change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Alarm, Calendar, Event

_REMIND_BEFORE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a calendar shows. `sequence` rises with every change; all times aware UTC."""

    series_id: UUID
    sequence: int
    domain: str
    summary: str
    location: str
    description: str
    starts_at: datetime
    ends_at: datetime
    changed_at: datetime
    status: str
    """CONFIRMED, TENTATIVE or CANCELLED."""


def write_ics(entry: Entry) -> str:
    """The file's text, lines folded and ended as the standard asks."""
    event = Event()
    event.add("uid", f"{entry.series_id}@{entry.domain}")
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    event.add("dtstart", entry.starts_at)
    event.add("dtend", entry.ends_at)
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
    return calendar.to_ical().decode()


def _reminder(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -_REMIND_BEFORE)
    return alarm
