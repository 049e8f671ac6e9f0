"""Everything a process is wired with, built once at start and passed down; no globals.

Tests replace an adapter by passing `upstreams={operation: fake, Protocol: fake}`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from core.bus.bus import Bus
from core.catalogue import Service
from core.city import City
from core.clock import Clock
from core.manifest import Manifest
from core.queue.events import EventBook
from core.queue.jobs import JobQueue
from core.rooms import ExtensionPoint
from core.security.authentication import Revocations, Tokens
from core.security.keys import Keys
from core.security.vault import Vault
from core.settings import Settings
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from core.upstream.operation import Upstreams
from core.upstream.readings import LastGood

T = TypeVar("T")


@dataclass(frozen=True)
class App:
    """What services may use: settings, time, keys, queue, bus, outbound clients."""

    settings: Settings
    city: City
    clock: Clock
    keys: Keys
    manifests: Sequence[Manifest]
    queue: JobQueue
    events: EventBook
    bus: Bus
    http: HttpClient
    upstreams: Upstreams
    metrics: Metrics
    last_good: LastGood
    vault: Vault
    tokens: Tokens
    revocations: Revocations
    _clients: dict[type, Any] = field(default_factory=dict, repr=False)
    _once: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def upstream(self, protocol: type[T]) -> T:
        """The client bound to a protocol. Raises KeyError where no manifest binds one."""
        return cast(T, self._clients[protocol])

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """One object per process, made at first need: caches and lines that a module keeps."""
        if key not in self._once:
            self._once[key] = make()
        return cast(T, self._once[key])

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """The catalogue by service id."""
        services = [service for manifest in self.manifests for service in manifest.services]
        return {service.id: service for service in sorted(services, key=lambda s: s.number)}

    def extensions(self, point: ExtensionPoint[T]) -> Sequence[T]:
        """What the rooms give to an extension point, in the order of wings and rooms."""
        return self.once(point, lambda: tuple(point.of(self.manifests)))
