"""Work that several want at once, done together.

`Together`: what arrives while it is under way is done in the next go. `Turn`: what is asked for in
one turn of the event loop is asked together, and nobody waits for anybody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from core.database import refuse_in_transaction

T = TypeVar("T")
A = TypeVar("A")


class Together(Generic[T]):
    """A line before one piece of work: `work` gets all that wait, in order, at most `most` a go.

    One go runs at a time, so that what it must hold alone (a counter's row, a lock) is taken once
    for many; where `at_once` is more, a further one beside it once a `crowd` waits, and fewer go
    with the next. An error of a go is everybody's in it: `work` is repeat-safe.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[None]],
        *,
        most: int,
        at_once: int = 1,
        crowd: int = 1,
    ) -> None:
        self._work = work
        self._most = most
        self._at_once = at_once
        self._crowd = crowd
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._servers: set[asyncio.Task[None]] = set()

    async def do(self, item: T) -> None:
        """Wait until the work is done for this item. Raises what the work raised."""
        refuse_in_transaction("waiting in a line")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._is_wanted(beside=len(self._servers)):
            self._servers.add(asyncio.create_task(self._serve()))
        await done

    def _is_wanted(self, beside: int) -> bool:
        """Whether those who wait should go now, beside so many goes that are under way."""
        if not beside:
            return bool(self._waiting)
        return beside < self._at_once and len(self._waiting) >= self._crowd

    async def _serve(self) -> None:
        party: Sequence[tuple[T, asyncio.Future[None]]] = ()
        try:
            while self._is_wanted(beside=len(self._servers) - 1):
                party, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    await self._work([item for item, _ in party])
                except Exception as error:
                    _settle(party, error)
                else:
                    _settle(party, None)
                await asyncio.sleep(0)  # whoever asks again at once goes with the next
        finally:
            task = asyncio.current_task()
            self._servers = {server for server in self._servers if server is not task}
            _settle(party, asyncio.CancelledError())
            if not self._servers:
                _settle(self._waiting, asyncio.CancelledError())


def _settle(party: Sequence[tuple[Any, asyncio.Future[Any]]], error: BaseException | None) -> None:
    for _, done in party:
        if done.done():
            continue  # who waited has given up
        if error is None:
            done.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(error)


class Turn(Generic[T, A]):
    """Questions of which those of one turn of the event loop are answered by one go of `answer`.

    It gets them in order and gives as many answers. What it raises, all of them get. Whoever gives
    up waiting takes nothing from the others.
    """

    def __init__(self, answer: Callable[[Sequence[T]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._asked: list[tuple[T, asyncio.Future[A]]] = []
        self._goes = set[asyncio.Task[None]]()

    async def ask(self, question: T) -> A:
        """The answer to one question. Raises what `answer` raised."""
        refuse_in_transaction("waiting for others")
        answered: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._asked.append((question, answered))
        if len(self._asked) == 1 and await self._is_alone(answered):
            (answer,) = await self._answer([question])
            return answer
        return await answered

    async def settle(self, within_s: float) -> None:
        """Wait until several who ask together have their answer, at most so long."""
        if self._asked:
            await asyncio.sleep(0)  # then their turn is over, and their go has begun
        if self._goes:
            await asyncio.wait(self._goes, timeout=within_s)

    async def _is_alone(self, answered: asyncio.Future[A]) -> bool:
        """Let the turn end; whether nobody else has asked in it. Else the go of all begins.

        Who is alone, as most are, answers itself: that saves a task.
        """
        try:
            await asyncio.sleep(0)
        except BaseException:
            answered.cancel()
            raise
        finally:
            questions, self._asked = self._asked, []
            if len(questions) > 1:
                go = asyncio.create_task(self._go(questions))
                self._goes.add(go)
                go.add_done_callback(self._goes.discard)
        return len(questions) == 1

    async def _go(self, questions: Sequence[tuple[T, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._answer([question for question, _ in questions])
        except BaseException as error:
            _settle(questions, error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answered), answer in zip(questions, answers, strict=True):
            if not answered.done():
                answered.set_result(answer)
