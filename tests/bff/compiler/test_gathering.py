"""Fields awaited together, begun at once or soon: they fail and are cancelled as under gather."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from bff.compiler import eager
from bff.compiler.gathering import gather_fields, gather_root_fields

Gather = Callable[[Any], Coroutine[Any, Any, list[Any]]]

_mark: ContextVar[str] = ContextVar("mark", default="outside")


async def _marked() -> tuple[asyncio.Task[Any] | None, str]:
    """What a task sees before it waits and after."""
    before = asyncio.current_task()
    _mark.set("inside")
    await asyncio.sleep(0)
    assert asyncio.current_task() is before
    return before, _mark.get()


async def test_an_eager_task_is_a_task_of_its_own_from_its_first_step_on() -> None:
    outside = asyncio.current_task()
    task = eager.start(_marked(), asyncio.get_running_loop())
    assert asyncio.current_task() is outside
    assert _mark.get() == "outside"
    assert not task.done()
    assert await task == (task, "inside")


async def test_an_eager_task_that_waits_for_nothing_is_done() -> None:
    async def answer() -> str:
        return "there"

    async def fail() -> None:
        raise LookupError("gone")

    assert eager.start(answer(), asyncio.get_running_loop()).result() == "there"
    assert isinstance(eager.start(fail(), asyncio.get_running_loop()).exception(), LookupError)
    assert await asyncio.sleep(0, "the loop still schedules") == "the loop still schedules"


async def test_a_timeout_set_in_the_first_step_ends_that_task_alone() -> None:
    async def slow() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        await eager.start(slow(), asyncio.get_running_loop())
    current = asyncio.current_task()
    assert current is not None and current.cancelling() == 0


@pytest.mark.parametrize("gathered", [gather_fields, gather_root_fields])
async def test_results_come_in_order_whoever_is_first(gathered: Gather) -> None:
    async def after(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    assert await gathered([after(3), after(0), after(1)]) == [3, 0, 1]
    assert await gathered([after(0), after(0)]) == [0, 0]


@pytest.mark.parametrize("gathered", [gather_fields, gather_root_fields])
async def test_the_first_failure_cancels_the_others_and_waits_for_them(gathered: Gather) -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0)
            ended.append("hung")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await gathered([hang(), fail()])
    assert ended == ["hung"]


@pytest.mark.parametrize("gathered", [gather_fields, gather_root_fields])
async def test_who_is_cancelled_hears_of_it_when_the_fields_have_ended(gathered: Gather) -> None:
    ended: list[int] = []

    async def hang(number: int) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(number)

    waiting = asyncio.create_task(gathered([hang(1), hang(2)]))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == [1, 2]
