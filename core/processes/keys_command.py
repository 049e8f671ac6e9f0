"""The installation's rotating keys: make the next one, see how far it has spread."""

import asyncio

import typer

from core.security.keys import add_data_key, add_token_key
from core.settings import Settings

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command("rotate-tokens")
def rotate_tokens() -> None:
    """Make the next token signing key. Nobody is logged out: older keys go on verifying."""
    path = add_token_key(Settings().keys_path)
    typer.echo(f"{path.name} made; it signs in each process from its next start.")
    typer.echo("Delete the older key 15 minutes after the last process has started.")


@app.command("rotate-data")
def rotate_data() -> None:
    """Make the next personal-data key; the nightly job seals older values under it."""
    path = add_data_key(Settings().keys_path)
    typer.echo(f"{path.name} made; `quancheng keys status` tells when the older one is unused.")


@app.command()
def status() -> None:
    """Tell how many values still stand under an older personal-data key."""
    typer.echo(f"{asyncio.run(_count_old())} values under older keys")


async def _count_old() -> int:
    from core.app import open_app
    from core.people.data_rights import count_old
    from core.processes.embedded import database

    with database(Settings()) as ready:
        async with open_app(ready, application="quancheng keys") as house:
            return await count_old(house)
