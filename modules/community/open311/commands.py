"""Organisations that file reports through Open311: add, end."""

from typing import Annotated
from uuid import UUID

import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app

app = typer.Typer(help=__doc__, no_args_is_help=True)

_NAME_CHARS_MAX = 64


@app.command()
def add(name: Annotated[str, typer.Argument(help="The organisation.")]) -> None:
    """Let an organisation file reports; prints its key, once."""
    if not 0 < len(name) <= _NAME_CHARS_MAX:
        raise StartError(f"a name has 1 to {_NAME_CHARS_MAX} characters")

    async def run(house: App) -> None:
        from core.database import transaction
        from modules.community.open311 import clients

        async with transaction() as tx:
            typer.echo(await clients.add(house, tx, name))

    in_app("open311", run)


@app.command()
def end(
    client_id: Annotated[UUID, typer.Argument(help="The part of its key before the dot.")],
) -> None:
    """Let an organisation file nothing any more."""

    async def run(_house: App) -> None:
        from modules.community.open311 import clients

        await clients.end(client_id)

    in_app("open311", run)
