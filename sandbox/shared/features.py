"""A layer of a map as OGC API Features serves it: one collection, by pages."""

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation
from sandbox.server.wire import query_int, reply
from sandbox.shared.registry import Record

LIMIT, LIMIT_MAX = 10, 1000


def feature(feature_id: str, geometry: Record, properties: Record) -> Record:
    """A GeoJSON feature."""
    return {"type": "Feature", "id": feature_id, "geometry": geometry, "properties": properties}


def items_operation(
    base: str, collection: str, features: Callable[[City], Sequence[Record]]
) -> Operation:
    """`GET {base}/collections/{collection}/items?limit&offset`, with a link to the next page."""
    path = f"{base}/collections/{collection}/items"

    async def list_items(request: Request, city: City) -> Response:
        limit = query_int(request, "limit", LIMIT, least=1, most=LIMIT_MAX)
        offset = query_int(request, "offset", 0, least=0, most=10**6)
        found = features(city)
        page = found[offset : offset + limit]
        links = [{"rel": "self", "href": str(request.url), "type": "application/geo+json"}]
        if offset + limit < len(found):
            href = f"{request.url.replace_query_params(limit=limit, offset=offset + limit)}"
            links.append({"rel": "next", "href": href, "type": "application/geo+json"})
        body = {
            "type": "FeatureCollection",
            "features": page,
            "numberMatched": len(found),
            "numberReturned": len(page),
            "timeStamp": city.timestamp(),
            "links": links,
        }
        return reply(body, 200, {"Content-Type": "application/geo+json"})

    return Operation("list_items", "GET", path, list_items)
