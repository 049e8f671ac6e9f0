"""No N+1: each trusted document is held to the SQL and upstream calls that it declares.

The server counts (`core.telemetry.call_counts`) and tells outside production; a list that is read
item by item makes more calls than the document allows as soon as the list has items.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import orjson
import typer

from bff.client.city import CityClient, ClientError, Person, reaching
from bff.commands.services import demo_person, refuse_bad, run_document
from bff.trusted.documents import AT_MOST, NEEDS, USES, TrustedDocument, documents_of
from core.catalogue import ServiceStatus
from core.manifest import discover
from core.settings import read_settings
from core.telemetry.call_counts import Tally

_CALLS = re.compile(rb'\{\s+"sql": (\d+),\s+"upstream": (\d+)\s+\}')
_ROOT = Path(__file__).resolve().parents[2]

Calls = Mapping[str, Tally]
"""What operations asked for, by their names."""


def calls(
    api: Annotated[str | None, typer.Option(help="The API; HOST and PORT unless told.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Declare what was measured where it is more.")
    ] = False,
) -> None:
    """Run every document against a running server; exit 1 if one asks for more than it declares."""
    settings = read_settings()
    with reaching("no check"):
        faults = asyncio.run(
            find_excess(
                api or settings.base_url,
                settings.sandbox_url,
                settings.data_dir / "sessions",
                write=write,
            )
        )
    for fault in faults:
        typer.echo(fault)
    if faults and not write:
        raise typer.Exit(1)


async def find_excess(
    api_url: str, sandbox_url: str, sessions: Path, *, write: bool = False
) -> list[str]:
    """What is wrong, document by document, of living services and of the app's own screens.

    Raises ClientError where the server does not count, as in production.
    """
    manifests = discover()
    statuses = {tile.id: tile.status for m in manifests for tile in m.services}
    faults = []
    async with demo_person(api_url, sandbox_url, sessions) as (client, person):
        for name, document in documents_of(manifests).by_name.items():
            if statuses.get(name) is ServiceStatus.PLANNED:
                continue
            made = await measure(client, person, document, is_service=name in statuses)
            if name in statuses and (unnamed := unnamed_systems(document, made)):
                faults.append(unnamed)
            fault = excess(document, made)
            if fault is not None:
                faults.append(fault)
                if write:
                    _write(document, made)
    return faults


async def measure(
    client: CityClient, person: Person, document: TrustedDocument, *, is_service: bool
) -> Calls:
    """What each operation of a document asks for. A screen may fail (its example names a payment
    that nobody made, say); what comes after that is not measured.

    Raises ClientError where the server does not tell, and where a service does not work.
    """
    made: dict[str, Tally] = {}
    try:
        async for name, answer in run_document(client, person, document):
            if answer.calls is None:
                raise ClientError("this server does not count, because it runs as production")
            made[name] = answer.calls
            if is_service:
                refuse_bad(answer.data)
    except (ClientError, LookupError) as error:
        if is_service:
            raise ClientError(f"{document.name}: {error}") from error
    return made


def excess(document: TrustedDocument, made: Calls) -> str | None:
    """What a document asks for beyond what it declares, and what to write; None where it holds."""
    declared = document.at_most
    over = [
        f"{name} made {_words(calls)}, "
        + (f"{_words(declared[name])} are declared" if name in declared else "none are declared")
        for name, calls in made.items()
        if name not in declared or _most(calls, declared[name]) != declared[name]
    ]
    if not over:
        return None
    declaration = orjson.dumps(_declaration(_raised(document, made))).decode()
    return (
        f"{document.name}: {'; '.join(over)}.\n"
        "  Read lists in one go (a DataLoader, a join). Where each of these calls is needed, write "
        f'into {document.example_path}:\n  "{AT_MOST}": {declaration}'
    )


def unnamed_systems(document: TrustedDocument, made: Calls) -> str | None:
    """Which systems a service reached that its example does not name; None where it names all."""
    reached = {system for calls in made.values() for system in calls.systems}
    unnamed = sorted(reached.difference(document.needs, document.uses))
    if not unnamed:
        return None
    return (
        f"{document.name} reached {', '.join(unnamed)}: write into {document.example_path}, under "
        f'"{NEEDS}" what it does not work without, under "{USES}" what it does.'
    )


def _raised(document: TrustedDocument, made: Calls) -> Calls:
    """The declaration that allows what was made, operations in the order of the document."""
    declared = document.at_most
    return {name: _most(calls, declared.get(name, calls)) for name, calls in made.items()} | {
        name: calls for name, calls in declared.items() if name not in made
    }


def _most(one: Tally, other: Tally) -> Tally:
    return Tally(max(one.sql, other.sql), max(one.upstream, other.upstream))


def _words(calls: Tally) -> str:
    return f"{calls.sql} SQL and {calls.upstream} upstream calls"


def _declaration(calls: Calls) -> Mapping[str, Mapping[str, int]]:
    return {name: {"sql": made.sql, "upstream": made.upstream} for name, made in calls.items()}


def _write(document: TrustedDocument, made: Calls) -> None:
    """Into the document's own example; what it shares with others stays where it stands."""
    path = _ROOT / document.example_path
    own = orjson.loads(path.read_bytes()) if path.exists() else {}
    declared, stands_here = document.at_most, own.pop(AT_MOST, {})
    at_most = {
        name: calls
        for name, calls in _raised(document, made).items()
        if name in stands_here or calls != declared.get(name)
    }
    text = orjson.dumps({AT_MOST: _declaration(at_most), **own}, option=orjson.OPT_INDENT_2)
    one_line = _CALLS.sub(rb'{ "sql": \1, "upstream": \2 }', text)
    path.write_bytes(one_line + b"\n")
