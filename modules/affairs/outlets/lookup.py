"""What the layer of outlets says; see docs/upstreams/service-outlets.md."""

from datetime import timedelta

from core.context.app import App
from core.deadline import Deadline
from core.standards.coordinates import known_point
from core.standards.ogc_features import Feature, features_operation, list_features
from core.upstream.operation import System
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.affairs.outlets.domain import ListedOutlet, Properties

SERVICE, APPOINTMENT = "service-outlets", "gov-hall-appointment"
LAYER = System("service_outlets")

list_outlets = features_operation(LAYER, "list_outlets", "outlets", Properties)


async def ask_outlets(app: App, deadline: Deadline) -> Records[ListedOutlet]:
    """Every outlet. Raises UpstreamError."""

    def read(feature: Feature[Properties]) -> ListedOutlet:
        here = feature.point
        at = known_point(app.city, here.lat, here.lon, here.datum)
        return ListedOutlet(at=at, outlet_ref=feature.id, said=feature.properties)

    return list_outlets.convert(app, await list_features(app, deadline, list_outlets), read)


OUTLETS = CityLookup(SERVICE, ask_outlets, max_stale=timedelta(days=7))
"""Outlets do not move; who waits there says itself how old it is."""
