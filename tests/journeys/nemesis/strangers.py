"""What a stranger sends who means harm; each refused, none answered as a defect of ours."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

_TYPE = b"Content-Type: application/json\r\n"
_ANSWER_WITHIN_S = 3.0
_SILENT_FOR_S = 1.0


def _post(body: bytes) -> bytes:
    size = b"Content-Length: %d\r\n" % len(body)
    return b"POST /graphql HTTP/1.1\r\nHost: here\r\n" + _TYPE + size + b"\r\n" + body


def _deep() -> bytes:
    nested = b"[" * 1_000 + b"]" * 1_000
    return _post(b'{"query":"{__typename}","variables":{"a":' + nested + b"}}")


def _trailers() -> bytes:
    return (
        b"POST /graphql HTTP/1.1\r\nHost: here\r\n"
        + _TYPE
        + b"Transfer-Encoding: chunked\r\n\r\n16\r\n"
        + b'{"query":"{viewer{id}}'
        + b'\r\n2\r\n"}\r\n0\r\nAuthorization: Bearer forged\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n'
    )


REQUESTS: Mapping[str, Callable[[], bytes]] = {
    "deep JSON": _deep,
    "trailers": _trailers,
    "a body that never comes": lambda: _post(b"{")[:-1].replace(b": 1\r\n", b": 90000\r\n"),
    "an endless head": lambda: b"GET / HTTP/1.1\r\n" + b"x-a: " + b"a" * 100_000,
    "a surrogate": lambda: _post(b'{"query":"{__typename}","variables":{"a":"\\ud800"}}'),
    "a NUL": lambda: _post(b'{"query":"{__typename}","variables":{"a":"\\u0000"}}'),
    "a forged token": lambda: _post(b'{"query":"{viewer{id}}"}').replace(
        _TYPE, _TYPE + b"Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n"
    ),
    "no HTTP": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
}


async def send(name: str, api_url: str, times: int = 5) -> None:
    """Send a request a few times, one connection each, and look at what comes back.

    Raises AssertionError where an answer is a defect's.
    """
    where = urlsplit(api_url)
    assert where.hostname is not None
    for _ in range(times):
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(where.hostname, where.port)
                try:
                    writer.write(REQUESTS[name]())
                    await writer.drain()
                    async with asyncio.timeout(_SILENT_FOR_S):
                        answer = await reader.read(65_536)
                finally:
                    writer.transport.abort()
            assert b"INTERNAL_ERROR" not in answer, (name, answer)
            assert b" 500 " not in answer[:20], (name, answer)
