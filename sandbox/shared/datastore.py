"""Open data of stations as a CKAN DataStore: tables searched by station, sorted, by pages.

Kept of CKAN's action API: `datastore_search` by GET and POST with `resource_id`, `filters` on
`station_id`, `sort` by the key, `limit`, `offset`; answers and errors have CKAN's form.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal
from zlib import crc32

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import SHANGHAI, City, Operation
from sandbox.server.wire import read_bytes, reply
from sandbox.shared.registry import Record

LIMIT, LIMIT_MAX = 100, 32_000
COUNTS_KEPT = 100
AHEAD_OF_UTC_S = 8 * 3600

FieldType = Literal["text", "numeric", "int4", "timestamp"]
Fields = tuple[tuple[str, FieldType], ...]
StationFilter = frozenset[str] | None
"""The stations asked for; None = all."""


@dataclass(frozen=True)
class Resource:
    """One table: its fields, the one it is sorted by, its records, and how many there are.

    `records` takes the stations asked for, and whether the last of the order come first.
    """

    resource_id: str
    fields: Fields
    key: str
    records: Callable[[City, StationFilter, bool], Iterator[Record]]
    count: Callable[[City, StationFilter], int]


class Search(BaseModel):
    """What is asked for. Unknown members are let pass, as CKAN does."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    resource_id: str
    filters: dict[str, str | list[str]] = {}
    sort: str | None = None
    limit: int = Field(LIMIT, ge=0)
    offset: int = Field(0, ge=0)


def station_resource(
    resource_id: str,
    fields: Fields,
    stations: Callable[[City], list[Record]],
) -> Resource:
    """The table of the stations themselves, by their ids."""

    def shown(city: City, filters: StationFilter) -> list[Record]:
        return [s for s in stations(city) if filters is None or s["station_id"] in filters]

    def records(city: City, filters: StationFilter, descending: bool) -> Iterator[Record]:
        return iter(shown(city, filters)[:: -1 if descending else 1])

    def count(city: City, filters: StationFilter) -> int:
        return len(shown(city, filters))

    return Resource(resource_id, fields, "station_id", records, count)


def observation_resource(
    resource_id: str,
    fields: Fields,
    station_ids: tuple[str, ...],
    every: timedelta,
    kept: timedelta,
    observe: Callable[[City, str, datetime], Record | None],
) -> Resource:
    """The table of what stations observed, by time, as far back as it is kept.

    `observe` is None where a station has no observation of a moment.
    """
    counted: dict[tuple[int, range, StationFilter], int] = {}

    def records(city: City, filters: StationFilter, descending: bool) -> Iterator[Record]:
        moments = _moments(city, every, kept)
        for moment in moments[:: -1 if descending else 1]:
            at = datetime.fromtimestamp(moment, SHANGHAI)
            for station_id in station_ids:
                if filters is None or station_id in filters:
                    record = observe(city, station_id, at)
                    if record is not None:
                        yield record

    def count(city: City, filters: StationFilter) -> int:
        only = None if filters is None else filters & frozenset(station_ids)
        key = city.settings.seed, _moments(city, every, kept), only
        if key not in counted:
            if len(counted) > COUNTS_KEPT:
                counted.clear()
            counted[key] = sum(1 for _ in records(city, only, False))
        return counted[key]

    return Resource(resource_id, fields, "observed_at", records, count)


def _moments(city: City, every: timedelta, kept: timedelta) -> range:
    """Unix times so far apart up to now, oldest first; Beijing's midnight is one of them."""
    step_s = int(every.total_seconds())
    newest = (int(city.now().timestamp()) + AHEAD_OF_UTC_S) // step_s * step_s - AHEAD_OF_UTC_S
    return range(newest - int(kept.total_seconds()) + step_s, newest + 1, step_s)


def chance(*parts: object) -> int:
    """A steady number from 0 to 999 for these parts, cheaper than a random generator."""
    return crc32(":".join(map(str, parts)).encode()) % 1000


def timestamp(at: datetime) -> str:
    """A moment as CKAN's timestamp: Beijing time without a zone."""
    return at.astimezone(SHANGHAI).replace(tzinfo=None).isoformat()


def datastore_operations(base: str, resources: Iterable[Resource]) -> tuple[Operation, ...]:
    """The operations of a DataStore below an address."""
    by_id = {resource.resource_id: resource for resource in resources}

    async def search(request: Request, city: City) -> Response:
        try:
            query = Search.model_validate(await _parameters(request))
        except (ValidationError, orjson.JSONDecodeError):
            return _refuse(409, "Validation Error", "resource_id, filters, limit or offset")
        resource = by_id.get(query.resource_id)
        if resource is None:
            return _refuse(404, "Not Found Error", f'Resource "{query.resource_id}" was not found.')
        orders = (None, resource.key, f"{resource.key} asc", f"{resource.key} desc")
        if query.sort not in orders or not set(query.filters) <= {"station_id"}:
            return _refuse(409, "Validation Error", f"sort by {resource.key}, filter by station_id")
        result = _find(city, resource, query)
        return reply({"help": str(request.url), "success": True, "result": result})

    path = f"{base}/api/3/action/datastore_search"
    return tuple(Operation("datastore_search", method, path, search) for method in ("GET", "POST"))


async def _parameters(request: Request) -> object:
    if request.method == "POST":
        return orjson.loads(await read_bytes(request) or b"{}")
    parameters: dict[str, object] = dict(request.query_params)
    if "filters" in parameters:
        parameters["filters"] = orjson.loads(str(parameters["filters"]))
    return parameters


def _find(city: City, resource: Resource, query: Search) -> Record:
    stations = query.filters.get("station_id")
    if isinstance(stations, str):
        stations = [stations]
    only: StationFilter = None if stations is None else frozenset(stations)
    limit = min(query.limit, LIMIT_MAX)
    records = resource.records(city, only, (query.sort or "").endswith(" desc"))
    return {
        "resource_id": resource.resource_id,
        "fields": [{"id": name, "type": kind} for name, kind in resource.fields],
        "records": list(islice(records, query.offset, query.offset + limit)),
        "limit": limit,
        "offset": query.offset,
        "total": resource.count(city, only),
        "total_was_estimated": False,
    }


def _refuse(status: int, kind: str, message: str) -> Response:
    error = {"__type": kind, "message": message}
    return reply({"success": False, "error": error}, status)
