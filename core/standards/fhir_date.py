"""Dates as FHIR has them: "2019", "2024-05", "2024-05-17", or a moment with its zone.

A date says no more than it says (https://hl7.org/fhir/R4/datatypes.html#dateTime): a year is no
1 January. It is kept and shown as it was written, and stands for the whole stretch of time that it
names.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_LEAP_SECOND = ":60"


@dataclass(frozen=True, slots=True)
class FhirDate:
    """A date or moment of any precision; it lies in [earliest, before)."""

    text: str
    earliest: datetime
    before: datetime

    @property
    def is_moment(self) -> bool:
        """Whether it names a time of day."""
        return "T" in self.text


def parse_date(text: str, zone: tzinfo) -> FhirDate:
    """A date, dateTime or instant; what names no zone is of the `zone`'s civil calendar.

    Raises ValueError for what is none, 30 February included.
    """
    try:
        return _parse(text, zone)
    except OverflowError:
        raise ValueError("a date out of all bounds") from None


def _parse(text: str, zone: tzinfo) -> FhirDate:
    if "T" in text:
        moment = datetime.fromisoformat(text.replace(_LEAP_SECOND, ":59"))
        if moment.tzinfo is None:
            raise ValueError("a time without zone")
        at = moment.astimezone(UTC)
        return FhirDate(text, at, at + timedelta(microseconds=1))
    year, month, day = (*(int(part) for part in text.split("-")), 0, 0)[:3]
    first = datetime(year, month or 1, day or 1, tzinfo=zone)
    if day:
        following = first + timedelta(days=1)
    elif month:
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    else:
        following = datetime(year + 1, 1, 1, tzinfo=zone)
    return FhirDate(text, first.astimezone(UTC), following.astimezone(UTC))
