"""Outbound HTTP: every call to an upstream system goes through this one client.

A call has the time its deadline has left, asks the breaker of its operation, waits for a free
slot of its upstream, and is repeated only when it is safe to repeat. Paths, query strings and
bodies are never logged.
"""

import asyncio
import random
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO, Self

import aiohttp
import orjson
import structlog
from yarl import URL

from core.database import refuse_in_transaction
from core.deadline import Deadline, Monotonic, TimeLimit
from core.telemetry.call_counts import count_upstream
from core.telemetry.logging import current_request_id
from core.telemetry.metrics import Metrics
from core.upstream.breaker import Breaker, BreakerPolicy, BreakerState
from core.upstream.exchange import (
    ANY,
    JSON,
    Call,
    Response,
    Timeouts,
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
    exchange,
    open_session,
)
from core.upstream.hedging import HedgePolicy, Hedging, SecondAttempt
from core.upstream.rules import Licence, Rules, Unlicensed

__all__ = [
    "ANY",
    "JSON",
    "HttpClient",
    "Licence",
    "Response",
    "Timeouts",
    "Unlicensed",
    "Upstream",
    "UpstreamError",
    "UpstreamFailed",
    "UpstreamRejected",
    "UpstreamTimeout",
    "UpstreamUnavailable",
]

RETRIES_MAX = 2
BACKOFF_S = 0.05
"""The first retry waits up to this long, the second up to twice as long."""

_TELLS_DURATION = {"ok": True, "rejected": True, "timeout": False, "cancelled": False}
"""Outcomes that tell how long the upstream takes: the answer came, or it had not come yet."""

_NAME = re.compile(r"(?!.*[0-9]{4})[a-z][a-z0-9_.-]{0,63}")
_PATH = re.compile(r"/(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")

log = structlog.get_logger("core.upstream.client")


class HttpClient:
    """The process's HTTP client: one session, shared by all upstreams. Close it at the end."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        timeouts: Timeouts | None = None,
        breaker: BreakerPolicy | None = None,
        hedge: HedgePolicy | None = None,
        monotonic: Monotonic = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._timeouts = timeouts or Timeouts()
        self._breaker_policy = breaker or BreakerPolicy()
        self._monotonic = monotonic
        self._breaker_policies: dict[str, BreakerPolicy] = {}
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self.rules = Rules()
        self._hedge_policy = hedge
        self._hedging: dict[tuple[str, str], Hedging] = {}
        self._session: aiohttp.ClientSession | None = None
        self._told_unreadable: dict[tuple[str, str], int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def upstream(
        self,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        breaker: BreakerPolicy | None = None,
        in_flight_max: int = 64,
        body_max_bytes: int = 5_000_000,
    ) -> "Upstream":
        """The door to one upstream system; make it once and keep it.

        `headers` go with every call. At most `in_flight_max` exchanges run at a time, so that one
        hanging system cannot take the whole process. Raises ValueError for a base URL that is not
        absolute http(s).
        """
        url = URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
            raise ValueError(f"{name}: a base URL is absolute http(s), without query or fragment")
        if breaker is not None:
            self._breaker_policies[name] = breaker
        return Upstream(
            self,
            name,
            base_url.rstrip("/"),
            headers=dict(headers or {}),
            timeouts=timeouts or self._timeouts,
            in_flight_max=in_flight_max,
            body_max_bytes=body_max_bytes,
        )

    def breaker(self, upstream: str, operation: str) -> Breaker:
        """The breaker of one operation of one upstream; made at first use.

        Raises ValueError for a name that looks built from data, such as an id.
        """
        breaker = self._breakers.get((upstream, operation))
        if breaker is None:
            breaker = self._breakers[upstream, operation] = self._make_breaker(upstream, operation)
        return breaker

    def hedging(self, upstream: str, operation: str) -> Hedging | None:
        """The second attempts of an operation; None where it is not hedged."""
        key = (upstream, operation)
        if key not in self._hedging and self.rules.is_hedged(upstream, operation):
            self._hedging[key] = Hedging(self._hedge_policy)
        return self._hedging.get(key)

    def session(self) -> aiohttp.ClientSession:
        """The process's one session, opened at first use inside the event loop."""
        if self._session is None:
            self._session = open_session()
        return self._session

    def record(self, call: Call, outcome: str, duration_s: float) -> None:
        """Count one attempt."""
        self._metrics.outbound(call.upstream, call.operation, outcome, duration_s)
        hedging = self.hedging(call.upstream, call.operation)
        if hedging is not None and outcome in _TELLS_DURATION:
            hedging.learn(duration_s, answered=_TELLS_DURATION[outcome])

    def note_unreadable(self, upstream: str, operation: str, count: int) -> None:
        """Count answers, or records in one, that could not be read; nothing of them is logged.

        Each operation has a line in a minute: a record that stays so is read with every request.
        """
        self._metrics.unreadable(upstream, operation, count)
        minute = int(self._monotonic() // 60)
        if self._told_unreadable.get((upstream, operation)) != minute:
            self._told_unreadable[upstream, operation] = minute
            log.warning("unreadable", upstream=upstream, operation=operation, count=count)

    async def close(self) -> None:
        """Close all connections. Repeat-safe."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _make_breaker(self, upstream: str, operation: str) -> Breaker:
        if _NAME.fullmatch(upstream) is None or _NAME.fullmatch(operation) is None:
            raise ValueError("upstream and operation are fixed lower-case names from the code")

        def show(state: BreakerState) -> None:
            self._metrics.breaker(upstream, operation, state)
            log.warning("breaker moved", upstream=upstream, operation=operation, state=state.name)

        self._metrics.breaker(upstream, operation, BreakerState.CLOSED)
        policy = self._breaker_policies.get(upstream, self._breaker_policy)
        return Breaker(policy, monotonic=self._monotonic, on_change=show)


class Upstream:
    """One upstream system. Made by `HttpClient.upstream`."""

    def __init__(
        self,
        client: HttpClient,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        in_flight_max: int,
        body_max_bytes: int,
    ) -> None:
        self.name = name
        self._client = client
        self._base_url = base_url
        self._headers = headers
        self._timeouts = timeouts
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(in_flight_max))
        """Of each server."""
        self._body_max_bytes = body_max_bytes

    async def request(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        deadline: Deadline,
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        accept: str = JSON,
        safe: bool | None = None,
        access: Licence | None = None,
        into: BinaryIO | None = None,
        server: str = "",
    ) -> Response:
        """Call the upstream and return its 2xx (or 304) answer. Redirects are not followed.

        `operation` is a fixed name from the code, never built from data: breaker and metrics hang
        on it. `path` is percent-encoded by the caller. `safe` says that repeating the call does no
        harm (default: GET and HEAD); only then is it retried, or hedged where the operation is
        declared so. An answer of another media type than `accept` is garbage; `*/*` takes any, and
        application/json takes `+json` too. `access` is the Access that an operation declared
        personal demands. `into` takes a large answer chunk by chunk, afresh at each attempt.
        `server`, a name from the configuration, is one of several, each with breakers of its own.

        Raises UpstreamTimeout, UpstreamUnavailable, UpstreamRejected or UpstreamFailed. ValueError
        (a malformed call), RuntimeError (inside a transaction) and Unlicensed are our mistakes.
        """
        refuse_in_transaction("an outbound call")
        self._client.rules.refuse_unlicensed(self.name, operation, access)
        safe = method in {"GET", "HEAD"} if safe is None else safe
        hedging = self._hedging(operation, twice=safe and into is None)
        call = Call(
            upstream=self.name,
            operation=operation,
            method=method,
            url=self._url(path),
            headers=self._call_headers(accept, headers or {}, is_json=json is not None),
            params=params,
            body=_body(json, data),
            accept=accept,
            safe=safe,
            deadline=deadline,
            into=into,
            server=server,
        )
        count_upstream(self.name)
        return await self._with_retries(call, hedging)

    def _hedging(self, operation: str, *, twice: bool) -> Hedging | None:
        hedging = self._client.hedging(self.name, operation)
        if hedging is not None and not twice:
            raise ValueError("only a safe call may be sent twice, and not into one file")
        return hedging

    def _url(self, path: str) -> URL:
        if _PATH.fullmatch(path) is None:
            raise ValueError("a path starts with /, has no query and is percent-encoded")
        if not {".", ".."}.isdisjoint(path.lower().replace("%2e", ".").split("/")):
            raise ValueError("a path does not climb")
        return URL(self._base_url + path, encoded=True)

    def _call_headers(
        self, accept: str, own: Mapping[str, str], *, is_json: bool
    ) -> Mapping[str, str]:
        headers = {"Accept": accept}
        if is_json:
            headers["Content-Type"] = JSON
        request_id = current_request_id()
        if request_id is not None:
            headers["X-Request-Id"] = request_id
        return {**headers, **self._headers, **own}

    async def _with_retries(self, call: Call, hedging: Hedging | None) -> Response:
        retry = 0
        while True:
            try:
                after_s = hedging.begin() if hedging is not None else None
                if hedging is None or after_s is None:
                    return await self._attempt(call)
                return await self._hedged(call, hedging, after_s)
            except UpstreamError as error:
                pause_s = random.uniform(0.2, 1.0) * BACKOFF_S * 2**retry
                spent = retry == RETRIES_MAX or call.deadline.remaining() <= pause_s
                if spent or not (call.safe and error.retryable):
                    raise
            await asyncio.sleep(pause_s)
            retry += 1

    async def _hedged(self, call: Call, hedging: Hedging, after_s: float) -> Response:
        """Two attempts, the second started late: the first answer wins, a refusal included.

        There is one alone where the budget is spent, the upstream is busy or its breaker not shut.
        """
        second = SecondAttempt(
            lambda: self._attempt(call),
            after_s,
            may_begin=lambda: self._has_room(call) and hedging.spend(),
            is_answer=_has_answer,
        )
        try:
            with second:
                return await self._attempt(call)
            return await second.result()
        except UpstreamError as error:
            if isinstance(error, UpstreamRejected) or not second.may_answer:
                raise
            return await second.result()
        finally:
            await second.end()

    def _has_room(self, call: Call) -> bool:
        breaker = self._client.breaker(call.upstream, call.circuit)
        return breaker.state is BreakerState.CLOSED and not self._slots[call.server].locked()

    async def _attempt(self, call: Call) -> Response:
        permit = self._client.breaker(call.upstream, call.circuit).admit()
        if permit is None:
            self._client.record(call, "breaker_open", 0.0)
            raise UpstreamUnavailable(call.upstream, call.operation, "breaker is open")
        started_at = time.monotonic()
        outcome = "cancelled"
        try:
            response = await self._in_slot(call)
            outcome = "ok"
            permit.succeed()
        except UpstreamError as error:
            outcome = error.reason.lower()
            if isinstance(error, UpstreamRejected):
                permit.succeed()  # it is well and says no
            else:
                log.warning("upstream call failed", error=str(error), outcome=outcome)
                if error.blamed:
                    permit.fail()
            raise
        finally:
            permit.abandon()
            self._client.record(call, outcome, time.monotonic() - started_at)
        return response

    async def _in_slot(self, call: Call) -> Response:
        slots = self._slots[call.server]
        if slots.locked():
            await self._wait_for_slot(slots, call)
        else:
            await slots.acquire()  # at once, without a timer
        try:
            return await exchange(
                self._client.session(), call, self._timeouts, self._body_max_bytes
            )
        finally:
            slots.release()

    async def _wait_for_slot(self, slots: asyncio.Semaphore, call: Call) -> None:
        try:
            with TimeLimit(call.deadline.remaining()):
                await slots.acquire()
        except TimeoutError:
            raise UpstreamUnavailable(
                call.upstream, call.operation, "no free slot in time", blamed=False
            ) from None


def _body(json: object, data: bytes | None) -> bytes | None:
    if json is None:
        return data
    if data is not None:
        raise ValueError("a body is either json or data")
    return orjson.dumps(json)


def _has_answer(attempt: asyncio.Task[Response]) -> bool:
    """An error that another attempt cannot mend is an answer too."""
    error = attempt.exception()
    return not isinstance(error, UpstreamError) or isinstance(error, UpstreamRejected)
