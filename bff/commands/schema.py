"""Write the GraphQL schema into schema.graphql, or check that it is there."""

from pathlib import Path
from typing import Annotated

import typer

from bff.schema import build_schema, schema_text
from core.manifest import discover
from core.start_errors import StartError

FILE = Path("schema.graphql")

app = typer.Typer(help="The GraphQL schema's text.")


@app.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether the committed text is current.")
    ] = False,
) -> None:
    """Write schema.graphql from the wings' types."""
    text = schema_text(build_schema(discover()))
    if not check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        raise StartError("schema.graphql is not what the types say: run `make schema`")
