"""What a wing of the house declares about itself, as plain data, and how wings are found.

`core` imports none of them: it looks for `<package>.module.MANIFEST` by name at run time. What a
wing's rooms hold is found there by its type when it is needed (`core.rooms`).
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.catalogue import Service, read_services
from core.errors import StartError

WINGS = (
    "core",
    "notifications",
    "payments",
    "kinds",
    "kinds.booking",
    "kinds.application",
    "credit",
    "bff",
)
CATALOGUE = "services.csv"
"""The table of all services, in the folder `modules/`."""


@dataclass(frozen=True, slots=True)
class UpstreamBinding:
    """A protocol that several systems fulfil, each in its own way: a PSP, a hospital's numbers.

    `factory(app, address) -> client` speaks to the one of this name; its address is found as a
    `core.upstream.operation.System`'s is.
    """

    name: str
    protocol: str
    factory: str
    personal: Sequence[str] = ()
    """Operations that read a person's data: the client refuses them without an Access."""
    optional: bool = False
    """Production starts without its address, and there is no client then."""
    hedged: Sequence[str] = ()
    """Reads that may be sent a second time when the first is slow (`core.upstream.hedging`)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the rest of the house needs to know of one wing or module.

    Rooms, commands and migrations are modules or packages named from the wing's own package on
    ("reminders.jobs"); one that does not exist refuses to start.
    """

    name: str
    rooms: Sequence[str] = ()
    """Where its declarations are: a module, or a package with all that is in it. Their order is
    the order of what is found in them, such as the fields of the GraphQL schema."""
    upstreams: Sequence[UpstreamBinding] = ()
    """The outside systems behind a protocol; the others are declared in rooms (`System`)."""
    migrations: str | None = None
    append_only: Sequence[str] = ()
    """Tables whose rows the application role may insert and read but never change."""
    read_only: Sequence[str] = ()
    """Tables that the application role only reads: functions with their owner's rights write."""
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    """Tables whose rows the application role never deletes, each with the columns it updates."""
    commands: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Commands of `quancheng` by name: each a module with a Typer `app`."""
    services: Sequence[Service] = ()
    """Its rows of the catalogue's table; filled in by discover()."""
    package: str = ""
    """Where it was found; filled in by discover()."""

    @property
    def label(self) -> str:
        """The name under which tables and migrations of this wing are registered."""
        return self.name.replace(".", "_")

    def within(self, name: str) -> str:
        """The full name of a module that is named from the wing's package on."""
        return f"{self.package}.{name}"


def load(path: str) -> Any:
    """The object behind a dotted path "package.module:attribute"."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def discover(*, examples: bool = False) -> tuple[Manifest, ...]:
    """All manifests with their services, wings first, modules in alphabetical order.

    Folders under `modules/` that start with an underscore are examples: they are found only when
    asked for. Raises StartError where two manifests claim one name or one service, and for a
    catalogue that is not as it must be.
    """
    packages = [name for name in WINGS if importlib.util.find_spec(f"{name}.module")]
    modules = importlib.import_module("modules")
    for found in sorted(pkgutil.iter_modules(modules.__path__), key=lambda module: module.name):
        if found.ispkg:
            packages.append(f"modules.{found.name}")
    services = _services(modules.__path__, packages)
    manifests = tuple(
        replace(
            load(f"{package}.module:MANIFEST"),
            package=package,
            services=tuple(services[_folder(package)]),
        )
        for package in packages
        if examples or not _folder(package).startswith("_")
    )
    refuse_duplicates("manifest", [m.name for m in manifests])
    refuse_duplicates("service id", [s.id for m in manifests for s in m.services])
    refuse_duplicates("service number", [s.number for m in manifests for s in m.services])
    return manifests


def _services(places: Sequence[str], packages: Sequence[str]) -> Mapping[str, list[Service]]:
    folders = [_folder(package) for package in packages]
    services: dict[str, list[Service]] = {folder: [] for folder in folders}
    for place in places:
        table = Path(place) / CATALOGUE
        if table.exists():
            for folder, rows in read_services(table, folders).items():
                services[folder] += rows
    return services


def _folder(package: str) -> str:
    return package.rpartition(".")[2]


def refuse_duplicates(what: str, values: Sequence[object]) -> None:
    """Raise StartError where one value is there twice."""
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise StartError(f"declared twice, {what}: {', '.join(twice)}")
