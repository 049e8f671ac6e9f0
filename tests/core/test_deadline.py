"""Deadlines shrink as they are handed down and never grow."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.deadline import Deadline, TimeLimit, to_the_end, within


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_counts_down_to_zero_and_stays_there() -> None:
    clock = Seconds()
    deadline = Deadline.after(3.0, monotonic=clock)
    assert deadline.remaining() == 3.0
    clock.now += 2.0
    assert deadline.remaining() == 1.0
    assert not deadline.expired
    clock.now += 5.0
    assert deadline.remaining() == 0.0
    assert deadline.expired


def test_share_by_fraction_and_cap() -> None:
    clock = Seconds()
    deadline = Deadline.after(4.0, monotonic=clock)
    assert deadline.share(fraction=0.5).remaining() == 2.0
    assert deadline.share(cap_s=1.0).remaining() == 1.0
    assert deadline.share(fraction=0.5, cap_s=3.0).remaining() == 2.0
    clock.now += 3.5
    assert deadline.share(cap_s=1.0).remaining() == 0.5


@pytest.mark.parametrize("arguments", [{"fraction": 1.5}, {"fraction": -0.1}, {"cap_s": -1.0}])
def test_a_senseless_share_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|cap"):
        Deadline.after(1.0).share(**arguments)


@given(
    total_s=st.floats(0, 1e6),
    passed_s=st.floats(0, 1e6),
    fraction=st.floats(0, 1),
    cap_s=st.none() | st.floats(0, 1e6),
)
def test_a_child_never_outlives_its_parent(
    total_s: float, passed_s: float, fraction: float, cap_s: float | None
) -> None:
    clock = Seconds()
    parent = Deadline.after(total_s, monotonic=clock)
    clock.now += passed_s
    child = parent.share(fraction=fraction, cap_s=cap_s)
    assert child.at_monotonic <= parent.at_monotonic
    if cap_s is not None:
        assert child.remaining() <= cap_s + 1e-6


async def test_a_time_limit_ends_what_takes_longer_and_nothing_else() -> None:
    with pytest.raises(TimeoutError), TimeLimit(0.01):
        await asyncio.sleep(30)
    with TimeLimit(0.01):
        pass
    await asyncio.sleep(0.03)
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


async def test_a_time_limit_leaves_other_peoples_errors_and_cancellations_alone() -> None:
    with pytest.raises(LookupError), TimeLimit(30):
        raise LookupError

    async def limited() -> None:
        with TimeLimit(30):
            await asyncio.sleep(30)

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_of_two_time_limits_the_nearer_one_ends_its_own_block() -> None:
    with TimeLimit(30):
        with pytest.raises(TimeoutError), TimeLimit(0.01):
            await asyncio.sleep(30)
        assert await asyncio.sleep(0, "goes on") == "goes on"


async def answer(after_s: float = 0.0) -> str:
    if after_s:
        async with asyncio.timeout(30):
            await asyncio.sleep(after_s)
    return "answer"


async def test_within_a_deadline_there_is_an_answer_at_once_or_later() -> None:
    assert await within(Deadline.after(0), 0, answer()) == "answer"
    assert await within(Deadline.after(5), 0, answer(0.01)) == "answer"


async def test_beyond_a_deadline_and_its_grace_nobody_waits() -> None:
    with pytest.raises(TimeoutError):
        await within(Deadline.after(0.01), 0.01, answer(30))
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0


async def test_errors_and_cancellations_reach_what_waits_within_a_deadline() -> None:
    async def fail(after_s: float) -> None:
        await asyncio.sleep(after_s)
        raise LookupError

    for after_s in (0, 0.01):
        with pytest.raises(LookupError):
            await within(Deadline.after(5), 0, fail(after_s))
    ended = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    async def whole() -> None:
        await within(Deadline.after(30), 0, tidy())

    task = asyncio.create_task(whole())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_what_is_to_end_ends_though_nobody_waits_for_it_any_more() -> None:
    done, gate = list[str](), asyncio.Event()

    async def work(name: str) -> str:
        await asyncio.sleep(0)
        await gate.wait()
        done.append(name)
        return name

    left = asyncio.create_task(to_the_end(work("left")))
    stays = asyncio.create_task(to_the_end(work("stays")))
    await asyncio.sleep(0.01)
    left.cancel()
    await asyncio.wait([left])
    assert left.cancelled() and done == []
    gate.set()
    assert await stays == "stays"
    assert done == ["left", "stays"]


async def test_what_is_to_end_and_waits_for_nothing_is_no_task() -> None:
    async def at_once() -> asyncio.Task[object] | None:
        return asyncio.current_task()

    async def failing() -> None:
        raise ValueError("no")

    assert await to_the_end(at_once()) is asyncio.current_task()
    with pytest.raises(ValueError, match="no"):
        await to_the_end(failing())
