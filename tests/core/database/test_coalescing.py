"""Doing and asking together: everybody answered, errors shared, nobody stranded."""

import asyncio
from collections.abc import Sequence

import pytest

from core.database import transaction
from core.database.coalescing import Together, Turn


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


async def test_fewer_than_a_crowd_go_with_the_next() -> None:
    goes: list[tuple[list[int], asyncio.Event]] = []

    async def work(items: Sequence[int]) -> None:
        goes.append((list(items), asyncio.Event()))
        await goes[-1][1].wait()

    line = Together(work, most=3, at_once=2, crowd=2)
    tasks = await _waiting(line, 1) + await _waiting(line, 2, 3) + await _waiting(line, 4)
    goes[0][1].set()
    await tasks[0]
    await asyncio.sleep(0.01)
    assert [items for items, _ in goes] == [[1], [2, 3]]  # 4 alone would only cost its trips
    goes[1][1].set()
    await asyncio.sleep(0.01)
    assert [items for items, _ in goes] == [[1], [2, 3], [4]]
    goes[2][1].set()
    await asyncio.gather(*tasks)


async def test_who_asks_again_at_once_goes_with_who_waits() -> None:
    work = Work()
    line = Together(work, most=10)

    async def ask_twice(item: int) -> None:
        await line.do(item)
        await line.do(item)

    tasks = [asyncio.create_task(ask_twice(1))]
    await asyncio.sleep(0.01)
    tasks += [asyncio.create_task(line.do(2))]
    await asyncio.sleep(0.01)
    work.gate.set()
    await asyncio.gather(*tasks)
    assert work.goes == [[1], [2, 1]]


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


class Answers:
    """Doubles; notes its goes; fails for a question that is negative."""

    def __init__(self) -> None:
        self.goes: list[list[int]] = []
        self.gate = asyncio.Event()

    async def __call__(self, questions: Sequence[int]) -> Sequence[int]:
        self.goes.append(list(questions))
        await self.gate.wait()
        if min(questions) < 0:
            raise ValueError("negative")
        return [2 * question for question in questions]


async def test_questions_of_one_turn_are_one_go_and_later_ones_wait_for_nobody() -> None:
    answers = Answers()
    turn = Turn(answers)
    first = [asyncio.create_task(turn.ask(question)) for question in (1, 2)]
    await asyncio.sleep(0.01)
    later = asyncio.create_task(turn.ask(3))
    await asyncio.sleep(0.01)
    assert answers.goes == [[1, 2], [3]]
    answers.gate.set()
    assert [await one for one in (*first, later)] == [2, 4, 6]


async def test_settled_are_those_who_have_asked_by_then_or_after_so_long() -> None:
    answers = Answers()
    turn = Turn(answers)
    await turn.settle(10.0)  # nobody has asked
    asked = [asyncio.create_task(turn.ask(question)) for question in (1, 2)]
    await asyncio.sleep(0)
    settled = asyncio.create_task(turn.settle(10.0))
    await asyncio.sleep(0.01)
    assert not settled.done()
    await turn.settle(0.001)
    assert not asked[0].done()
    answers.gate.set()
    await settled
    assert [one.done() for one in asked] == [True, True]


async def test_an_error_is_that_of_its_turn_alone() -> None:
    answers = Answers()
    answers.gate.set()
    turn = Turn(answers)
    outcomes = await asyncio.gather(*map(turn.ask, (1, -2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    assert await turn.ask(3) == 6


async def test_who_gives_up_takes_no_answer_from_the_others() -> None:
    answers = Answers()
    turn = Turn(answers)
    first, second = [asyncio.create_task(turn.ask(question)) for question in (1, 2)]
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    answers.gate.set()
    assert await second == 4
    assert first.cancelled()


async def test_the_first_who_gives_up_before_the_turn_ends_leaves_it_to_the_others() -> None:
    answers = Answers()
    answers.gate.set()
    turn = Turn(answers)
    first, second = [asyncio.create_task(turn.ask(question)) for question in (1, 2)]
    asyncio.get_running_loop().call_soon(first.cancel)  # between its question and the end of it
    assert await second == 4
    assert first.cancelled()
    assert await turn.ask(3) == 6


async def test_who_is_alone_and_gives_up_gives_the_answer_up_too() -> None:
    answers = Answers()
    turn = Turn(answers)
    alone = asyncio.create_task(turn.ask(1))
    await asyncio.sleep(0.01)
    alone.cancel()
    await asyncio.wait([alone])
    answers.gate.set()
    assert alone.cancelled()
    assert await turn.ask(2) == 4


@pytest.mark.usefixtures("app")
async def test_nobody_waits_for_others_inside_a_transaction() -> None:
    async with transaction():
        with pytest.raises(RuntimeError, match="inside a transaction"):
            await Turn(Answers()).ask(1)
