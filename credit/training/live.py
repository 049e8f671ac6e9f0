"""What a person at a terminal sees while a model is fitted: a progress bar and the rounds."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from credit.training.boost import Watch

SHOWN_ROUNDS = 8
EVERY = 25
"""Rounds between two lines of the table."""


@contextmanager
def watching(console: Console, label: str) -> Iterator[Watch | None]:
    """A watcher that draws on a terminal; None, and silence, where there is none."""
    if not console.is_terminal:
        yield None
        return
    bar = Progress(
        TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    task = bar.add_task(label, total=None)
    rows: deque[tuple[int, float]] = deque(maxlen=SHOWN_ROUNDS)
    with Live(Group(_table(rows), bar), console=console, refresh_per_second=8) as live:

        def watch(done: int, total: int, loss: float) -> None:
            bar.update(task, completed=done, total=total)
            if done % EVERY == 0 or done == total:
                rows.append((done, loss))
                live.update(Group(_table(rows), bar))

        yield watch


def _table(rows: deque[tuple[int, float]]) -> Table:
    table = Table("round", "log-loss (training)")
    for done, loss in rows:
        table.add_row(str(done), f"{loss:.5f}")
    return table
