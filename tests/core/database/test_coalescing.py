"""Doing together: one go at a time, everybody answered, errors shared, nobody stranded."""

import asyncio
from collections.abc import Sequence

import pytest

from core.database.coalescing import Together


class Work:
    """Notes its goes; waits for `gate`; fails for an item that is negative."""

    def __init__(self, at_once: int = 1) -> None:
        self.goes: list[list[int]] = []
        self.gate = asyncio.Event()
        self.at_once = 0
        self.most_at_once = at_once

    async def __call__(self, items: Sequence[int]) -> None:
        self.at_once += 1
        assert self.at_once <= self.most_at_once
        self.goes.append(list(items))
        await self.gate.wait()
        self.at_once -= 1
        if min(items) < 0:
            raise ValueError("negative")


async def _waiting(line: Together[int], *items: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(line.do(item)) for item in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_who_comes_during_a_go_shares_the_next() -> None:
    work = Work()
    line = Together(work, most=3)
    tasks = await _waiting(line, 1) + await _waiting(line, 2, 3, 4, 5)
    assert work.goes == [[1]]
    work.gate.set()
    await asyncio.gather(*tasks)
    assert work.goes == [[1], [2, 3, 4], [5]]
    await line.do(6)
    assert work.goes[-1] == [6]


async def test_a_crowd_opens_a_second_go() -> None:
    work = Work(at_once=2)
    line = Together(work, most=3, at_once=2, crowd=2)
    tasks = await _waiting(line, 1) + await _waiting(line, 2) + await _waiting(line, 3, 4, 5)
    assert work.goes == [[1], [2, 3, 4]]
    work.gate.set()
    await asyncio.gather(*tasks)
    assert work.goes == [[1], [2, 3, 4], [5]]


async def test_an_error_is_that_of_its_go_alone() -> None:
    work = Work()
    line = Together(work, most=10)
    tasks = await _waiting(line, 1) + await _waiting(line, -2, 3)
    work.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError, ValueError]
    await line.do(4)


async def test_who_gives_up_leaves_the_others_in_line() -> None:
    work = Work()
    line = Together(work, most=10)
    first, second, third = await _waiting(line, 1) + await _waiting(line, 2, 3)
    first.cancel()
    second.cancel()
    work.gate.set()
    await third
    assert work.goes == [[1], [2, 3]]
    with pytest.raises(asyncio.CancelledError):
        await second
