"""One answer in two formats: what the XML says and what the JSON says are the same.

JSON follows XML by the Spark convention: a list element becomes an array of what is in it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import orjson
from starlette.responses import Response

XML, JSON = "xml", "json"
MEDIA_TYPES = {XML: "text/xml; charset=utf-8", JSON: "application/json; charset=utf-8"}

_MEMBERS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
"""What is in the elements that are lists."""

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not have, not even escaped."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer under the name of its XML root: a list of elements, or one element."""

    root: str
    body: Mapping[str, Any] | Sequence[Any]


def render(
    document: Document, format_: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer in a format."""
    body = _plain(document.body)
    content = _xml(document.root, body) if format_ == XML else orjson.dumps(body)
    return Response(content, status, headers, media_type=MEDIA_TYPES[format_])


def _plain(value: Any) -> Any:
    """The value without what XML cannot say, so that both formats say the same."""
    if isinstance(value, str):
        return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, Sequence):
        return [_plain(member) for member in value]
    return value


def _xml(root: str, body: Any) -> bytes:
    element = Element(root)
    _fill(element, body)
    written: bytes = tostring(element, encoding="utf-8", xml_declaration=True)
    return written


def _fill(element: Element, value: Any) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            _fill(SubElement(element, name), member)
    elif isinstance(value, list):
        for member in value:
            _fill(SubElement(element, _MEMBERS[element.tag]), member)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    elif value is not None:
        element.text = str(value)
