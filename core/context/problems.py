"""Refusals of HTTP routes beside GraphQL, as problem details (RFC 9457)."""

from starlette.responses import JSONResponse, Response

from core.errors import AppError
from core.texts import Locale

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of an answer that is for one person: kept nowhere, and never taken for another type."""


def problem(refused: AppError, locale: Locale) -> Response:
    """The refusal in the reader's language."""
    body = {
        "title": refused.code,
        "status": refused.http_status,
        "detail": refused.say(locale),
    }
    return JSONResponse(body, refused.http_status, PRIVATE, media_type="application/problem+json")
