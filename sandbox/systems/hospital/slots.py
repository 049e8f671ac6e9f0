"""Slots: quarters of an hour of a day, computed when asked for; only bookings are kept."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sandbox.server.system import SHANGHAI, City
from sandbox.systems.hospital.directory import Hospital, Resource, numbered, weekdays

HORIZON_DAYS = 14
SLOT_LENGTH = timedelta(minutes=15)
SESSIONS = ((time(8, 0), time(12, 0)), (time(13, 30), time(17, 30)))
TAKEN_ELSEWHERE_PROB = 0.15
_SLOT_ID = re.compile(r"(sch[0-9]{3})-([0-9]{8})-([0-9]{4})")


@dataclass(frozen=True)
class Slot:
    """A quarter of an hour of calendar `calendar`; `status` as FHIR has it."""

    calendar: int
    start: datetime
    status: str

    @property
    def slot_id(self) -> str:
        """The id, which tells schedule, day and hour."""
        return f"sch{self.calendar:03d}-{self.start:%Y%m%d-%H%M}"

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + SLOT_LENGTH


def list_slots(city: City, hospital: Hospital, calendar: int) -> Iterator[Slot]:
    """All slots of a calendar from today to the horizon, in order, with their status as of now."""
    booked = _booked(city, hospital, f"sch{calendar:03d}-%")
    first = city.today()
    for ahead in range(HORIZON_DAYS):
        yield from _day(city, hospital, calendar, first + timedelta(days=ahead), booked)


def find_slot(city: City, hospital: Hospital, slot_id: str) -> Slot | None:
    """The slot of this id, if it is within the horizon."""
    match = _SLOT_ID.fullmatch(slot_id)
    calendar = None if match is None else numbered("sch", match[1], hospital.calendar_count)
    if match is None or calendar is None:
        return None
    try:
        day = datetime.strptime(match[2], "%Y%m%d").replace(tzinfo=SHANGHAI).date()
    except ValueError:
        return None
    if not 0 <= (day - city.today()).days < HORIZON_DAYS:
        return None
    booked = _booked(city, hospital, slot_id)
    slots = _day(city, hospital, calendar, day, booked)
    return next((slot for slot in slots if slot.slot_id == slot_id), None)


def describe(slot: Slot) -> Resource:
    """The slot as a FHIR resource."""
    return {
        "resourceType": "Slot",
        "id": slot.slot_id,
        "schedule": {"reference": f"Schedule/sch{slot.calendar:03d}"},
        "status": slot.status,
        "start": slot.start.isoformat(),
        "end": slot.end.isoformat(),
    }


def _booked(city: City, hospital: Hospital, like: str) -> set[str]:
    rows = city.state.all(
        "SELECT slot_id FROM hospital_appointment WHERE hospital = ? AND slot_id LIKE ? AND live",
        (hospital.code, like),
    )
    return {row["slot_id"] for row in rows}


def _day(
    city: City, hospital: Hospital, calendar: int, day: date, booked: set[str]
) -> Iterator[Slot]:
    seed = city.settings.seed
    if day.weekday() not in weekdays(seed, hospital, calendar):
        return
    elsewhere = random.Random(f"{seed}:{hospital.code}:{calendar}:{day}")
    now = city.now()
    for begins, ends in SESSIONS:
        start = datetime.combine(day, begins, SHANGHAI)
        while start < datetime.combine(day, ends, SHANGHAI):
            taken = elsewhere.random() < TAKEN_ELSEWHERE_PROB
            slot = Slot(calendar, start, "free")
            if start <= now:
                yield Slot(calendar, start, "busy-unavailable")
            elif taken or slot.slot_id in booked:
                yield Slot(calendar, start, "busy")
            else:
                yield slot
            start += SLOT_LENGTH
