"""Long answers: paced with pings, ended when the session is revoked or the process stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import TypeVar

from bff.transports.endpoint import Edge, Pings
from core.errors import LoginRequired
from core.security.authentication import SESSION_REVOKED, Viewer

T = TypeVar("T")


class Ending(Enum):
    """Why a stream was ended from our side."""

    REVOKED = "the session was revoked"
    DRAINING = "the process stops"
    LEFT = "the client is gone"


class Stop:
    """Tells the streams of one connection to end."""

    def __init__(self, edge: Edge, viewer: Viewer | None) -> None:
        self._edge = edge
        self._viewer = viewer
        self._told = asyncio.Event()
        self.ending: Ending | None = None

    def revoke(self) -> None:
        """End the streams: whoever opened them is signed in no longer."""
        self._end(Ending.REVOKED)

    async def check(self) -> None:
        """Look whether the session still stands; news of its end may have been missed."""
        if self._viewer is not None:
            try:
                await self._edge.app.revocations.refuse_revoked(self._viewer)
            except LoginRequired:
                self.revoke()

    async def wait(self) -> Ending:
        """Return when the streams shall end."""
        await self._told.wait()
        assert self.ending is not None
        return self.ending

    def drain(self) -> None:
        """End the streams: the process is about to stop, clients resume elsewhere."""
        self._end(Ending.DRAINING)

    def leave(self) -> None:
        """End the streams: nobody reads them."""
        self._end(Ending.LEFT)

    def _end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        self._told.set()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Stop"]:
        """Listen for the session's end and for the process's."""

        def hear(ended_id: object) -> None:
            viewer = self._viewer
            if viewer and ended_id in (str(viewer.session_id), str(viewer.user_id)):
                self.revoke()

        silence = self._edge.app.bus.listen(SESSION_REVOKED, hear)
        self._edge.drains.add(self.drain)
        try:
            yield self
        finally:
            silence()
            self._edge.drains.discard(self.drain)


async def paced(items: AsyncGenerator[T], stop: Stop, pings: Pings) -> AsyncGenerator[T | None]:
    """The items, and None whenever none came for a while; ends when `stop` says so."""
    stopping = asyncio.ensure_future(stop.wait())
    waiting: asyncio.Task[T] | None = None
    pause_s = pings.first_s
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(_next(items))
            done, _ = await asyncio.wait(
                {waiting, stopping}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED
            )
            if stopping in done:
                return
            if not done:
                pause_s = pings.every_s
                await stop.check()
                yield None
                continue
            try:
                item = waiting.result()
            except _Ended:
                return
            waiting = None
            yield item
    finally:
        left = {task for task in (waiting, stopping) if task is not None}
        for task in left:
            task.cancel()
        await asyncio.wait(left)
        await items.aclose()


async def _next(items: AsyncGenerator[T]) -> T:
    try:
        return await anext(items)
    except StopAsyncIteration:
        raise _Ended from None


class _Ended(Exception):
    """StopAsyncIteration cannot leave a task."""
