"""The finance office's books: close a day, balances and statements by dates, files of them."""

import getpass
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.context.app import App
from core.errors import StartError
from core.processes.command import in_app

app = typer.Typer(
    help="The finance office's books.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The civil day.")]
First = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day.")]
Last = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day.")]
Out = Annotated[
    Path | None, typer.Option(help="A file ending in .csv or .xlsx; standard output unless given.")
]


@app.command()
def close(day: Day, by: Annotated[str, typer.Option(help="Who closes it.")] = "") -> None:
    """Close a day and all before it: nothing is posted into them any more."""
    from payments.books.closing import close_day

    who = by or getpass.getuser()
    in_app("books", lambda house: close_day(house, day.date(), by=who))
    typer.echo(f"closed: {day.date()}")


@app.command("closings")
def list_closings() -> None:
    """List the closed days, the last first."""
    from payments.ledger import closing

    async def read(_: App) -> list[str]:
        return [f"{row.closed_on} {row.closed_by}" for row in await closing.list_closings()]

    for line in in_app("books", read):
        typer.echo(line)


@app.command()
def balances(first: First, last: Last, out: Out = None) -> None:
    """Every account by subject: opening balance, debits, credits, closing balance."""
    from payments.books import tables
    from payments.finance import finance_of
    from payments.ledger import closing

    days = _days(first, last)

    async def read(house: App) -> tables.Table:
        rows = await closing.list_balances(*days)
        return tables.balances(finance_of(house), rows)

    _write(read, out)


@app.command()
def statement(
    account: Annotated[str, typer.Argument(help="The account's code, as `psp:wechatpay`.")],
    first: First,
    last: Last,
    out: Out = None,
) -> None:
    """An account's postings of some days, with the balance before, after each, and at the end."""
    from payments.books import tables
    from payments.finance import finance_of
    from payments.ledger import closing
    from payments.ledger.accounts import CHART

    if account.partition(":")[0] not in CHART:
        raise StartError(f"account {account} is of no kind of the chart")

    days = _days(first, last)

    async def read(house: App) -> tables.Table:
        found = await closing.read_statement(account, *days, limit=tables.LINES_MAX)
        return tables.statement(finance_of(house), found)

    _write(read, out)


@app.command("bank")
def bank_entries(first: First, last: Last, out: Out = None) -> None:
    """The bank's bookings of some days, and what each was taken for."""
    from payments.bank import entries
    from payments.books import tables

    days = _days(first, last)

    async def read(_: App) -> tables.Table:
        return tables.bank_entries(await entries.list_entries(*days, tables.LINES_MAX))

    _write(read, out)


def _days(first: datetime, last: datetime) -> tuple[date, date]:
    if last < first:
        raise StartError(f"--to {last.date()} lies before --from {first.date()}")
    return first.date(), last.date()


@app.command()
def transfers(out: Out = None) -> None:
    """Payouts to payees' accounts, the newest first, and what has become of them."""
    from payments.bank import transfers as orders
    from payments.books import tables

    async def read(_: App) -> tables.Table:
        return tables.transfers(await orders.list_transfers(limit=tables.LINES_MAX))

    _write(read, out)


@app.command()
def claims(out: Out = None) -> None:
    """What payees owe us for refunds after their payouts, by age."""
    from payments.books import tables
    from payments.reconciliation import claims as owed

    async def read(house: App) -> tables.Table:
        return tables.claims(await owed.list_claims(house.clock.now()))

    _write(read, out)


def _write(read: Callable[[App], Awaitable[object]], out: Path | None) -> None:
    from payments.books import tables

    table = in_app("books", read)
    assert isinstance(table, tables.Table)
    if out is None:
        typer.echo(tables.to_csv(table).decode("utf-8-sig"), nl=False)
        return
    try:
        tables.write(table, out)
    except ValueError as error:
        raise StartError(f"{out}: {error}") from None
    typer.echo(f"written: {out}")
