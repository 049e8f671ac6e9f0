"""An answer in parts (`@defer`) over HTTP, for clients that name `multipart/mixed`.

Everybody else gets one whole answer, in which `@defer` means nothing.
https://github.com/graphql/graphql-over-http/blob/main/rfcs/IncrementalDelivery.md
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from starlette.types import Send

from bff.request.negotiation import Dialect
from bff.transports.answers import NOSNIFF, Header

_PART = b"\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b\r\n---"
"""A part, with the boundary behind it: until that has come, a client cannot know it is whole."""


async def serve_parts(
    parts: AsyncGenerator[bytes], dialect: Dialect, send: Send, more: Iterable[Header]
) -> None:
    """Write the parts as they come. What the first raises is raised before anything is sent."""
    async with aclosing(parts):
        first = await anext(parts)
        media_type = f'multipart/mixed; boundary="-"; {dialect}'
        headers = [
            (b"content-type", media_type.encode()),
            NOSNIFF,
            (b"cache-control", b"private, no-store"),
            (b"vary", b"accept"),
            (b"x-accel-buffering", b"no"),
            *more,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send(send, b"---" + _PART % (len(first), first))
        async for part in parts:
            await _send(send, _PART % (len(part), part))
    await send({"type": "http.response.body", "body": b"--\r\n"})


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
