"""A base map of grids in the place of the city's."""

from core.standards.ogc_features import PAGE, Feature
from core.upstream.records import Records
from modules.community.grids.lookup import Properties
from tests.fakes import Silence


def square(code: str, west: float = 116.999, side: float = 0.002) -> Feature[Properties]:
    """A grid around the place."""
    south = 36.669
    corners = ((0, 0), (side, 0), (side, side), (0, side), (0, 0))
    ring = [[west + east, south + north] for east, north in corners]
    told = Properties(
        code, "街道", "Street", "社区", "Community", "赵网格员", f"grid-{code}", "24/7"
    )
    return Feature(code, {"type": "Polygon", "coordinates": [ring]}, told)


class FakeBaseMap(Silence):
    """A map with what it is given, by pages."""

    name = "grids"

    def __init__(self) -> None:
        super().__init__()
        self.features = [square("370102001001001")]

    async def list_grids(self, offset: int) -> Records[Feature[Properties]]:
        """See modules.community.grids.lookup."""
        self.answer("list_grids")
        return Records(self.features[offset : offset + PAGE])
