"""The grid base map; see docs/upstreams/layers.md. The worker's phone number is not read."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from shapely.geometry.base import BaseGeometry

from core.context.app import App
from core.deadline import Deadline
from core.standards.ogc_features import Feature, features_operation, list_features
from core.texts import Named
from core.upstream.operation import System
from kinds.lookup import CityLookup
from modules.community.grids.domain import Grid, GridMap, district_of

SERVICE = "grid-lookup"
BASE_MAP = System("grids")


@dataclass(frozen=True, slots=True)
class Properties:
    """What the base map says of a grid."""

    grid_code: str
    street_zh: str
    street_en: str
    community_zh: str
    community_en: str
    worker_zh: str
    contact_ref: str
    contact_hours: str


list_grids = features_operation(BASE_MAP, "list_grids", "grids", Properties)


async def ask_grids(app: App, deadline: Deadline) -> GridMap:
    """The whole map. Raises UpstreamError."""
    features = await list_features(app, deadline, list_grids)

    def read(feature: Feature[Properties]) -> tuple[BaseGeometry, Grid]:
        properties = feature.properties
        district = app.city.districts.get(district_of(properties.grid_code))
        if district is None:
            raise ValueError("a grid of another city")
        return feature.shape, Grid(
            grid_code=properties.grid_code,
            district=district,
            street=Named(properties.street_zh, properties.street_en),
            community=Named(properties.community_zh, properties.community_en),
            worker=Named(properties.worker_zh, "The grid worker"),
            contact_ref=properties.contact_ref,
            contact_hours=properties.contact_hours,
        )

    # thousands of shapes take a tenth of a second, which nobody else has to wait for
    return await asyncio.to_thread(lambda: GridMap(list_grids.convert(app, features, read).items))


GRIDS = CityLookup(SERVICE, ask_grids, max_stale=timedelta(days=30), fresh=timedelta(hours=6))
