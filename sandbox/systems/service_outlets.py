"""Outlets of the administration as OGC API Features: where, when open, what they do, who waits."""

import random
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.geography import Geography, Place
from sandbox.population.institutions import DEPARTMENTS
from sandbox.server.system import SHANGHAI, City, Operation, System
from sandbox.server.wire import Refusal, query_int, reply
from sandbox.shared.registry import Record

BASE = "/service-outlets"
COLLECTION = f"{BASE}/collections/outlets"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CONFORMS_TO = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
OUTLET_COUNT = 42
ITEM_COUNT = 1165
LIMIT, LIMIT_MAX = 10, 1000
GEOJSON = {"Content-Type": "application/geo+json"}
KINDS = (
    ("HALL", "政务服务中心", "Government Service Centre", "Mo-Fr 09:00-12:00,13:00-17:00; PH off"),
    ("STREET_CENTRE", "街道便民服务中心", "Street Service Centre",
     "Mo-Fr 08:30-12:00,13:30-17:30; Sa 09:00-12:00; PH off"),
    ("SELF_SERVICE", "24小时自助服务区", "Self-service Area", "24/7"),
)  # fmt: skip
"""Kind, Chinese and English name, opening hours in OpenStreetMap's form."""
ITEM_SHARES = {"HALL": 0.8, "STREET_CENTRE": 0.3, "SELF_SERVICE": 0.1}
PARAMETERS = frozenset({"bbox", "f", "kind", "limit", "offset", "q"})
QUEUE_EVERY = timedelta(minutes=5)
SILENT_OUTLETS, LAST_COUNT = ("o07", "o21"), time(16, 55)
"""Halls whose queue was last counted yesterday evening, and when."""


@dataclass(frozen=True)
class Outlet:
    """One place where matters are dealt with, and what it takes: items by number."""

    outlet_id: str
    kind: str
    at: Place
    name_zh: str
    name_en: str
    address_zh: str
    phone: str
    opening_hours: str
    wheelchair: str
    items: tuple[int, ...]
    departments: tuple[str, ...]


async def landing_page(request: Request, city: City) -> Response:
    """Where everything is."""
    links = [
        _link("self", BASE),
        _link("conformance", f"{BASE}/conformance"),
        _link("data", f"{BASE}/collections"),
    ]
    return reply({"title": "Service outlets", "links": links})


async def conformance(request: Request, city: City) -> Response:
    """Which parts of the standard are kept."""
    return reply({"conformsTo": CONFORMS_TO})


async def list_collections(request: Request, city: City) -> Response:
    """The one collection."""
    links = [_link("self", f"{BASE}/collections")]
    return reply({"links": links, "collections": [_collection()]})


async def describe_collection(request: Request, city: City) -> Response:
    """What the outlets are, as a collection."""
    return reply(_collection())


async def list_items(request: Request, city: City) -> Response:
    """Outlets by `bbox`, `kind`, `q` in a name, by pages with `next` links."""
    unknown = set(request.query_params) - PARAMETERS
    if unknown:
        raise Refusal(400, "INVALID_REQUEST", f"unknown parameters: {', '.join(sorted(unknown))}")
    limit = query_int(request, "limit", LIMIT, least=1, most=1_000_000)
    limit, offset = min(limit, LIMIT_MAX), query_int(request, "offset", 0, least=0, most=1_000_000)
    box, kind = _bbox(request), request.query_params.get("kind")
    text = request.query_params.get("q", "").casefold()
    found = [
        outlet
        for outlet in _outlets(city.geography)
        if (box is None or _is_inside(outlet.at, box))
        and kind in (None, outlet.kind)
        and text in f"{outlet.name_zh} {outlet.name_en}".casefold()
    ]
    shown = found[offset : offset + limit]
    links = [_link("self", str(request.url))]
    if offset + limit < len(found):
        following = request.url.include_query_params(offset=offset + limit, limit=limit)
        links.append(_link("next", str(following)))
    collection = {
        "type": "FeatureCollection",
        "timeStamp": city.timestamp(),
        "numberMatched": len(found),
        "numberReturned": len(shown),
        "links": links,
        "features": [_feature(city, outlet) for outlet in shown],
    }
    return reply(collection, headers=GEOJSON)


async def read_item(request: Request, city: City) -> Response:
    """One outlet; 404 NOT_FOUND."""
    for outlet in _outlets(city.geography):
        if outlet.outlet_id == request.path_params["outlet_id"]:
            links: Record = {"links": [_link("collection", COLLECTION)]}
            return reply(_feature(city, outlet) | links, headers=GEOJSON)
    raise Refusal(404, "NOT_FOUND", "no such outlet")


@lru_cache(maxsize=8)
def _outlets(geography: Geography) -> tuple[Outlet, ...]:
    return tuple(_outlet(geography, number) for number in range(1, OUTLET_COUNT + 1))


def _outlet(geography: Geography, number: int) -> Outlet:
    """Each seventh is a hall; halls take most items, self-service areas few."""
    draw = random.Random(f"{geography.seed}:outlet:{number}")
    kind, zh, en, hours = KINDS[0] if number % 7 == 0 else draw.choice(KINDS[1:])
    share = ITEM_SHARES[kind]
    departments = draw.sample(range(1, len(DEPARTMENTS) + 1), max(1, round(40 * share)))
    return Outlet(
        outlet_id=f"o{number:02d}",
        kind=kind,
        at=geography.somewhere(draw),
        name_zh=f"沙盒第{number}{zh}",
        name_en=f"Shahe {en} {number}",
        address_zh=f"沙盒市示范区演示路{draw.randint(1, 400)}号",
        phone=f"0000-{draw.randrange(10**7):07d}",
        opening_hours=hours,
        wheelchair=draw.choice(("yes", "yes", "limited", "no")),
        items=tuple(item for item in range(1, ITEM_COUNT + 1) if draw.random() < share),
        departments=tuple(f"d{n:02d}" for n in sorted(departments)),
    )


def _feature(city: City, outlet: Outlet) -> Record:
    properties = asdict(outlet)
    del properties["outlet_id"], properties["at"]
    now = {"closures": _closures(city, outlet), "queue": _queue(city, outlet)}
    return {
        "type": "Feature",
        "id": outlet.outlet_id,
        "geometry": {"type": "Point", "coordinates": [outlet.at.lon, outlet.at.lat]},
        "properties": properties | now,
    }


def _closures(city: City, outlet: Outlet) -> list[Record]:
    """Days on which the outlet departs from its hours: here, a day of maintenance each month."""
    draw = random.Random(f"{city.settings.seed}:closure:{outlet.outlet_id}:{city.today():%Y%m}")
    on = city.today().replace(day=draw.randint(1, 28))
    if on < city.today():
        return []
    return [
        {
            "on": on.isoformat(),
            "opening_hours": "off",
            "reason_zh": "系统维护",
            "reason_en": "Maintenance",
        }
    ]


def _queue(city: City, outlet: Outlet) -> Record | None:
    """Who waits now, counted every five minutes; None where nobody draws a number."""
    if outlet.kind != "HALL":
        return None
    step_s = QUEUE_EVERY.total_seconds()
    observed_at = datetime.fromtimestamp(city.now().timestamp() // step_s * step_s, SHANGHAI)
    if outlet.outlet_id in SILENT_OUTLETS:
        yesterday = city.today() - timedelta(days=1)
        observed_at = datetime.combine(yesterday, LAST_COUNT, SHANGHAI)
    draw = random.Random(f"{city.settings.seed}:queue:{outlet.outlet_id}:{observed_at.timestamp()}")
    working = observed_at.weekday() < 5 and 9 <= observed_at.hour < 17
    return {
        "waiting": draw.randint(0, 40) if working else 0,
        "counters_open": draw.randint(3, 18) if working else 0,
        "wait_minutes": draw.randint(1, 45) if working else None,
        "observed_at": observed_at.isoformat(timespec="seconds"),
    }


def _bbox(request: Request) -> tuple[float, float, float, float] | None:
    """West, south, east and north; west may be greater than east across the antimeridian."""
    text = request.query_params.get("bbox")
    if text is None:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        raise Refusal(400, "INVALID_REQUEST", "bbox: four numbers, lon,lat,lon,lat") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise Refusal(400, "INVALID_REQUEST", "bbox: lon,lat,lon,lat within the world")
    return west, south, east, north


def _is_inside(at: Place, box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = box
    across = at.lon >= west or at.lon <= east
    return south <= at.lat <= north and (across if west > east else west <= at.lon <= east)


def _collection() -> Record:
    return {
        "id": "outlets", "title": "Service outlets", "itemType": "feature", "crs": [CRS84],
        "links": [_link("items", f"{COLLECTION}/items", "application/geo+json")],
    }  # fmt: skip


def _link(rel: str, href: str, kind: str = "application/json") -> Record:
    return {"rel": rel, "href": href, "type": kind}


SYSTEMS = (
    System(
        name="service_outlets",
        title_zh="办事网点目录",
        title_en="Service outlets",
        operations=(
            Operation("landing_page", "GET", BASE, landing_page),
            Operation("conformance", "GET", f"{BASE}/conformance", conformance),
            Operation("list_collections", "GET", f"{BASE}/collections", list_collections),
            Operation("describe_collection", "GET", COLLECTION, describe_collection),
            Operation("list_items", "GET", f"{COLLECTION}/items", list_items),
            Operation("read_item", "GET", f"{COLLECTION}/items/{{outlet_id}}", read_item),
        ),
    ),
)
