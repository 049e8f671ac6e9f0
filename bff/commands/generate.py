"""Write anew what follows from declarations: missing migrations, schema.graphql, the picture."""

import asyncio

import typer

from bff.commands.schema import FILE
from bff.schema.build import build_schema, schema_text
from bff.trusted.documents import documents_of
from core.city import load_city
from core.errors import StartError
from core.manifest import discover
from core.processes.architecture_command import draw_page
from core.processes.migrate import write_migrations
from core.processes.open_app import check_wings
from core.settings import read_settings
from core.upstream.operation import SYSTEMS

app = typer.Typer()


@app.command()
def generate() -> None:
    """Write anew what follows from declarations: missing migrations, schema.graphql, the picture.

    Nothing is written where the declarations do not fit one another.
    """
    manifests = discover()
    check_wings(manifests, load_city(read_settings().city_file))
    try:
        text = schema_text(build_schema(manifests))
    except ValueError as error:
        raise StartError(str(error)) from error
    SYSTEMS.of(manifests), documents_of(manifests)  # they refuse what is there twice
    for path in asyncio.run(write_migrations(manifests)):
        typer.echo(path)
    FILE.write_text(text, encoding="utf-8")
    draw_page()
