"""An application behind the server that production uses, for clients that speak HTTP themselves."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from core.processes.serve import Server


@asynccontextmanager
async def served(
    asgi: ASGIApp, *, http2: bool = False, at: int | None = None
) -> AsyncIterator[str]:
    """The application on a free port of this machine, or on `at`, under the server that production
    uses."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        port, other = at or first.getsockname()[1], second.getsockname()[1]
    server = Server(asgi, "127.0.0.1", other, port) if http2 else Server(asgi, "127.0.0.1", port)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
        await asyncio.wait({serving}, timeout=5)
        serving.cancel()
