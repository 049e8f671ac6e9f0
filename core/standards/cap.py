"""The Common Alerting Protocol (OASIS CAP 1.2, July 2010): what an alert is, and how it is read.

Version 1.1 is read too, whose elements are the same. A document with a DTD is refused unread: that
is where entities come from. Points are written latitude before longitude (CAP 1.2, 3.2.4).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from lxml import etree
from lxml.etree import _Element as Element
from shapely import Point, Polygon, make_valid
from shapely.geometry.base import BaseGeometry

from core.clock import parse_moment
from core.standards.coordinates import GeoPoint, distance_m

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_NAMESPACES = {NAMESPACE, "urn:oasis:names:tc:emergency:cap:1.1"}
BYTES_MAX = 1_000_000
POINTS_MAX = 20_000
_NAME = re.compile(r"[^\s,<&]{1,256}")
"""Of identifiers and senders (3.2.1): no white space, comma, `<` or `&`."""
_CATEGORIES = frozenset(
    "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split()
)
_RESPONSES = frozenset(
    "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split()
)

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class CapError(ValueError):
    """The document is no alert that may be used; the text says why, in one line."""


class Status(StrEnum):
    """What an alert is meant for; only Actual concerns people."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    SYSTEM = "System"
    TEST = "Test"
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What an alert does to those that it references."""

    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"
    ACK = "Ack"
    ERROR = "Error"


class Scope(StrEnum):
    """Whom an alert may be shown to."""

    PUBLIC = "Public"
    RESTRICTED = "Restricted"
    PRIVATE = "Private"


class Urgency(StrEnum):
    """How soon one must act."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How grave it is, the gravest first."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure it is."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier alert that this one is about."""

    sender: str
    identifier: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Circle:
    """What lies within a distance of a point."""

    centre: GeoPoint
    radius_km: float


@dataclass(frozen=True, slots=True)
class CapArea:
    """Where: the union of its shapes and of the places that its codes name."""

    description: str
    polygons: Sequence[Sequence[GeoPoint]] = ()
    circles: Sequence[Circle] = ()
    geocodes: Sequence[tuple[str, str]] = ()

    @property
    def has_shape(self) -> bool:
        """Whether points are within it or not; codes alone do not tell."""
        return bool(self.polygons or self.circles)

    def covers(self, spot: GeoPoint) -> bool:
        """Whether a WGS 84 point is within a polygon, its edge included, or a circle."""
        point = Point(spot.lon, spot.lat)
        return any(_shape(ring).covers(point) for ring in self.polygons) or any(
            distance_m(spot, circle.centre) <= circle.radius_km * 1000 for circle in self.circles
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """What happens, in one language."""

    language: str = "en-US"
    categories: Sequence[str]
    event: str
    responses: Sequence[str] = ()
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    effective_at: datetime | None = None
    onset_at: datetime | None = None
    expires_at: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    areas: Sequence[CapArea] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """An alert. `sender` and `identifier` together name it for ever."""

    identifier: str
    sender: str
    sent_at: datetime
    status: Status
    msg_type: MsgType
    scope: Scope
    note: str = ""
    references: Sequence[Reference] = ()
    infos: Sequence[CapInfo] = ()


def parse_xml(body: bytes) -> Element:
    """The root of an XML document, nothing outside it followed. Raises CapError."""
    if len(body) > BYTES_MAX:
        raise CapError("the document is too large")
    # a parser is made anew each time: one must not be used by two threads
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise CapError("not XML") from None
    if root.getroottree().docinfo.doctype:
        raise CapError("a DTD is not taken")
    return root


def read_alert(root: Element) -> CapAlert:
    """The alert of a document. Raises CapError for whatever its specification does not allow."""
    name = etree.QName(root)
    if name.localname != "alert" or name.namespace not in _NAMESPACES:
        raise CapError("no CAP alert of version 1.1 or 1.2")
    msg_type = _enum(root, "msgType", MsgType)
    references = tuple(_reference(text) for text in _text(root, "references").split())
    if not references and msg_type in (MsgType.UPDATE, MsgType.CANCEL):
        raise CapError(f"{msg_type} without references")
    return CapAlert(
        identifier=_name(root, "identifier"),
        sender=_name(root, "sender"),
        sent_at=_moment(_required(root, "sent")),
        status=_enum(root, "status", Status),
        msg_type=msg_type,
        scope=_enum(root, "scope", Scope),
        note=_text(root, "note"),
        references=references,
        infos=tuple(_info(element) for element in _all(root, "info")),
    )


def _info(root: Element) -> CapInfo:
    categories = tuple(_known(text, _CATEGORIES) for text in _texts(root, "category"))
    if not categories:
        raise CapError("info without category")
    return CapInfo(
        language=_text(root, "language") or "en-US",
        categories=categories,
        event=_required(root, "event"),
        responses=tuple(_known(text, _RESPONSES) for text in _texts(root, "responseType")),
        urgency=_enum(root, "urgency", Urgency),
        severity=_enum(root, "severity", Severity),
        certainty=_enum(root, "certainty", Certainty),
        effective_at=_optional(root, "effective", _moment),
        onset_at=_optional(root, "onset", _moment),
        expires_at=_optional(root, "expires", _moment),
        sender_name=_text(root, "senderName"),
        headline=_text(root, "headline"),
        description=_text(root, "description"),
        instruction=_text(root, "instruction"),
        web=_text(root, "web"),
        contact=_text(root, "contact"),
        areas=tuple(_area(element) for element in _all(root, "area")),
    )


def _area(root: Element) -> CapArea:
    codes = _all(root, "geocode")
    return CapArea(
        _required(root, "areaDesc"),
        tuple(_ring(text) for text in _texts(root, "polygon")),
        tuple(_circle(text) for text in _texts(root, "circle")),
        tuple((_required(code, "valueName"), _text(code, "value")) for code in codes),
    )


def _ring(text: str) -> Sequence[GeoPoint]:
    pairs = text.split()
    if not 4 <= len(pairs) <= POINTS_MAX:
        raise CapError("a polygon has four points or more")
    ring = tuple(_point(pair) for pair in pairs)
    if ring[0] != ring[-1]:
        raise CapError("a polygon ends where it begins")
    return ring


def _circle(text: str) -> Circle:
    centre, _, radius = text.strip().partition(" ")
    radius_km = _number(radius.strip())
    if not 0 <= radius_km <= 20_100:
        raise CapError("a circle has a radius")
    return Circle(_point(centre), radius_km)


def _point(text: str) -> GeoPoint:
    lat, comma, lon = text.partition(",")
    point = GeoPoint(_number(lat), _number(lon))
    if not comma or not point.is_on_globe:
        raise CapError("a point is a latitude, a comma and a longitude")
    return point


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CapError("a number is expected") from None


def _reference(text: str) -> Reference:
    sender, *rest = text.split(",")
    if len(rest) != 2:
        raise CapError("a reference is sender,identifier,sent")
    return Reference(sender, rest[0], _moment(rest[1]))


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise CapError("a time has its zone") from None


def _enum(root: Element, name: str, values: type[E]) -> E:
    try:
        return values(_required(root, name))
    except ValueError as error:
        raise CapError(f"{name} is none of those that are known") from error


def _known(text: str, values: frozenset[str]) -> str:
    if text not in values:
        raise CapError("a category or response type that is not known")
    return text


def _name(root: Element, name: str) -> str:
    text = _required(root, name)
    if not _NAME.fullmatch(text):
        raise CapError(f"{name} with a character that it may not have")
    return text


def _required(root: Element, name: str) -> str:
    text = _text(root, name)
    if not text:
        raise CapError(f"{name} is missing")
    return text


def _optional(root: Element, name: str, read: Callable[[str], T]) -> T | None:
    text = _text(root, name)
    return read(text) if text else None


def _text(root: Element, name: str) -> str:
    """The text of an element that is there once at most; empty where it is not."""
    elements = _all(root, name)
    if len(elements) > 1:
        raise CapError(f"{name} is there twice")
    return (elements[0].text or "").strip() if elements else ""


def _texts(root: Element, name: str) -> list[str]:
    """The texts of an element; empty ones, which some senders write, say nothing."""
    return [text for element in _all(root, name) if (text := (element.text or "").strip())]


def _all(root: Element, name: str) -> list[Element]:
    elements: list[Element] = root.findall(f"{{{etree.QName(root).namespace}}}{name}")
    return elements


def _shape(ring: Sequence[GeoPoint]) -> BaseGeometry:
    return make_valid(Polygon([(point.lon, point.lat) for point in ring]))
