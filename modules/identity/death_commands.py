"""Deaths: read now what the registry has recorded."""

import typer

from core.context.app import App
from core.processes.command import in_app

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def deaths() -> None:
    """Deaths, as the police registry records them."""


@app.command()
def read() -> None:
    """Read what the registry has recorded since the last time, and close the accounts."""

    async def run(house: App) -> None:
        from modules.identity.deaths import read_deaths

        await read_deaths(house)

    in_app("deaths", run)
