"""Shares of what payees' own merchants take: let our merchant get them, and see how they get on."""

from typing import Annotated

import typer
from rich.table import Table

from core.clock import civil_time
from core.context.app import App
from core.errors import StartError
from core.money import format_yuan
from core.processes.command import in_app
from core.processes.tables import print_tables

app = typer.Typer(
    help="The city's shares of what payees' own merchants take.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("receive")
def add_receiver(
    name: Annotated[str, typer.Argument(help="The full name of the city's own merchant there.")],
) -> None:
    """Let our merchant get shares of every payee that finance.toml names some of; repeat-safe."""
    from payments import share_receivers as receivers

    def tell(payee: str, refusal: str) -> None:
        typer.echo(f"{payee}: {refusal or 'received'}")

    if in_app("shares", lambda house: receivers.add(house, name, tell)):
        raise StartError("the PSP refuses some payees' merchants")


@app.command("list")
def list_shares(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are made.")] = False,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest.")] = 100,
) -> None:
    """List shares that are not made, and why."""
    from payments.sharing.models import Share

    async def act(_: App) -> list[Share]:
        query = Share.all() if everything else Share.exclude(state__in=["succeeded", "released"])
        return await query.order_by("-created_at").limit(last)

    table = Table("payment", "yuan", "state", "why", "since", box=None)
    for share in in_app("shares", act):
        amount, since = format_yuan(share.amount_fen), civil_time(share.created_at)
        table.add_row(share.id.hex, amount, share.state, share.reason, since)
    print_tables(table)
