"""Appointments: compare our bookings with the outside systems', publish the city's slots."""

import asyncio
from collections.abc import Awaitable, Callable

import typer

from core.context.app import App
from core.settings import Settings

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def compare() -> None:
    """Look at every booking at an outside system now, mend what differs; exit 1 if unsure."""

    async def run(house: App) -> None:
        from kinds.booking import comparison

        found = await comparison.compare(house)
        for difference in found:
            typer.echo(f"{difference.booking_id} {difference.kind}")
        typer.echo(f"{len(found)} differences")
        if any(difference.kind is comparison.Kind.UNKNOWN for difference in found):
            raise typer.Exit(1)

    _in_house(run)


@app.command()
def publish() -> None:
    """Bring the slots to what the city file says, up to each service's horizon.

    Exit 1 where the city file lacks a year's calendar: the next year's from 1 December on.
    """

    async def run(house: App) -> None:
        from kinds.booking import publishing

        overdue = await publishing.seed(house)
        for year in overdue:
            typer.echo(f"the city file lacks the calendar of {year}: it is provisional", err=True)
        if overdue:
            raise typer.Exit(1)

    _in_house(run)


def _in_house(run: Callable[[App], Awaitable[None]]) -> None:
    from core.processes.embedded import database
    from core.processes.open_app import open_app

    async def opened(settings: Settings) -> None:
        async with open_app(settings, application="quancheng appointments") as house:
            await run(house)

    with database(Settings()) as ready:
        asyncio.run(opened(ready))
