"""Reports and records as hospitals sent them: no value is rounded, converted or dated anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from core.texts import Named


class ReportStatus(StrEnum):
    """How far a report is. REGISTERED; PARTIAL; PRELIMINARY: not verified yet. FINAL. AMENDED:
    changed after it was final. CORRECTED: an error in it was mended. APPENDED: more was added
    after it was final. UNKNOWN.
    """

    REGISTERED = "REGISTERED"
    PARTIAL = "PARTIAL"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"
    AMENDED = "AMENDED"
    CORRECTED = "CORRECTED"
    APPENDED = "APPENDED"
    UNKNOWN = "UNKNOWN"


class DateBasis(StrEnum):
    """What a date is of. OBSERVED: when the specimen was taken or it was seen. ISSUED: when it was
    reported, where no other is known. UNKNOWN: there is no date.
    """

    OBSERVED = "OBSERVED"
    ISSUED = "ISSUED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ClinicalDate:
    """A date as precise as it was recorded."""

    text: Annotated[str | None, "As recorded: 2019, 2024-05, a day, or a moment with its zone."]
    basis: Annotated[DateBasis, "What it is of."]
    before: datetime | None = None
    """The end of the time it stands for, by which it is sorted."""

    @property
    def order(self) -> float:
        """Later dates are greater; without a date it comes before all."""
        return self.before.timestamp() if self.before else float("-inf")


NO_DATE = ClinicalDate(None, DateBasis.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, every digit as it was sent."""

    value: Annotated[str, "The number; a String, so that 19.00 stays 19.00."]
    comparator: Annotated[str | None, "<, <=, > or >= where the true value lies beyond."]
    unit: Annotated[str | None, "The unit as people read it."]
    ucum: Annotated[str | None, "The unit's UCUM code, where it has one."]

    @property
    def shown(self) -> str:
        """The whole as one text."""
        return " ".join(filter(None, (f"{self.comparator or ''}{self.value}", self.unit)))


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """What is usual, as the laboratory says it."""

    low: Annotated[Quantity | None, "The least usual value."]
    high: Annotated[Quantity | None, "The greatest usual value."]
    text: Annotated[str | None, "The range in words."]
    applies_to: Annotated[str | None, "For whom."]


@dataclass(frozen=True, slots=True)
class Measure:
    """One value."""

    name: Annotated[str, "What was measured."]
    code: Annotated[str | None, "Its code."]
    code_system: Annotated[str | None, "The code's system, such as LOINC."]
    text: Annotated[str | None, "The value in words; null where there is none, see absent."]
    quantity: Annotated[Quantity | None, "The value where it is a number."]
    ranges: Annotated[Sequence[ReferenceRange], "What is usual."]
    interpretation: Annotated[Sequence[str], "What the laboratory says of it: H, LL, POS …"]
    is_critical: Annotated[bool, "Whether the laboratory marked it as critical."]
    absent: Annotated[str | None, "Why there is no value."]
    is_implausible: Annotated[
        bool, "Whether it cannot be true, such as a pressure of 1200 mmHg; shown as it was sent."
    ] = False


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a report: its values, one alone or several together."""

    name: Annotated[str, "What was examined."]
    status: Annotated[str, "FHIR's status of the observation."]
    at: Annotated[ClinicalDate, "When."]
    measures: Annotated[Sequence[Measure], "The values."]
    note: Annotated[str | None, "What the laboratory notes."]
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class ReportFile:
    """An image or a document of a report; `ref` is "<hospital>|<its number there>"."""

    ref: str
    title: str
    media_type: str
    labels: Sequence[str]


@dataclass(frozen=True, slots=True)
class Report:
    """A report as one hospital has it."""

    id: str
    hospital_ref: str
    name: str
    category: str
    status: str
    at: ClinicalDate
    conclusion: str | None
    results: Sequence[Result]
    missing_results: int
    files: Sequence[ReportFile]
    labels: Sequence[str]
    code: tuple[str, str] | None
    identifiers: frozenset[tuple[str, str]]
    orders: frozenset[tuple[str, str]]
    changed_at: float
    """When this version was made, as a Unix time; the later of two stands."""


class EntryKind(StrEnum):
    """What an entry of the record is. VISIT; DIAGNOSIS; ALLERGY; MEDICATION; IMMUNIZATION;
    PROCEDURE; REPORT; MEASUREMENT; PLAN: what a hospital has planned for the person.
    """

    VISIT = "VISIT"
    DIAGNOSIS = "DIAGNOSIS"
    ALLERGY = "ALLERGY"
    MEDICATION = "MEDICATION"
    IMMUNIZATION = "IMMUNIZATION"
    PROCEDURE = "PROCEDURE"
    REPORT = "REPORT"
    MEASUREMENT = "MEASUREMENT"
    PLAN = "PLAN"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the record as one hospital has it."""

    id: str
    hospital_ref: str
    kind: EntryKind
    title: str
    detail: str | None
    status: str
    at: ClinicalDate
    labels: Sequence[str]
    identifiers: frozenset[tuple[str, str]]
    changed_at: float


@dataclass(frozen=True, slots=True)
class Received:
    """What one hospital sent of a person."""

    hospital_ref: str
    reports: Sequence[Report] = ()
    entries: Sequence[Entry] = ()
    set_aside: int = 0
    """Resources that have not the form of R4, or name nobody or somebody else as their patient."""
    truncated: bool = False
    """There was more than is read at a time."""
    pages: Sequence[bytes] = field(default=(), repr=False)
    """The Bundles as they came."""


@dataclass(frozen=True, slots=True)
class Source:
    """A hospital that has a copy."""

    hospital_ref: Annotated[str, "The hospital's code."]
    name: Annotated[Named, "Its name."]
