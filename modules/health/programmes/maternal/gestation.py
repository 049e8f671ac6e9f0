"""How far a pregnancy is, and when a scan corrects that.

Due on the 280th day after the first day of the last period (Naegele). A scan corrects it where both
differ by more than the table says: ACOG, AIUM and SMFM, Methods for Estimating the Due Date,
Committee Opinion 700 (2017), table 1. The first scan decides; later ones correct nothing more.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

TERM_DAYS = 280

REDATE_ABOVE: tuple[tuple[int, int], ...] = (
    # below so many days of gestation by the last period: correct above so many days of difference
    (9 * 7, 5),
    (16 * 7, 7),
    (22 * 7, 10),
    (28 * 7, 14),
    (45 * 7, 21),
)


class DatedBy(StrEnum):
    """What the due date rests on. LAST_PERIOD: its first day. DUE_DATE: told by a doctor.
    ULTRASOUND: a scan.
    """

    LAST_PERIOD = "LAST_PERIOD"
    DUE_DATE = "DUE_DATE"
    ULTRASOUND = "ULTRASOUND"


@dataclass(frozen=True, slots=True)
class Gestation:
    """A pregnancy's dates."""

    due_on: Annotated[date, "The due date."]
    dated_by: Annotated[DatedBy, "What the due date rests on."]
    fetuses: Annotated[int, "How many children are expected."] = 1

    def days_on(self, on: date) -> int:
        """Days of gestation on a day, counted from the last period."""
        return TERM_DAYS - (self.due_on - on).days

    def day_at(self, weeks: int, days: int = 0) -> date:
        """The day on which so many weeks and days are full."""
        return self.due_on - timedelta(days=TERM_DAYS - weeks * 7 - days)

    def corrected(self, scan_on: date, scan_days: int) -> "Gestation":
        """The dates after a scan that showed so many days of gestation."""
        if self.dated_by is DatedBy.ULTRASOUND:
            return self
        counted = self.days_on(scan_on)
        if abs(scan_days - counted) <= allowed_difference(counted):
            return self
        due_on = scan_on + timedelta(days=TERM_DAYS - scan_days)
        return Gestation(due_on, DatedBy.ULTRASOUND, self.fetuses)


def allowed_difference(gestation_days: int) -> int:
    """By how many days a scan may differ at an age and correct nothing."""
    return next((most for below, most in REDATE_ABOVE if gestation_days < below), 21)


def from_last_period(first_day: date, fetuses: int = 1) -> Gestation:
    """The dates that follow from the last period."""
    return Gestation(first_day + timedelta(days=TERM_DAYS), DatedBy.LAST_PERIOD, fetuses)
