"""The layer of shelters; see docs/upstreams/layers.md."""

from dataclasses import dataclass
from datetime import timedelta

from core.context.app import App
from core.deadline import Deadline
from core.standards.coordinates import lies_in_city
from core.standards.ogc_features import Feature, features_operation, list_features
from core.texts import Named
from core.upstream.operation import System
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.safety.shelters.domain import Hazard, Shelter, ShelterKind

SERVICE = "shelter-lookup"
LAYER = System("shelters")


@dataclass(frozen=True, slots=True)
class Properties:
    """What the layer says of a shelter."""

    name_zh: str
    name_en: str
    kind: ShelterKind
    address_zh: str
    capacity: int
    hazards: list[Hazard]
    barrier_free: bool
    contact_phone: str
    open: bool


list_shelters = features_operation(LAYER, "list_shelters", "shelters", Properties)


async def ask_shelters(app: App, deadline: Deadline) -> Records[Shelter]:
    """Every shelter that is open. Raises UpstreamError."""
    features = await list_features(app, deadline, list_shelters)
    opened = [feature for feature in features.items if feature.properties.open]

    def read(feature: Feature[Properties]) -> Shelter:
        properties = feature.properties
        if not lies_in_city(app.city, feature.point) or properties.capacity <= 0:
            raise ValueError("no shelter of this city")
        return Shelter(
            at=feature.point,
            shelter_ref=feature.id,
            name=Named(properties.name_zh, properties.name_en),
            kind=properties.kind,
            address_zh=properties.address_zh,
            capacity=properties.capacity,
            hazards=properties.hazards,
            barrier_free=properties.barrier_free,
            contact_phone=properties.contact_phone,
        )

    return list_shelters.convert(app, Records(opened, features.unreadable), read)


SHELTERS = CityLookup(
    SERVICE, ask_shelters, max_stale=timedelta(days=30), fresh=timedelta(minutes=10)
)
"""In an emergency an old answer is better than none: shelters do not move."""
