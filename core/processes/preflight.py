"""What is checked before a start changes anything; each refusal is one line."""

import asyncio
import socket
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


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raise StartError unless this process could listen there; `variable` names the setting."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError(
            f"cannot listen on {host} port {port}: {reason}; choose another with {variable}"
        ) from error


def require_free_operators_port(settings: Settings, number: int = 0) -> None:
    """Raise StartError unless a process could answer operators; `number` counts neighbours."""
    if settings.metrics_port:
        require_free_port(settings.metrics_host, settings.metrics_port + number, "METRICS_PORT")


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
