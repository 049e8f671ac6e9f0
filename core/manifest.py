"""What a wing of the house declares about itself, as plain data, and how wings are found.

`core` imports none of them: it looks for `<package>.module.MANIFEST` by name at run time, and
everything callable is named by a dotted path "package.module:attribute" until it is needed.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.states import StateMachine
from core.texts import Text

WINGS = ("core.processes", "notifications", "payments", "kinds", "credit", "bff")


class Theme(StrEnum):
    """The seven themes of the smart-city programme."""

    GOVERNMENT = "GOVERNMENT"
    MOBILITY = "MOBILITY"
    HEALTH = "HEALTH"
    COMMUNITY = "COMMUNITY"
    LOVE_CITY = "LOVE_CITY"
    SAFETY = "SAFETY"
    FINANCE = "FINANCE"


class ServiceKind(StrEnum):
    """What a service does for the citizen."""

    QUERY = "QUERY"
    APPLICATION = "APPLICATION"
    APPOINTMENT = "APPOINTMENT"
    PAYMENT = "PAYMENT"
    SUBSCRIPTION = "SUBSCRIPTION"
    REPORT = "REPORT"


class ServiceStatus(StrEnum):
    """LIVE: its journey works end to end. PLANNED: announced, nothing behind it yet."""

    LIVE = "LIVE"
    PLANNED = "PLANNED"


class Lane(StrEnum):
    """Job lanes; a flood in one never delays another."""

    CRITICAL = "critical"
    NORMAL = "normal"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Service:
    """One tile of the catalogue. `department` is a key of the city file's departments."""

    number: int
    id: str
    name_zh: str
    name_en: str
    theme: Theme
    kind: ServiceKind
    department: str
    identity_level: int
    status: ServiceStatus = ServiceStatus.PLANNED
    fresh_auth: bool | None = None
    """Whether it needs an authentication of the last minutes; None = money and health records."""
    for_others: bool = False
    """Whether a guardian or proxy may use it for somebody: then its fields take `onBehalfOf`."""

    @property
    def needs_fresh_auth(self) -> bool:
        """Whether an old session must prove again who is there."""
        if self.fresh_auth is not None:
            return self.fresh_auth
        is_health_record = self.theme is Theme.HEALTH and self.identity_level == 2
        return self.kind is ServiceKind.PAYMENT or is_health_record


@dataclass(frozen=True, slots=True)
class HomeSection:
    """A card of the home screen: `load(call) -> section` within its own share of the deadline."""

    id: str
    title: Text
    load: str
    budget_ms: int = 800
    identity_level: int = 0
    shared_s: int = 0
    """A card that is the same for everybody: loaded for a stranger and shown to all for so long."""

    def __post_init__(self) -> None:
        if self.shared_s and self.identity_level:
            raise ValueError(f"{self.id}: a card for everybody asks for no identity level")


@dataclass(frozen=True, slots=True)
class JobKind:
    """A queued job: `handler(app, payload)`. Runs at least once; the handler is repeat-safe.

    Failed runs repeat after 1 s, 2 s, 4 s … (at most `max_delay_s`) until `max_attempts`, then the
    job stands among the dead letters until somebody re-runs it.
    """

    kind: str
    handler: str
    lane: Lane = Lane.NORMAL
    max_attempts: int = 10
    max_delay_s: float = 300.0
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job kind that is enqueued by the calendar (cron expression, UTC)."""

    job: str
    cron: str


@dataclass(frozen=True, slots=True)
class EventHandler:
    """A subscription: `handler(app, event)` runs as a job after the event's transaction commits.

    With `of`, only events whose `kind` begins with it: no job is made for what the subscriber would
    pass over.
    """

    event: str
    handler: str
    of: str = ""
    lane: Lane = Lane.NORMAL
    max_attempts: int = 10
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class UpstreamBinding:
    """An outside system: `factory(app, address) -> client` fulfilling the protocol.

    Its address is the entry of this name in UPSTREAMS_FILE; where there is none it is looked for
    under the development city, at `/<name>` with dashes.
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
    """Everything the rest of the house needs to know of one wing or module."""

    name: str
    services: Sequence[Service] = ()
    home: Sequence[HomeSection] = ()
    queries: Sequence[str] = ()
    mutations: Sequence[str] = ()
    subscriptions: Sequence[str] = ()
    types: Sequence[str] = ()
    routes: Sequence[str] = ()
    jobs: Sequence[JobKind] = ()
    schedules: Sequence[Schedule] = ()
    events: Sequence[str] = ()
    handlers: Sequence[EventHandler] = ()
    upstreams: Sequence[UpstreamBinding] = ()
    extensions: Sequence[tuple[str, str]] = ()
    """(extension point, dotted path): what this wing gives to another wing's registry."""
    models: Sequence[str] = ()
    """The modules that hold its tables."""
    migrations: str | None = None
    state_machines: Sequence[StateMachine] = ()
    append_only: Sequence[str] = ()
    """Tables whose rows the application role may insert and read but never change."""
    commands: Sequence[tuple[str, str]] = ()
    seed: str | None = None
    package: str = ""
    """Where it was found; filled in by discover()."""

    @property
    def label(self) -> str:
        """The name under which tables and migrations of this wing are registered."""
        return self.name.replace(".", "_")


def load(path: str) -> Any:
    """The object behind a dotted path "package.module:attribute"."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def discover(*, examples: bool = False) -> tuple[Manifest, ...]:
    """All manifests, wings first, modules in alphabetical order.

    Folders under `modules/` that start with an underscore are examples: they are found only when
    asked for. Raises ValueError where two manifests claim one service, job kind or name.
    """
    packages = [name for name in WINGS if importlib.util.find_spec(f"{name}.module")]
    modules = importlib.import_module("modules")
    for found in sorted(pkgutil.iter_modules(modules.__path__), key=lambda module: module.name):
        if found.ispkg and (examples or not found.name.startswith("_")):
            packages.append(f"modules.{found.name}")
    manifests = tuple(
        replace(load(f"{package}.module:MANIFEST"), package=package) for package in packages
    )
    _refuse_duplicates("manifest", [m.name for m in manifests])
    _refuse_duplicates("service id", [s.id for m in manifests for s in m.services])
    _refuse_duplicates("service number", [s.number for m in manifests for s in m.services])
    _refuse_duplicates("job kind", [j.kind for m in manifests for j in m.jobs])
    _refuse_duplicates("home section", [h.id for m in manifests for h in m.home])
    return manifests


def _refuse_duplicates(what: str, values: Sequence[object]) -> None:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"declared twice, {what}: {', '.join(twice)}")
