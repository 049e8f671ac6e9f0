"""`python -m sandbox`: the city on its port, one process, until stopped."""

from granian.constants import Interfaces
from granian.server import Server

from sandbox.settings import SandboxSettings


def main() -> None:
    """Serve on 127.0.0.1. One worker: the state is one file with one owner."""
    Server(
        "sandbox.app:create_app",
        address="127.0.0.1",
        port=SandboxSettings().port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main()
