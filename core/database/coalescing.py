"""What arrives while the same work is under way is done together, in the next go."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from core.database import refuse_in_transaction

T = TypeVar("T")


class Together(Generic[T]):
    """A line before one piece of work: `work` gets all that wait, in order, at most `most` a go.

    One go runs at a time, so that what it must hold alone (a counter's row, a lock) is taken once
    for many; where `at_once` is more, a further one beside it as soon as a `crowd` waits. An error
    of a go is everybody's in it: `work` is repeat-safe.
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
        if self._has_room():
            self._servers.add(asyncio.create_task(self._serve()))
        await done

    def _has_room(self) -> bool:
        if not self._servers:
            return True
        return len(self._servers) < self._at_once and len(self._waiting) >= self._crowd

    async def _serve(self) -> None:
        party: Sequence[tuple[T, asyncio.Future[None]]] = ()
        try:
            while self._waiting:
                party, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    await self._work([item for item, _ in party])
                except Exception as error:
                    _settle(party, error)
                else:
                    _settle(party, None)
        finally:
            task = asyncio.current_task()
            self._servers = {server for server in self._servers if server is not task}
            _settle(party, asyncio.CancelledError())
            if not self._servers:
                _settle(self._waiting, asyncio.CancelledError())


def _settle(party: Sequence[tuple[T, asyncio.Future[None]]], error: BaseException | None) -> None:
    for _, done in party:
        if done.done():
            continue  # who waited has given up
        if error is None:
            done.set_result(None)
        elif isinstance(error, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(error)
