"""Appointments: compare our bookings with the hospitals', publish the city's slots."""

import typer

from core.context.app import App
from core.processes.command import in_app

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def compare() -> None:
    """Look at every booking at a hospital now, mend what differs, print it; exit 1 if unsure."""

    async def run(house: App) -> None:
        from modules.appointments.hospitals import comparison

        found = await comparison.compare(house)
        for difference in found:
            typer.echo(f"{difference.booking_id} {difference.kind}")
        typer.echo(f"{len(found)} differences")
        if any(difference.kind is comparison.Kind.UNKNOWN for difference in found):
            raise typer.Exit(1)

    in_app("appointments", run)


@app.command()
def publish() -> None:
    """Offer the slots of the city file up to each service's horizon; what is there stays.

    Exit 1 where a horizon reaches into a year whose holidays are not in the city file.
    """

    async def run(house: App) -> None:
        from modules.appointments import publishing

        unknown = await publishing.seed(house)
        for year in sorted(unknown):
            typer.echo(
                f"no calendar of {year} in the city file: nothing is offered there", err=True
            )
        if unknown:
            raise typer.Exit(1)

    in_app("appointments", run)
