"""Appointments: compare our bookings with the outside systems', publish the city's slots."""

import typer

from core.context.app import App
from core.processes.command import in_app

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

    in_app("appointments", run)


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

    in_app("appointments", run)
