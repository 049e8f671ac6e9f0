"""Trusted documents: what runs, for which app versions; fix or kill one without a deploy."""

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bff import overrides, shipped
from bff.commands.calls import calls
from bff.compiler import CompiledOperation
from bff.library import Library
from bff.overrides import Override
from bff.requests import RequestError
from bff.schema import build_schema
from bff.trusted import Documents, TrustedDocument, documents_of
from bff.usage import fields_of, read_usage
from core import database
from core.clock import SystemClock
from core.manifest import discover
from core.processes.command import in_database
from core.processes.start_errors import StartError

app = typer.Typer(help="Trusted documents.", no_args_is_help=True)

app.command()(calls)

Id = Annotated[str, typer.Argument(help="A document's id, the start of its hash, or its name.")]


@app.command("list")
def list_documents() -> None:
    """List every document: name, id, the app versions that ship it, what changed it."""
    changed = {o.document_id: o for o in in_database("documents", overrides.list_overrides)}
    table = Table("name", "id", "apps", "state", box=None)
    for document_id, document in documents_of(discover()).by_id.items():
        override = changed.get(document_id)
        state = "" if override is None else ("fixed" if override.source else "killed")
        table.add_row(document.name, document_id, ", ".join(document.apps), state)
    Console(width=200).print(table)


@app.command()
def show(document: Id) -> None:
    """Print a document and the Python it is compiled to."""
    documents = documents_of(discover())
    found = _find(documents, document)
    typer.echo(f"# {found.id}\n# shipped by: {', '.join(found.apps)}\n{found.source}")
    for name, prepared in _library(documents).operations(found.id).items():
        operation = prepared.operation
        if isinstance(operation, CompiledOperation):
            typer.echo(f"# {name or 'the operation'}, compiled; costs at most {prepared.cost}")
            typer.echo(operation.source)
        else:
            typer.echo(f"# {name or 'the operation'} is left to graphql-core: {operation.reason}")


@app.command()
def kill(
    document: Id, reason: Annotated[str, typer.Option(help="Why, for the next one who looks.")]
) -> None:
    """Run a document no more, on every process, within a second."""
    found = _find(documents_of(discover()), document)
    in_database("documents", lambda: _set(Override(found.id, None, reason)))


@app.command()
def fix(
    document: Id,
    file: Annotated[Path, typer.Argument(help="The text to run in its place.")],
    reason: Annotated[str, typer.Option(help="Why, for the next one who looks.")],
) -> None:
    """Run another text under a document's id, on every process, within a second."""
    documents = documents_of(discover())
    found = _find(documents, document)
    source = file.read_text(encoding="utf-8")
    try:
        _library(documents).replace(found.id, source)
    except RequestError as error:
        raise StartError(f"{file} does not fit: {error}") from error
    in_database("documents", lambda: _set(Override(found.id, source, reason)))


@app.command()
def restore(document: Id) -> None:
    """Run a document as it shipped again."""
    found = _find(documents_of(discover()), document)
    in_database("documents", lambda: _drop(found.id))


@app.command()
def check() -> None:
    """Exit 1 if the schema breaks a document of the next or of a live app version."""
    documents = documents_of(discover())
    faults = _library(documents).faults
    for document_id, reason in faults.items():
        document = documents.by_id[document_id]
        typer.echo(f"{document.name} ({', '.join(document.apps)}): {reason}")
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{len(documents.by_id)} documents of {len(documents.apps)} app versions fit")


@app.command()
def ship(
    version: Annotated[str, typer.Argument(metavar="APP", help="Such as ios-1.4.0.")],
    manifest: Annotated[
        Path | None,
        typer.Option(help="The app's own manifest (Apollo or Relay); unset = our documents."),
    ] = None,
) -> None:
    """Note that an app version is released: its documents run until its file is removed."""
    documents = documents_of(discover())
    path = shipped.FOLDER / f"{shipped.check_app(version)}.json"
    if path.exists():
        raise StartError(f"{version} is released already: a release never changes")
    if manifest is not None:
        found = shipped.parse_manifest(manifest.read_bytes())
    else:
        found = [
            shipped.ShippedDocument(d.id, d.name, d.source) for d in documents.by_name.values()
        ]
    path.write_bytes(shipped.write_manifest(found))
    typer.echo(f"{version}: {len(found)} documents")


@app.command()
def usage(
    days: Annotated[int, typer.Option(min=1, help="Of so many days.")] = 30,
    field: Annotated[str | None, typer.Option(help='One field only, as "Query.home".')] = None,
) -> None:
    """Show how often each field is asked for, by app version."""
    since = (SystemClock().now() - timedelta(days=days)).date()
    runs = in_database("documents", lambda: read_usage(since))
    documents = documents_of(discover())
    library = _library(documents)
    counted: Counter[tuple[str, str]] = Counter()
    for (document_id, version), count in runs.items():
        for name in _fields(library, document_id):
            if field in (None, name):
                counted[name, version] += count
    table = Table("field", "app", "runs", box=None)
    for (name, version), count in sorted(counted.items()):
        table.add_row(name, version, str(count))
    Console().print(table)


def _fields(library: Library, document_id: str) -> frozenset[str]:
    for prepared in library.operations(document_id).values():
        return fields_of(library.schema, prepared.document)
    return frozenset()


def _library(documents: Documents) -> Library:
    return Library(build_schema(discover()), documents, trusted_only=True)


def _find(documents: Documents, text: str) -> TrustedDocument:
    digest = text.removeprefix("sha256:")
    matches = {
        document.id: document
        for document_id, document in documents.by_id.items()
        if document_id == text
        or document.name == text
        or (len(digest) >= 8 and document.id.startswith(f"sha256:{digest}"))
    }
    if len(matches) != 1:
        raise StartError(f"{len(matches)} documents are meant by {text}: name one by its id")
    return next(iter(matches.values()))


async def _set(override: Override) -> None:
    async with database.transaction() as tx:
        await overrides.set_override(tx, SystemClock(), override)


async def _drop(document_id: str) -> None:
    async with database.transaction() as tx:
        await overrides.drop_override(tx, document_id)
