"""One process, one event loop, one ASGI application: how the API and the sandbox are served."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

_GRACE_S = 8.0


def serve(factory: Callable[[], Any], host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are under way.

    An application with a `drain()` is told first, so that its streams end and their clients go
    elsewhere; what does not end by itself is cut after 8 s. Granian's embedded server keeps all
    in this process, so that a kill leaves no worker holding the port.
    """
    uvloop.run(_serve(factory, host, port))


async def _serve(factory: Callable[[], Any], host: str, port: int) -> None:
    application = factory()
    server = Server(application, address=host, port=port, interface=Interfaces.ASGI, backlog=1024)
    serving = asyncio.ensure_future(server.serve())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if hasattr(application, "drain"):
            application.drain()
        server.stop()  # type: ignore[no-untyped-call]
        loop.call_later(_GRACE_S, serving.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
