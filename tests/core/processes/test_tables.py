"""Tables of the command line say what is in them."""

from pathlib import Path

import pytest
from rich.table import Table

from core.processes.tables import print_table

ROOT = Path(__file__).parents[3]


def test_a_cell_is_printed_as_it_is_and_whole_into_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cells = ("payee:hospital:h1", "settle:" + "0" * 200, "[red]100.00[/red]")
    table = Table("account", "key", "amount", box=None)
    table.add_row(*cells)
    print_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and tuple(lines[1].split()) == cells


@pytest.mark.parametrize("wing", ["payments", "core"])
def test_every_command_prints_its_tables_so(wing: str) -> None:
    files = [p for p in (ROOT / wing).rglob("*.py") if "Console().print(table)" in p.read_text()]
    assert files == []
