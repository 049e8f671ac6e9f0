"""Verifiers of licences: add, end."""

from typing import Annotated
from uuid import UUID

import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app

app = typer.Typer(help=__doc__, no_args_is_help=True)

_NAME_CHARS_MAX = 38


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What citizens read in their access log.")],
) -> None:
    """Let an organisation check licences; prints its key, once."""
    if not 0 < len(name) <= _NAME_CHARS_MAX:
        raise StartError(f"a verifier's name has 1 to {_NAME_CHARS_MAX} characters")

    async def run(house: App) -> None:
        from core.database import transaction
        from modules.affairs.verifiers import service

        async with transaction() as tx:
            typer.echo(await service.add(house, tx, name))

    in_app("verifiers", run)


@app.command()
def end(
    verifier_id: Annotated[UUID, typer.Argument(help="The part of its key before the dot.")],
) -> None:
    """Let a verifier check nothing any more."""

    async def run(_house: App) -> None:
        from modules.affairs.verifiers import service

        await service.end(verifier_id)

    in_app("verifiers", run)
