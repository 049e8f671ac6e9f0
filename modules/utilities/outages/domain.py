"""Outages: where, why, until when, and whom they concern. Places are WGS 84 degrees."""

import math
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
CELL_DEGREES = 0.01
"""The edge of a grid cell, about a kilometre: as exact as a watched place is known in plain."""
CELLS_MAX = 2_500
"""An outage that covers more cells than a city has is an error of the feed."""


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


def cell_of(spot: GeoPoint) -> str:
    """The grid cell of a point."""
    return _cell(math.floor(spot.lat / CELL_DEGREES), math.floor(spot.lon / CELL_DEGREES))


def cells_of(outage: Outage) -> Sequence[str]:
    """Every grid cell that an outage may touch. Raises ValueError above CELLS_MAX."""
    west, south, east, north = (math.floor(edge / CELL_DEGREES) for edge in outage.shape.bounds)
    if (north - south + 1) * (east - west + 1) > CELLS_MAX:
        raise ValueError(f"outage {outage.outage_ref} is larger than a city")
    return [
        _cell(row, column) for row in range(south, north + 1) for column in range(west, east + 1)
    ]


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


def _cell(row: int, column: int) -> str:
    return f"{row}:{column}"
