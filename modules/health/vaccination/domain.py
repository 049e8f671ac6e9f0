"""Which dose may be given when. A dose that was given, or is not the next one, is no appointment.

The registry forecasts by age; that doses of one vaccine keep their distance is held here too,
because a late dose moves the next one on (the national programme's 28 days).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from core.texts import Named


@dataclass(frozen=True, slots=True)
class Dose:
    """One dose of a vaccine: `number` of the `series` that make it complete, 0 where unknown."""

    vaccine_code: str
    vaccine: Named
    number: int
    series: int


@dataclass(frozen=True, slots=True)
class GivenDose:
    """A dose that somebody has had."""

    dose: Dose
    given_on: date
    lot_no: str


@dataclass(frozen=True, slots=True)
class DueDose:
    """A dose that the programme recommends, not before `earliest_on`; `due_on` is None where the
    registry does not tell by when."""

    dose: Dose
    earliest_on: date
    due_on: date | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class VaccinationRecord:
    """What the registry knows of one person; both empty for whom it does not know."""

    given: Sequence[GivenDose]
    due: Sequence[DueDose]


class DoseFault(StrEnum):
    """Why a dose cannot be given on a day."""

    GIVEN = "given"
    NOT_DUE = "not_due"
    TOO_EARLY = "too_early"


@dataclass(frozen=True, slots=True)
class DoseCheck:
    """What a record says of a dose on a day; `earliest_on` is there for TOO_EARLY."""

    fault: DoseFault | None
    due: DueDose | None = None
    earliest_on: date | None = None


def earliest_on(record: VaccinationRecord, due: DueDose, interval: timedelta) -> date:
    """The first day on which a due dose may be given."""
    last = [one.given_on for one in record.given if one.dose.vaccine_code == due.dose.vaccine_code]
    return max([due.earliest_on, *(day + interval for day in last)])


def check_dose(
    record: VaccinationRecord, vaccine_code: str, number: int, on: date, interval: timedelta
) -> DoseCheck:
    """Whether dose `number` of a vaccine may be given on a day."""
    wanted = (vaccine_code, number)
    if any((one.dose.vaccine_code, one.dose.number) == wanted for one in record.given):
        return DoseCheck(DoseFault.GIVEN)
    for due in record.due:
        if (due.dose.vaccine_code, due.dose.number) == wanted:
            first = earliest_on(record, due, interval)
            return DoseCheck(DoseFault.TOO_EARLY if on < first else None, due, first)
    return DoseCheck(DoseFault.NOT_DUE)


def item_of(vaccine_code: str, number: int) -> str:
    """A dose as a booking names what it is for."""
    return f"{vaccine_code}/{number}"


def parse_item(item_id: str) -> tuple[str, int]:
    """The dose that a booking is for."""
    vaccine_code, _, number = item_id.rpartition("/")
    return vaccine_code, int(number)
