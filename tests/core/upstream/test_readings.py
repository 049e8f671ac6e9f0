"""The last good answers: what a read falls back to, and that the cache stays within its bounds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.upstream.client import (
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from core.upstream.readings import LastGood, Reading, ReadStatus

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = ("housing_fund.balance", "citizen-1")


@dataclass(frozen=True)
class Balance:
    amount_fen: int


async def read(
    cache: LastGood, clock: ManualClock, answer: Balance | Exception | None
) -> Reading[Balance | None]:
    async def fetch() -> Balance | None:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return await cache.read_through(KEY, fetch, clock=clock, max_stale=HOUR)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UpstreamTimeout("fund", "balance", "x"), "TIMEOUT"),
        (UpstreamUnavailable("fund", "balance", "x"), "UNAVAILABLE"),
        (UpstreamFailed("fund", "balance", "x"), "FAILED"),
    ],
)
async def test_live_then_stale_then_unavailable(error: UpstreamError, reason: str) -> None:
    cache, clock = LastGood(), ManualClock(START)
    assert await read(cache, clock, Balance(7)) == Reading(ReadStatus.LIVE, Balance(7), START, None)
    clock.move(HOUR)
    stale = Reading(ReadStatus.STALE, Balance(7), START, reason)
    assert await read(cache, clock, error) == stale
    clock.move(timedelta(seconds=1))
    gone: Reading[Balance | None] = Reading(ReadStatus.UNAVAILABLE, None, None, reason)
    assert await read(cache, clock, error) == gone
    assert len(cache) == 0


async def test_an_empty_answer_is_an_answer() -> None:
    cache, clock = LastGood(), ManualClock(START)
    await read(cache, clock, None)
    reading = await read(cache, clock, UpstreamTimeout("fund", "balance", "x"))
    assert reading == Reading(ReadStatus.STALE, None, START, "TIMEOUT")


async def test_a_refusal_is_passed_on_and_drops_what_was_kept() -> None:
    cache, clock = LastGood(), ManualClock(START)
    await read(cache, clock, Balance(7))
    with pytest.raises(UpstreamRejected):
        await read(cache, clock, UpstreamRejected("fund", "balance", 403, b"no consent"))
    reading = await read(cache, clock, UpstreamTimeout("fund", "balance", "x"))
    assert reading.status is ReadStatus.UNAVAILABLE


async def test_our_own_mistakes_are_not_hidden() -> None:
    cache, clock = LastGood(), ManualClock(START)
    await read(cache, clock, Balance(7))
    with pytest.raises(KeyError):
        await read(cache, clock, KeyError("amount"))
    assert cache.find(KEY) == (Balance(7), START)


def test_an_older_value_does_not_replace_a_newer_one() -> None:
    cache = LastGood()
    cache.put("k", "newer", START + HOUR)
    cache.put("k", "older", START)
    assert cache.find("k") == ("newer", START + HOUR)


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = LastGood(max_entries=2)
    cache.put("a", 1, START)
    cache.put("b", 2, START)
    cache.find("a")
    cache.put("c", 3, START)
    assert cache.find("b") is None
    assert cache.find("a") == (1, START)
    assert cache.find("c") == (3, START)


def test_the_size_of_nested_values_counts() -> None:
    cache = LastGood(max_bytes=10_000)
    cache.put("nested", {"rows": [("x" * 6_000, Balance(1))]}, START)
    assert cache.size_bytes > 6_000
    cache.put("too large", [b"x" * 20_000], START)
    assert cache.find("too large") is None
    cache.put("second", "y" * 6_000, START)
    assert cache.find("nested") is None
    cache.forget("second")
    assert cache.size_bytes == 0


def test_some_members_of_a_long_list_stand_for_all() -> None:
    def size(value: object) -> int:
        cache = LastGood()
        cache.put("key", value, START)
        return cache.size_bytes

    texts = ["x" * 1_000 for _ in range(1_000)]
    assert size(texts) == pytest.approx(1_000 * size(texts[:1]), rel=0.2)
    assert size(dict(enumerate(texts))) > 1_000_000
    assert size(frozenset(f"{number:01000}" for number in range(1_000))) > 1_000_000
    assert size([[number] * 10 for number in range(10_000)]) > 1_000_000


operations = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 5), st.integers(0, 400)),
    st.tuples(st.just("find"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("forget"), st.integers(0, 5), st.just(0)),
)


@given(st.lists(operations, max_size=60), st.integers(1, 4), st.integers(100, 1500))
def test_it_behaves_like_a_list_in_order_of_use(
    steps: list[tuple[str, int, int]], max_entries: int, max_bytes: int
) -> None:
    cache = LastGood(max_entries, max_bytes)
    model: list[tuple[int, bytes]] = []
    sizes: dict[int, int] = {}
    for number, (step, key, length) in enumerate(steps):
        kept = next((item for item in model if item[0] == key), None)
        if step == "put":
            alone = LastGood(1, 10**6)
            alone.put(key, bytes(length), START)
            if alone.size_bytes <= max_bytes:
                sizes[key] = alone.size_bytes
                model = [item for item in model if item[0] != key] + [(key, bytes(length))]
                while len(model) > max_entries or sum(sizes[k] for k, _ in model) > max_bytes:
                    model.pop(0)
            cache.put(key, bytes(length), START + timedelta(seconds=number))
        elif step == "find":
            found = cache.find(key)
            assert (found and found[0]) == (kept and kept[1])
            if kept is not None:
                model = [item for item in model if item[0] != key] + [kept]
        else:
            cache.forget(key)
            model = [item for item in model if item[0] != key]
        assert len(cache) == len(model)
        assert cache.size_bytes == sum(sizes[k] for k, _ in model) <= max_bytes
    assert all(cache.find(key) is not None for key, _ in model)


async def test_a_fresh_answer_is_shown_without_asking_again() -> None:
    cache, clock = LastGood(), ManualClock(START)
    asked = 0

    async def fetch() -> int:
        nonlocal asked
        asked += 1
        return asked

    async def look() -> Reading[int]:
        fresh = timedelta(minutes=1)
        return await cache.read_through(KEY, fetch, clock=clock, max_stale=HOUR, fresh=fresh)

    first = Reading(ReadStatus.LIVE, 1, START, None)
    assert await look() == first
    clock.move(timedelta(seconds=59))
    assert await look() == first
    clock.move(timedelta(seconds=1))
    assert await look() == Reading(ReadStatus.LIVE, 2, clock.now(), None)
