"""The outbound client against real sockets that hang, break, lie, refuse and dawdle."""

import asyncio
import gzip
import io
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import structlog
from aiohttp import test_utils, web

from core.deadline import Deadline
from core.telemetry.logging import configure, request_scope
from core.telemetry.metrics import Metrics
from core.upstream.breaker import BreakerPolicy, BreakerState
from core.upstream.client import (
    ANY,
    HttpClient,
    Timeouts,
    Upstream,
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tests.machine import PATIENCE_S, in_time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
BROKEN = {
    "/truncated": ANSWER.replace(b"Length: 2", b"Length: 200"),
    "/garbage": b"\x16\x03\x01 nonsense\r\n\r\n",
    "/silent-close": b"",
}


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class City:
    """Counts what reaches it, and answers by path."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.release = asyncio.Event()
        self.headers: Mapping[str, str] = {}
        self.query: dict[str, str] = {}
        self.body = b""
        self.during: Callable[[], None] = lambda: None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests[path] += 1
        self.headers, self.query = request.headers, dict(request.query)
        self.body = await request.read()
        self.during()
        number = self.requests[path]
        if path == "/hang" or (path == "/slow-first" and number == 1):
            await self.release.wait()
        if path == "/slow":
            await asyncio.sleep(0.15)
        if path.startswith("/status/"):
            return web.json_response({"code": "NO"}, status=int(path.rpartition("/")[2]))
        if path == "/recovers" and number < 3:
            return web.Response(status=503)
        return self._answer(path)

    def _answer(self, path: str) -> web.Response:
        match path:
            case "/html":
                return web.Response(text="<h1>Back soon</h1>", content_type="text/html")
            case "/bad-json":
                return web.Response(body=b'{"a": ', content_type="application/json")
            case "/fhir":
                return web.Response(body=b'{"a": 1}', content_type="application/fhir+json")
            case "/nothing":
                return web.Response(status=204)
            case "/moved":
                return web.Response(status=302, headers={"Location": "/ok"})
            case "/cookie":
                return web.json_response({}, headers={"Set-Cookie": "session=citizen-1"})
            case "/bomb":
                packed = gzip.compress(bytes(2_000_000))
                return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
            case _:
                return web.json_response({"path": path})


@pytest.fixture
async def city() -> AsyncIterator[City]:
    yield City()


@pytest.fixture
async def base_url(city: City) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", city.serve)
    server = test_utils.TestServer(app)
    await server.start_server(access_log=None)
    yield str(server.make_url("/"))
    city.release.set()
    await server.close()


@pytest.fixture
async def broken_url(city: City) -> AsyncIterator[str]:
    """A server below HTTP: sends bytes by path and closes. `/stale` answers once a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answered in range(2):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            path = head.split()[1].decode()
            city.requests[path] += 1
            if path == "/stale" and answered == 0:
                writer.write(ANSWER)
                continue
            writer.write(BROKEN.get(path.partition("?")[0], b""))
            break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
async def client(metrics: Metrics, clock: Seconds) -> AsyncIterator[HttpClient]:
    timeouts = Timeouts(total_s=5.0, connect_s=0.1, fair_s=0.02)
    policy = BreakerPolicy(consecutive_failures=5)
    async with HttpClient(metrics, timeouts=timeouts, breaker=policy, monotonic=clock) as client:
        yield client


@pytest.fixture
def upstream(client: HttpClient, base_url: str) -> Upstream:
    return client.upstream("fund", base_url, headers={"X-App": "7"}, body_max_bytes=100_000)


@pytest.fixture
def broken(client: HttpClient, broken_url: str) -> Upstream:
    return client.upstream("broken", broken_url)


@pytest.fixture
def closed_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, stream = root.handlers, root.level, io.StringIO()
    configure("debug", json=True, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def soon(seconds: float = 2.0) -> Deadline:
    return Deadline.after(seconds)


def attempts(metrics: Metrics, outcome: str) -> int:
    return sum(
        int(float(line.split()[-1]))
        for line in metrics.render().decode().splitlines()
        if line.startswith("quancheng_outbound_seconds_count") and f'outcome="{outcome}"' in line
    )


async def get(upstream: Upstream, path: str, **options: Any) -> Any:
    options = {"operation": "read", "deadline": soon(), **options}
    return await upstream.request("GET", path, **options)


async def post(upstream: Upstream, path: str, **options: Any) -> Any:
    options = {"operation": "write", "deadline": soon(), "json": {"n": 1}, **options}
    return await upstream.request("POST", path, **options)


async def test_a_call_carries_headers_query_body_and_request_id(
    upstream: Upstream, city: City, metrics: Metrics
) -> None:
    with request_scope("request-1"):
        answer = await post(
            upstream, "/fund/%E6%B5%8E", params={"q": "济 南"}, headers={"X-B": "2"}
        )
    assert answer.status == 200
    assert answer.json() == {"path": "/fund/济"}
    assert city.body == b'{"n":1}'
    assert city.query == {"q": "济 南"}
    sent = {name: city.headers[name] for name in ("X-App", "X-B", "X-Request-Id", "Content-Type")}
    assert sent == {
        "X-App": "7",
        "X-B": "2",
        "X-Request-Id": "request-1",
        "Content-Type": "application/json",
    }
    assert attempts(metrics, "ok") == 1


async def test_bytes_go_as_they_are(upstream: Upstream, city: City) -> None:
    await post(upstream, "/sign", json=None, data=b'{ "a":1}', headers={"Content-Type": "x/y"})
    assert city.body == b'{ "a":1}'
    assert city.headers["Content-Type"] == "x/y"


async def test_a_hanging_upstream_costs_the_deadline_and_no_more(
    upstream: Upstream, city: City, metrics: Metrics
) -> None:
    started_at = time.monotonic()
    with pytest.raises(UpstreamTimeout) as caught:
        await get(upstream, "/hang", deadline=soon(0.1))
    took_s = time.monotonic() - started_at
    assert took_s > 0.09 and in_time(took_s, 0.5)
    assert not caught.value.outcome_known
    assert city.requests["/hang"] == 1
    assert attempts(metrics, "timeout") == 1


async def test_the_cap_of_the_upstream_is_shorter_than_a_long_deadline(
    client: HttpClient, base_url: str
) -> None:
    hasty = client.upstream("hasty", base_url, timeouts=Timeouts(total_s=0.05))
    started_at = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        await get(hasty, "/hang", deadline=soon(30))
    assert in_time(time.monotonic() - started_at, 0.5)


async def test_without_time_nothing_is_sent(upstream: Upstream, city: City) -> None:
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(upstream, "/ok", deadline=soon(0))
    assert caught.value.outcome_known
    assert not city.requests


async def test_a_safe_call_is_repeated_until_the_upstream_recovers(
    upstream: Upstream, city: City, metrics: Metrics
) -> None:
    assert (await get(upstream, "/recovers")).status == 200
    assert city.requests["/recovers"] == 3
    assert (attempts(metrics, "failed"), attempts(metrics, "ok")) == (2, 1)


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_retries_are_bounded(upstream: Upstream, city: City, status: int) -> None:
    with pytest.raises(UpstreamFailed):
        await get(upstream, f"/status/{status}")
    assert city.requests[f"/status/{status}"] == 3


async def test_retries_stop_where_the_deadline_does(
    upstream: Upstream, city: City, clock: Seconds
) -> None:
    def most_of_the_time_passes() -> None:
        clock.now += 4.995

    city.during = most_of_the_time_passes
    with pytest.raises(UpstreamFailed):
        await get(upstream, "/status/503", deadline=Deadline.after(5.0, monotonic=clock))
    assert city.requests["/status/503"] == 1


@pytest.mark.parametrize("path", ["/recovers", "/status/500", "/status/503"])
async def test_an_unsafe_call_is_sent_once(upstream: Upstream, city: City, path: str) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await post(upstream, path)
    assert not caught.value.outcome_known
    assert city.requests[path] == 1


async def test_a_post_declared_safe_is_repeated(upstream: Upstream, city: City) -> None:
    assert (await post(upstream, "/recovers", safe=True)).status == 200
    assert city.requests["/recovers"] == 3


@pytest.mark.parametrize(
    ("path", "seen"), [("/truncated", 3), ("/silent-close", 3), ("/garbage", 1)]
)
async def test_a_broken_answer_fails(broken: Upstream, city: City, path: str, seen: int) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await get(broken, path)
    assert city.requests[path] == seen
    assert not caught.value.outcome_known


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_dead_connection_is_not_a_reason_to_write_twice(
    broken: Upstream, city: City, method: str
) -> None:
    for expected in (1, 2):
        call = broken.request(method, "/stale", operation="write", deadline=soon())
        if expected == 1:
            await call
        else:
            with pytest.raises(UpstreamFailed):
                await call
        assert city.requests["/stale"] == expected


async def test_a_dead_connection_is_survived_by_a_read(broken: Upstream, city: City) -> None:
    await get(broken, "/stale")
    await get(broken, "/stale")
    assert city.requests["/stale"] == 3


async def test_a_refused_connection_is_certainly_not_done(
    client: HttpClient, closed_url: str, metrics: Metrics
) -> None:
    nobody = client.upstream("nobody", closed_url)
    with pytest.raises(UpstreamUnavailable) as caught:
        await post(nobody, "/pay")
    assert caught.value.outcome_known
    assert attempts(metrics, "unavailable") == 1
    with pytest.raises(UpstreamUnavailable):
        await get(nobody, "/pay")
    assert attempts(metrics, "unavailable") == 4


async def test_a_timeout_while_connecting_is_certainly_not_done(
    client: HttpClient, city: City, metrics: Metrics
) -> None:
    """A listener that never takes part in the TLS handshake holds the connect phase up."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(UpstreamUnavailable) as caught:
            await post(client.upstream("mute", url), "/pay")
    assert caught.value.outcome_known
    assert attempts(metrics, "unavailable") == 1


async def test_a_refusal_is_certain_and_carries_status_and_body(
    upstream: Upstream, city: City
) -> None:
    with pytest.raises(UpstreamRejected) as caught:
        await get(upstream, "/status/404")
    assert (caught.value.status, caught.value.body) == (404, b'{"code": "NO"}')
    assert caught.value.outcome_known
    assert city.requests["/status/404"] == 1


async def test_too_many_requests_is_no_refusal_of_the_question(upstream: Upstream) -> None:
    with pytest.raises(UpstreamUnavailable):
        await get(upstream, "/status/429")


@pytest.mark.parametrize("path", ["/html", "/bad-json", "/moved", "/status/500", "/status/408"])
async def test_garbage_fails(upstream: Upstream, city: City, path: str) -> None:
    with pytest.raises(UpstreamFailed):
        await get(upstream, path)
    assert (city.requests[path], city.requests["/ok"]) == (1, 0)


async def test_the_caller_may_take_other_media_types(upstream: Upstream) -> None:
    page = await get(upstream, "/html", accept=ANY)
    assert page.body == b"<h1>Back soon</h1>"
    with pytest.raises(UpstreamFailed):
        page.json()
    assert (await get(upstream, "/html", accept="text/html")).status == 200
    assert (await get(upstream, "/fhir")).json() == {"a": 1}
    assert (await get(upstream, "/nothing")).body == b""
    with pytest.raises(UpstreamFailed):
        await get(upstream, "/ok", accept="application/x-protobuf")


async def test_a_body_beyond_the_limit_is_not_held(upstream: Upstream, city: City) -> None:
    with pytest.raises(UpstreamFailed):
        await get(upstream, "/bomb", accept=ANY)
    assert city.requests["/bomb"] == 1
    assert (await get(upstream, "/ok")).status == 200


async def test_no_cookie_of_one_citizen_goes_out_for_another(
    client: HttpClient, base_url: str, city: City
) -> None:
    upstream = client.upstream("fund", base_url.replace("127.0.0.1", "localhost"))
    await get(upstream, "/cookie")
    await get(upstream, "/ok")
    assert "Cookie" not in city.headers


async def test_an_open_breaker_costs_nothing_and_sends_nothing(
    client: HttpClient, upstream: Upstream, city: City, metrics: Metrics, clock: Seconds
) -> None:
    for _ in range(5):
        with pytest.raises(UpstreamFailed):
            await get(upstream, "/status/500")
    assert client.breaker("fund", "read").state is BreakerState.OPEN
    started_at = time.monotonic()
    for _ in range(200):
        with pytest.raises(UpstreamUnavailable):
            await get(upstream, "/ok")
    assert in_time((time.monotonic() - started_at) / 200, 0.001)
    assert city.requests["/ok"] == 0
    assert attempts(metrics, "breaker_open") == 200
    assert b'quancheng_breaker_state{operation="read",upstream="fund"} 2.0' in metrics.render()
    assert (await post(upstream, "/ok")).status == 200, "another operation has its own breaker"
    clock.now += 5.0
    assert (await get(upstream, "/ok")).status == 200
    assert b'quancheng_breaker_state{operation="read",upstream="fund"} 0.0' in metrics.render()


async def test_a_server_that_is_down_does_not_end_the_calls_of_the_others(
    client: HttpClient, upstream: Upstream, city: City
) -> None:
    for _ in range(6):
        with pytest.raises(UpstreamError):
            await get(upstream, "/status/500", server="h1")
    assert client.breaker("fund", "read.h1").state is BreakerState.OPEN
    assert (await get(upstream, "/ok", server="h2")).status == 200
    assert (await get(upstream, "/ok")).status == 200
    with pytest.raises(UpstreamUnavailable):
        await get(upstream, "/ok", server="h1")
    assert city.requests["/ok"] == 2


@pytest.mark.parametrize(
    ("path", "deadline_s"), [("/status/404", 2.0), ("/status/429", 2.0), ("/hang", 0.01)]
)
async def test_refusals_and_our_own_haste_do_not_open_the_breaker(
    client: HttpClient, upstream: Upstream, path: str, deadline_s: float
) -> None:
    await get(upstream, "/ok")
    for _ in range(8):
        with pytest.raises(UpstreamError):
            await get(upstream, path, deadline=soon(deadline_s))
    assert client.breaker("fund", "read").state is BreakerState.CLOSED


async def test_timeouts_open_the_breaker(client: HttpClient, upstream: Upstream) -> None:
    results = await asyncio.gather(
        *(get(upstream, "/hang", deadline=soon(0.05)) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [UpstreamTimeout] * 5
    assert client.breaker("fund", "read").state is BreakerState.OPEN


async def test_a_cancelled_probe_leaves_room_for_the_next(
    client: HttpClient, upstream: Upstream, city: City, clock: Seconds
) -> None:
    for _ in range(5):
        with pytest.raises(UpstreamFailed):
            await get(upstream, "/status/500")
    clock.now += 5.0
    probe = asyncio.create_task(get(upstream, "/hang"))
    await until(lambda: city.requests["/hang"] == 1)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert probe.cancelled()
    assert (await get(upstream, "/ok")).status == 200


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what it waits for is on the server's side
            await asyncio.sleep(0.005)


async def test_one_hanging_upstream_holds_no_more_than_its_slots(
    client: HttpClient, base_url: str, city: City
) -> None:
    narrow = client.upstream("narrow", base_url, in_flight_max=2)
    hanging = [asyncio.create_task(get(narrow, "/hang")) for _ in range(2)]
    await until(lambda: city.requests["/hang"] == 2)
    with pytest.raises(UpstreamUnavailable):
        await get(narrow, "/ok", deadline=soon(0.05))
    assert city.requests["/ok"] == 0
    waiting = asyncio.create_task(get(narrow, "/ok"))
    city.release.set()
    assert (await waiting).status == 200
    await asyncio.gather(*hanging)


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/ok", {"json": {}, "data": b""}),
        ("/ok", {"operation": "read/13812345678"}),
        ("/ok", {"operation": "read-20260301"}),
        ("ok", {}),
        ("/ok?id=1", {}),
        ("/ok#id", {}),
        ("/citizens/../admin", {}),
        ("/citizens/%2E%2e/admin", {}),
        ("/济南", {}),
        ("/ok\r\nHost: evil", {}),
    ],
)
async def test_a_malformed_call_is_refused_before_it_is_sent(
    upstream: Upstream, city: City, path: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"body|names|path"):
        await get(upstream, path, **options)
    assert not city.requests


@pytest.mark.parametrize("url", ["", "/fund", "ftp://fund.example", "http://fund.example/?a=1"])
async def test_a_base_url_is_absolute(client: HttpClient, url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        client.upstream("fund", url)


async def test_neither_logs_nor_errors_tell_path_query_or_body(
    upstream: Upstream, broken: Upstream, logs: io.StringIO
) -> None:
    told = []
    secret_params = {"holder": "secret-query"}
    for call in (
        post(upstream, "/status/500", params=secret_params, json={"holder": "secret-body"}),
        get(broken, "/truncated", params=secret_params),
        get(broken, "/garbage", params=secret_params),
    ):
        with pytest.raises(UpstreamError) as caught:
            await call
        structlog.get_logger().error("caught", exc_info=caught.value)
        told.append(str(caught.value))
    with pytest.raises(UpstreamRejected) as rejected:
        await get(upstream, "/status/404", params=secret_params)
    told.append(repr(rejected.value))
    text = logs.getvalue() + "".join(told)
    assert "upstream call failed" in text
    for secret in ("secret", "/status", "/truncated", "/garbage", '"code"'):
        assert secret not in text
