"""Which media type an answer has: the `Accept` header decides, and nothing else."""

from functools import lru_cache

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


@lru_cache(maxsize=256)
def _negotiate(accept: str) -> str | None:
    best: tuple[float, int] = (0.0, 0)
    chosen = None
    for position, part in enumerate(accept.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        media_type = _OFFERED.get(name) or _RANGES.get(name)
        rank = (_quality(parameters), -position)
        if media_type is not None and rank > best:
            best, chosen = rank, media_type
    return chosen


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
