"""Refusals on HTTP routes beside GraphQL: problem details (RFC 9457) with our stable code."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from core.errors import AppError, RateLimited
from core.texts import Locale


def locale_of(request: Request) -> Locale:
    """The language that a client asks for."""
    return Locale.from_header(request.headers.get("accept-language"))


def problem_of(
    refused: AppError, locale: Locale, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A refusal as problem details; its code is the title."""
    problem = {
        "title": refused.code,
        "status": refused.http_status,
        "detail": refused.say(locale),
    }
    more = {"Retry-After": str(refused.retry_after_s)} if isinstance(refused, RateLimited) else {}
    return JSONResponse(
        problem,
        refused.http_status,
        {**(headers or {}), **more},
        media_type="application/problem+json",
    )
