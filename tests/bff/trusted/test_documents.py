"""Trusted documents: manifests, what production runs, hot fixes, use by app version."""

import asyncio
import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import pytest
import strawberry
from graphql import parse, validate

from bff.app import make_edge
from bff.commands.documents import ship
from bff.request.operation import Operation, RequestError
from bff.schema.build import build_schema
from bff.transports.endpoint import Edge
from bff.trusted import shipped
from bff.trusted.composition import DocumentError
from bff.trusted.documents import Documents, documents_of, gather
from bff.trusted.library import Library
from bff.trusted.overrides import Override, drop_override, set_override
from bff.trusted.shipped import ManifestError, ShippedOperation, document_id, parse_manifest
from bff.trusted.usage import fields_of, read_usage
from core.context.app import App
from core.database import pool, transaction
from core.errors import StartError
from core.manifest import discover
from tests.asgi import Client

SOURCE = "query Hello($name: String!) { hello(name: $name) city { name } }"
ID = document_id(SOURCE)
VARIABLES = {"name": "Li"}


@strawberry.type
class City:
    """A city."""

    name: str


@strawberry.type
class Query:
    """Two fields."""

    @strawberry.field
    def hello(self, name: str) -> str:
        return f"Hello {name}"

    @strawberry.field
    async def city(self) -> City:
        return City(name="Springs")


@strawberry.type(name="Query")
class NarrowQuery:
    """The same without the city."""

    @strawberry.field
    def hello(self, name: str) -> str:
        return name


def documents(*sources: str, apps: tuple[str, ...] = ("ios-1.4.0",)) -> Documents:
    shipped = [ShippedOperation(document_id(source), "Hello", source) for source in sources]
    return gather((), dict.fromkeys(apps, shipped))


@pytest.fixture
def edge(app: App) -> Edge:
    return make_edge(app, strawberry.Schema(Query), documents(SOURCE), trusted_only=True)


@pytest.fixture
def client(edge: Edge) -> Client:
    return Client(edge)


@pytest.fixture
async def running(edge: Edge) -> AsyncIterator[Edge]:
    async with edge.running():
        yield edge


def body(**members: Any) -> bytes:
    return orjson.dumps({"variables": VARIABLES} | members)


async def answer(client: Client, **members: Any) -> Any:
    return (await client.post(body(**members))).json


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - news comes through the database
            await asyncio.sleep(0.01)


def test_manifests_of_apollo_and_relay_say_the_same() -> None:
    relay = orjson.dumps({hashlib.md5(SOURCE.encode()).hexdigest(): SOURCE})
    (from_relay,) = parse_manifest(relay)
    assert (from_relay.name, from_relay.source) == ("Hello", SOURCE)
    apollo = shipped.write_manifest([ShippedOperation(ID, "Hello", SOURCE)])
    assert parse_manifest(apollo) == [ShippedOperation(ID, "Hello", SOURCE)]


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b'{"id": 1}',
        b'{"format": "apollo-persisted-query-manifest", "operations": [{}]}',
        orjson.dumps({document_id("{ other }"): SOURCE}),
        orjson.dumps({hashlib.sha256(b"{ other }").hexdigest(): SOURCE}),
        orjson.dumps({hashlib.md5(b"{ other }").hexdigest(): SOURCE}),
        orjson.dumps({"1": SOURCE, "2": SOURCE}),
        orjson.dumps(
            {
                "format": "apollo-persisted-query-manifest",
                "operations": [
                    {"id": "1", "name": "A", "body": "query A { city { name } }"},
                    {"id": "1", "name": "B", "body": "query B { city { name } }"},
                ],
            }
        ),
    ],
    ids=[
        *("half a JSON", "a list", "a number for a text", "nothing of an operation"),
        *("another text's id", "another text's bare hash", "another text's MD5"),
        *("one name twice", "one id twice"),
    ],
)
def test_manifests_of_no_known_form_are_refused(text: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(text)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("query A { nothing }", "nothing"),
        ("query A { services { id }", "Syntax Error"),
        ("query A { services { id } } query B { services { id } }", "not one operation"),
    ],
)
def test_what_does_not_fit_is_not_released(tmp_path: Path, source: str, fault: str) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(orjson.dumps({"1": source}))
    with pytest.raises(StartError, match=fault):
        ship("android-99.0", manifest)
    assert not (shipped.FOLDER / "android-99.0.json").exists()


def test_one_id_means_one_text_in_every_app() -> None:
    """Whoever came later would silently run the other's text."""
    android = [ShippedOperation("1", "A", "query A { city { name } }")]
    ios = [ShippedOperation("1", "B", 'query B { hello(name: "B") }')]
    with pytest.raises(DocumentError, match="with another text"):
        gather((), {"android-1.0": android, "ios-1.0": ios})
    both = gather((), {"android-1.0": android, "ios-1.0": android})
    assert both.operations["1"].apps == ("android-1.0", "ios-1.0")


@pytest.mark.parametrize("name", ["1.4.0", "ios", "../ios-1", "ios-1.4.0/x", "iOS-1"])
def test_app_versions_have_one_form(name: str) -> None:
    with pytest.raises(ManifestError):
        shipped.check_app(name)


async def test_a_document_runs_by_its_id_or_by_its_bare_hash(client: Client) -> None:
    expected = {"hello": "Hello Li", "city": {"name": "Springs"}}
    digest = ID.removeprefix("sha256:")
    apollo = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    for members in ({"documentId": ID}, {"documentId": digest}, {"extensions": apollo}):
        assert (await answer(client, **members))["data"] == expected


def _automatic(text: str) -> dict[str, Any]:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


async def test_automatic_persisted_queries_fall_back_to_the_text(app: App) -> None:
    """On the words that clients know; where nothing is kept they need not try again."""
    free = Client(make_edge(app, strawberry.Schema(Query), documents(SOURCE), trusted_only=False))
    text, expected = 'query Other { hello(name: "Wu") }', {"hello": "Hello Wu"}
    unknown = await free.post(body(extensions=_automatic(text)))
    (error,) = unknown.json["errors"]
    assert error["message"] == "PersistedQueryNotSupported"
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_SUPPORTED"
    both = await answer(free, query=text, extensions=_automatic(text))
    assert both["data"] == expected
    forged = await free.post(body(query=text, extensions=_automatic(SOURCE)))
    assert (forged.status, forged.codes) == (400, ["BAD_REQUEST"])
    known = await answer(free, query=SOURCE, extensions=_automatic(SOURCE))
    assert known["data"]["hello"] == "Hello Li"


async def test_production_runs_no_text_behind_a_hash(client: Client) -> None:
    text = 'query Other { hello(name: "Wu") }'
    refused = await client.post(body(query=text, extensions=_automatic(text)))
    assert refused.codes == ["DOCUMENT_NOT_TRUSTED"]


async def test_production_runs_nothing_else_on_any_transport(client: Client) -> None:
    free = body(query=SOURCE)
    posted = await client.post(free)
    assert posted.codes == ["DOCUMENT_NOT_TRUSTED"]
    streamed = await client.post(free, headers={"accept": "text/event-stream"})
    assert streamed.codes == ["DOCUMENT_NOT_TRUSTED"]
    asked = await client.request("GET", "/graphql?query=%7B__typename%7D")
    assert asked.codes == ["DOCUMENT_NOT_TRUSTED"]
    unknown = await client.post(body(documentId="sha256:00"))
    assert unknown.codes == ["DOCUMENT_UNKNOWN"]
    async with client.websocket() as socket:
        await socket.open()
        payload = {"query": SOURCE, "variables": VARIABLES}
        await socket.say({"type": "subscribe", "id": "1", "payload": payload})
        heard = await socket.hear()
        assert heard["type"] == "error"
        assert heard["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


@contextmanager
def counted(*functions: Any) -> Iterator[Counter[str]]:
    """How often functions are called, whoever calls them by whatever name."""
    names = {function.__code__: function.__name__ for function in functions}
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


async def test_a_warm_request_parses_and_validates_nothing(edge: Edge, client: Client) -> None:
    edge.library.prepare_all()
    with counted(parse, validate) as calls:
        assert "errors" not in await answer(client, documentId=ID)
    assert calls == {}
    free = Library(strawberry.Schema(Query), documents(), trusted_only=False)
    with counted(parse, validate) as calls:
        free.find(Operation(query=SOURCE))
    assert calls == {"parse": 1, "validate": 1}


async def test_a_document_is_fixed_killed_and_restored_while_the_process_runs(
    app: App, running: Edge, client: Client
) -> None:
    fixed = "query Hello($name: String!) { hello(name: $name) }"
    before = running.library.find(Operation(document_id=ID))
    async with transaction() as tx:
        await set_override(tx, app.clock, Override(ID, fixed, "the city was wrong"))
    await until(lambda: running.library.find(Operation(document_id=ID)) is not before)
    assert (await answer(client, documentId=ID))["data"] == {"hello": "Hello Li"}
    async with transaction() as tx:
        await set_override(tx, app.clock, Override(ID, None, "it overloads the registry"))
    await until(lambda: not running.library.operations(ID))
    gone = await client.post(body(documentId=ID))
    assert (gone.status, gone.codes) == (410, ["DOCUMENT_WITHDRAWN"])
    async with transaction() as tx:
        await drop_override(tx, ID)
    await until(lambda: running.library.operations(ID))
    assert running.library.find(Operation(document_id=ID)) is before


async def test_a_fix_holds_for_processes_that_start_later(app: App, edge: Edge) -> None:
    async with transaction() as tx:
        await set_override(tx, app.clock, Override(ID, None, "killed before"))
    async with edge.running():
        assert edge.library.operations(ID) == {}


async def test_a_fix_that_does_not_fit_changes_nothing(
    app: App, edge: Edge, client: Client
) -> None:
    async with transaction() as tx:
        await set_override(tx, app.clock, Override(ID, "{ nothingOfThatName }", "a slip"))
    async with edge.running():
        assert "errors" not in await answer(client, documentId=ID)


def test_a_schema_change_that_breaks_a_live_version_is_found() -> None:
    library = Library(strawberry.Schema(NarrowQuery), documents(SOURCE), trusted_only=True)
    with pytest.raises(RequestError) as refusal:
        library.find(Operation(document_id=ID))
    assert refusal.value.code == "DOCUMENT_OUTDATED"
    faults = library.prepare_all()
    assert list(faults) == [ID]
    assert "city" in faults[ID]


async def test_use_is_counted_by_document_and_known_app_version(
    app: App, edge: Edge, client: Client
) -> None:
    for version in ("ios-1.4.0", "ios-1.4.0", "made-up-9"):
        await client.post(body(documentId=ID), headers={"x-app-version": version})
    await edge.usage.write()
    await edge.usage.write()
    await client.post(body(documentId=ID), headers={"x-app-version": "ios-1.4.0"})
    await edge.usage.write()
    assert await read_usage(app.clock.now().date()) == {
        (ID, "ios-1.4.0"): 3,
        (ID, "unknown"): 1,
    }


async def test_a_process_stops_though_its_counts_cannot_be_written(edge: Edge) -> None:
    async with edge.usage.writing():
        edge.usage.count("an-operation", None)
        await pool.disconnect()


def test_whatever_the_schema_offers_some_document_asks_for() -> None:
    """Production runs nothing but documents: without one, an operation is out of reach."""
    manifests = discover()
    schema = build_schema(manifests)._schema
    texts = [document.source for document in documents_of(manifests).by_name.values()]
    asked = set().union(*(fields_of(schema, parse(text)) for text in texts))
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    offered = {f"{root.name}.{name}" for root in roots if root for name in root.fields}
    assert offered - asked == set()


def test_the_fields_of_a_document() -> None:
    schema = strawberry.Schema(Query)._schema
    assert fields_of(schema, parse(SOURCE)) == {"Query.hello", "Query.city", "City.name"}
