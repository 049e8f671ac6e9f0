"""Outages: where, why, until when, and whom they concern. Places are WGS 84 degrees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from shapely import Point
from shapely.geometry.base import BaseGeometry

from core.standards.coordinates import GeoArea, GeoPoint
from core.texts import Named

UTILITY_OUTAGE_NOTICE = "utility-outage-notice"


class OutageKind(StrEnum):
    """What is cut off: WATER, POWER or GAS."""

    WATER = "WATER"
    POWER = "POWER"
    GAS = "GAS"


class OutageStatus(StrEnum):
    """SCHEDULED: known beforehand. ONGOING: cut off now. RESTORED: over."""

    SCHEDULED = "SCHEDULED"
    ONGOING = "ONGOING"
    RESTORED = "RESTORED"


class NoticeStage(StrEnum):
    """The two things a person is told of an outage, once each."""

    ANNOUNCED = "ANNOUNCED"
    RESTORED = "RESTORED"


Rings = Sequence[Sequence[GeoPoint]]


@dataclass(frozen=True, slots=True)
class Outage:
    """Water, power or gas that is, will be or was cut off somewhere."""

    outage_ref: Annotated[str, "The utility's lasting id for it."]
    kind: Annotated[OutageKind, "What is cut off."]
    planned: Annotated[bool, "Whether it was planned."]
    cause: Annotated[Named, "Why."]
    starts_at: Annotated[datetime, "When it begins or began."]
    planned_restoration_at: Annotated[datetime, "When it is to be over."]
    restored_at: Annotated[datetime | None, "When it was over."]
    status: Annotated[OutageStatus, "How far it is."]
    households_affected: Annotated[int, "About how many households."]
    updated_at: Annotated[datetime, "When the utility last changed this."]
    shape: BaseGeometry

    def covers(self, spot: GeoPoint) -> bool:
        """Whether a place is within the outage; its edge counts."""
        return bool(self.shape.covers(Point(spot.lon, spot.lat)))

    def touches(self, area: GeoArea) -> bool:
        """Whether any part of an area is within it."""
        return bool(self.shape.intersects(area.shape))

    @property
    def outline(self) -> Annotated[Rings, "Its outer edge, a closed ring for each separate part."]:
        """The outer rings."""
        parts = getattr(self.shape, "geoms", [self.shape])
        return [[GeoPoint(lat, lon) for lon, lat in part.exterior.coords] for part in parts]


def choose(
    outages: Iterable[Outage],
    *,
    kind: OutageKind | None = None,
    at: GeoPoint | None = None,
    area: GeoArea | None = None,
) -> Sequence[Outage]:
    """Those of a kind, at a place, in an area; what is yet to come or going on comes first."""
    found = [
        outage
        for outage in outages
        if (kind is None or outage.kind is kind)
        and (at is None or outage.covers(at))
        and (area is None or outage.touches(area))
    ]
    return sorted(found, key=lambda o: (o.status is OutageStatus.RESTORED, o.starts_at))


def present_at(
    outages: Iterable[Outage], spot: GeoPoint, kinds: Sequence[OutageKind]
) -> Sequence[Outage]:
    """What is cut off at a place, or will be, of some kinds."""
    return [
        outage
        for outage in choose(outages, at=spot)
        if outage.kind in kinds and outage.status is not OutageStatus.RESTORED
    ]
