"""What clients send: an operation's text or id, its variables, their types checked."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import GraphQLError

BAD_REQUEST = "BAD_REQUEST"

_NUL_ESCAPE = re.compile(r"\\u(0000|\{0+\})")
"""How a document writes U+0000 in a string."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class RequestError(Exception):
    """The request cannot be executed; nothing ran.

    `status` is for HTTP. `is_well_formed` tells a request that is GraphQL all right and whose
    document or variables are at fault: older clients (`application/json`) get a 200 for those.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = BAD_REQUEST,
        status: int = 400,
        is_well_formed: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.is_well_formed = is_well_formed
        self.headers = headers
        self.errors = [GraphQLError(message, extensions={"code": code})]


class InvalidDocument(RequestError):
    """The document does not parse, does not fit the schema, or its variables do not."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message, is_well_formed=True)
        self.errors = [
            GraphQLError(e.message, nodes=e.nodes, extensions={"code": self.code}) for e in errors
        ]


class Operation(NamedTuple):
    """What a client asks for: a document by text or by id, and its variables."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = _NOTHING
    last_event_id: str | None = None
    """Where the client stands in a stream that it resumes."""
    is_automatic: bool = False
    """Whether the id is of an automatic persisted query: its client can fall back to the text."""

    def resumed(self, last_event_id: str) -> "Operation":
        """The same operation of a client that has seen this event last."""
        return self._replace(last_event_id=last_event_id)


def operation_of(members: Mapping[str, Any]) -> Operation:
    """The operation of a request's members. Raises RequestError for members of a wrong type."""
    query = _text(members, "query")
    document_id = _text(members, "documentId")
    name = _text(members, "operationName")
    variables = _object(members, "variables")
    if query and _NUL_ESCAPE.search(query):
        raise RequestError("no text may hold a NUL")
    extensions = _object(members, "extensions")
    if not extensions:
        return Operation(query, document_id, name, variables)
    last_event_id = extensions.get("lastEventId")
    persisted_id = None if document_id else _persisted_id(extensions)
    return Operation(
        query,
        document_id or persisted_id,
        name,
        variables,
        last_event_id if isinstance(last_event_id, str) else None,
        persisted_id is not None,
    )


def _persisted_id(extensions: Mapping[str, Any]) -> str | None:
    """The document id as clients with an Apollo manifest send it."""
    persisted = extensions.get("persistedQuery")
    if not isinstance(persisted, dict):
        return None
    found = persisted.get("sha256Hash")
    return found if isinstance(found, str) else None


def _text(members: Mapping[str, Any], key: str) -> str | None:
    value = members.get(key)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"`{key}` is not a string")
    return value


def _object(members: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = members.get(key)
    if value is None:
        return _NOTHING
    if not isinstance(value, dict):
        raise RequestError(f"`{key}` is not an object")
    return value
