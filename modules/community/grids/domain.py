"""The city's grids, found by a point.

A grid's code has 15 digits: the district by GB/T 2260 (6), street (3), community (3), grid (3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from shapely import Point, STRtree
from shapely.geometry.base import BaseGeometry

from core.standards.coordinates import GeoPoint
from core.texts import Named

GRID_BYTES = 2_000
_CODE = re.compile(r"[0-9]{15}")


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of the city and whom to turn to in it."""

    grid_code: Annotated[str, "Its 15 digits: district 6, street 3, community 3, grid 3."]
    district: Annotated[Named, "The district."]
    street: Annotated[Named, "The street."]
    community: Annotated[Named, "The community."]
    worker: Annotated[Named, "Who looks after it, as they are known there."]
    contact_ref: Annotated[str, "The channel in the app on which they are written to."]
    contact_hours: Annotated[str, "When they answer, in OpenStreetMap's form of opening hours."]


class GridMap:
    """Every grid, found by a point in some microseconds."""

    __slots__ = ("_grids", "_tree")

    def __init__(self, grids: Sequence[tuple[BaseGeometry, Grid]]) -> None:
        self._grids = [grid for _, grid in grids]
        self._tree = STRtree([shape for shape, _ in grids])

    def __len__(self) -> int:
        return len(self._grids)

    def __sizeof__(self) -> int:
        """About what it takes, shapes and index included."""
        return GRID_BYTES * len(self)

    def find(self, point: GeoPoint) -> Grid | None:
        """The grid in which a point lies; of several at an edge always the same; None outside."""
        spot = Point(point.lon, point.lat)
        found = [self._grids[index] for index in self._tree.query(spot, predicate="intersects")]
        return min(found, key=lambda grid: grid.grid_code, default=None)


def district_of(grid_code: str) -> str:
    """The district's six digits. Raises ValueError for what is no code."""
    if _CODE.fullmatch(grid_code) is None:
        raise ValueError("a grid's code has 15 digits")
    return grid_code[:6]
