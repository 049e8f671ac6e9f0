"""One HTTP exchange with an upstream, and what its end means: an answer or a typed error.

Each error says whether the upstream may have acted on the request. The line is drawn where the
connection stands: before that nothing was sent, after that everything may have been.
Bodies, paths and query strings are in no error's text.
"""

import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

import aiohttp
import orjson
from aiohttp.connector import Connection
from yarl import URL

from core.deadline import Deadline

JSON = "application/json"
ANY = "*/*"

_GB_CHARSETS = frozenset({"charset=gbk", "charset=gb2312", "charset=gb18030"})
"""What old systems declare; GB 18030 contains the others."""


class UpstreamError(Exception):
    """A call to an upstream did not bring an answer that can be used."""

    reason: ClassVar[str] = "FAILED"
    """Stable code for clients, logs and metrics."""
    outcome_known: ClassVar[bool] = False
    """True when the upstream has certainly not acted on the request."""

    def __init__(
        self,
        upstream: str,
        operation: str,
        detail: str,
        *,
        retryable: bool = False,
        blamed: bool = True,
    ) -> None:
        super().__init__(f"{upstream}.{operation}: {detail}")
        self.upstream = upstream
        self.operation = operation
        self.retryable = retryable
        """A safe call may be repeated at once."""
        self.blamed = blamed
        """The breaker counts it against the upstream."""


class UpstreamTimeout(UpstreamError):
    """No answer in time after the request was on its way: the outcome is unknown."""

    reason = "TIMEOUT"


class UpstreamUnavailable(UpstreamError):
    """The request was not sent, or was turned away for load: certainly not done."""

    reason = "UNAVAILABLE"
    outcome_known = True


class UpstreamRejected(UpstreamError):
    """The upstream refused the request with a 4xx: certainly not done."""

    reason = "REJECTED"
    outcome_known = True

    def __init__(self, upstream: str, operation: str, status: int, body: bytes) -> None:
        super().__init__(upstream, operation, f"rejected with {status}", blamed=False)
        self.status = status
        self.body = body

    @property
    def code(self) -> str:
        """The stable code in the body ("code" of a JSON object); "" where it has none."""
        try:
            return str(orjson.loads(self.body)["code"] or "")
        except (KeyError, TypeError, ValueError):
            return ""


class UpstreamFailed(UpstreamError):
    """A 5xx, a broken or an unreadable answer: the outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Upper bounds of one attempt, in seconds; a shorter deadline goes first."""

    total_s: float = 10.0
    connect_s: float = 1.0
    fair_s: float = 0.1
    """A timeout after less than this is our haste and not counted against the upstream."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, ready to be sent, once or more often."""

    upstream: str
    operation: str
    method: str
    url: URL
    headers: Mapping[str, str] = field(repr=False)
    params: Mapping[str, str] | None = field(repr=False)
    body: bytes | None = field(repr=False)
    accept: str
    safe: bool
    deadline: Deadline
    into: BinaryIO | None = field(default=None, repr=False)
    """Where the body of a 200 goes instead of memory; each attempt begins it afresh."""
    server: str = ""
    """Which of the upstream's servers is asked, where it is several."""

    @property
    def circuit(self) -> str:
        """What a breaker stands for: the operation, at one server where there are several."""
        return f"{self.operation}.{self.server}" if self.server else self.operation


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: 2xx or 304, its body read in full."""

    upstream: str
    operation: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    parsed: Any = field(default=None, repr=False, compare=False)
    """What the body holds, where its media type says JSON."""

    def json(self) -> Any:
        """The body as parsed JSON, whatever its media type. Raises UpstreamFailed if it is none."""
        if self.parsed is not None:
            return self.parsed
        return _parse(self.upstream, self.operation, self.body)


class _Wire:
    """What is known of an exchange that is under way."""

    __slots__ = ("connected",)

    def __init__(self) -> None:
        self.connected = False


_wire: ContextVar[_Wire] = ContextVar("wire")
"""The exchange that this task is in."""


class _Connector(aiohttp.TCPConnector):
    """Notes when an exchange has its connection: from there on everything may have been sent.

    A trace of the library's would tell it too, and be told of eight other things with every call.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the library's own
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _wire.get().connected = True
        return connection


_LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, OSError)
"""The connection broke after it was made."""


class _BodyTooLarge(aiohttp.ClientError):
    """The body is longer than the caller wants to hold."""


def open_session() -> aiohttp.ClientSession:
    """The session `exchange` needs. To be called inside the event loop, closed by the caller."""
    session = aiohttp.ClientSession(
        connector=_Connector(limit=0),  # each upstream bounds itself
        cookie_jar=aiohttp.DummyCookieJar(),  # one citizen's cookie is not another's
        headers={"User-Agent": "quancheng"},
    )
    # it would repeat a PUT or DELETE by itself when a connection turns out dead; a test holds this
    session._retry_connection = False
    return session


async def exchange(
    session: aiohttp.ClientSession, call: Call, timeouts: Timeouts, body_max_bytes: int
) -> Response:
    """Send a call once and judge what comes back. Raises UpstreamError."""
    allowed_s = min(call.deadline.remaining(), timeouts.total_s)
    if allowed_s <= 0:
        raise UpstreamUnavailable(call.upstream, call.operation, "no time left", blamed=False)
    wire = _Wire()
    _wire.set(wire)
    try:
        async with session.request(
            call.method,
            call.url,
            params=call.params,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=allowed_s,
                connect=min(allowed_s, timeouts.connect_s),
                ceil_threshold=math.inf,  # a deadline is not rounded up
            ),
        ) as reply:
            body = await _read(reply, body_max_bytes, call.into)
    except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
        # The cause may quote the URL, so only its class goes on.
        fair = not isinstance(error, TimeoutError) or allowed_s >= timeouts.fair_s
        raise _explain(call, error, connected=wire.connected, fair=fair) from None
    return _judge(call, reply.status, reply.headers, body)


async def _read(reply: aiohttp.ClientResponse, body_max_bytes: int, into: BinaryIO | None) -> bytes:
    body, size = bytearray(), 0
    keep: Callable[[bytes], object] = body.extend
    if into is not None and reply.status == 200:
        into.seek(0)
        into.truncate()
        keep = into.write
    async for chunk in reply.content.iter_any():
        size += len(chunk)
        if size > body_max_bytes:
            raise _BodyTooLarge
        keep(chunk)
    return bytes(body)


def _explain(call: Call, error: Exception, *, connected: bool, fair: bool) -> UpstreamError:
    kind = type(error).__name__.lstrip("_")
    names = (call.upstream, call.operation)
    if not connected:
        return UpstreamUnavailable(*names, f"not connected: {kind}", retryable=True, blamed=fair)
    if isinstance(error, TimeoutError):
        return UpstreamTimeout(*names, "no answer in time", blamed=fair)
    lost = isinstance(error, _LOST)
    return UpstreamFailed(*names, f"broken answer: {kind}", retryable=lost)


def _judge(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> Response:
    names = (call.upstream, call.operation)
    if status == 429:
        raise UpstreamUnavailable(*names, "too many requests (429)", blamed=False)
    if 400 <= status < 500 and status != 408:
        raise UpstreamRejected(*names, status, body)
    if not 200 <= status < 300 and status != 304:
        raise UpstreamFailed(*names, f"status {status}", retryable=status in {502, 503, 504})
    parsed = None
    if body and _is_json(call, headers):
        parsed = _parse(*names, body, _charset(headers))
    return Response(*names, status, headers, body, parsed)


def _is_json(call: Call, headers: Mapping[str, str]) -> bool:
    """Whether the body must parse as JSON. Raises UpstreamFailed for a type not asked for.

    A gateway's HTML page with status 200 is a failure. What the answer claims to be is the
    upstream's own text, which the error does not repeat.
    """
    if call.accept == ANY:
        return False
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    is_json = media_type == JSON or media_type.endswith("+json")
    if media_type != call.accept and not (is_json and call.accept == JSON):
        raise UpstreamFailed(call.upstream, call.operation, f"answer is not {call.accept}")
    return is_json


def _charset(headers: Mapping[str, str]) -> str | None:
    """The Chinese encoding that an answer says it is in; None for UTF-8, which JSON is in."""
    parameters = headers.get("Content-Type", "").lower().replace('"', "").replace(" ", "")
    return "gb18030" if not _GB_CHARSETS.isdisjoint(parameters.split(";")[1:]) else None


def _parse(upstream: str, operation: str, body: bytes, charset: str | None = None) -> Any:
    try:
        return orjson.loads(body if charset is None else body.decode(charset))
    except ValueError:
        raise UpstreamFailed(upstream, operation, "body is not JSON") from None
