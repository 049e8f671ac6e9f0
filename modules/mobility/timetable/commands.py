"""Transit feeds: check one before it goes live."""

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from core.errors import StartError
from core.standards.gtfs.timetable import Timetable
from core.standards.streets.graph import OFF_M, StreetGraph

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
    streets: Annotated[
        Path | None, typer.Option(help="The city's streets: an extract of OpenStreetMap.")
    ] = None,
) -> None:
    """List what is wrong with a feed by the canonical validators' rules; what is listed is left
    out or mended when it is served. Exit 1 where it cannot be served at all.
    """
    from core.standards.gtfs.faults import FeedError
    from core.standards.gtfs.realtime_check import check_message
    from core.standards.gtfs.schedule import read_schedule
    from core.standards.streets.extract import StreetsError, read_streets

    try:
        made = read_schedule(feed.read_bytes(), zone=zone)
        faults = made.faults
        for path in realtime or ():
            faults.merge(check_message(path.read_bytes(), made, path.name))
        if streets is not None:
            faults.add("stop_off_streets", "stops.txt", _off(made, read_streets(streets)))
    except (FeedError, StreetsError) as error:
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


def _off(timetable: Timetable, streets: StreetGraph) -> list[str]:
    """The stops that lie on no street of the map."""
    stops = [stop for stop in timetable.stops if not math.isnan(stop.lat)]
    _, away = streets.nearest(
        np.array([stop.lat for stop in stops]), np.array([stop.lon for stop in stops])
    )
    return [stop.ref for stop, off_m in zip(stops, away, strict=True) if off_m > OFF_M]
