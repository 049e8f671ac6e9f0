"""Messages: what is sent and how it gets on."""

import typer
from rich.console import Console
from rich.table import Table

from core.manifest import discover

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def _several() -> None:
    """Messages: what is sent and how it gets on."""


@app.command("templates")
def list_templates() -> None:
    """List every message that the services send: its class, lane, channels and parameters."""
    from notifications.templates import TEMPLATES

    table = Table("template", "v", "class", "lane", "channels", "parameters", box=None)
    for template in sorted(TEMPLATES.of(discover()), key=lambda each: each.id):
        params = (f"{name}: {kind}" for name, kind in template.params.items())
        channels = ("inbox", *template.channels)
        table.add_row(
            template.id,
            str(template.version),
            template.about,
            template.lane,
            " > ".join(channels),
            ", ".join(params),
        )
    Console(width=None if Console().is_terminal else 200).print(table)
