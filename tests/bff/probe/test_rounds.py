"""The probe: every living service is asked, nothing is left behind, a silent one is seen."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from bff.app import edge_of
from bff.probe.asking import Check, Person, ask, ask_all
from bff.probe.rounds import ask_once, find_person, turn_s
from bff.probe.store import read_checks, write_checks
from bff.transports.endpoint import Edge
from core.catalogue import ServiceStatus
from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all
from core.errors import LoginRequired
from core.manifest import discover
from core.people.directory import find_person as find_account
from core.processes.open_app import open_app
from core.security.authentication import PROBE_ID, Viewer
from core.settings import Environment, Settings
from tests.asgi import Client
from tests.sandbox.serving import Client as Sandbox

COLD = {"trip-plan"}
"""What a process makes ready before it asks, and a test does not: it may be late."""

GROUPS = {"billers": "biller", "hospitals": "hospital"}
"""What is one system of ours and several of the sandbox's, by its name there."""


@pytest.fixture
async def city(settings: Settings, sandbox: Sandbox, sandbox_port: int) -> AsyncIterator[Edge]:
    """The edge of an App whose systems are the sandbox's; on the sandbox's clock, too."""
    near = settings.model_copy(update={"sandbox_port": sandbox_port, "request_deadline_s": 30.0})
    async with open_app(near, manifests=discover()) as app:
        opened = edge_of(app)
        yield opened
        opened.drain()


async def _ask(edge: Edge) -> Mapping[str, Check]:
    checks = await ask_once(edge.app, edge.executor, edge.documents)
    return {check.service_id: check for check in checks}


async def _counts() -> Mapping[str, int]:
    """Rows of every table."""
    tables = await fetch_all(
        connection(), "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    counts = " UNION ALL ".join(
        f"SELECT '{row['name']}' AS name, count(*) AS rows FROM {row['name']}" for row in tables
    )
    return {row["name"]: row["rows"] for row in await fetch_all(connection(), counts)}


async def _unseen(edge: Edge, sandbox: Sandbox) -> list[tuple[str, str]]:
    """Each system and service that needs it and does not show it when it is down."""
    app = edge.app
    documents = [edge.documents.for_service(tile) for tile in app.services]
    services = [one for one in documents if one is not None]
    viewer = Viewer(PROBE_ID, PROBE_ID, 2, frozenset(), app.clock.now())
    person, unseen = Person(viewer, await find_person(app)), []
    for system in sorted({name for one in services for name in one.needs}):
        app.last_good.forget_all(())
        switch = f"/_control/faults/{GROUPS.get(system, system)}"
        status, _ = await sandbox.put(switch, {"error_rate": 1})
        assert status == 200, f"no such system: {system}"
        for document in services:
            if system in document.needs:
                check = await ask(app, edge.executor, document, person)
                if check is None or check.fault is None:
                    unseen.append((system, document.name))
        await sandbox.call("DELETE", switch)
    return unseen


async def test_every_service_answers_and_a_silent_one_is_seen(city: Edge, sandbox: Sandbox) -> None:
    before = await _counts()
    checks = await _ask(city)
    living = {s.id for s in city.app.services.values() if s.status is ServiceStatus.LIVE}
    assert checks.keys() == living
    assert {name for name, check in checks.items() if check.fault} <= COLD
    after = await _counts()
    left = {name: rows for name, rows in after.items() if rows != before[name]}
    # hospitals' bills are kept once, whoever asks; no row names the probe
    assert left.keys() <= {"bff_service_check", "health_bill"}
    bills = await fetch_all(connection(), "SELECT citizen_id FROM health_bill")
    assert {row["citizen_id"] for row in bills} <= {None}
    await sandbox.put("/_control/faults/housing_fund", {"error_rate": 1})
    again = await _ask(city)
    faults = {name for name, check in again.items() if check.fault} - COLD
    assert faults == {"housing-fund-query"}
    assert await _counts() == after, "a round leaves what the one before it left"
    assert (await read_checks(city.app.clock.now() - timedelta(minutes=9))).keys() == living
    assert await _unseen(city, sandbox) == []


async def test_without_a_person_only_what_is_for_anybody_is_asked(app: App, edge: Edge) -> None:
    settings = app.settings.model_copy(update={"environment": Environment.PRODUCTION})
    production = replace(app, settings=settings)
    known = await find_person(production)
    assert known == {} and await find_account(production, PROBE_ID) is None
    named = settings.model_copy(update={"probe_person": "探示针,1,2"})
    assert (await find_person(replace(app, settings=named)))["name"] == "探示针"
    few = replace(
        edge.documents,
        by_name={id: edge.documents.by_name[id] for id in ("loan-products", "loan-progress")},
    )
    checks = await ask_all(production, edge.executor, few, known)
    assert [check.service_id for check in checks] == ["loan-products"]


async def test_one_process_of_all_asks_and_then_waits(app: App, clock: ManualClock) -> None:
    assert await turn_s(app) == 0
    assert 0 < await turn_s(app) <= app.settings.probe_every_s
    clock.move(timedelta(seconds=app.settings.probe_every_s))
    assert await turn_s(app) == 0


async def test_nobody_signs_in_as_the_probe(app: App) -> None:
    token = app.tokens.issue(Viewer(PROBE_ID, PROBE_ID, 2, frozenset(), app.clock.now()))
    with pytest.raises(LoginRequired):
        app.tokens.verify(token)


async def test_the_page_of_services_shows_what_they_said(client: Client) -> None:
    app, english = client.app, {"accept-language": "en"}
    page = (await client.request("GET", "/services", headers=english)).body.decode()
    assert "asked" not in page and 'class="live"' in page
    checks = [Check("shelter-lookup", 12, None), Check("grid-lookup", 3000, "TIMEOUT")]
    await write_checks(checks, app.clock.now() - timedelta(minutes=4))
    page = (await client.request("GET", "/services", headers=english)).body.decode()
    assert "asked 4 min ago, 1 did not answer" in page
    assert "live, 12 ms" in page and 'class="silent"' in page
    assert "TIMEOUT" not in page
    await write_checks(checks[:1], app.clock.now() - timedelta(minutes=1))
    page = (await client.request("GET", "/services")).body.decode()
    assert "1 分钟前自检，全部应答" in page and "可用 12 毫秒" in page
    await write_checks(checks, app.clock.now() - timedelta(hours=1))
    page = (await client.request("GET", "/services", headers=english)).body.decode()
    assert "asked" not in page, "an old check says nothing of now"
