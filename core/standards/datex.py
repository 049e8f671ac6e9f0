"""Situations as DATEX II publishes them (EN 16157), read from versions 2 and 3 alike.

Element names are the same in both where it matters here; namespaces differ and are passed over.
A document with a DTD is refused unread: that is where entities come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lxml import etree
from lxml.etree import _Element as Element

from core.clock import parse_moment
from core.standards.coordinates import GeoPoint
from core.upstream.records import Records

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class RoadEventKind(StrEnum):
    """What happens on the road. INCIDENT: an accident, an obstacle. CONGESTION; ROADWORKS; CLOSURE:
    the road or lanes are closed. RESTRICTION: another measure, such as a lower speed. OTHER.
    """

    INCIDENT = "INCIDENT"
    CONGESTION = "CONGESTION"
    ROADWORKS = "ROADWORKS"
    CLOSURE = "CLOSURE"
    RESTRICTION = "RESTRICTION"
    OTHER = "OTHER"


class RoadEventSeverity(StrEnum):
    """How grave it is. HIGHEST; HIGH; MEDIUM; LOW; LOWEST; NONE; UNKNOWN."""

    HIGHEST = "HIGHEST"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    LOWEST = "LOWEST"
    NONE = "NONE"
    UNKNOWN = "UNKNOWN"


_KINDS: Mapping[str, RoadEventKind] = {
    "Accident": RoadEventKind.INCIDENT,
    "AbnormalTraffic": RoadEventKind.CONGESTION,
    "MaintenanceWorks": RoadEventKind.ROADWORKS,
    "ConstructionWorks": RoadEventKind.ROADWORKS,
}
_CLOSURES = ("roadClosed", "carriagewayClosures", "laneClosures", "roadBlocked")
"""Values of `roadOrCarriagewayOrLaneManagementType` that close something."""


@dataclass(frozen=True, slots=True)
class SituationRecord:
    """One record of a situation. `path` is empty where it is placed without coordinates.

    `comments` are by language; `is_real` is False for tests and exercises.
    """

    record_id: str
    kind: RoadEventKind
    severity: RoadEventSeverity
    starts_at: datetime
    ends_at: datetime | None
    updated_at: datetime
    comments: Mapping[str, str]
    path: Sequence[GeoPoint]
    is_real: bool


def read_situations(body: bytes) -> Records[SituationRecord]:
    """The records of a SituationPublication; one that cannot be read is left out and counted.

    Raises ValueError for what is no such document, and for one with a DTD.
    """
    # a parser is made anew each time: one must not be used by two threads
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise ValueError("not XML") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("a DTD is not taken")
    publication = next((e for e in _all(root) if "SituationPublication" in _type(e)), None)
    if publication is None:
        raise ValueError("no SituationPublication")
    records: list[SituationRecord] = []
    unreadable = 0
    for situation in _all(publication, "situation"):
        for record in _all(situation, "situationRecord"):
            try:
                records.append(_record(situation, record))
            except ValueError:
                unreadable += 1
    if unreadable and not records:
        raise ValueError("no record can be read")
    return Records(records, unreadable)


def _record(situation: Element, record: Element) -> SituationRecord:
    severity = _text(record, "severity") or _text(situation, "overallSeverity")
    ends_at = _text(record, "overallEndTime")
    return SituationRecord(
        record_id=record.get("id") or _required(record, "situationRecordCreationReference"),
        kind=_kind(record),
        severity=_severity(severity),
        starts_at=parse_moment(_required(record, "overallStartTime")),
        ends_at=parse_moment(ends_at) if ends_at else None,
        updated_at=parse_moment(_required(record, "situationRecordVersionTime")),
        comments=_comments(record),
        path=_path(record),
        is_real=_text(situation, "informationStatus") in ("", "real"),
    )


def _kind(record: Element) -> RoadEventKind:
    name = _type(record)
    if name.endswith("Obstruction"):
        return RoadEventKind.INCIDENT
    if _text(record, "roadOrCarriagewayOrLaneManagementType") in _CLOSURES:
        return RoadEventKind.CLOSURE
    if name.endswith("Management"):
        return RoadEventKind.RESTRICTION
    return _KINDS.get(name, RoadEventKind.OTHER)


def _severity(text: str) -> RoadEventSeverity:
    known = text.upper() in RoadEventSeverity.__members__
    return RoadEventSeverity(text.upper()) if known else RoadEventSeverity.UNKNOWN


def _comments(record: Element) -> Mapping[str, str]:
    """What the public is told, by language; several comments are one text."""
    comments: dict[str, list[str]] = {}
    for comment in _all(record, "generalPublicComment"):
        for value in _all(comment, "value"):
            words = " ".join((value.text or "").split())
            comments.setdefault((value.get("lang") or "").lower()[:2], []).append(words)
    return {language: "; ".join(filter(None, texts)) for language, texts in comments.items()}


def _path(record: Element) -> Sequence[GeoPoint]:
    """The first line, else every point; latitude comes first in both."""
    line = next(_all(record, "posList"), None)
    if line is not None:
        numbers = [float(number) for number in (line.text or "").split()]
        points = zip(numbers[::2], numbers[1::2], strict=True)
    else:
        points = zip(
            (float(_plain(e)) for e in _all(record, "latitude")),
            (float(_plain(e)) for e in _all(record, "longitude")),
            strict=True,
        )
    path = [GeoPoint(lat, lon) for lat, lon in points]
    if not all(point.is_on_globe for point in path):
        raise ValueError("a latitude or longitude out of range")
    return path


def _all(element: Element, name: str = "*") -> Iterator[Element]:
    """The descendants of a local name, whatever their namespace."""
    yield from element.iter(f"{{*}}{name}")


def _text(element: Element, name: str) -> str:
    found = next(_all(element, name), None)
    return "" if found is None else _plain(found)


def _required(element: Element, name: str) -> str:
    text = _text(element, name)
    if not text:
        raise ValueError(f"{name} is missing")
    return text


def _plain(element: Element) -> str:
    return (element.text or "").strip()


def _type(element: Element) -> str:
    """The local name of its xsi:type."""
    return str(element.get(_TYPE, "")).rpartition(":")[2]
