"""What every transport serves with, made when the process has opened its App."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bff.execution.executor import Executor
from bff.limits.admission import Gate
from bff.trusted.documents import Documents
from bff.trusted.library import Library
from bff.trusted.overrides import following_overrides
from bff.trusted.public import PublicAnswers
from bff.trusted.usage import Usage
from core.context.app import App


@dataclass(frozen=True, slots=True)
class Pings:
    """How long a stream may be silent: phones and proxies forget connections that are."""

    first_s: float = 1.0
    every_s: float = 12.0
    init_s: float = 10.0
    """A WebSocket that has not begun by then is closed."""


@dataclass(frozen=True)
class Edge:
    """The GraphQL endpoint's parts."""

    app: App
    executor: Executor
    documents: Documents
    gate: Gate
    library: Library
    usage: Usage
    answers: PublicAnswers = field(default_factory=lambda: PublicAnswers(time.monotonic))
    pings: Pings = Pings()
    drains: set[Callable[[], None]] = field(default_factory=set)
    """How to end each open stream, for when the process is about to stop."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow changes of documents and write down their use while the process serves."""
        async with following_overrides(self.app, self.library), self.usage.writing():
            try:
                yield
            finally:
                self.drain()

    def drain(self) -> None:
        """End all streams; their clients resume at another process."""
        for drain in list(self.drains):
            drain()
