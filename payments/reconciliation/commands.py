"""Reconciliation: compare a day's statements, look at cases, draw the day.

Cases are closed by two members of staff, signed in (payments.reconciliation.graphql)."""

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from core.clock import civil_time
from core.context.app import App
from core.errors import StartError
from core.money import format_yuan
from core.processes.command import in_app
from core.processes.tables import print_tables
from core.upstream.client import UpstreamError

app = typer.Typer(
    help="The day after: statements, cases, payouts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Day = Annotated[
    datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The civil day in Shanghai.")
]
Number = Annotated[int, typer.Argument(help="The case's number, as `cases` shows it.")]
Who = Annotated[str, typer.Option("--by", help="Who says so; the system's user unless told.")]
Why = Annotated[str, typer.Option(help="Why; kept with the case for good.")]


@app.command()
def run(
    day: Day,
    psp: Annotated[
        list[str] | None,
        typer.Option("--psp", "--source", help="Only this PSP or payee; may be repeated."),
    ] = None,
) -> None:
    """Compare a day's statements with the ledger, then pay out; exit 1 if one cannot be had."""
    from payments.reconciliation import service
    from payments.reconciliation.sources import get_sources
    from payments.statements import StatementNotReady, StatementRefused

    table = Table("statement", "lines", "matched", "awaited", "opened", "cleared", box=None)
    failed: list[str] = []

    async def act(house: App) -> None:
        try:
            sources = get_sources(house, psp or [])
        except KeyError as error:
            raise StartError(f"nobody of the name {error} sends statements") from None
        for source in sources:
            try:
                done = await service.reconcile(house, source, day.date())
            except (StatementNotReady, StatementRefused, UpstreamError) as error:
                failed.append(str(error))
                continue
            seen, change = done.statement, done.change
            numbers = (seen.lines, seen.matched, seen.awaited, change.opened, change.cleared)
            table.add_row(source.name, *map(str, numbers))
        payouts, refused = await service.pay_out_all(house, day.date())
        for payout in payouts:
            typer.echo(f"payout {payout.payee}: {format_yuan(payout.amount_fen)}")
        for payee, reason in refused.items():
            typer.echo(f"no payout {payee}: {reason}")

    in_app("reconcile", act)
    print_tables(table)
    if failed:
        raise StartError("; ".join(failed))


@app.command("cases")
def list_cases(
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Only of this day.")
    ] = None,
    psp: Annotated[str | None, typer.Option("--psp", "--source", help="Only of these.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
) -> None:
    """List the differences that are not settled."""
    from payments.reconciliation import cases

    async def read(_: App) -> list[tuple[str, ...]]:
        on = day.date() if day else None
        found = await cases.list_cases(on=on, source=psp, unsettled=not every)
        return [
            (
                str(case.id),
                f"{case.booked_on}",
                case.source,
                case.kind,
                case.ref,
                _yuan(case.our_fen),
                _yuan(case.their_fen),
                case.state + (" !" if case.blocking else ""),
            )
            for case in found
        ]

    rows = in_app("reconcile", read)
    table = Table("id", "day", "statement", "kind", "number", "ours", "theirs", "state", box=None)
    table.columns[4].overflow = "fold"
    for row in rows:
        table.add_row(*row)
    print_tables(table)
    typer.echo(f"{len(rows)} cases; ! keeps the payee's payout back")


@app.command()
def show(case_id: Number) -> None:
    """Print a case's trail: who, when, what, why."""
    from payments.reconciliation import cases

    async def read(_: App) -> list[tuple[str, ...]]:
        return [
            (
                civil_time(note.at),
                note.actor,
                note.event,
                note.resolution or "",
                note.note,
            )
            for note in await cases.trail(case_id)
        ]

    table = Table("at", "who", "what", "as", "why", box=None)
    table.columns[-1].overflow = "fold"
    for row in in_app("reconcile", read):
        table.add_row(*row)
    print_tables(table)


@app.command()
def take(case_id: Number, note: Why, by: Who = "") -> None:
    """Tell that somebody looks into a case."""
    from payments.reconciliation import service

    async def act(house: App) -> str:
        case = await service.take_up(house, case_id, actor=by or getpass.getuser(), note=note)
        return str(case.state)

    typer.echo(f"case {case_id}: {in_app('reconcile', act)}")


@app.command()
def report(day: Day, out: Annotated[Path, typer.Option(help="The HTML file to write.")]) -> None:
    """Write the picture of a day: one HTML file that needs nothing else."""
    from payments.reconciliation import report as reports

    async def read(house: App) -> str:
        return reports.render(await reports.gather(house, day.date()))

    out.write_text(in_app("reconcile", read), encoding="utf-8")
    typer.echo(f"written: {out}")


def _yuan(amount_fen: int | None) -> str:
    return "" if amount_fen is None else format_yuan(amount_fen)
