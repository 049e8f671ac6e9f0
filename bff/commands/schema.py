"""Write the GraphQL schema into schema.graphql, or check that it is there."""

from pathlib import Path
from typing import Annotated

import typer

from bff.schema.build import build_schema, schema_text
from bff.schema.changes import changes_page
from bff.schema.lint import lint
from core.errors import StartError
from core.manifest import discover

FILE = Path("schema.graphql")
CHANGES = Path("docs/graphql-changes.md")

app = typer.Typer(help="The GraphQL schema's text.")


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the committed text is current.")
    ] = False,
    lint_only: Annotated[
        bool, typer.Option("--lint", help="Only list what lacks a description.")
    ] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="Only write docs/graphql-changes.md from git.")
    ] = False,
) -> None:
    """Write schema.graphql from the wings' types."""
    if changes:
        CHANGES.write_text(changes_page(Path.cwd()), encoding="utf-8")
        return
    built = build_schema(discover())
    if lint_only:
        if faults := lint(built._schema):
            typer.echo("\n".join(faults))
            raise typer.Exit(1)
        return
    text = schema_text(built)
    if not check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        raise StartError("schema.graphql is not what the types say: run `make schema`")
