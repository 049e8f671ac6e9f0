"""Trusted documents: what runs, for which app versions; fix or kill one without a deploy."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bff.commands.calls import calls
from bff.commands.export import codes, export
from bff.compiler import CompiledOperation
from bff.request.operation import RequestError
from bff.schema.build import build_schema
from bff.trusted import overrides, shipped
from bff.trusted.documents import NEXT, Documents, TrustedOperation, documents_of, gather
from bff.trusted.library import Library
from bff.trusted.overrides import Override
from bff.trusted.usage import fields_of, read_usage
from core.clock import SystemClock
from core.database import pool
from core.errors import StartError
from core.manifest import discover
from core.processes.command import in_database
from core.processes.tables import print_tables
from core.settings import read_settings

app = typer.Typer(help="Trusted documents.", no_args_is_help=True)

app.command()(calls)
app.command()(export)
app.command()(codes)

Id = Annotated[
    str,
    typer.Argument(help="An operation's name, id or the start of its hash; or a document's name."),
]
Reason = Annotated[str, typer.Option(help="Why, for the next one who looks.")]


@app.command("list")
def list_documents() -> None:
    """List every operation: its document, name, id, the app versions that ship it, what changed."""
    changed = {o.document_id: o for o in in_database("documents", overrides.list_overrides)}
    table = Table("document", "operation", "id", "apps", "state", box=None)
    for operation in documents_of(discover()).operations.values():
        override = changed.get(operation.id)
        state = "" if override is None else ("fixed" if override.source else "killed")
        apps = ", ".join(operation.apps)
        table.add_row(operation.document, operation.name, operation.id, apps, state)
    print_tables(table)


@app.command()
def show(document: Id) -> None:
    """Print operations and the Python they are compiled to."""
    documents = documents_of(discover())
    library = _library(documents)
    for found in _find(documents, document):
        typer.echo(f"# {found.id}\n# shipped by: {', '.join(found.apps)}\n{found.source}")
        for prepared in set(library.operations(found.id).values()):
            operation = prepared.operation
            if isinstance(operation, CompiledOperation):
                typer.echo(f"# {found.name}, compiled; costs at most {prepared.cost}")
                typer.echo(operation.source)
            else:
                typer.echo(f"# {found.name} is left to graphql-core: {operation.reason}")


@app.command()
def kill(document: Id, reason: Reason) -> None:
    """Run an operation, or all of a document, no more; on every process, within a second."""
    found = _find(documents_of(discover()), document)
    in_database("documents", lambda: _set([Override(one.id, None, reason) for one in found]))


@app.command()
def fix(
    document: Id,
    file: Annotated[Path, typer.Argument(help="The text to run in its place, with fragments.")],
    reason: Reason,
) -> None:
    """Run another text under an operation's id, on every process, within a second."""
    documents = documents_of(discover())
    found = _find(documents, document)
    if len(found) != 1:
        raise StartError(f"{document} is {len(found)} operations: name one")
    source = file.read_text(encoding="utf-8")
    try:
        _library(documents).replace(found[0].id, source)
    except RequestError as error:
        raise StartError(f"{file} does not fit: {error}") from error
    in_database("documents", lambda: _set([Override(found[0].id, source, reason)]))


@app.command()
def restore(document: Id) -> None:
    """Run an operation, or all of a document, as it shipped again."""
    found = _find(documents_of(discover()), document)
    in_database("documents", lambda: _drop([one.id for one in found]))


@app.command()
def check() -> None:
    """Exit 1 if the schema breaks an operation of the next or of a live app version, or if a
    fragment is used by none."""
    documents = documents_of(discover())
    faults = list(documents.unused)
    for operation_id, reason in _library(documents).prepare_all().items():
        operation = documents.operations[operation_id]
        where = f"{operation.document}, {operation.name} ({', '.join(operation.apps)})"
        faults.append(f"{where}: {reason}")
    if faults:
        typer.echo("\n".join(faults))
        raise typer.Exit(1)
    typer.echo(f"{len(documents.operations)} operations of {len(documents.apps)} app versions fit")


@app.command()
def ship(
    version: Annotated[str, typer.Argument(metavar="APP", help="Such as ios-1.4.0.")],
    manifest: Annotated[
        Path | None,
        typer.Option(help="The app's own manifest (Apollo or Relay); unset = our operations."),
    ] = None,
) -> None:
    """Note that an app version is released: its operations run until its file is removed."""
    documents = documents_of(discover())
    try:
        path = shipped.FOLDER / f"{shipped.check_app(version)}.json"
        if path.exists():
            raise StartError(f"{version} is released already: a release never changes")
        if manifest is not None:
            found = shipped.parse_manifest(manifest.read_bytes())
        else:
            ours = (one for one in documents.operations.values() if NEXT in one.apps)
            found = [shipped.ShippedOperation(one.id, one.name, one.source) for one in ours]
        text = shipped.write_manifest(found)
        faults = _library(gather(documents.by_name.values(), {version: found})).prepare_all()
        if faults:
            raise StartError(f"{version} is not released: {'; '.join(faults.values())}")
    except shipped.ManifestError as error:
        raise StartError(f"{version} is not released: {error}") from error
    path.write_bytes(text)
    typer.echo(f"{version}: {len(found)} operations")


@app.command()
def usage(
    days: Annotated[int, typer.Option(min=1, help="Of so many days.")] = 30,
    field: Annotated[str | None, typer.Option(help='One field only, as "Query.home".')] = None,
) -> None:
    """Show how often each field is asked for, by app version."""
    since = (SystemClock(read_settings().clock_offset).now() - timedelta(days=days)).date()
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
    print_tables(table)


def _fields(library: Library, document_id: str) -> frozenset[str]:
    prepared = library.operations(document_id).get(None)
    return fields_of(library.schema, prepared.document) if prepared else frozenset()


def _library(documents: Documents) -> Library:
    return Library(build_schema(discover()), documents, trusted_only=True)


def _find(documents: Documents, text: str) -> Sequence[TrustedOperation]:
    """The operation that a text means, or all those of a document, of every app version."""
    document = documents.by_name.get(text)
    if document is not None and document.operations[0].document != text:
        shared = document.operations[0].document
        raise StartError(f"{text} runs {shared}, as other services do: name {shared}")
    whole = [one for one in documents.operations.values() if one.document == text]
    if whole:
        return whole
    digest = text.removeprefix("sha256:")
    matches = [
        operation
        for operation in documents.operations.values()
        if text in (operation.id, operation.name)
        or (len(digest) >= 8 and operation.id.startswith(f"sha256:{digest}"))
    ]
    if len(matches) != 1:
        raise StartError(f"{len(matches)} operations are meant by {text}: name one by its id")
    return matches


async def _set(changes: Sequence[Override]) -> None:
    async with pool.transaction() as tx:
        for override in changes:
            await overrides.set_override(tx, SystemClock(read_settings().clock_offset), override)


async def _drop(operation_ids: Sequence[str]) -> None:
    async with pool.transaction() as tx:
        for operation_id in operation_ids:
            await overrides.drop_override(tx, operation_id)
