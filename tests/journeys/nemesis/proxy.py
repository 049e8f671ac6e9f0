"""A proxy before PostgreSQL whose connections fall silent, grow slow or break.

It listens on a unix socket in a thread of its own. A connection is known by the application name
in its first message, so that a fault may meet one kind of connection alone.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SOCKET = ".s.PGSQL.5432"
_CHUNK_BYTES = 65_536
_NAME = re.compile(rb"application_name\0([^\0]*)\0")


@dataclass(eq=False)
class _Link:
    """One connection through the proxy."""

    application: str
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    flows: asyncio.Event = field(default_factory=asyncio.Event)


class DatabaseProxy:
    """Passes connections on to a server's socket; `with` runs it."""

    def __init__(self, folder: Path, server: Path) -> None:
        """Listens in `folder`; `server` is the folder of the server's own socket."""
        self.folder = folder
        self._server = server
        self._links: set[_Link] = set()
        self._holds_new: tuple[str, ...] = ()
        self._delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="database proxy", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hold(self, application: str = "", *, new: bool) -> int:
        """Let connections whose application begins so fall silent, open as they are.

        With `new`, those that are opened from now on are silent too, as when a host has vanished.
        Returns how many fell silent.
        """
        return self._call(lambda: self._hold(application, new=new))

    def release(self, *, cut: bool) -> None:
        """End the silence: what was held arrives late, or with `cut` its connections break."""
        self._call(lambda: self._release(cut=cut))

    def slow(self, delay_s: float) -> None:
        """Let everything that passes take so much longer; 0 ends it."""
        self._delay_s = delay_s

    def _hold(self, application: str, *, new: bool) -> int:
        held = [link for link in self._links if link.application.startswith(application)]
        for link in held:
            link.flows.clear()
        if new:
            self._holds_new += (application,)
        return len(held)

    def _release(self, *, cut: bool) -> None:
        self._holds_new = ()
        for link in list(self._links):
            if cut and not link.flows.is_set():
                for writer in link.writers:
                    writer.transport.abort()
            link.flows.set()

    async def _listen(self) -> None:
        path = self.folder / SOCKET
        self._listener = await asyncio.start_unix_server(self._serve, path)

    async def _end(self) -> None:
        self._listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(_CHUNK_BYTES)
        try:
            server = await asyncio.open_unix_connection(self._server / SOCKET)
        except OSError:
            writer.transport.abort()
            return
        name = _NAME.search(first)
        link = _Link(name[1].decode() if name else "", (writer, server[1]))
        if not link.application.startswith(self._holds_new):
            link.flows.set()
        self._links.add(link)
        pumps = [
            asyncio.ensure_future(self._pump(link, reader, server[1], first)),
            asyncio.ensure_future(self._pump(link, server[0], writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._links.discard(link)
            for pump in pumps:
                pump.cancel()
            for end in link.writers:
                end.transport.abort() if end.transport.is_closing() else end.close()

    async def _pump(
        self,
        link: _Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        data: bytes = b"",
    ) -> None:
        with suppress(OSError):
            data = data or await reader.read(_CHUNK_BYTES)
            while data:
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await link.flows.wait()
                writer.write(data)
                await writer.drain()
                data = await reader.read(_CHUNK_BYTES)
            await link.flows.wait()  # whose host vanished says no farewell

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _call(self, work: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)
