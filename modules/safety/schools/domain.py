"""Schools: when a pupil must be there, and who is enrolled where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.city import Calendar
from core.clock import SHANGHAI
from core.texts import Named


@dataclass(frozen=True, slots=True)
class School:
    """A school as the education bureau's registry has it."""

    code: str
    name: Named
    gate_key: Ed25519PublicKey
    """With which its gates sign."""
    arrive_by: time
    """By when pupils are there on an ordinary day, Shanghai's time."""
    terms: Sequence[tuple[date, date]]
    days: Mapping[date, time | None] = field(default_factory=dict)
    """Days that are otherwise: None for no school, a time for a school day with its own hour."""

    def arrival_on(self, day: date, calendar: Calendar) -> datetime | None:
        """By when pupils are there on a day; None where there is no school.

        Days worked in exchange are school days, and what the school itself announces comes first.
        """
        if day in self.days:
            by = self.days[day]
        else:
            in_term = any(first <= day <= last for first, last in self.terms)
            by = self.arrive_by if in_term and calendar.is_working_day(day) else None
        return None if by is None else datetime.combine(day, by, SHANGHAI)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """That a child goes to a school; the school knows it by `pupil_ref`."""

    school_code: Annotated[str, "The school's code."]
    pupil_ref: str
    class_zh: Annotated[str, "Its class."]
