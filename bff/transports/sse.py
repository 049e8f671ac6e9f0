"""Server-sent events: the distinct-connections mode of the GraphQL-over-SSE protocol.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Each `next` carries an `id:`
where the subscription can resume; a client that comes back sends it as `Last-Event-ID` (or as
`extensions.lastEventId`, where it cannot set the header). The single-connection mode is not
served: its reservations would bind a client to one process, and HTTP/2 made it needless.
"""

import asyncio
from contextlib import aclosing

from starlette.types import Receive, Send

from bff.execution.errors import refusal
from bff.execution.executor import Event, encode_errors
from bff.request.negotiation import EVENTS
from bff.request.operation import Operation
from bff.transports.answers import NOSNIFF
from bff.transports.endpoint import Edge
from bff.transports.streams import Ending, Stop, paced
from bff.trusted.library import Prepared
from core.bus.position import Resume
from core.context.call import Call
from core.errors import LoginRequired
from core.refusal_texts import SESSION_EXPIRED

_HEADERS = [
    (b"content-type", f"{EVENTS}; charset=utf-8".encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    NOSNIFF,
]
_COMPLETE = b"event: complete\ndata:\n\n"


async def serve_events(
    edge: Edge, call: Call, prepared: Prepared, operation: Operation, receive: Receive, send: Send
) -> None:
    """Stream the responses of a subscription until it ends, the client leaves, or we end it."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    async with Stop(edge, call.viewer).watching() as stop:
        leaving = asyncio.create_task(_watch_leaving(receive, stop))
        try:
            await _stream(edge, call, prepared, operation, stop, send)
        finally:
            leaving.cancel()
        if stop.ending is Ending.REVOKED:
            await _send(send, _next(Event(_revoked(call))))
        # a stream that ends without `complete` is resumed by the client, with a fresh token
        last = b"" if stop.ending in (Ending.DRAINING, Ending.EXPIRED) else _COMPLETE
        await _send(send, last, more=False)


async def answer_event(send: Send, body: bytes) -> None:
    """The one response of a query or mutation, as a stream that is complete with it."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await _send(send, _next(Event(body)) + _COMPLETE, more=False)


async def _stream(
    edge: Edge, call: Call, prepared: Prepared, operation: Operation, stop: Stop, send: Send
) -> None:
    resume = call.once(Resume, Resume)
    resume.come_back(operation.last_event_id)
    sent_id = resume.last_event_id
    results = edge.executor.stream(call, prepared, operation.variables)
    async with aclosing(paced(results, stop, edge.pings)) as items:
        async for item in items:
            if item is None:
                sent_id = sent_id or resume.started_id
                await _send(send, _ping(sent_id))
            else:
                sent_id = item.id or sent_id
                await _send(send, _next(item))


async def _watch_leaving(receive: Receive, stop: Stop) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stop.leave()


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _next(event: Event) -> bytes:
    head = f"id: {event.id}\n".encode() if event.id else b""
    return b"%bevent: next\ndata: %b\n\n" % (head, event.body)


def _ping(stands_at: str | None) -> bytes:
    return f"id: {stands_at}\n:\n\n".encode() if stands_at else b":\n\n"


def _revoked(call: Call) -> bytes:
    return encode_errors([refusal(LoginRequired(SESSION_EXPIRED), call.locale)])
