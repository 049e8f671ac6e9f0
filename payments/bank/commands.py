"""Our account at the bank: order payouts, take its answers and statements."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app

app = typer.Typer(
    help="Our account at the bank.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Transfer = Annotated[str, typer.Argument(help="The payout's number, as `books transfers` shows.")]


@app.command()
def order(
    out: Annotated[
        Path | None,
        typer.Option(help="Write the message (pain.001) to this file, to be sent by hand."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A message ordered before, as `books transfers` shows."),
    ] = None,
) -> None:
    """Order the payouts that are due; the bank's statement tells later that they are paid."""
    from payments.bank import transfers
    from payments.bank.upstream import SETTLEMENT_BANK

    async def act(house: App) -> str:
        if out is None and house.upstreams.find_address(SETTLEMENT_BANK.name) is None:
            raise StartError("the bank has no address: write the message with --out")
        order_ref = again or await transfers.order_due(house, by_hand=out is not None)
        if order_ref is None:
            return "nothing is due"
        if out is not None:
            _write(out, order_ref, await transfers.read_message(order_ref))
        elif again is not None:
            await transfers.send_again(house, again)
        return f"ordered: {order_ref}"

    typer.echo(in_app("bank", act))


def _write(out: Path, order_ref: str, message: bytes) -> None:
    try:
        out.write_bytes(message)
    except OSError as error:
        raise StartError(
            f"{order_ref} is ordered and {out} cannot be written ({error.strerror}): "
            f"write it with --again {order_ref} --out FILE"
        ) from error


@app.command()
def answer(file: Annotated[Path, typer.Argument(exists=True, help="A status report.")]) -> None:
    """Take the bank's answer to an order (pain.002) from a file."""
    from payments.bank import pain, transfers

    try:
        report = pain.read_answer(file.read_bytes())
    except ValueError as error:
        raise StartError(f"{file} is no status report: {error}") from None
    refused = in_app("bank", lambda house: transfers.take_answer(house, report))
    typer.echo(f"{report.order_ref}: {report.status}, {refused} refused")


@app.command()
def take(file: Annotated[Path, typer.Argument(exists=True, help="A statement.")]) -> None:
    """Take the bank's statement (camt.053) from a file."""
    from payments.bank import entries

    for day in in_app("bank", lambda house: entries.take(house, file.read_bytes())):
        typer.echo(f"{day.booked_on}: {day.entries} bookings")


@app.command()
def fetch(
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The civil day.")],
) -> None:
    """Fetch the bank's statement of a day and take it; exit 1 where it is not made yet."""
    from payments.bank import jobs

    taken = in_app("bank", lambda house: jobs.fetch_day(house, day.date()))
    typer.echo(f"{day.date()}: {sum(statement.entries for statement in taken)} bookings")


@app.command()
def renew(transfer_id: Transfer) -> None:
    """Have a refused or returned payout ordered anew."""
    from uuid import UUID

    from payments.bank import transfers

    try:
        wanted = UUID(transfer_id)
    except ValueError:
        raise StartError("this is no payout's number") from None

    async def act(house: App) -> str:
        return str((await transfers.renew(house, wanted)).state)

    typer.echo(in_app("bank", act))
