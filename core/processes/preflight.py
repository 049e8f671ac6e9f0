"""What is checked before a start changes anything; each refusal is one line."""

import asyncio
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from core.errors import StartError
from core.security.keys import find_sandbox_keys
from core.security.private_files import find_open_to_others
from core.settings import Settings, production_faults

_POSTGRES_MIN = 15
_CONNECT_TIMEOUT_S = 5.0


def require_production_ready(settings: Settings) -> None:
    """Raise StartError when a production process would run on anything of the sandbox."""
    if faults := [*production_faults(settings), *_key_faults(settings)]:
        raise StartError(f"production refuses to start: {'; '.join(faults)}")


def _key_faults(settings: Settings) -> list[str]:
    """What is wrong with production's key files before any is used."""
    folder = settings.keys_dir
    if not settings.is_production or folder is None:
        return []
    faults = []
    if names := find_sandbox_keys(folder):
        faults.append(f"{folder} holds keys made for the sandbox: {', '.join(names)}")
    if names := find_open_to_others(folder):
        faults.append(f"others may read {', '.join(names)}")
    return faults


@dataclass(frozen=True, slots=True)
class Door:
    """Where a process is to listen, and the setting that says so."""

    host: str
    port: int
    variable: str


def require_free_doors(doors: Iterable[Door]) -> None:
    """Raise StartError unless all could be listened at, one beside the other."""
    meant: dict[int, str] = {}
    with ExitStack() as held:
        for door in doors:
            try:
                held.enter_context(_listening(door))
            except OSError as error:
                if door.port in meant:
                    raise StartError(
                        f"port {door.port} is meant for {meant[door.port]} and for "
                        f"{door.variable}: choose another {door.variable}"
                    ) from error
                raise StartError(
                    f"cannot listen on {door.host} port {door.port}: "
                    f"{error.strerror or error}; choose another with {door.variable}"
                ) from error
            meant[door.port] = door.variable


@contextmanager
def _listening(door: Door) -> Iterator[None]:
    found = socket.getaddrinfo(door.host, door.port, type=socket.SOCK_STREAM)
    family, kind, _, _, address = found[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)
        yield


def api_doors(settings: Settings, number: int = 0) -> list[Door]:
    """Where an API listens; `number` counts its neighbours."""
    doors = [Door(settings.host, settings.port + number, "PORT")]
    if settings.http2_port:
        doors.append(Door(settings.host, settings.http2_port + number, "HTTP2_PORT"))
    return operators_doors(settings, number) + doors


def operators_doors(settings: Settings, number: int = 0) -> list[Door]:
    """Where a process answers operators; `number` counts its neighbours."""
    if not settings.metrics_port:
        return []
    return [Door(settings.metrics_host, settings.metrics_port + number, "METRICS_PORT")]


def sandbox_doors(settings: Settings) -> list[Door]:
    """Where the sandbox city listens."""
    return [Door("127.0.0.1", settings.sandbox_port, "SANDBOX_PORT")]


def require_database(url: str, variable: str) -> None:
    """Raise StartError unless the database answers and is recent enough. Not for a running loop."""
    try:
        version = asyncio.run(_server_version(url))
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        reason = str(e).partition("\n")[0] or type(e).__name__
        raise StartError(f"{variable} ({without_password(url)}) does not answer: {reason}") from e
    if version < _POSTGRES_MIN:
        raise StartError(
            f"{variable} ({without_password(url)}) is PostgreSQL {version}: "
            f"{_POSTGRES_MIN} or newer is needed"
        )


async def _server_version(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
    try:
        return int(connection.get_server_version().major)
    finally:
        connection.terminate()  # without waiting for a server that may hang


def without_password(url: str) -> str:
    """A database address that may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)
