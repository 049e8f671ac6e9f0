"""Addresses beside GraphQL: who calls, and refusals as RFC 9457 problems."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline, within
from core.errors import AppError, NotFound, RateLimited, Unavailable
from core.ids import new_id
from core.refusal_texts import DEADLINE_PASSED, NOT_FOUND
from core.security.authentication import Viewer, authenticate
from core.texts import Locale

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of an answer that is for one person: kept nowhere, and never taken for another type."""


ADDRESS_CHARS_MAX = 64


def client_address(scope: Scope, trusted_proxies: int) -> str:
    """A caller's network address. With proxies in front, it is what the outermost of them saw.

    A word that is no address counts for nothing: the address is then of whoever connected.
    """
    client = scope.get("client")
    address: str = client[0] if client else ""
    if trusted_proxies:
        hops = _forwarded_for(scope).split(",")
        if len(hops) >= trusted_proxies and (seen := _network(_cut(hops[-trusted_proxies]))):
            return seen
    return _network(_cut(address)) or _cut(address)


def _forwarded_for(scope: Scope) -> str:
    """What each proxy says of who connected to it, the innermost last: some add a line of their own
    to what a client sent, and all lines together are the list (RFC 9110, 5.3)."""
    lines = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return b",".join(lines).decode("latin-1")


def _cut(text: str) -> str:
    """What is longer than any address is none, and is not remembered whole."""
    return text.strip()[:ADDRESS_CHARS_MAX]


@lru_cache(maxsize=4_096)
def _network(text: str) -> str | None:
    """An address without its port; of IPv6 its /64, which is one subscriber's. None for others."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Network((found, 64), strict=False).network_address)
    return str(found)


def address_of(app: App, request: Request) -> str:
    """The network address of a request beside GraphQL."""
    return client_address(request.scope, app.settings.trusted_proxies)


async def viewer_of(app: App, authorization: str | None, deadline: Deadline) -> Viewer | None:
    """The viewer of an Authorization header; None without one.

    Raises LoginRequired for a token that is forged, expired or revoked, Unavailable where that
    cannot be told in time: while no news can be heard, sessions are looked up.
    """
    try:
        return await within(deadline, 0.0, authenticate(app.tokens, app.revocations, authorization))
    except TimeoutError:
        raise Unavailable(DEADLINE_PASSED) from None


def answering(
    app: App, serve: Callable[[Call, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that gives `serve` the request's call; what it refuses becomes a problem."""

    async def endpoint(request: Request) -> Response:
        locale = Locale.from_header(request.headers.get("accept-language"))
        try:
            authorization = request.headers.get("authorization")
            deadline = Deadline.after(app.settings.request_deadline_s)
            viewer = await viewer_of(app, authorization, deadline)
            call = Call(app, deadline, new_id().hex, viewer, locale)
            return await serve(call, request)
        except AppError as refused:
            return problem(refused, locale)

    return endpoint


def problem(refused: AppError, locale: Locale) -> Response:
    """A refusal in the reader's language, as problem details (RFC 9457)."""
    body = {
        "title": refused.code,
        "status": refused.http_status,
        "detail": refused.say(locale),
    }
    wait = {"Retry-After": str(refused.retry_after_s)} if isinstance(refused, RateLimited) else {}
    return JSONResponse(
        body, refused.http_status, PRIVATE | wait, media_type="application/problem+json"
    )


async def read_body(request: Request, most_bytes: int) -> bytes | None:
    """The whole body; None for a larger one, of which no more is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            return None
    return bytes(body)


async def read_object(request: Request, most_bytes: int) -> dict[str, Any] | None:
    """The JSON object in a body; None for a larger body, and for anything else."""
    body = await read_body(request, most_bytes)
    try:
        found = orjson.loads(body or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A text of a JSON object; empty where there is none, and for anything else: a list may be
    nested so deep that it cannot be written out."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def path_id(request: Request, name: str) -> UUID:
    """An id in the address. Raises NotFound for what cannot be an id of ours."""
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise NotFound(NOT_FOUND) from None
