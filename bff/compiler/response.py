"""The JSON body of a response, written the same way whichever executor made the result.

Errors are ordered by path: when asynchronous fields fail, graphql-core reports them in the
order in which they happened to finish, which is no order a client can rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

OnError = Callable[[GraphQLError], GraphQLError]
"""Turns an error into the one to show, to mask what clients must not read."""


NOT_JSON = "The response could not be written as JSON."


def _position(error: GraphQLError) -> list[tuple[bool, int, str]]:
    return [
        (True, 0, step) if isinstance(step, str) else (False, step, "") for step in error.path or ()
    ]


def ordered_errors(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """Errors by response path: request errors first, list indexes by number, keys by code point.

    Errors of one path keep their order.
    """
    return sorted(errors, key=_position)


def encode(
    result: ExecutionResult,
    on_error: OnError | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> bytes:
    """The response body: ``data``, then ``errors`` if any, then ``extensions`` if given.

    Half a surrogate pair becomes U+FFFD. A result that is no JSON at all (a custom scalar that
    passes on bytes, or an integer beyond 64 bits) becomes a response without data.
    """
    body: dict[str, Any] = {"data": result.data}
    if result.errors:
        errors = ordered_errors(result.errors)
        if on_error is not None:
            errors = [on_error(error) for error in errors]
        body["errors"] = [error.formatted for error in errors]
    if extensions:
        body["extensions"] = extensions
    return dumps(body)


def dumps(body: dict[str, Any]) -> bytes:
    """JSON, mended where it must be; a response without data where it cannot be written."""
    try:
        return orjson.dumps(body)
    except (TypeError, RecursionError):
        pass
    try:
        return orjson.dumps(_mended(body))
    except (TypeError, RecursionError):
        return orjson.dumps({"data": None, "errors": [{"message": NOT_JSON}]})


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value
