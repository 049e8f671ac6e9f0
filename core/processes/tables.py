"""Tables of the command line: each cell as it is, and whole where nobody sits before it."""

import sys

from rich.console import Console
from rich.table import Table

_WHOLE = 100_000
"""Columns of a pipe: no cell is cut, and a line is as long as its cells."""


def print_tables(*tables: Table) -> None:
    """Print tables to standard output.

    Nothing in a cell is read as markup or as the name of an emoji, as `:hospital:` in an account's
    code would be. In a terminal a long cell is folded to its width; into a pipe or file it is not.
    """
    width = None if sys.stdout.isatty() else _WHOLE
    console = Console(markup=False, emoji=False, highlight=False, width=width)
    for table in tables:
        for column in table.columns:
            column.overflow = "fold"  # by default the end of a long number would be lost
        console.print(table)
