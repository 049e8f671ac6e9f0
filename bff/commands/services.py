"""Check every living service against a running server."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from graphql import OperationType, parse
from rich.table import Table
from rich.text import Text

from bff.client.city import Answer, CityClient, ClientError, Person, reaching
from bff.commands.cost import AIMS, list_beside, list_costs
from bff.schema.build import build_schema
from bff.trusted.blanks import days_around, fill
from bff.trusted.documents import TrustedDocument, documents_of
from bff.trusted.library import operations_of
from bff.trusted.parts import parts_of
from core.catalogue import Service, ServiceStatus
from core.clock import civil_date
from core.manifest import discover
from core.processes.tables import print_tables
from core.settings import read_settings

_DEMO_PERSON = "citizen"

app = typer.Typer(help="The services of the catalogue.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one service; `ok` is None for a planned one."""

    id: str
    ok: bool | None
    status: str
    latency_ms: float | None
    error: str | None


@app.callback()
def services() -> None:
    """The services of the catalogue."""


@app.command()
def check(
    json: Annotated[bool, typer.Option("--json", help="Print a list instead of a table.")] = False,
    api: Annotated[str | None, typer.Option(help="The API; HOST and PORT unless told.")] = None,
) -> None:
    """Run every service's trusted operations; exit 1 if a living one fails."""
    settings = read_settings()
    with reaching("no check"):
        url, sessions = api or settings.base_url, settings.data_dir / "sessions"
        rows = asyncio.run(check_services(url, settings.sandbox_url, sessions))
    if json:
        typer.echo(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2))
    else:
        _print(rows)
    if any(row.ok is False for row in rows):
        raise typer.Exit(1)


@app.command()
def cost() -> None:
    """Print what each living service costs in lines, beside the aims of its kind."""
    manifests = discover()
    tiles = (service for manifest in manifests for service in manifest.services)
    costs = list_costs(tiles, documents_of(manifests), build_schema(manifests)._schema)
    table = Table("no", "service", "kind", "python", "documents", "tests", "aim")
    for one in costs:
        python, documents = AIMS[one.service.kind]
        row = (one.service.number, one.service.id, one.service.kind, one.python)
        aim = f"{python} + {documents}{' !' if one.is_above_aim else ''}"
        table.add_row(*map(str, row), str(one.documents), str(one.tests), aim)
    beside = Table("beside the services", "python")
    for folder, lines in list_beside(costs).items():
        beside.add_row(folder, str(lines))
    print_tables(table, beside)


async def check_services(api_url: str, sandbox_url: str, sessions: Path) -> list[Row]:
    """One row per service of the catalogue, in the order of their numbers."""
    manifests = discover()
    documents = documents_of(manifests)
    tiles = sorted((s for m in manifests for s in m.services), key=lambda s: s.number)
    async with demo_person(api_url, sandbox_url, sessions) as (client, person):
        return [await _check(client, person, t, documents.for_service(t.id)) for t in tiles]


@asynccontextmanager
async def demo_person(
    api_url: str, sandbox_url: str, sessions: Path
) -> AsyncIterator[tuple[CityClient, Person]]:
    """The demo citizen, signed in with a real name and every consent. Raises ClientError."""
    async with CityClient(api_url, sandbox_url, sessions=sessions) as client:
        person = await client.person(_DEMO_PERSON)
        await client.sign_in(person["phone"])
        await client.verify_real_name(person)
        await client.consent_to_everything()
        yield client, person


async def _check(
    client: CityClient, person: Person, tile: Service, document: TrustedDocument | None
) -> Row:
    if tile.status is ServiceStatus.PLANNED:
        return Row(tile.id, None, tile.status, None, None)
    if document is None:
        return Row(tile.id, False, tile.status, None, "it has no trusted document")
    latency_ms = 0.0
    try:
        async for _, answer in run_document(client, person, document):
            refuse_bad(answer.data)
            latency_ms += answer.latency_ms
    except (ClientError, OSError, LookupError, TimeoutError) as error:
        return Row(tile.id, False, tile.status, None, str(error) or type(error).__name__)
    return Row(tile.id, True, tile.status, round(latency_ms, 1), None)


@asynccontextmanager
async def _named_person(
    client: CityClient, document: TrustedDocument
) -> AsyncIterator[tuple[CityClient, Person]]:
    """The demo person whom a document names, signed in, and the guardian of the child it names."""
    person = dict(await client.person(document.variables["$person"]))
    async with client.beside() as other:
        await other.sign_in(person["phone"])
        await other.verify_real_name(person)
        await other.consent_to_everything()
        if "$child" in document.variables:
            child_id = await other.guard(await other.person(document.variables["$child"]))
            await other.consent_to_everything(on_behalf_of=child_id)
            person["childId"] = child_id
        yield other, person


async def run_document(
    client: CityClient, person: Person, document: TrustedDocument
) -> AsyncIterator[tuple[str, Answer]]:
    """Run a document's queries and mutations in their order; yields each one's name and answer.

    Blanks of the example variables are filled: `{{key}}` with a fresh idempotency key,
    `{{bills.0.billNo}}` from the answers so far, `{{phone}}` from the demo person, `{{day.-70}}`
    with the date of the city's clock so many days ago or ahead. Before that
    the requests under "$before" prepare the sandbox; those under "$before <operation>" run right
    before that operation. "$person" names another demo person to run it, "$child" a child of
    theirs (`{{childId}}`). Raises ClientError for errors, LookupError for a blank that nothing
    fills.
    """
    if "$person" not in document.variables:
        async for outcome in _run_operations(client, person, document):
            yield outcome
        return
    async with _named_person(client, document) as (other, named):
        async for outcome in _run_operations(other, named, document):
            yield outcome


async def _run_operations(
    client: CityClient, person: Person, document: TrustedDocument
) -> AsyncIterator[tuple[str, Answer]]:
    known: dict[str, Any] = {**person, **person.get("household", {})}
    if "{{day." in str(document.variables):
        known["day"] = await _days(client)
    await _prepare(client, document, "$before", known)
    for operation in document.operations:
        (node,) = operations_of(parse(operation.source))
        if node.operation is OperationType.SUBSCRIPTION:
            continue
        await _prepare(client, document, f"$before {operation.name}", known)
        names = {v.variable.name.value for v in node.variable_definitions or ()}
        variables = {n: fill(v, known) for n, v in document.variables.items() if n in names}
        answer = await client.run(document_id=operation.id, variables=variables)
        yield operation.name, answer
        known |= answer.data


async def _days(client: CityClient) -> Mapping[str, str]:
    city = await client.sandbox("GET", "/_control/healthz")
    return days_around(civil_date(datetime.fromisoformat(city["now"])))


async def _prepare(
    client: CityClient, document: TrustedDocument, when: str, known: Mapping[str, Any]
) -> None:
    for method, path, body in document.variables.get(when, ()):
        await client.sandbox(method, fill(path, known), fill(body, known))


def refuse_bad(data: Mapping[str, Any]) -> None:
    """Raise ClientError for refusals and data that is unavailable."""
    for path, part in parts_of(data):
        if "code" in part and "message" in part:
            raise ClientError(f"{path}: {part['code']}: {part['message']}")
        if part.get("status") == "UNAVAILABLE":
            raise ClientError(f"{path} is UNAVAILABLE: {part.get('reason')}")


def _print(rows: list[Row]) -> None:
    table = Table("service", "status", "", "ms", "error", box=None)
    for row in rows:
        words = {True: ("ok", "green"), False: ("failed", "red"), None: ("–", "dim")}
        mark = Text(*words[row.ok])
        latency = "" if row.latency_ms is None else f"{row.latency_ms:.0f}"
        table.add_row(row.id, row.status, mark, latency, row.error or "")
    print_tables(table)
