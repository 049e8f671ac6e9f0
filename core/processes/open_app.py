"""Builds a process's App: keys, database pool, bus, clients of the upstreams."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from core.bus.bus import Bus
from core.city import City, load_city
from core.clock import Clock, SystemClock, civil_date
from core.context.app import App
from core.context.contributions import START_CHECKS
from core.database import pool
from core.errors import StartError
from core.manifest import Manifest, discover, load
from core.people.personal_read import forget_withdrawn
from core.queue.events import EventBook
from core.queue.jobs import JobQueue
from core.rooms import points_of
from core.security.authentication import Revocations, Tokens
from core.security.document_certificate import days_good
from core.security.key_proofs import check_keys
from core.security.keys import Keys, load_data_keys, load_keys, load_token_keys
from core.security.vault import Vault
from core.settings import Settings
from core.telemetry.metrics import Metrics
from core.upstream.addresses import read_addresses
from core.upstream.client import HttpClient
from core.upstream.operation import SYSTEMS, Upstreams
from core.upstream.readings import LastGood


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    manifests: Sequence[Manifest] | None = None,
    upstreams: Mapping[Any, Any] | None = None,
    application: str = "quancheng",
    counts: bool | None = None,
) -> AsyncIterator[App]:
    """Build the process's App and close it at the end; `upstreams` gives fakes.

    Statements are counted for who develops, not in production, unless `counts` says otherwise.
    """
    if settings.database_url is None:
        raise ValueError("DATABASE_URL is unset: start with `quancheng up`, or set it")
    clock = clock or SystemClock(settings.clock_offset)
    manifests = discover() if manifests is None else manifests
    metrics = Metrics()
    async with HttpClient(metrics) as http:
        app = _assemble(settings, clock, manifests, metrics, http, upstreams or {})
        _bind_protocols(app, upstreams or {})
        forget_withdrawn(app)
        await pool.connect(
            settings.database_url,
            manifests,
            pool_size=settings.database_pool_size,
            application=application,
            counts=not settings.is_production if counts is None else counts,
        )
        try:
            await check_keys(app.vault)
            await app.bus.start()
            yield app
        finally:
            await app.bus.stop()
            await pool.disconnect()


def _assemble(
    settings: Settings,
    clock: Clock,
    manifests: Sequence[Manifest],
    metrics: Metrics,
    http: HttpClient,
    fakes: Mapping[Any, Any],
) -> App:
    """Everything that needs no connection yet. Raises StartError."""
    assert settings.database_url is not None
    folder, city = settings.keys_path, load_city(settings.city_file)
    queue, events = check_wings(manifests, city)
    for start in START_CHECKS.of(manifests):
        start.check(settings, manifests, city)
    keys = load_keys(folder)
    bus = Bus(settings.database_url, clock if isinstance(clock, SystemClock) else None)
    metrics.watch_calendar(lambda: len(city.calendar.overdue_years(civil_date(clock.now()))))
    metrics.watch_document_certificate(lambda: days_good(keys.document_certificates, clock.now()))
    return App(
        settings=settings,
        city=city,
        clock=clock,
        keys=keys,
        manifests=manifests,
        queue=queue,
        events=events,
        bus=bus,
        http=http,
        upstreams=_open_upstreams(settings, http, manifests, fakes),
        metrics=metrics,
        last_good=LastGood(),
        vault=Vault(keys.pii_data, keys.pii_index, partial(load_data_keys, folder)),
        tokens=_tokens(keys, folder, city, clock),
        revocations=Revocations(clock, bus),
    )


def check_wings(manifests: Sequence[Manifest], city: City) -> tuple[JobQueue, EventBook]:
    """Import every room and hold the wings' declarations against one another.

    Raises StartError, one line, for whatever names something that is not there or is declared
    twice.
    """
    for point in points_of(manifests):
        point.of(manifests)
    for service in (service for manifest in manifests for service in manifest.services):
        if service.department not in city.departments:
            raise StartError(f"{service.id}: no department of {city.slug} is {service.department}")
    queue = JobQueue(manifests)
    return queue, EventBook(manifests, queue)


def _tokens(keys: Keys, folder: Path, city: City, clock: Clock) -> Tokens:
    reload = partial(load_token_keys, folder)
    return Tokens(keys.token_signing, f"quancheng:{city.slug}", clock, reload)


def _open_upstreams(
    settings: Settings,
    http: HttpClient,
    manifests: Sequence[Manifest],
    given: Mapping[Any, Any],
) -> Upstreams:
    """The systems, each with its address. Raises StartError for one that production cannot find."""
    bindings = [binding for manifest in manifests for binding in manifest.upstreams]
    declared = SYSTEMS.of(manifests)
    addresses = read_addresses(settings, [*declared, *bindings])
    return Upstreams(http, declared, addresses, given)


def _bind_protocols(app: App, given: Mapping[Any, Any]) -> None:
    for binding in (binding for manifest in app.manifests for binding in manifest.upstreams):
        protocol, address = load(binding.protocol), app.upstreams.find_address(binding.name)
        app.http.rules.protect(binding.name, binding.personal)
        app.http.rules.hedge(binding.name, binding.hedged)
        if protocol in given:
            app._clients[protocol] = given[protocol]
        elif address is None:
            app._clients[protocol] = None
        else:
            app._clients[protocol] = load(binding.factory)(app, address)
