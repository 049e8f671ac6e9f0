"""Writing HTTP answers: media types, compression, caching, refusals."""

from collections.abc import Iterable

from graphql import GraphQLError
from starlette.types import Send

from bff.execution.executor import encode_errors
from bff.request.context import Headers
from bff.request.negotiation import EVENTS, GRAPHQL_JSON, JSON
from bff.trusted.public import COMPRESSED_FROM_BYTES, PublicAnswer, pack

Header = tuple[bytes, bytes]

_CONTENT_TYPE = {
    JSON: b"application/json; charset=utf-8",
    GRAPHQL_JSON: b"application/graphql-response+json; charset=utf-8",
    EVENTS: b"application/json; charset=utf-8",  # of a refusal; streams write their own
}
_PRIVATE: Header = (b"cache-control", b"private, no-store")
_VARY: Header = (b"vary", b"accept, accept-encoding")
_PUBLIC_VARY: Header = (b"vary", b"accept, accept-encoding, accept-language")
NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
"""On every answer: a browser takes it for what its type says, for nothing else."""
_GZIPPED: Header = (b"content-encoding", b"gzip")


async def answer(
    send: Send,
    headers: Headers,
    accepted: str,
    body: bytes,
    *,
    status: int = 200,
    more: Iterable[Header] = (),
    packed: bytes = b"",
) -> None:
    """An answer to one person: nobody keeps it. `packed` is the body gzipped, where it was."""
    written = [(b"content-type", _CONTENT_TYPE[accepted]), _PRIVATE, _VARY, *more]
    if len(body) >= COMPRESSED_FROM_BYTES and _takes_gzip(headers):
        packed = packed or pack(body)
        if packed:
            body = packed
            written.append(_GZIPPED)
    await _write(send, status, written, body)


async def answer_public(
    send: Send, headers: Headers, accepted: str, public: PublicAnswer, left_s: int
) -> None:
    """An answer for everybody, or 304 to a client that has it already. It may be kept for as long
    as it would be kept here: `left_s` seconds."""
    # the tag is strong: each form of the answer has its own
    packed = public.packed if _takes_gzip(headers) else b""
    form = (b"g" if packed else b"i") + (b"g" if accepted == GRAPHQL_JSON else b"j")
    etag = public.etag[:-1] + b"-" + form + b'"'
    written = [
        (b"etag", etag),
        (b"cache-control", b"public, max-age=%d" % left_s),
        _PUBLIC_VARY,
    ]
    if _matches(headers.get(b"if-none-match"), etag):
        await _write(send, 304, written, b"")
        return
    written.append((b"content-type", _CONTENT_TYPE[accepted]))
    if packed:
        written.append(_GZIPPED)
    await _write(send, 200, written, packed or public.body)


async def refuse(
    send: Send,
    errors: list[GraphQLError],
    status: int,
    accepted: str,
    more: Iterable[Header] = (),
) -> None:
    """Errors alone: nothing was executed."""
    await answer(send, {}, accepted, encode_errors(errors), status=status, more=more)


def _matches(if_none_match: bytes | None, etag: bytes) -> bool:
    if not if_none_match:
        return False
    tags = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
    return etag in tags or tags == [b"*"]


def _takes_gzip(headers: Headers) -> bool:
    accepted = headers.get(b"accept-encoding", b"").lower()
    return b"gzip" in accepted and b"gzip;q=0" not in accepted.replace(b" ", b"")


async def _write(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    headers.append(NOSNIFF)
    if status != 304:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
