"""One list out of what several hospitals sent: copies together, the newest version shown.

Two are one where they share an identifier of their source or the order they answer
(https://hl7.org/fhir/R4/resource.html#identifiers). What only looks alike is told, not merged.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from modules.health.records.domain import Entry, Report
from modules.health.records.reading import GONE


class Copy(Protocol):
    """One hospital's version of something."""

    @property
    def id(self) -> str:
        """Our id of it."""
        ...

    @property
    def hospital_ref(self) -> str:
        """Whose it is."""
        ...

    @property
    def status(self) -> str:
        """FHIR's status."""
        ...

    @property
    def changed_at(self) -> float:
        """When this version was made."""
        ...


C = TypeVar("C", bound=Copy)


@dataclass(frozen=True, slots=True)
class Merged:
    """A report with where else it is, what it replaces, and what is probably the same."""

    report: Report
    also_at: Sequence[str]
    """Other hospitals that have it, by their codes."""
    replaces: int
    """Earlier versions of it that are not shown."""
    similar: Sequence[str]
    """Reports of other hospitals with the same values of the same specimen, by their ids."""


def merge_reports(reports: Iterable[Report]) -> Sequence[Merged]:
    """Reports of all hospitals, newest first, those without date last; cancelled ones are gone."""
    groups = _groups(list(reports), _report_keys)
    standing = [(_newest(group), group) for group in groups]
    merged = [
        Merged(report, _others(report, group), _replaced(report, group), ())
        for report, group in standing
        if report.status not in GONE
    ]
    similar = _similar([one.report for one in merged])
    merged = [replace(one, similar=similar.get(one.report.id, ())) for one in merged]
    return sorted(merged, key=lambda one: (-one.report.at.order, one.report.id))


def merge_entries(entries: Iterable[Entry]) -> Sequence[tuple[Entry, Sequence[str]]]:
    """Entries of all hospitals likewise, each with the other hospitals that have it."""
    groups = _groups(list(entries), lambda entry: [(entry.kind, one) for one in entry.identifiers])
    standing = [(_newest(group), group) for group in groups]
    shown = [(one, _others(one, group)) for one, group in standing if one.status not in GONE]
    return sorted(shown, key=lambda pair: (-pair[0].at.order, pair[0].id))


def _report_keys(report: Report) -> Iterable[Hashable]:
    yield from report.identifiers
    what = report.code or report.name
    if what:
        for order in report.orders:
            yield order, what


def _groups(copies: Sequence[C], keys: Callable[[C], Iterable[Hashable]]) -> list[list[C]]:
    """Copies that share a key, directly or through another, in the order in which they came."""
    group_of: dict[Hashable, list[C]] = {}
    groups: dict[int, list[C]] = {}
    for copy in copies:
        group = [copy]
        groups[id(group)] = group
        for key in keys(copy):
            known = group_of.get(key)
            if known is not None and known is not group:
                small, large = sorted((known, group), key=len)
                large += small
                del groups[id(small)]
                for other, held in group_of.items():
                    if held is small:
                        group_of[other] = large
                group = large
            group_of[key] = group
    return list(groups.values())


def _newest(group: Sequence[C]) -> C:
    """The version that stands: the newest; of two of one moment the one that takes back."""
    return max(group, key=lambda one: (one.changed_at, one.status in GONE, one.id))


def _others(shown: Copy, group: Sequence[Copy]) -> Sequence[str]:
    return sorted({one.hospital_ref for one in group} - {shown.hospital_ref})


def _replaced(shown: Copy, group: Sequence[Copy]) -> int:
    return sum(one.hospital_ref == shown.hospital_ref for one in group) - 1


def _similar(reports: Sequence[Report]) -> Mapping[str, Sequence[str]]:
    """By id: reports of another hospital with the same codes, values, units and specimen time."""
    alike: dict[Hashable, list[Report]] = defaultdict(list)
    for report in reports:
        values = frozenset(_values(report))
        if values:
            alike[values].append(report)
    return {
        report.id: [o.id for o in group if o.hospital_ref != report.hospital_ref]
        for group in alike.values()
        for report in group
    }


def _values(report: Report) -> Iterable[Hashable]:
    for result in report.results:
        at = result.at if result.at.before else report.at
        for measure in result.measures:
            if measure.quantity and measure.code and at.before and at.text and "T" in at.text:
                yield measure.code_system, measure.code, measure.quantity, at.before
