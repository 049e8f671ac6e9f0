"""Deaths: read now what the registry has recorded, and see what of it cannot be read."""

from typing import Annotated

import typer

from core.context.app import App
from core.processes.command import in_app

_LISTED_MAX = 1_000

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def deaths() -> None:
    """Deaths, as the police registry records them."""


@app.command()
def read(
    after: Annotated[
        int | None, typer.Option(help="All behind this record once more, 0: all there are.")
    ] = None,
) -> None:
    """Read what the registry has recorded since the last time, and close the accounts."""

    async def run(house: App) -> None:
        from modules.identity.deaths import read_deaths

        await read_deaths(house, after)

    in_app("deaths", run)


@app.command()
def gaps() -> None:
    """List the records that cannot be read: the registry has to mend them."""

    async def run(_house: App) -> None:
        from modules.identity.death_store import list_gaps

        for gap in await list_gaps(_LISTED_MAX):
            known = "without a number" if gap.record_no is None else str(gap.record_no)
            typer.echo(f"{gap.found_at:%Y-%m-%d %H:%M} behind {gap.after_no}: {known}")

    in_app("deaths", run)
