"""What the layer of outlets says; see docs/upstreams/service-outlets.md."""

from dataclasses import dataclass
from datetime import date, timedelta

from core.context.app import App
from core.deadline import Deadline
from core.standards.coordinates import known_point
from core.standards.ogc_features import Feature, features_operation, list_features
from core.standards.opening_hours import Timetable, parse_hours
from core.texts import Named
from core.upstream.operation import System
from core.upstream.records import Records
from kinds.lookup import CityLookup
from modules.affairs.outlets.domain import Outlet, OutletKind, OutletQueue, Wheelchair

SERVICE, APPOINTMENT = "service-outlets", "gov-hall-appointment"
LAYER = System("service_outlets")


@dataclass(frozen=True, slots=True)
class Closure:
    """A day with other hours than usual."""

    on: date
    opening_hours: str
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What the layer says of an outlet."""

    kind: OutletKind
    name_zh: str
    name_en: str
    address_zh: str
    phone: str
    opening_hours: str
    wheelchair: Wheelchair
    items: list[int]
    closures: list[Closure]
    queue: OutletQueue | None


list_outlets = features_operation(LAYER, "list_outlets", "outlets", Properties)


async def ask_outlets(app: App, deadline: Deadline) -> Records[Outlet]:
    """Every outlet. Raises UpstreamError."""
    link = app.city.deep_link.format(id=APPOINTMENT)

    def read(feature: Feature[Properties]) -> Outlet:
        properties, here = feature.properties, feature.point
        return Outlet(
            at=known_point(app.city, here.lat, here.lon, here.datum),
            outlet_ref=feature.id,
            name=Named(properties.name_zh, properties.name_en),
            kind=properties.kind,
            address_zh=properties.address_zh,
            phone=properties.phone,
            wheelchair=properties.wheelchair,
            opening_hours=properties.opening_hours,
            queue=properties.queue,
            appointment_link=link if properties.kind is OutletKind.HALL else None,
            takes=properties.items,
            timetable=_timetable(properties),
            reasons={one.on: Named(one.reason_zh, one.reason_en) for one in properties.closures},
        )

    return list_outlets.convert(app, await list_features(app, deadline, list_outlets), read)


def _timetable(properties: Properties) -> Timetable | None:
    """None where hours are in no form that is read: then nothing is said of open or closed."""
    try:
        exceptions = {one.on: parse_hours(one.opening_hours) for one in properties.closures}
        return Timetable(parse_hours(properties.opening_hours), exceptions)
    except ValueError:
        return None


OUTLETS = CityLookup(SERVICE, ask_outlets, max_stale=timedelta(days=7))
"""Outlets do not move; who waits there says itself how old it is."""
