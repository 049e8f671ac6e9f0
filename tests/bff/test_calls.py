"""No N+1: every document declares what it may ask for, and one that reads item by item is found.

That the documents keep to it is measured in `tests/journeys`, against the whole running house.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from graphql import OperationType, parse
from strawberry.dataloader import DataLoader

from bff.app import Api, make_edge
from bff.client.city import CityClient, ClientError
from bff.commands.calls import excess, measure, unnamed_systems
from bff.trusted.documents import (
    AT_MOST,
    NEEDS,
    USES,
    TrustedDocument,
    document_of,
    documents_of,
    gather,
)
from bff.trusted.library import operations_of
from core.catalogue import ServiceStatus
from core.context.app import App
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.graphql import Info
from core.manifest import discover
from core.telemetry.call_counts import Tally
from core.upstream.client import Upstream
from tests.bff.fault_cards import NAMES, City

WELLS = 12
HOW = "run `quancheng documents calls` against a running server: it tells what to write"


@strawberry.type
class Well:
    """A well, and what is asked for it alone or for all wells at once."""

    number: int

    @strawberry.field
    async def depth_alone(self) -> int:
        return (await _depths([self.number]))[0]

    @strawberry.field
    async def depth(self, info: Info) -> int:
        loader = info.context.once(_depths, lambda: DataLoader(_depths))
        found: int = await loader.load(self.number)
        return found

    @strawberry.field
    async def water_alone(self, info: Info) -> int:
        answer = await UPSTREAM[0].request(
            "GET", f"/{NAMES[0]}", operation="read", deadline=Deadline.after(5)
        )
        return int(answer.json()["number"])


@strawberry.type
class Query:
    """The wells of a city."""

    @strawberry.field
    def wells(self) -> list[Well]:
        return [Well(number=number) for number in range(WELLS)]


UPSTREAM: list[Upstream] = []


async def _depths(numbers: list[int]) -> list[int]:
    sql = "SELECT n * 2 AS depth FROM unnest($1::int[]) WITH ORDINALITY AS t (n, place)"
    return [row["depth"] for row in await fetch_all(connection(), sql, numbers)]


def document(field: str, **declared: int) -> TrustedDocument:
    source = f"query Wells {{ wells {{ {field} }} }}"
    variables = {AT_MOST: {"Wells": declared}} if declared else {}
    return document_of("modules/wells/documents/wells.graphql", source, variables)


@pytest.fixture
async def city(app: App) -> AsyncIterator[City]:
    async with City().running() as running:
        UPSTREAM[:] = [app.http.upstream("wells", running.address)]
        yield running


@pytest.fixture
def run(
    app: App, serve: Callable[[Any], Awaitable[str]], city: City
) -> Callable[..., Awaitable[str | None]]:
    """What is wrong with a document, on a real server."""

    async def run(trusted: TrustedDocument, *, production: bool = False) -> str | None:
        documents = gather([trusted], {})
        api = Api()
        api.open(make_edge(app, strawberry.Schema(Query), documents, trusted_only=production))
        async with CityClient(await serve(api), city.address) as client:
            return excess(trusted, await measure(client, {}, trusted, is_service=True))

    return run


async def test_a_list_read_in_one_go_keeps_to_its_declaration(
    run: Callable[..., Awaitable[str | None]],
) -> None:
    assert await run(document("number depth", sql=1, upstream=0)) is None


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ("depthAlone", Tally(sql=WELLS)),
        ("waterAlone", Tally(upstream=WELLS)),
        ("depth waterAlone", Tally(sql=1, upstream=WELLS)),
    ],
)
async def test_a_list_read_item_by_item_is_found(
    run: Callable[..., Awaitable[str | None]], field: str, made: Tally
) -> None:
    fault = await run(document(field, sql=1, upstream=1))
    assert fault is not None
    assert f"Wells made {made.sql} SQL and {made.upstream} upstream calls" in fault
    raised = f'{{"sql":{max(made.sql, 1)},"upstream":{max(made.upstream, 1)}}}'
    assert f'modules/wells/documents/wells.json:\n  "$atMost": {{"Wells":{raised}}}' in fault


async def test_what_declares_nothing_is_told_what_to_write(
    run: Callable[..., Awaitable[str | None]],
) -> None:
    fault = await run(document("depth"))
    assert fault is not None
    assert "none are declared" in fault
    assert '"$atMost": {"Wells":{"sql":1,"upstream":0}}' in fault


async def test_production_neither_counts_nor_tells(
    run: Callable[..., Awaitable[str | None]],
) -> None:
    with pytest.raises(ClientError, match="does not count"):
        await run(document("depth", sql=1, upstream=0), production=True)


def _documents() -> list[TrustedDocument]:
    manifests = discover()
    planned = {
        tile.id for m in manifests for tile in m.services if tile.status is ServiceStatus.PLANNED
    }
    found = documents_of(manifests).by_name
    return [document for name, document in found.items() if name not in planned]


@pytest.mark.parametrize("trusted", _documents(), ids=lambda document: document.name)
def test_every_document_declares_what_it_may_ask_for(trusted: TrustedDocument) -> None:
    names = {
        node.name.value if node.name else trusted.name
        for node in operations_of(parse(trusted.source))
        if node.operation is not OperationType.SUBSCRIPTION
    }
    undeclared = names - trusted.at_most.keys()
    assert not undeclared, f'{trusted.example_path} lacks "{AT_MOST}" of {undeclared}: {HOW}'
    unknown = trusted.at_most.keys() - names
    assert not unknown, f'{trusted.example_path}: "{AT_MOST}" of {unknown}, which is not there'


async def test_a_system_that_the_example_does_not_name_is_found(
    app: App, serve: Callable[[Any], Awaitable[str]], city: City
) -> None:
    trusted, api = document("waterAlone", sql=0, upstream=WELLS), Api()
    api.open(make_edge(app, strawberry.Schema(Query), gather([trusted], {}), trusted_only=False))
    async with CityClient(await serve(api), city.address) as client:
        made = await measure(client, {}, trusted, is_service=True)
    assert "reached wells: write into" in str(unnamed_systems(trusted, made))
    for key in (NEEDS, USES):
        named = replace(trusted, variables={**trusted.variables, key: ["wells"]})
        assert unnamed_systems(named, made) is None


def test_every_system_that_an_example_names_is_one(app: App) -> None:
    named = {(d.name, name) for d in _documents() for name in (*d.needs, *d.uses)}
    assert {one for one in named if app.upstreams.find_address(one[1]) is None} == set()
