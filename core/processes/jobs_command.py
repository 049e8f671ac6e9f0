"""Queued jobs that failed for good."""

from typing import Annotated

import typer
from rich.table import Table

from core.errors import StartError
from core.processes.command import in_database
from core.processes.tables import print_tables

app = typer.Typer(help=__doc__, no_args_is_help=True)

Kind = Annotated[str | None, typer.Option(help="Only jobs of this kind.")]


@app.command("list")
def list_jobs(
    kind: Kind = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to show.")] = 100,
) -> None:
    """List jobs that failed for good, newest first; tells where there are more."""
    from core.database import connection
    from core.queue.dead_letters import DeadLetter, count_dead, list_dead

    async def read() -> tuple[list[DeadLetter], int]:
        counts = await count_dead(connection())
        total = counts.get(kind, 0) if kind else sum(counts.values())
        return await list_dead(connection(), limit=limit, kind=kind), total

    letters, total = in_database("jobs", read)
    table = Table("id", "kind", "attempts", "error", box=None)
    for letter in letters:
        table.add_row(str(letter.id), letter.kind, str(letter.attempts), letter.error)
    print_tables(table)
    if total > len(letters):
        typer.echo(f"{len(letters)} of {total} jobs; --limit shows more")


@app.command("rerun")
def rerun_jobs(
    ids: Annotated[list[int] | None, typer.Argument(help="As `jobs list` shows.")] = None,
    kind: Kind = None,
    everything: Annotated[bool, typer.Option("--all", help="Every failed job.")] = False,
) -> None:
    """Put failed jobs back into the queue: by id, of a kind, or all. Unknown ids are refused."""
    from core.database import transaction
    from core.queue.dead_letters import lock_dead, rerun_dead

    if sum((bool(ids), kind is not None, everything)) != 1:
        raise StartError("name ids, or --kind, or --all")

    async def write() -> int:
        async with transaction() as tx:
            found = await lock_dead(tx, ids=ids or None, kind=kind)
            if unknown := sorted(set(ids or ()) - set(found)):
                shown = ", ".join(map(str, unknown))
                raise StartError(f"no failed job has the id {shown}; nothing was put back")
            await rerun_dead(tx, found)
        return len(found)

    typer.echo(f"{in_database('jobs', write)} jobs put back")
