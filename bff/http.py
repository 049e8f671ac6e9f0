"""GraphQL over HTTP: POST, GET and server-sent events at one address.

Follows the GraphQL-over-HTTP draft: `application/graphql-response+json` where the client accepts
it (then a request that ran nothing is a 4xx), `application/json` for older clients.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from bff.context import open_call
from bff.executor import Executor, Operation, Prepared, RequestError, encode_errors
from core.app import App
from core.errors import LoginRequired
from core.texts import Locale

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENTS = "text/event-stream"

BODY_MAX_BYTES = 100_000
_PING_S = 12.0


async def graphql_http(app: App, executor: Executor, request: Request) -> Response:
    """Answer one GraphQL request."""
    accepted = _accepted(request.headers.get("accept"))
    if accepted is None:
        return Response(status_code=406)
    try:
        operation = await _read(request)
        prepared = executor.prepare(operation)
        if request.method == "GET" and prepared.kind is not OperationType.QUERY:
            raise RequestError("only queries go by GET", status=405)
        if prepared.kind is OperationType.SUBSCRIPTION and accepted != EVENTS:
            raise RequestError(f"subscriptions need `Accept: {EVENTS}` or a WebSocket", status=406)
        variables = operation.variables or {}
        if accepted == EVENTS:
            return await _events(app, executor, request, prepared, variables)
        async with open_call(app, request) as call:
            body = await executor.run(call, prepared, variables)
        return Response(body, media_type=f"{accepted}; charset=utf-8")
    except RequestError as error:
        return _refuse(error.errors, error.status, accepted)
    except LoginRequired as error:
        locale = Locale.from_header(request.headers.get("accept-language"))
        told = GraphQLError(error.say(locale), extensions={"code": error.code})
        return _refuse([told], 401, accepted)


async def _read(request: Request) -> Operation:
    if request.method == "GET":
        return _operation(
            {
                "query": request.query_params.get("query"),
                "documentId": request.query_params.get("documentId"),
                "operationName": request.query_params.get("operationName"),
                "variables": _json_parameter(request, "variables"),
                "extensions": _json_parameter(request, "extensions"),
            }
        )
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.partition("charset=")[2].strip().strip('"').lower()
    if media_type.strip().lower() != JSON or charset not in ("", "utf-8"):
        raise RequestError(f"send `Content-Type: {JSON}`", status=415)
    try:
        body = orjson.loads(await _body(request))
    except orjson.JSONDecodeError:
        raise RequestError("the body is not JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise RequestError("the body is not a JSON object")
    return _operation(body)


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > BODY_MAX_BYTES:
            raise RequestError(f"the body is larger than {BODY_MAX_BYTES} bytes", status=413)
    return bytes(received)


def _json_parameter(request: Request, name: str) -> Any:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RequestError(f"`{name}` is not JSON") from None


def _operation(members: Mapping[str, Any]) -> Operation:
    """Check the members' types, as the GraphQL-over-HTTP draft has them."""
    for name in ("query", "documentId", "operationName"):
        if members.get(name) is not None and not isinstance(members[name], str):
            raise RequestError(f"`{name}` is not a string")
    for name in ("variables", "extensions"):
        if members.get(name) is not None and not isinstance(members[name], dict):
            raise RequestError(f"`{name}` is not an object")
    if len(members.get("query") or "") > BODY_MAX_BYTES:
        raise RequestError("the document is too long", status=413)
    return Operation(
        query=members.get("query"),
        document_id=members.get("documentId"),
        operation_name=members.get("operationName"),
        variables=members.get("variables"),
    )


def _accepted(header: str | None) -> str | None:
    """The best media type we can answer with, or None for a client that takes none of ours."""
    if not header:
        return JSON
    offers = []
    for position, part in enumerate(header.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        offers.append((-_quality(quality), position, name))
    for _, _, name in sorted(offers):
        if name in (JSON, GRAPHQL_JSON, EVENTS):
            return name
        if name in ("*/*", "application/*"):
            return GRAPHQL_JSON if name == "application/*" else JSON
    return None


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _refuse(errors: list[GraphQLError], status: int, accepted: str) -> Response:
    headers = {"Allow": "POST"} if status == 405 else None
    media_type = JSON if accepted == EVENTS else accepted
    return Response(
        encode_errors(errors), status, headers, media_type=f"{media_type}; charset=utf-8"
    )


async def _events(
    app: App,
    executor: Executor,
    request: Request,
    prepared: Prepared,
    variables: Mapping[str, Any],
) -> Response:
    """Distinct-connections mode of graphql-sse: `next` events, then `complete`."""
    scope = open_call(app, request)
    call = await scope.__aenter__()

    async def events() -> AsyncIterator[bytes]:
        try:
            results = executor.stream(call, prepared, variables)
            async for item in with_pings(results, _PING_S):
                yield b":\n\n" if item is None else b"event: next\ndata: " + item + b"\n\n"
            yield b"event: complete\ndata:\n\n"
        finally:
            await scope.__aexit__(None, None, None)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events(), media_type=EVENTS, headers=headers)


async def with_pings(results: AsyncIterator[bytes], every_s: float) -> AsyncIterator[bytes | None]:
    """The items, and None whenever none came for a while."""
    iterator = aiter(results)
    waiting: asyncio.Task[bytes] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(iterator))
            done, _ = await asyncio.wait({waiting}, timeout=every_s)
            if not done:
                yield None
                continue
            try:
                item = waiting.result()
            except _Ended:
                return
            waiting = None
            yield item
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.wait({waiting})
        await results.aclose()  # type: ignore[attr-defined]


async def _next(iterator: AsyncIterator[bytes]) -> bytes:
    try:
        return await anext(iterator)
    except StopAsyncIteration:
        raise _Ended from None


class _Ended(Exception):
    """StopAsyncIteration cannot leave a task."""
