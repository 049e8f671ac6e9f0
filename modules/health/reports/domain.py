"""Reports as they are shown, and the course of one value over all hospitals."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from core.people.file_link import FileLink
from modules.health.records.domain import (
    ClinicalDate,
    Quantity,
    Report,
    ReportStatus,
    Result,
    Source,
)


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """An image or a document of a report."""

    title: Annotated[str, "What it is."]
    media_type: Annotated[str, "Its media type, as the hospital says."]
    link: Annotated[FileLink, "Where it can be fetched for some minutes."]


@dataclass(frozen=True, slots=True)
class MedicalReport:
    """A report of laboratory or imaging."""

    id: Annotated[str, "Its id."]
    hospital: Annotated[Source, "Who made it."]
    also_at: Annotated[Sequence[Source], "Other hospitals that have it: nothing is done twice."]
    name: Annotated[str, "What was examined."]
    category: Annotated[str, "Which kind of examination."]
    status: Annotated[ReportStatus, "How far it is; AMENDED and CORRECTED replace an earlier one."]
    replaces: Annotated[int, "Earlier versions that are not shown."]
    at: Annotated[ClinicalDate, "When."]
    conclusion: Annotated[str | None, "What it concludes."]
    results: Annotated[Sequence[Result], "The results, in the laboratory's order."]
    missing_results: Annotated[int, "Results that it names but the hospital did not send."]
    has_critical: Annotated[bool, "Whether a value is marked as critical: see a doctor at once."]
    is_restricted: Annotated[bool, "Whether a security label hides it from others."]
    similar: Annotated[
        Sequence[str], "Ids of reports elsewhere that are probably the same: same values and time."
    ]
    files: Annotated[Sequence[LinkedFile], "Images and documents."]


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A value at a time."""

    at: Annotated[ClinicalDate, "When."]
    quantity: Annotated[Quantity, "The value as it was sent."]
    hospital: Annotated[Source, "Who measured it."]
    report_id: Annotated[str, "In which report it is."]
    is_critical: Annotated[bool, "Whether the laboratory marked it as critical."]


@dataclass(frozen=True, slots=True)
class Trend:
    """The course of one value; values in another unit are a course of their own."""

    name: Annotated[str, "What was measured."]
    code: Annotated[str, "Its code."]
    code_system: Annotated[str | None, "The code's system."]
    unit: Annotated[str | None, "The unit of all its values."]
    points: Annotated[Sequence[TrendPoint], "The values, oldest first; those without date last."]


def is_critical(report: Report) -> bool:
    """Whether a laboratory marked a value as critical."""
    return any(measure.is_critical for one in report.results for measure in one.measures)


def trends_of(reports: Iterable[tuple[Report, Source]], code: str) -> Sequence[Trend]:
    """The courses of the values with a code over reports and hospitals.

    A series has one code of one system and one unit: nothing is converted.
    """
    series: dict[tuple[str | None, str | None], list[TrendPoint]] = defaultdict(list)
    names: dict[tuple[str | None, str | None], str] = {}
    for report, source in reports:
        for result in report.results:
            for measure in result.measures:
                if measure.code != code or measure.quantity is None:
                    continue
                key = measure.code_system, measure.quantity.ucum or measure.quantity.unit
                at = result.at if result.at.before else report.at
                names.setdefault(key, measure.name)
                series[key].append(
                    TrendPoint(at, measure.quantity, source, report.id, measure.is_critical)
                )
    return [
        Trend(names[key], code, key[0], key[1], sorted(points, key=_oldest_first))
        for key, points in series.items()
    ]


def _oldest_first(point: TrendPoint) -> tuple[bool, float]:
    return point.at.before is None, point.at.order
