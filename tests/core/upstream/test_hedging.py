"""Hedged reads: safe ones alone, after the p95, within the budget; the first answer counts."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import test_utils, web

from core.deadline import Deadline
from core.telemetry.metrics import Metrics
from core.upstream.breaker import BreakerState
from core.upstream.client import HttpClient, Response, Upstream, UpstreamRejected, UpstreamTimeout
from core.upstream.hedging import HedgePolicy, Hedging, SecondAttempt
from tests.machine import PATIENCE_S, in_time

SOON_S = 0.03
"""What the operation is known to take in these tests."""


def told(durations_s: list[float], policy: HedgePolicy | None = None) -> Hedging:
    hedging = Hedging(policy)
    for duration_s in durations_s:
        hedging.learn(duration_s, answered=True)
    return hedging


def test_the_second_attempt_starts_at_the_p95_of_the_latest_calls() -> None:
    assert told([1.0] * 19).begin() is None, "too little is known"
    spread = [number / 100 for number in range(100)]
    random.Random(7).shuffle(spread)
    assert told(spread).begin() == pytest.approx(0.95)
    assert told(spread + [5.0] * 200).begin() == 5.0, "old durations are forgotten"


def test_an_attempt_that_was_given_up_counts_only_where_it_was_slow() -> None:
    hedging = told([0.1] * 100)
    for _ in range(50):
        hedging.learn(0.001, answered=False)
    assert hedging.begin() == 0.1
    for _ in range(50):
        hedging.learn(2.0, answered=False)
    assert hedging.begin() == 2.0


@pytest.mark.parametrize("calls", [10, 100, 1_000, 10_000])
def test_no_more_than_one_call_in_twenty_is_sent_twice(calls: int) -> None:
    """Even where every single one is slow."""
    hedging, spent = told([0.1] * 20), 0
    for _ in range(calls):
        hedging.begin()
        spent += hedging.spend()
    assert spent == calls // 20


def test_a_quiet_day_does_not_save_up_for_a_storm() -> None:
    hedging = told([0.1] * 20)
    for _ in range(10_000):
        hedging.begin()
    assert sum(hedging.spend() for _ in range(100)) == HedgePolicy().saved_max


class City:
    """Answers by path, and counts."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.failed = 0
        self.release = asyncio.Event()

    async def serve(self, request: web.Request) -> web.Response:
        path = request.path
        self.requests[path] += 1
        try:
            if path == "/hang" or (path == "/slow-first" and self.requests[path] == 1):
                await self.release.wait()
            if path == "/slow":
                await asyncio.sleep(4 * SOON_S)
            if path == "/first-fails":  # while the second is under way
                await asyncio.sleep((4 if self.requests[path] == 1 else 8) * SOON_S)
                broken = self.requests[path] == 2 and not self.failed
                self.failed += broken
                return web.json_response({}, status=500 if broken else 200)
            if path == "/second-fails" and self.requests[path] == 2:
                self.failed += 1
                return web.json_response({}, status=500)
            if path == "/second-fails":
                await asyncio.sleep(4 * SOON_S)
            if path == "/second-refuses":
                if self.requests[path] == 2:
                    return web.json_response({}, status=404)
                await self.release.wait()
        except asyncio.CancelledError:
            self.left[path] += 1
            raise
        return web.json_response({}, status=404 if path == "/missing" else 200)


@pytest.fixture
async def city() -> AsyncIterator[City]:
    yield City()


@pytest.fixture
async def url(city: City) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", city.serve)
    server = test_utils.TestServer(app)
    await server.start_server(access_log=None)
    yield str(server.make_url("/"))
    city.release.set()
    await server.close()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """One that knows how long `fund.read` takes, and may send every call twice."""
    policy = HedgePolicy(calls_min=1, calls_per_hedge=1)
    async with HttpClient(Metrics(), hedge=policy) as client:
        client.rules.hedge("fund", ["read"])
        hedging = client.hedging("fund", "read")
        assert hedging is not None
        hedging.learn(SOON_S, answered=True)
        yield client


@pytest.fixture
def fund(client: HttpClient, url: str) -> Upstream:
    return client.upstream("fund", url)


async def read(upstream: Upstream, path: str, within_s: float = 5.0) -> Response:
    return await upstream.request("GET", path, operation="read", deadline=Deadline.after(within_s))


async def until(condition: object) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110 - it happens in a server
            await asyncio.sleep(0.005)


async def test_the_second_attempt_wins_and_the_first_is_ended(fund: Upstream, city: City) -> None:
    started_at = time.monotonic()
    assert (await read(fund, "/slow-first")).status == 200
    assert time.monotonic() - started_at >= SOON_S
    assert city.requests["/slow-first"] == 2
    await until(lambda: city.left["/slow-first"] == 1)


async def test_the_first_attempt_may_still_win(fund: Upstream, city: City) -> None:
    assert (await read(fund, "/slow")).status == 200
    assert city.requests["/slow"] == 2
    await until(lambda: city.left["/slow"] == 1)


async def test_a_first_attempt_that_fails_leaves_it_to_the_second(
    fund: Upstream, city: City
) -> None:
    assert (await read(fund, "/first-fails")).status == 200
    assert (city.requests["/first-fails"], city.failed) == (2, 1)


async def test_a_second_attempt_that_fails_leaves_it_to_the_first(
    fund: Upstream, city: City
) -> None:
    assert (await read(fund, "/second-fails")).status == 200
    assert (city.requests["/second-fails"], city.failed) == (2, 1)


async def test_a_refusal_of_the_second_attempt_is_an_answer(fund: Upstream, city: City) -> None:
    with pytest.raises(UpstreamRejected):
        await read(fund, "/second-refuses")
    await until(lambda: city.left["/second-refuses"] == 1)


async def test_who_was_overtaken_goes_on_as_if_nothing_had_been(fund: Upstream) -> None:
    """The first attempt runs in the caller's task: its end must not end, or mark, that."""
    assert (await read(fund, "/slow-first")).status == 200
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.sleep(0)


async def test_who_gives_up_gives_up_both_attempts(fund: Upstream, city: City) -> None:
    asking = asyncio.create_task(read(fund, "/hang"))
    await until(lambda: city.requests["/hang"] == 2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: city.left["/hang"] == 2)


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_an_end_in_the_turn_of_the_other_s_answer(is_cancelled: bool) -> None:
    """Neither an answer nor somebody's giving up is lost where both attempts end at once."""
    ends = asyncio.get_running_loop().create_future()

    async def attempt() -> str:
        return str(await asyncio.shield(ends))

    async def race() -> str:
        second = SecondAttempt(
            attempt, 0.0, may_begin=lambda: True, is_answer=lambda task: task.exception() is None
        )
        try:
            with second:
                return await attempt()
            return await second.result()
        finally:
            await second.end()

    racing = asyncio.create_task(race())
    await asyncio.sleep(SOON_S)  # both are under way
    ends.set_result("answer")
    await asyncio.sleep(0)
    if is_cancelled:
        racing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await racing
    else:
        assert await racing == "answer"


async def test_an_answer_in_time_ends_it(client: HttpClient, url: str, city: City) -> None:
    hedging = client.hedging("fund", "read")
    assert hedging is not None
    hedging.learn(30.0, answered=True)
    hedging.learn(30.0, answered=True)
    await read(client.upstream("fund", url), "/ok")
    assert city.requests["/ok"] == 1


async def test_a_refusal_is_an_answer(fund: Upstream, city: City) -> None:
    with pytest.raises(UpstreamRejected):
        await read(fund, "/missing")


async def test_two_attempts_that_both_hang_cost_one_deadline(fund: Upstream, city: City) -> None:
    started_at = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        await read(fund, "/hang", within_s=5 * SOON_S)
    assert in_time(time.monotonic() - started_at, 2.0)
    assert city.requests["/hang"] == 2


async def test_an_operation_that_is_not_declared_is_asked_once(fund: Upstream, city: City) -> None:
    call = fund.request("GET", "/slow", operation="other", deadline=Deadline.after(5))
    assert (await call).status == 200
    assert city.requests["/slow"] == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_what_is_not_safe_is_never_sent_twice(
    fund: Upstream, city: City, method: str
) -> None:
    with pytest.raises(ValueError, match="only a safe call"):
        await fund.request(method, "/slow", operation="read", deadline=Deadline.after(5))
    assert not city.requests
    await fund.request(method, "/slow", operation="write", deadline=Deadline.after(5))
    assert city.requests["/slow"] == 1


async def test_a_busy_upstream_is_not_made_busier(client: HttpClient, url: str, city: City) -> None:
    narrow = client.upstream("fund", url, in_flight_max=1)
    assert (await read(narrow, "/slow")).status == 200
    assert city.requests["/slow"] == 1


async def test_a_broken_upstream_is_probed_once(
    client: HttpClient, fund: Upstream, city: City
) -> None:
    breaker = client.breaker("fund", "read")
    breaker._enter(BreakerState.HALF_OPEN)
    assert (await read(fund, "/slow")).status == 200
    assert city.requests["/slow"] == 1
    assert breaker.state is BreakerState.CLOSED


async def test_a_spent_budget_leaves_one_attempt(url: str, city: City) -> None:
    async with HttpClient(Metrics(), hedge=HedgePolicy(calls_min=1)) as client:
        client.rules.hedge("fund", ["read"])
        hedging = client.hedging("fund", "read")
        assert hedging is not None
        hedging.learn(SOON_S, answered=True)
        fund = client.upstream("fund", url)
        for _ in range(3):
            await read(fund, "/slow")
    assert city.requests["/slow"] == 3
