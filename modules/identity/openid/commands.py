"""Other organisations' apps that people may sign in to with this city's account: add, end."""

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
    name: Annotated[str, typer.Argument(help="What people read when it asks them.")],
    redirect_uris: Annotated[list[str], typer.Argument(help="Where it may be led back to.")],
    public: Annotated[bool, typer.Option(help="It can keep no secret.")] = False,
) -> None:
    """Let people sign in to an app; prints its id and, once, its secret."""
    if not 0 < len(name) <= _NAME_CHARS_MAX:
        raise StartError(f"an app's name has 1 to {_NAME_CHARS_MAX} characters")

    async def run(house: App) -> None:
        from core.database import transaction
        from modules.identity.openid import service

        try:
            async with transaction() as tx:
                client_id, secret = await service.add_client(
                    house, tx, name, redirect_uris, is_public=public
                )
        except ValueError as error:
            raise StartError(str(error)) from None
        typer.echo(f"{client_id} {secret or ''}".strip())

    in_app("apps", run)


@app.command()
def end(client_id: Annotated[UUID, typer.Argument(help="The app's id.")]) -> None:
    """Let nobody sign in to an app any more."""

    async def run(_house: App) -> None:
        from modules.identity.openid import service

        if not await service.end_client(client_id):
            raise StartError("no app has this id")

    in_app("apps", run)
