"""Refusals of the banks' API as problem details (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from core.errors import AppError, InvalidInput, RateLimited
from core.json import to_json
from core.standards.jose import ALGORITHMS
from core.texts import Locale, Text

MEDIA_TYPE = "application/problem+json"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Unauthorized(AppError):
    """No good access token, or no good proof with it; `challenge` is the registered error."""

    http_status = 401

    def __init__(self, text: Text, challenge: str | None = None, **values: object) -> None:
        super().__init__(text, **values)
        self.challenge = challenge


class BadRequest(AppError):
    """The request lacks something that it must have."""

    http_status = 400


class MethodNotAllowed(AppError):
    """The address knows no such method; `allowed` are those it knows."""

    http_status = 405

    def __init__(self, text: Text, allowed: Sequence[str]) -> None:
        super().__init__(text)
        self.allowed = allowed


class PreconditionFailed(AppError):
    """The version that the caller read is not the present one."""

    http_status = 412


class TooLarge(AppError):
    """The body is larger than any request needs."""

    http_status = 413


class WrongMediaType(AppError):
    """The body is of another type than the one that is read."""

    http_status = 415


class PreconditionRequired(AppError):
    """The caller must say which version they read (RFC 6585 section 3)."""

    http_status = 428


class InvalidBody(InvalidInput):
    """The request does not have its form; `errors` says where and why."""

    def __init__(self, text: Text, errors: Sequence[Mapping[str, str]]) -> None:
        super().__init__(text)
        self.errors = errors


class Internal(AppError):
    """A defect of ours; the sentence has the id under which it was logged."""

    http_status = 500


def problem(refused: AppError, locale: Locale, docs_url: str) -> Response:
    """A refusal as problem details; its type leads to its line in the readable docs."""
    body: dict[str, Any] = {
        "type": f"{docs_url}#{refused.code}",
        "title": refused.text.en,
        "status": refused.http_status,
        "code": refused.code,
        "detail": refused.say(locale),
    }
    if "{" in body["title"]:
        body["title"] = refused.code.replace("_", " ").capitalize()
    if isinstance(refused, InvalidBody):
        body["errors"] = list(refused.errors)
    elif isinstance(refused, InvalidInput) and refused.field:
        body["errors"] = [{"pointer": f"/{refused.field}", "detail": body["detail"]}]
    headers = dict(PRIVATE)
    if isinstance(refused, RateLimited):
        headers["Retry-After"] = str(refused.retry_after_s)
    if isinstance(refused, MethodNotAllowed):
        headers["Allow"] = ", ".join(refused.allowed)
    if isinstance(refused, Unauthorized):
        headers["WWW-Authenticate"] = _challenge(refused.challenge)
    return Response(to_json(body), refused.http_status, headers, MEDIA_TYPE)


def _challenge(error: str | None) -> str:
    """What a client is asked for (RFC 9449 section 7.1)."""
    said = f'error="{error}", ' if error else ""
    return f'DPoP {said}algs="{" ".join(ALGORITHMS)}"'
