"""Whom an alert concerns, and what becomes of those that it references."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from shapely import Point, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from core.standards.cap import CapAlert, CapArea, CapInfo, MsgType, Scope, Severity, Status
from core.standards.coordinates import GeoPoint, cells_of
from core.texts import Named

SERVICE = "emergency-alerts"
LANGUAGES = ("zh", "en")
_KM_A_DEGREE = 111.0
_GRAVEST = list(Severity)


class AlertPlaceKind(StrEnum):
    """What a place is to somebody. HOME: where they live. WORK: where they work. HERE: where they
    are, for two hours from when they said so. CITY: the whole city.
    """

    HOME = "HOME"
    WORK = "WORK"
    HERE = "HERE"
    CITY = "CITY"


class AlertLevel(StrEnum):
    """How grave an alert is (CAP's severity). EXTREME; SEVERE; MODERATE; MINOR; UNKNOWN: its sender
    does not say, and it is told to everybody.
    """

    EXTREME = "EXTREME"
    SEVERE = "SEVERE"
    MODERATE = "MODERATE"
    MINOR = "MINOR"
    UNKNOWN = "UNKNOWN"


class AlertState(StrEnum):
    """How an alert stands. ACTIVE: it holds. SUPERSEDED: a later one has taken its place.
    CANCELLED: its sender has taken it back. NOTED: it is kept and concerns nobody.
    """

    ACTIVE = "ACTIVE"
    SUPERSEDED = "SUPERSEDED"
    CANCELLED = "CANCELLED"
    NOTED = "NOTED"


class NoticeKind(StrEnum):
    """How people are told of an alert."""

    WARNING = "WARNING"
    CANCELLED = "CANCELLED"
    DRILL = "DRILL"


@dataclass(frozen=True, slots=True)
class Watched:
    """A place as an alert is held against it; without a point it is the whole city."""

    kind: AlertPlaceKind
    spot: GeoPoint | None
    district_code: str
    min_level: AlertLevel


@dataclass(frozen=True, slots=True)
class EmergencyAlert:
    """A warning that holds."""

    alert_ref: Annotated[str, "Its lasting id."]
    sender: Annotated[str, "Who has sent it."]
    event: Annotated[Named, "What happens."]
    headline: Annotated[Named, "In a line."]
    description: Annotated[Named, "What is known."]
    instruction: Annotated[Named, "What to do."]
    level: Annotated[AlertLevel, "How grave it is."]
    area: Annotated[Named, "Where, in words."]
    sent_at: Annotated[datetime, "When it was sent."]
    expires_at: Annotated[datetime | None, "Until when it holds by itself."]
    is_drill: Annotated[bool, "Whether it is an exercise."]
    of_unknown: Annotated[bool, "Whether it goes on with an alert that never came here."]


def notice_kind_of(alert: CapAlert) -> NoticeKind | None:
    """How people are told of an alert; None where it is none for people.

    Only an Actual one is a warning. An Exercise is told as a drill; tests, drafts and system
    messages, answers to alerts, and what is not public are told nobody.
    """
    if alert.scope is not Scope.PUBLIC or alert.msg_type in (MsgType.ACK, MsgType.ERROR):
        return None
    if alert.status is Status.EXERCISE:
        return NoticeKind.DRILL
    if alert.status is not Status.ACTUAL:
        return None
    return NoticeKind.CANCELLED if alert.msg_type is MsgType.CANCEL else NoticeKind.WARNING


def state_of(alert: CapAlert) -> AlertState:
    """How an alert stands when it comes."""
    holds = notice_kind_of(alert) is not None and alert.msg_type is not MsgType.CANCEL
    return AlertState.ACTIVE if holds else AlertState.NOTED


def ended_as(msg_type: MsgType) -> AlertState | None:
    """What becomes of the alerts that one of this type references; None: nothing."""
    return {MsgType.UPDATE: AlertState.SUPERSEDED, MsgType.CANCEL: AlertState.CANCELLED}.get(
        msg_type
    )


def level_of(info: CapInfo) -> AlertLevel:
    """How grave an info is."""
    return AlertLevel(info.severity.upper())


def expires_at(alert: CapAlert) -> datetime | None:
    """When the last of an alert's infos has run out; None where one does not."""
    ends = [info.expires_at for info in alert.infos]
    known = [end for end in ends if end is not None]
    return max(known) if ends and len(known) == len(ends) else None


def concerns(info: CapInfo, place: Watched, division_code: str) -> bool:
    """Whether a place is to be told: it lies in the area, and the level is grave enough.

    Without an area it is the whole city that is meant, and so it is where nothing but words or
    foreign codes say where. A code of six digits is a division (GB/T 2260).
    """
    level = level_of(info)
    if level is not AlertLevel.UNKNOWN and _rank(level) > _rank(place.min_level):
        return False
    if place.spot is None or not info.areas:
        return True
    return any(_includes(area, place, division_code) for area in info.areas)


def _includes(area: CapArea, place: Watched, division_code: str) -> bool:
    if area.has_shape and place.spot is not None and area.covers(place.spot):
        return True
    divisions = [value for _, value in area.geocodes if len(value) == 6 and value.isdigit()]
    if divisions:
        return bool({division_code, place.district_code} & set(divisions))
    return not area.has_shape


def cells_of_alert(alert: CapAlert) -> Sequence[str] | None:
    """The grid cells that an alert may touch; None where that is no bound."""
    areas = [area for info in alert.infos for area in info.areas]
    if not areas or not all(info.areas for info in alert.infos):
        return None
    if any(area.geocodes or not area.has_shape for area in areas):
        return None
    shapes = [shape for area in areas for shape in _shapes(area)]
    try:
        return cells_of(union_all(shapes))
    except ValueError:
        return None


def words_of(infos: Sequence[CapInfo], read: str) -> Named:
    """A text of infos in both languages; where one lacks, the other's is said."""
    by_language: Mapping[str, str] = {
        info.language.lower()[:2]: str(getattr(info, read)) for info in reversed(infos)
    }
    first = str(getattr(infos[0], read)) if infos else ""
    zh, en = (by_language.get(language, first) for language in LANGUAGES)
    return Named(zh or first or en, en or first or zh)


def _shapes(area: CapArea) -> Sequence[BaseGeometry]:
    rings = [Polygon([(p.lon, p.lat) for p in ring]).envelope for ring in area.polygons]
    # twice as wide as a degree of latitude asks for: enough up to 60 degrees
    rounds = [
        Point(c.centre.lon, c.centre.lat).buffer(2 * c.radius_km / _KM_A_DEGREE + 0.001)
        for c in area.circles
    ]
    return [*rings, *rounds]


def _rank(level: AlertLevel) -> int:
    return _GRAVEST.index(Severity(level.title()))
