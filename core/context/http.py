"""Addresses beside GraphQL: who calls, and refusals as RFC 9457 problems."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import AppError, NotFound, RateLimited
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from core.security.authentication import authenticate
from core.texts import Locale

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of an answer that is for one person: kept nowhere, and never taken for another type."""


ADDRESS_CHARS_MAX = 64


def client_address(
    client: tuple[str, int] | None, forwarded_for: str | None, trusted_proxies: int
) -> str:
    """A caller's network address. With proxies in front, it is what the outermost of them saw."""
    address = client[0] if client else ""
    if trusted_proxies:
        hops = (forwarded_for or "").split(",")
        address = hops[-trusted_proxies].strip() if len(hops) >= trusted_proxies else address
    return address[:ADDRESS_CHARS_MAX]


def address_of(app: App, request: Request) -> str:
    """The network address of a request beside GraphQL."""
    forwarded = request.headers.get("x-forwarded-for")
    client = (request.client.host, request.client.port) if request.client else None
    return client_address(client, forwarded, app.settings.trusted_proxies)


def answering(
    app: App, serve: Callable[[Call, Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that gives `serve` the request's call; what it refuses becomes a problem."""

    async def endpoint(request: Request) -> Response:
        locale = Locale.from_header(request.headers.get("accept-language"))
        try:
            authorization = request.headers.get("authorization")
            viewer = await authenticate(app.tokens, app.revocations, authorization)
            deadline = Deadline.after(app.settings.request_deadline_s)
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


def path_id(request: Request, name: str) -> UUID:
    """An id in the address. Raises NotFound for what cannot be an id of ours."""
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise NotFound(NOT_FOUND) from None
