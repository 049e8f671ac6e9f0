"""Every service while each outside system it asks hangs, errs, answers nonsense or is slow.

One city in this process: the API behind its own server, the worker, the sandbox beside it. Services
take their place by their documents; the systems of each are those that it asks while all is well.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bff.app import Api, edge_of
from bff.client.city import CityClient, ClientError, Person
from bff.commands.services import run_document
from bff.trusted.documents import TrustedDocument, documents_of
from core.catalogue import ServiceStatus
from core.context.app import App
from core.context.contributions import SEEDS
from core.manifest import discover
from core.processes.embedded import DatabaseUrls
from core.processes.open_app import open_app
from core.processes.worker import work
from core.settings import Settings
from sandbox.systems import find_systems
from tests.served import served

DEADLINE_S, _PREPARED_WITHIN_S = 2.0, 5.0
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "slow": {"latency_ms": 250},
    "garbage": {"garbage": True},
    "hung": {"hang": True},
    "error": {"error_rate": 1},
}
"""The last open breakers, which then answer in the system's place."""
_MANIFESTS = discover()
_BY_SERVICE = documents_of(_MANIFESTS).for_service
DOCUMENTS = {
    tile.id: document
    for manifest in _MANIFESTS
    for tile in manifest.services
    if tile.status is not ServiceStatus.PLANNED and (document := _BY_SERVICE(tile.id)) is not None
}
OWN_RECORDS = frozenset(
    "gov-hall-appointment exit-entry-appointment marriage-registration-appointment venue-booking "
    "vehicle-inspection-appointment real-estate-appointment gov-case-apply gov-case-progress "
    "gov-rating residence-permit-apply family-doctor-sign remote-medical-filing "
    "hotline-12345 snap-report-progress hypertension-care diabetes-care infant-care".split()
)
"""Services whose documents need the city's own records alone."""
FETCHED_BEFORE = frozenset(
    "bus-arrival-alert trip-plan grid-lookup emergency-alerts housing-fund-withdrawal "
    "loan-products loan-apply loan-progress".split()
)
"""Services that find what a job, another service or their first run has fetched."""
NONSENSE = '"sandbox": "garb'
"""What the sandbox's nonsense contains."""


class Observer(CityClient):
    """A citizen's app that looks at everything it is answered."""

    def __init__(self, api_url: str, sandbox_url: str, *, sessions: Path | None = None) -> None:
        super().__init__(api_url, sandbox_url, sessions=sessions)
        self.faults: list[str] = []
        self.answers: list[Mapping[str, Any]] = []

    def beside(self) -> "Observer":
        """For somebody else, with the same notes."""
        other = Observer(self._api, self._sandbox, sessions=self._sessions)
        other.faults, other.answers = self.faults, self.answers
        return other

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """As for every client, without waiting for what hangs."""
        async with asyncio.timeout(_PREPARED_WITHIN_S):
            return await super().sandbox(method, path, body)

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        try:
            status, answer = await super()._post(body)
        except TimeoutError:
            self.faults.append("no answer")
            raise
        self.faults += _faults_of(status, answer)
        self.answers.append(answer)
        return status, answer


def _faults_of(status: int, answer: Any) -> list[str]:
    """What no answer may be, whatever became of the systems behind it."""
    faults = [f"HTTP {status}"] if status not in (200, 429) else []
    for error in answer.get("errors") or ():
        code = error.get("extensions", {}).get("code")
        if code in (None, "INTERNAL_ERROR"):
            faults.append(f"{error.get('path')}: {code}")
    if NONSENSE in str(answer):
        faults.append("the system's own nonsense")
    for name, field_ in (answer.get("data") or {}).items():
        if isinstance(field_, dict) and field_.get("status") == "UNAVAILABLE":
            faults += [] if field_.get("reason") else [f"{name}: unavailable without a reason"]
        if isinstance(field_, dict) and field_.get("status") == "STALE" and "asOf" in field_:
            faults += [] if field_["asOf"] else [f"{name}: stale since nobody knows when"]
    return faults


@dataclass
class City:
    """The running city and the demo person in it."""

    app: App
    client: Observer
    person: Person

    async def run(self, document: TrustedDocument) -> list[str]:
        """The faults of a document's answers."""
        self.client.faults, self.client.answers = [], []
        # what prepares a document may meet the fault too, and an answer lack what others need
        with suppress(ClientError, LookupError, ValueError, TimeoutError):
            async for _ in run_document(self.client, self.person, document):
                pass
        return list(self.client.faults)

    async def set_fault(self, system: str, fault: Mapping[str, Any]) -> None:
        """Break an outside system: in the sandbox, all those that play it at its address."""
        address = f"/{system.replace('_', '-')}/"
        players = [
            one.name
            for one in find_systems(examples=False)
            if any(operation.path.startswith(address) for operation in one.operations)
        ]
        assert players, system
        for player in players:
            await self.client.sandbox("PUT", f"/_control/faults/{player}", fault)

    def calls(self) -> Mapping[str, float]:
        """How many attempts were made at each system so far."""
        counts: dict[str, float] = defaultdict(float)
        for family in self.app.metrics.registry.collect():
            if family.name == "quancheng_outbound_seconds":
                for sample in family.samples:
                    if sample.name.endswith("_count"):
                        counts[sample.labels["upstream"]] += sample.value
        return counts


@asynccontextmanager
async def _running(settings: Settings, folder: Path) -> AsyncIterator[City]:
    """The worker works until everybody has signed in; then all calls are those of requests."""
    async with open_app(settings, manifests=discover(), application="matrix") as app:
        for seed in SEEDS.of(app.manifests):
            await seed.fill(app)
        api, edge = Api(), edge_of(app)
        api.open(edge)
        async with edge.running(), served(api) as url:
            client = Observer(url, settings.sandbox_url, sessions=folder)
            async with client, _working(app):
                person = await client.person("citizen")
                await client.sign_in(person["phone"])
                await client.verify_real_name(person)
                await client.consent_to_everything()
                city = City(app, client, person)
                for document in DOCUMENTS.values():
                    if "$person" in document.variables:
                        await city.run(document)
            async with client:
                yield city


@asynccontextmanager
async def _working(app: App) -> AsyncIterator[None]:
    stop = asyncio.Event()
    working = asyncio.create_task(work(app, stop))
    try:
        yield
    finally:
        stop.set()
        await working


@pytest.fixture
def settings(
    database: DatabaseUrls, keys_dir: Path, running_sandbox: int, tmp_path: Path
) -> Settings:
    """With a short deadline, and as many requests as one person likes."""
    return Settings(
        database_url=database.app,
        database_owner_url=database.owner,
        keys_dir=keys_dir,
        data_dir=tmp_path,
        sandbox_port=running_sandbox,
        request_deadline_s=DEADLINE_S,
        rate_person=0,
        rate_device=0,
        rate_address=0,
        database_pool_size=10,
    )


@pytest.mark.parametrize(
    "everything", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["some", "all"]
)
async def test_every_service_answers_whatever_becomes_of_its_systems(
    settings: Settings, sandbox_port: int, tmp_path: Path, everything: bool
) -> None:
    async with _running(settings, tmp_path / "sessions") as city:
        asks: dict[str, list[str]] = defaultdict(list)
        for service, document in DOCUMENTS.items():
            before = city.calls()
            assert await city.run(document) == [], service
            for system, count in city.calls().items():
                if count > before[system]:
                    asks[system].append(service)
        asking = {service for services in asks.values() for service in services}
        assert DOCUMENTS.keys() - asking <= OWN_RECORDS | FETCHED_BEFORE
        faults: dict[tuple[str, str, str], list[str]] = {}
        reached: set[str] = set()
        draw = random.Random(20)
        drawn = {system: draw.choice([*FAULTS]) for system in sorted(asks)}
        for kind, fault in FAULTS.items():
            for system in sorted(asks):
                if not everything and drawn[system] != kind:
                    continue
                await city.set_fault(system, fault)
                before = city.calls()
                for service in asks[system]:
                    faults[kind, system, service] = await city.run(DOCUMENTS[service])
                reached |= {f"{kind} {system}"} if city.calls()[system] > before[system] else set()
                await city.client.sandbox("DELETE", "/_control/faults")
        assert {place: found for place, found in faults.items() if found} == {}
        assert len(reached) > len(asks) / 2, "the faults were met"
