"""The command `quancheng playground build`."""

from typing import Annotated

import typer

from bff.playground.build import FOLDER, build
from bff.playground.node import PlaygroundBuildError

app = typer.Typer(help="The GraphQL playground in the browser.", no_args_is_help=True)


@app.callback()
def playground() -> None:
    """The GraphQL playground in the browser."""


@app.command("build")
def build_command(
    force: Annotated[
        bool, typer.Option("--force", help="Install packages and bundle anew in any case.")
    ] = False,
) -> None:
    """Build the playground's bundle, unless it is up to date."""
    try:
        built = build(force)
    except PlaygroundBuildError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    size_mb = sum(path.stat().st_size for path in (FOLDER / "static").glob("*.js")) / 1e6
    typer.echo(f"playground: {'built' if built else 'up to date'}, {size_mb:.1f} MB of script")
