"""By when pupils are at their schools on a day, at all that the registry has."""

from collections.abc import Mapping
from datetime import date, datetime
from statistics import median_high

from core.city import Calendar
from core.upstream.registers import Register
from modules.safety.schools.domain import School


def hours_of(schools: Register[School], day: date, calendar: Calendar) -> Mapping[str, datetime]:
    """The hour at each school that has school that day, by its code."""
    found = {code: school.arrival_on(day, calendar) for code, school in schools.records.items()}
    return {code: by for code, by in found.items() if by is not None}


def middle_of(schools: Register[School], day: date, calendar: Calendar) -> datetime | None:
    """The hour that stands for a school whose own is not known: that of the school in the middle.

    None on a day off, and where no school is known to have school.
    """
    hours = hours_of(schools, day, calendar).values() if calendar.is_working_day(day) else ()
    return median_high(hours) if hours else None
