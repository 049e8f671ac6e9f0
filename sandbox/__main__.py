"""`python -m sandbox`: the city on its port, in this one process, until SIGINT or SIGTERM."""

import asyncio
import signal

from granian.constants import Interfaces
from granian.server.embed import Server

from sandbox.app import create_app
from sandbox.settings import SandboxSettings


async def serve(settings: SandboxSettings) -> None:
    """Listen on 127.0.0.1; return when told to stop."""
    server = Server(
        create_app(settings),
        address="127.0.0.1",
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


if __name__ == "__main__":
    asyncio.run(serve(SandboxSettings()))
