"""Tables of open data as a CKAN DataStore answers them (action API v3, `datastore_search`)."""

from typing import TypeVar

import orjson

from core.upstream.operation import Operation, Request, System, records_of
from core.upstream.records import Records

T = TypeVar("T")

LIMIT = 1_000


def datastore_search(
    system: System, name: str, resource_id: str, form: type[T], *, sort: str = ""
) -> Operation[..., Records[T]]:
    """Declares the search of a table; called with what its columns must be: `(station_id="a01")`.

    At most LIMIT records come, or as many as `limit` says.
    """

    def make(limit: int = LIMIT, **filters: str) -> Request:
        params = {"resource_id": resource_id, "limit": str(limit)}
        if sort:
            params["sort"] = sort
        if filters:
            params["filters"] = orjson.dumps(filters).decode()
        return Request(params=params)

    answers = records_of(form, "result.records")
    path = "/api/3/action/datastore_search"
    return system.operation("GET", path, answers=answers, name=name, hedged=True)(make)
