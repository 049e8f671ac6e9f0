"""GraphQL over HTTP: POST, GET and server-sent events at one address.

Follows the GraphQL-over-HTTP draft: `application/graphql-response+json` where the client accepts
it (then a request that ran nothing is a 4xx), `application/json` for older clients.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from bff.execution.errors import RETRY_AFTER_S, broken, refusal, status_of
from bff.limits.admission import Overloaded, rate_headers, who_of
from bff.limits.buckets import Taken
from bff.playground import playground_page, wants_playground
from bff.playground.tabs import playground_tabs
from bff.request.context import (
    Caller,
    Headers,
    call_for,
    caller_of,
    deadline_of,
    header,
    headers_of,
)
from bff.request.negotiation import EVENTS, JSON, Dialect, negotiate, negotiate_parts
from bff.request.operation import Operation, RequestError, operation_of
from bff.transports.answers import answer, answer_public, refuse
from bff.transports.endpoint import Edge
from bff.transports.multipart import serve_parts
from bff.transports.sse import answer_event, serve_events
from bff.trusted.library import Prepared
from bff.trusted.public import PublicAnswer, PublicAnswers, answer_key
from core.context.call import Call
from core.context.http import viewer_of
from core.database import is_unavailable
from core.deadline import Deadline
from core.errors import AppError, RateLimited
from core.telemetry.logging import request_scope

BODY_MAX_BYTES = 100_000

_ERRORS = b'"errors":'
"""In a body that holds errors; in another only by chance, and then it is merely not kept."""
_PLAIN_JSON = {b"application/json", b"application/json; charset=utf-8"}
_CHARSETS = ("", "utf-8", "utf8")
_PARAMETERS_MAX = 20


class _Exchange(NamedTuple):
    """One request and where its answer goes."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Headers
    caller: Caller
    accepted: str
    parts: Dialect | None
    """How the client takes an answer in parts."""
    request_id: str
    is_get: bool
    """Whether it may change nothing; HEAD is GET without the body."""

    async def refuse(
        self, error: GraphQLError, status: int, more: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Answer with nothing but an error."""
        await refuse(self.send, [error], status, self.accepted, more)


class GraphQLHttp:
    """The endpoint as an ASGI application; also the playground for a browser."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app = self._edge.app
        if self._is_for_a_browser(scope):
            tabs = playground_tabs(self._edge.documents)
            page = playground_page(tabs, title=f"{app.city.app_name.zh} GraphQL")
            await page(scope, receive, send)
            return
        headers = headers_of(scope)
        accept = header(headers, b"accept")
        parts = negotiate_parts(accept)
        accepted = negotiate(accept) or (JSON if parts else None)
        caller = caller_of(scope, headers, trusted_proxies=app.settings.trusted_proxies)
        with request_scope(caller.request_id) as request_id:
            method = scope["method"]
            if method == "HEAD":
                send = _without_body(send)
            is_get = method in ("GET", "HEAD")
            exchange = _Exchange(
                scope, receive, send, headers, caller, accepted or JSON, parts, request_id, is_get
            )
            try:
                taken = self._edge.gate.arrive(caller)
                if accepted is None:
                    raise RequestError(f"`Accept` names none of {JSON}, {EVENTS}", status=406)
                await self._serve(exchange, taken)
            except RequestError as error:
                status = 200 if error.is_well_formed and exchange.accepted == JSON else error.status
                await refuse(send, error.errors, status, exchange.accepted, error.headers)
            except AppError as error:
                answer = refusal(error, caller.locale)
                await exchange.refuse(answer, error.http_status, _retry_headers(error))
            except Exception as error:
                answer = broken(error, caller.locale)
                await exchange.refuse(answer, status_of(answer), _retry_headers(error))

    def _is_for_a_browser(self, scope: Scope) -> bool:
        if scope["method"] == "POST" or self._edge.app.settings.is_production:
            return False
        return wants_playground(Request(scope))

    async def _serve(self, exchange: _Exchange, taken: Taken | None) -> None:
        edge, caller = self._edge, exchange.caller
        operation = await _read(exchange)
        deadline = deadline_of(edge.app)
        viewer = None
        if not exchange.is_get:
            # whoever says who they are is counted before their document is parsed
            viewer = await viewer_of(edge.app, caller.authorization, deadline)
            taken = edge.gate.recognise(viewer, taken)
        prepared = edge.executor.prepare(operation)
        _refuse_unfit(exchange, prepared)
        if prepared.document_id is not None:
            edge.usage.count(prepared.document_id, caller.app_version)
        in_one_piece = exchange.accepted != EVENTS and not (exchange.parts and prepared.deferring)
        if prepared.public_age_s is not None and in_one_piece:
            who = who_of(viewer, caller)
            public = await self._public(exchange, prepared, operation, deadline, who)
            await self._answer_public(exchange, public, taken)
            return
        if exchange.is_get:
            viewer = await viewer_of(edge.app, caller.authorization, deadline)
            taken = edge.gate.recognise(viewer, taken)
        call = call_for(edge.app, caller, exchange.request_id, viewer, deadline)
        await self._execute(exchange, prepared, operation, call, taken)

    async def _answer_public(
        self, exchange: _Exchange, public: PublicAnswer, taken: Taken | None
    ) -> None:
        """An answer for everybody; what goes by POST is kept by us alone, what failed by nobody."""
        send, headers, accepted = exchange.send, exchange.headers, exchange.accepted
        if exchange.is_get and (left_s := self._edge.answers.left_s(public)):
            await answer_public(send, headers, accepted, public, left_s)
        else:
            more = rate_headers(taken) if taken else ()
            await answer(send, headers, accepted, public.body, more=more, packed=public.packed)

    async def _execute(
        self,
        exchange: _Exchange,
        prepared: Prepared,
        operation: Operation,
        call: Call,
        taken: Taken | None,
    ) -> None:
        """Run an operation for its caller and answer in the form that they accept."""
        edge, who = self._edge, who_of(call.viewer, exchange.caller)
        if prepared.kind is OperationType.SUBSCRIPTION:
            with edge.gate.streaming(who):
                await serve_events(edge, call, prepared, operation, exchange.receive, exchange.send)
            return
        if exchange.accepted == EVENTS:
            with edge.gate.entered(prepared.priority, who):
                body = await edge.executor.respond(call, prepared, operation.variables)
            await answer_event(exchange.send, body)
            return
        more = rate_headers(taken) if taken else ()
        with edge.gate.entered(prepared.priority, who):
            if exchange.parts and prepared.deferring:
                parts = edge.executor.run_in_parts(
                    call, prepared, operation.variables, exchange.parts
                )
                await serve_parts(parts, exchange.parts, exchange.send, more)
                return
            body = await edge.executor.run(call, prepared, operation.variables)
        await answer(exchange.send, exchange.headers, exchange.accepted, body, more=more)

    async def _public(
        self,
        exchange: _Exchange,
        prepared: Prepared,
        operation: Operation,
        deadline: Deadline,
        who: str,
    ) -> PublicAnswer:
        """An answer for everybody: made for a stranger, whoever asks and is counted for it."""
        edge, caller = self._edge, exchange.caller
        assert prepared.public_age_s is not None
        key = answer_key(
            prepared.text_id, prepared.operation_name, operation.variables, caller.locale
        )
        kept = edge.answers.find(key)
        if kept is not None:
            return kept
        stranger = call_for(edge.app, caller, exchange.request_id, None, deadline)
        with edge.gate.entered(prepared.priority, who):
            body = await edge.executor.run(stranger, prepared, operation.variables)
        if _ERRORS in body:
            return PublicAnswers.once(body)
        return edge.answers.keep(key, body, prepared.public_age_s)


def _refuse_unfit(exchange: _Exchange, prepared: Prepared) -> None:
    """By GET nothing is changed; subscriptions come as events only, and have no head alone."""
    if exchange.is_get and prepared.kind is OperationType.MUTATION:
        raise RequestError("mutations go by POST", status=405, headers=((b"allow", b"POST"),))
    if prepared.kind is OperationType.SUBSCRIPTION and exchange.accepted != EVENTS:
        raise RequestError(f"subscriptions need `Accept: {EVENTS}` or a WebSocket", status=406)
    if prepared.kind is OperationType.SUBSCRIPTION and exchange.scope["method"] == "HEAD":
        raise RequestError("a stream has no end", status=405, headers=((b"allow", b"GET, POST"),))


async def _read(exchange: _Exchange) -> Operation:
    if exchange.is_get:
        operation = operation_of(_query_members(exchange.scope["query_string"]))
    else:
        _refuse_media_type(exchange.headers)
        try:
            body = orjson.loads(await _body(exchange.receive))
        except orjson.JSONDecodeError:
            raise RequestError("the body is not JSON in UTF-8") from None
        if not isinstance(body, dict):
            raise RequestError("the body is not a JSON object")
        operation = operation_of(body)
    last_event_id = header(exchange.headers, b"last-event-id")
    return operation.resumed(last_event_id) if last_event_id else operation


def _refuse_media_type(headers: Headers) -> None:
    given = headers.get(b"content-type", b"")
    if given in _PLAIN_JSON:
        return
    media_type, _, parameters = given.decode("latin-1").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if media_type.strip() != JSON or charset not in _CHARSETS:
        raise RequestError(f"send `Content-Type: {JSON}`, in UTF-8", status=415)


async def _body(receive: Receive) -> bytes:
    message = await receive()
    first: bytes = message.get("body", b"")
    if not message.get("more_body") and len(first) <= BODY_MAX_BYTES:
        return first
    received = bytearray(first)
    while message.get("more_body") and len(received) <= BODY_MAX_BYTES:
        message = await receive()
        received += message.get("body", b"")
    if len(received) > BODY_MAX_BYTES:
        raise RequestError(f"the body is larger than {BODY_MAX_BYTES} bytes", status=413)
    return bytes(received)


def _query_members(query_string: bytes) -> dict[str, Any]:
    if len(query_string) > BODY_MAX_BYTES:
        raise RequestError("the address is too long", status=414)
    try:
        pairs = parse_qsl(query_string.decode("latin-1"), max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise RequestError(f"the address has more than {_PARAMETERS_MAX} parameters") from None
    members: dict[str, Any] = dict(pairs)
    for name in ("variables", "extensions"):
        text = members.get(name)
        if text is not None:
            try:
                members[name] = orjson.loads(text)
            except orjson.JSONDecodeError:
                raise RequestError(f"`{name}` is not JSON") from None
    return members


def _without_body(send: Send) -> Send:
    """What HEAD answers: the status and headers that GET would have had."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if "body" in message else message)

    return send_head


def _retry_headers(error: Exception) -> list[tuple[bytes, bytes]]:
    if isinstance(error, RateLimited):
        return [(b"retry-after", b"%d" % error.retry_after_s)]
    if isinstance(error, Overloaded):
        return [(b"retry-after", b"1")]
    if is_unavailable(error):
        return [(b"retry-after", b"%d" % RETRY_AFTER_S)]
    return []
