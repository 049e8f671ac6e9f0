"""The books: verify them, the trial balance, an account's statement, an anchor."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from core.clock import civil_time
from core.errors import StartError
from core.money import format_yuan
from core.processes.command import in_database
from core.processes.tables import print_tables
from payments.ledger.accounts import Side

app = typer.Typer(
    help="The books of payments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def verify(
    anchor: Annotated[
        Path | None, typer.Option(help="A file that `anchor` wrote earlier.", exists=True)
    ] = None,
) -> None:
    """Recompute every hash and every balance; exit 1 when a row was edited, removed or moved."""
    from payments.ledger import verify as verifier

    known = _parse_anchor(anchor.read_bytes()) if anchor else None
    report = in_database("ledger", lambda: verifier.verify(known))
    for fault in report.faults:
        typer.echo(f"{fault.place}: {fault.what}")
    typer.echo(f"{report.journals} journal transactions, {report.fault_count} faults")
    if not report.sound:
        raise typer.Exit(1)


@app.command("anchor")
def write_anchor() -> None:
    """Print the ends of all hash chains; keep them where the database's owner cannot write."""
    from payments.ledger import verify as verifier

    ends = in_database("ledger", verifier.read_anchor)
    typer.echo(orjson.dumps({str(chain): end for chain, end in ends.items()}).decode())


@app.command("trial-balance")
def trial_balance() -> None:
    """Print debits and credits by kind of account; exit 1 when they differ."""
    from payments.ledger import store

    rows = in_database("ledger", store.trial_balance)
    table = Table("accounts", "debit", "credit", "balance", "held", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        amounts = (row.debit_fen, row.credit_fen, row.balance_fen, row.held_fen)
        table.add_row(row.code, *map(format_yuan, amounts))
    debit_fen, credit_fen = (sum(r.debit_fen for r in rows), sum(r.credit_fen for r in rows))
    table.add_section()
    table.add_row("sum", format_yuan(debit_fen), format_yuan(credit_fen), "", "")
    print_tables(table)
    if debit_fen != credit_fen:
        raise typer.Exit(1)


@app.command()
def statement(
    account: Annotated[str, typer.Argument(help="The account's code, as `psp:wechatpay`.")],
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many entries.")] = 50,
) -> None:
    """Print an account's last entries, oldest first."""
    from payments.ledger import store

    lines = in_database("ledger", lambda: store.list_statement(account, last))
    if not lines:
        raise StartError(f"account {account} has no entries")
    table = Table("at", "key", "debit", "credit", box=None)
    for line in lines:
        amount = format_yuan(line.amount_fen)
        debit = line.side is Side.DEBIT
        table.add_row(
            civil_time(line.posted_at),
            line.key,
            amount if debit else "",
            "" if debit else amount,
        )
    print_tables(table)


def _parse_anchor(text: bytes) -> dict[int, tuple[int, str]]:
    try:
        return {int(chain): (int(seq), str(hash_)) for chain, (seq, hash_) in _items(text)}
    except (TypeError, ValueError, AttributeError) as error:
        raise StartError("this is not an anchor") from error


def _items(text: bytes) -> list[tuple[str, tuple[int, str]]]:
    return list(orjson.loads(text).items())
