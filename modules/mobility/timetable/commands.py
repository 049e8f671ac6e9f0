"""Transit feeds: check one before it goes live."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import StartError

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Transit feeds: check one before it goes live."""


@app.command()
def check(
    feed: Annotated[Path, typer.Argument(help="A zipped GTFS Schedule feed.")],
    realtime: Annotated[
        list[Path] | None, typer.Option(help="A GTFS-Realtime message of it, encoded; repeatable.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="The time zone that it must have.")] = None,
) -> None:
    """List what is wrong with a feed by the canonical validators' rules; what is listed is left
    out or mended when it is served. Exit 1 where it cannot be served at all.
    """
    from core.standards.gtfs.faults import FeedError
    from core.standards.gtfs.realtime_check import check_message
    from core.standards.gtfs.schedule import read_schedule

    try:
        made = read_schedule(feed.read_bytes(), zone=zone)
        faults = made.faults
        for path in realtime or ():
            faults.merge(check_message(path.read_bytes(), made, path.name))
    except FeedError as error:
        typer.echo(f"{feed}: cannot be served: {error}")
        raise typer.Exit(1) from None
    except OSError as error:
        raise StartError(f"{error.filename} cannot be read: {error.strerror}") from None
    typer.echo(
        f"{feed}: {len(made.stops)} stops, {len(made.routes)} lines, {len(made.trips.refs)} trips, "
        f"{made.zone.key}"
    )
    for fault in faults:
        typer.echo(f"{fault.rule}  {fault.file}  {fault.count}  {', '.join(fault.samples)}")
    typer.echo(f"{sum(fault.count for fault in faults)} faults of {len(faults)} rules")
