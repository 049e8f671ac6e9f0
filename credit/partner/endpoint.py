"""One request of a bank from token to answer: authenticated, counted, run once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import structlog
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.context.app import App
from core.context.http import read_body
from core.database import connection, is_unavailable, transaction
from core.database.rate_limit import count_use
from core.errors import AppError, Forbidden, NotFound, RateLimited, Unavailable
from core.ids import new_id
from core.refusal_texts import NOT_FOUND, TOO_MANY_REQUESTS, UNAVAILABLE
from core.standards.jose import InvalidToken
from core.telemetry.tracebacks import error_line
from core.texts import Locale
from credit.partner import replies, tokens
from credit.partner.operation import NoQuery, Operation, Visit, etag_of, to_bytes
from credit.partner.problems import (
    PRIVATE,
    Internal,
    InvalidBody,
    MethodNotAllowed,
    TooLarge,
    Unauthorized,
    WrongMediaType,
    problem,
)
from credit.partner.texts import (
    BODY_INVALID,
    BODY_TOO_LARGE,
    INTERNAL,
    MEDIA_TYPE,
    METHOD_NOT_ALLOWED,
    PROOF_INVALID,
    SCOPE_MISSING,
    TOKEN_INVALID,
)

RATE_WINDOW = timedelta(minutes=1)
"""The span in which a bank's requests are counted, all processes together."""
JSON = "application/json"

AnyOperation = Operation[Any]

log = structlog.get_logger(__name__)


class Resource:
    """An address with the operations of its methods, as an ASGI application."""

    def __init__(self, app: App, operations: Sequence[AnyOperation]) -> None:
        self._app = app
        self._operations = {operation.method: operation for operation in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing that goes wrong leaves here but as a problem."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        app, limits = self._app, dict[str, str]()
        locale = Locale.from_header(request.headers.get("accept-language", "en"))
        try:
            response = await self._serve(request, limits)
        except AppError as refused:
            response = problem(refused, locale, docs_url(app))
        except Exception as error:
            response = problem(_masked(request, error), locale, docs_url(app))
        response.headers.update(limits)
        return response

    async def _serve(self, request: Request, limits: dict[str, str]) -> Response:
        operation = self._operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            raise MethodNotAllowed(METHOD_NOT_ALLOWED, sorted(self._operations))
        bearer = await authenticate(self._app, request)
        await _count(self._app, bearer.bank.id, limits)
        if operation.scope not in bearer.scopes:
            raise Forbidden(SCOPE_MISSING, scope=operation.scope.value)
        raw = await require_body(request, operation.body_max_bytes)
        visit = Visit(
            app=self._app,
            bank=bearer.bank,
            request_id=new_id().hex,
            path=request.path_params,
            query=_read_query(operation, request),
            body=None if operation.body is None else _read_json(operation, request, raw),
            if_match=request.headers.get("if-match"),
        )
        if not operation.is_command:
            return await _read(operation, visit, request.headers.get("if-none-match"))
        return await _command(operation, visit, request, raw)


async def authenticate(app: App, request: Request) -> tokens.Bearer:
    """Who sends a request, by token and proof (RFC 9449 section 7). Raises Unauthorized."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token.strip():
        raise Unauthorized(TOKEN_INVALID)
    if scheme.lower() != "dpop":
        raise Unauthorized(TOKEN_INVALID, "invalid_token")
    try:
        return await tokens.verify(
            app,
            token.strip(),
            request.headers.getlist("dpop"),
            method=request.method,
            url=app.settings.base_url + _raw_path(request),
        )
    except InvalidToken as refusal:
        raise Unauthorized(PROOF_INVALID, "invalid_dpop_proof", reason=str(refusal)) from None
    except PermissionError:
        raise Unauthorized(TOKEN_INVALID, "invalid_token") from None


def docs_url(app: App) -> str:
    """Where the readable docs are."""
    return f"{app.settings.base_url}/partner/docs"


async def require_body(request: Request, most_bytes: int) -> bytes:
    """The whole body. Raises TooLarge."""
    body = await read_body(request, most_bytes)
    if body is None:
        raise TooLarge(BODY_TOO_LARGE)
    return body


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """What an address that does not exist answers, whoever asks."""
    request = Request(scope, receive)
    locale = Locale.from_header(request.headers.get("accept-language", "en"))
    await problem(NotFound(NOT_FOUND), locale, "/partner/docs")(scope, receive, send)


async def _read(operation: AnyOperation, visit: Visit, if_none_match: str | None) -> Response:
    body = to_bytes(await operation.handler(visit))
    headers = dict(PRIVATE)
    if operation.has_etag:
        headers["ETag"] = etag_of(body)
        if if_none_match and headers["ETag"] in [tag.strip() for tag in if_none_match.split(",")]:
            return Response(status_code=304, headers=headers)
    return Response(body, operation.status, headers, JSON)


async def _command(operation: AnyOperation, visit: Visit, request: Request, raw: bytes) -> Response:
    """Run a command once for its key; what it refused may be sent again under the same key."""
    digest = replies.request_hash(request.method, _raw_path(request), visit.if_match or "", raw)
    key = request.headers.get(replies.HEADER)
    claimed = await replies.claim(visit.app, visit.bank.id, key, digest)
    if isinstance(claimed, replies.Answer):
        return _response_of(claimed, {"Idempotent-Replayed": "true"})
    try:
        async with transaction() as tx:
            body = to_bytes(await operation.handler(replace(visit, _tx=tx)))
            headers = {"ETag": etag_of(body)} if operation.has_etag else {}
            answer = replies.Answer(operation.status, headers, body)
            await replies.store(visit.app, tx, claimed, answer)
    except Exception:
        await replies.free(claimed)
        raise
    return _response_of(answer, {})


def _response_of(answer: replies.Answer, more: Mapping[str, str]) -> Response:
    headers = PRIVATE | dict(answer.headers) | dict(more)
    return Response(answer.body, answer.status, headers, JSON)


async def _count(app: App, bank_id: str, limits: dict[str, str]) -> None:
    """Count a request; what is left goes into `limits`, as headers
    (draft-ietf-httpapi-ratelimit-headers-11). Raises RateLimited."""
    most = app.settings.rate_partner
    if not most:
        return
    use = await count_use(connection(), app.clock, f"partner:{bank_id}", window=RATE_WINDOW)
    left = max(0, most - use.count)
    limits["RateLimit-Policy"] = f'"bank";q={most};w={int(RATE_WINDOW.total_seconds())}'
    limits["RateLimit"] = f'"bank";r={left};t={use.free_in_s}'
    if use.count > most:
        raise RateLimited(TOO_MANY_REQUESTS, retry_after_s=use.free_in_s)


def _read_query(operation: AnyOperation, request: Request) -> BaseModel:
    text = request.url.query
    pairs = parse_qsl(text, keep_blank_values=True) if operation.query is not NoQuery else []
    try:
        return operation.query.model_validate(dict(pairs))
    except ValidationError as error:
        raise InvalidBody(BODY_INVALID, _errors(error, "?")) from None


def _read_json(operation: AnyOperation, request: Request, raw: bytes) -> BaseModel:
    assert operation.body is not None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise WrongMediaType(MEDIA_TYPE, media_type=JSON)
    try:
        return operation.body.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidBody(BODY_INVALID, _errors(error, "/")) from None


def _errors(error: ValidationError, sign: str) -> list[Mapping[str, str]]:
    """Where and why, without what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        {"pointer": sign + "/".join(str(part) for part in each["loc"]), "detail": each["msg"]}
        for each in found[:20]
    ]


def _raw_path(request: Request) -> str:
    raw = request.scope.get("raw_path")
    return raw.decode("ascii", "replace").partition("?")[0] if raw else request.url.path


def _masked(request: Request, error: Exception) -> AppError:
    error_id = new_id().hex
    if is_unavailable(error):
        log.warning("partner request failed", error_id=error_id, error=error_line(error))
        return Unavailable(UNAVAILABLE, error_id=error_id)
    log.error("partner request failed", error_id=error_id, error=error_line(error), exc_info=error)
    return Internal(INTERNAL, error_id=error_id)
