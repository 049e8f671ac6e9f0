"""UPSTREAMS_FILE: where the outside systems are, and who we are there."""

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from core.errors import StartError
from core.settings import Settings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
"""Where plain HTTP goes through no network: a proxy beside us speaks TLS."""


class Reached(Protocol):
    """A system that has an entry in the file."""

    @property
    def name(self) -> str:
        """Its section."""
        ...

    @property
    def optional(self) -> bool:
        """Whether a city may be without it."""
        ...


def read_entries(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The file's sections by name; none where no file is set.

    Raises StartError, in one line, for a file that cannot be read.
    """
    path = settings.upstreams_file
    if path is None:
        return {}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"UPSTREAMS_FILE {path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise StartError(f"UPSTREAMS_FILE {path} is not TOML: {error}") from None
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise StartError(f"UPSTREAMS_FILE {path}: {name} must be a section, [{name}]")
    return entries


def read_addresses(settings: Settings, systems: Iterable[Reached]) -> dict[str, str]:
    """The base address of each system, without a trailing slash.

    What the file does not name is, outside production, in the sandbox city. Raises StartError, in
    one line, that names every system that production cannot find or would call without TLS.
    """
    entries, addresses, faults = read_entries(settings), {}, []
    for system in systems:
        url = str(entries.get(system.name, {}).get("url", "")).rstrip("/")
        if not url and not settings.is_production:
            url = f"{settings.sandbox_url}/{system.name.replace('_', '-')}"
        if not url:
            faults += [] if system.optional else [f"has no entry for {system.name}"]
        elif fault := _fault(url, settings):
            faults.append(f"[{system.name}]: {fault}")
        else:
            addresses[system.name] = url
    if faults:
        raise StartError(f"UPSTREAMS_FILE {'; '.join(dict.fromkeys(faults))}")
    return addresses


def _fault(url: str, settings: Settings) -> str | None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "its url must be an http or https address"
    if settings.is_production and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return "production calls nobody without TLS"
    return None
