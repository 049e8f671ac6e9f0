"""Builds a process's App: keys, database pool, bus, clients of the upstreams."""

import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from core.bus.bus import Bus
from core.city import City, load_city
from core.clock import Clock, SystemClock
from core.context.app import App
from core.database import pool
from core.manifest import Manifest, UpstreamBinding, discover, load
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
    clock = clock or SystemClock()
    manifests = discover() if manifests is None else manifests
    folder, city = settings.keys_path, load_city(settings.city_file)
    keys, queue = load_keys(folder), JobQueue(manifests)
    bus, metrics = Bus(settings.database_url), Metrics()
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
