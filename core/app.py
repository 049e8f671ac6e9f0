"""Everything a process is wired with, built once at start and passed down; no globals.

Tests replace an adapter by passing `upstreams={Protocol: fake}`.
"""

import tomllib
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar, cast

from core.bus.bus import Bus
from core.city import City, load_city
from core.clock import Clock, SystemClock, civil_date
from core.database import pool
from core.manifest import Manifest, Service, UpstreamBinding, discover, load
from core.people.personal_read import forget_withdrawn
from core.queue.events import EventBook
from core.queue.jobs import JobQueue
from core.security.authentication import Revocations, Tokens
from core.security.keys import Keys, load_data_keys, load_keys, load_token_keys
from core.security.vault import Vault
from core.settings import Settings
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
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
    metrics: Metrics
    last_good: LastGood
    vault: Vault
    tokens: Tokens
    revocations: Revocations
    _upstreams: dict[type, Any] = field(default_factory=dict, repr=False)
    _once: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def upstream(self, protocol: type[T]) -> T:
        """The client of an outside system. Raises KeyError where no manifest binds it."""
        return cast(T, self._upstreams[protocol])

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

    @cached_property
    def _extensions(self) -> Mapping[str, Sequence[Any]]:
        points: dict[str, list[Any]] = {}
        for manifest in self.manifests:
            for point, path in manifest.extensions:
                points.setdefault(point, []).append(load(path))
        return points

    def extensions(self, point: str) -> Sequence[Any]:
        """What other wings gave to an extension point ("payments.payable"), in manifest order."""
        return self._extensions.get(point, ())


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    manifests: Sequence[Manifest] | None = None,
    upstreams: Mapping[type, Any] | None = None,
    application: str = "quancheng",
) -> AsyncIterator[App]:
    """Build the process's App: database pool, bus, clients; closes them all at the end."""
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is unset: start with `quancheng up`, or set it")
    clock = clock or SystemClock(settings.clock_offset)
    manifests = discover() if manifests is None else manifests
    folder, city = settings.keys_path, load_city(settings.city_file)
    keys, queue = load_keys(folder), JobQueue(manifests)
    bus, metrics = Bus(settings.database_url), Metrics()
    metrics.watch_calendar(lambda: len(city.calendar.overdue_years(civil_date(clock.now()))))
    async with HttpClient(metrics) as http:
        app = App(
            settings=settings,
            city=city,
            clock=clock,
            keys=keys,
            manifests=manifests,
            queue=queue,
            events=EventBook(manifests, queue),
            bus=bus,
            http=http,
            metrics=metrics,
            last_good=LastGood(),
            vault=Vault(keys.pii_data, keys.pii_index, partial(load_data_keys, folder)),
            tokens=_tokens(keys, folder, city, clock),
            revocations=Revocations(clock, bus),
        )
        _bind_upstreams(app, upstreams or {})
        forget_withdrawn(app)
        await pool.connect(
            settings.database_url,
            manifests,
            pool_size=settings.database_pool_size,
            application=application,
            counts=not settings.is_production,
        )
        try:
            await bus.start()
            yield app
        finally:
            await bus.stop()
            await pool.disconnect()


def _tokens(keys: Keys, folder: Path, city: City, clock: Clock) -> Tokens:
    reload = partial(load_token_keys, folder)
    return Tokens(keys.token_signing, f"quancheng:{city.slug}", clock, reload)


def _bind_upstreams(app: App, given: Mapping[type, Any]) -> None:
    addresses = _addresses(app.settings)
    for manifest in app.manifests:
        for binding in manifest.upstreams:
            protocol = load(binding.protocol)
            app.http.protect(binding.name, binding.personal)
            app.http.hedge(binding.name, binding.hedged)
            if protocol in given:
                app._upstreams[protocol] = given[protocol]
            elif binding.optional and app.settings.is_production and binding.name not in addresses:
                app._upstreams[protocol] = None
            else:
                address = addresses.get(binding.name) or _development_address(app, binding)
                app._upstreams[protocol] = load(binding.factory)(app, address)


def _addresses(settings: Settings) -> dict[str, str]:
    if settings.upstreams_file is None:
        return {}
    entries = tomllib.loads(settings.upstreams_file.read_text(encoding="utf-8"))
    return {name: str(entry["url"]).rstrip("/") for name, entry in entries.items()}


def _development_address(app: App, binding: UpstreamBinding) -> str:
    if app.settings.is_production:
        raise ValueError(f"UPSTREAMS_FILE has no entry for {binding.name}")
    return f"{app.settings.sandbox_url}/{binding.name.replace('_', '-')}"
