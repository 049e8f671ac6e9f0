"""Long answers: paced with pings, ended when the session is revoked or the process stops."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import TypeVar

import structlog

from bff.request.context import deadline_of
from bff.transports.endpoint import Edge, Pings
from core.database import is_unavailable
from core.deadline import within
from core.errors import LoginRequired
from core.security.authentication import SESSION_REVOKED, Viewer

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Ending(Enum):
    """Why a stream was ended from our side."""

    REVOKED = "the session was revoked"
    EXPIRED = "the token has ended"
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
        """Listen for the session's end and for the process's, and look whether the token is good
        still: who opened a stream may do no more by it than by a request."""
        viewer = self._viewer

        def hear(ended_id: object) -> None:
            if viewer and ended_id in (str(viewer.session_id), str(viewer.user_id)):
                self.revoke()

        silence = self._edge.app.bus.listen(SESSION_REVOKED, hear)
        looking = asyncio.create_task(self._look(viewer)) if viewer is not None else None
        self._edge.drains.add(self.drain)
        try:
            yield self
        finally:
            silence()
            self._edge.drains.discard(self.drain)
            if looking is not None:
                looking.cancel()

    async def _look(self, viewer: Viewer) -> None:
        """Look again and again, beside what the streams do: a database that hangs holds up none."""
        while self.ending is None:
            await asyncio.sleep(self._edge.pings.every_s)
            await self._check(viewer)

    async def _check(self, viewer: Viewer) -> None:
        """End the streams of a token that is over, or of a session whose end was missed."""
        app = self._edge.app
        if viewer.good_until is not None and viewer.good_until <= app.clock.now():
            self._end(Ending.EXPIRED)
            return
        try:
            await within(deadline_of(app), 0.0, app.revocations.refuse_revoked(viewer))
        except LoginRequired:
            self.revoke()
        except Exception as error:
            # who cannot be looked up now is looked up again, and no stream outlives its token
            if not isinstance(error, TimeoutError) and not is_unavailable(error):
                log.exception("a stream's session could not be looked up")


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
