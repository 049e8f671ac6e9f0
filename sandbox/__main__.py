"""`python -m sandbox`: the city on its port, in this one process, until SIGINT or SIGTERM."""

import asyncio
import os
import signal
import socket
import sys

from granian.constants import Interfaces
from granian.server.embed import Server

from sandbox.app import create_app
from sandbox.server.settings import SandboxSettings

ADDRESS = "127.0.0.1"
STOP_GRACE_S = 2.0


async def serve(settings: SandboxSettings) -> None:
    """Listen until told to stop. A request that hangs on purpose does not delay the end."""
    server = Server(
        create_app(settings),
        address=ADDRESS,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.stop()  # type: ignore[no-untyped-call]
        loop.call_later(STOP_GRACE_S, os._exit, 0)  # committed state is safe in SQLite

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    await server.serve()


def port_is_free(port: int) -> bool:
    """Whether nobody listens there. The server shares ports, so it would not notice itself."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def main() -> None:
    """Run the sandbox; exit 1 with one line when the port is taken."""
    settings = SandboxSettings()
    if not port_is_free(settings.port):
        sys.exit(f"sandbox: port {settings.port} on {ADDRESS} is in use (SANDBOX_PORT)")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
