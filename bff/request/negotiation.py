"""Which media type an answer has: the `Accept` header decides, and nothing else."""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENTS = "text/event-stream"

_OFFERED = {JSON: JSON, GRAPHQL_JSON: GRAPHQL_JSON, EVENTS: EVENTS}
_RANGES = {"*/*": JSON, "application/*": GRAPHQL_JSON, "text/*": EVENTS}
_HEADER_MAX_CHARS = 1_000


def negotiate(accept: str | None) -> str | None:
    """The media type that the client likes best of ours; None where it takes none of them.

    Without the header it is `application/json`, as older clients expect.
    """
    if not accept or len(accept) > _HEADER_MAX_CHARS:
        return JSON
    return _negotiate(accept)


class Dialect(StrEnum):
    """The forms in which parts of an answer are known; the value is what a client names."""

    V0_2 = "incrementalSpec=v0.2"
    """The proposed standard, graphql-js 17: `pending`, `completed`, ids."""
    APOLLO_2022 = "deferSpec=20220824"
    """The older one, which released Apollo clients speak: every increment says its path."""


_DIALECTS = {
    "incrementalspec": {"v0.2": Dialect.V0_2},
    "deferspec": {"20220824": Dialect.APOLLO_2022},
}
_PARTS = "multipart/mixed"


def negotiate_parts(accept: str | None) -> Dialect | None:
    """How a client takes an answer in parts; None where it does not, or would rather not.

    It must name `multipart/mixed` itself, as gladly as any other form. Without a further word it
    speaks the proposed standard; with one that we do not know (`subscriptionSpec`), it means
    something else.
    """
    if not accept or _PARTS not in accept.lower() or len(accept) > _HEADER_MAX_CHARS:
        return None
    return _negotiate_parts(accept)


class _Range(NamedTuple):
    """One entry of the header."""

    name: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=256)
def _negotiate_parts(accept: str) -> Dialect | None:
    found = list(_ranges(accept))
    best = max(entry.quality for entry in found)
    for entry in found:
        if entry.name == _PARTS and 0 < entry.quality >= best:
            dialect = _dialect(entry.parameters)
            if dialect is not None:
                return dialect
    return None


def _dialect(parameters: dict[str, str]) -> Dialect | None:
    named = [name for name in parameters if name not in ("q", "boundary")]
    if not named:
        return Dialect.V0_2
    (name, *others) = named
    return None if others else _DIALECTS.get(name, {}).get(parameters[name])


@lru_cache(maxsize=256)
def _negotiate(accept: str) -> str | None:
    best: tuple[float, int] = (0.0, 0)
    chosen = None
    for position, entry in enumerate(_ranges(accept)):
        media_type = _OFFERED.get(entry.name) or _RANGES.get(entry.name)
        rank = (entry.quality, -position)
        if media_type is not None and rank > best:
            best, chosen = rank, media_type
    return chosen


def _ranges(accept: str) -> Iterator[_Range]:
    for part in accept.lower().split(","):
        name, *pieces = (piece.strip() for piece in part.split(";"))
        pairs = (piece.partition("=") for piece in pieces)
        parameters = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
        yield _Range(name, parameters, _quality(parameters.get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
