"""Tables of the command line say what is in them."""

import contextlib
import io
from pathlib import Path

import pytest
from rich.table import Table

from core.processes.tables import print_tables

ROOT = Path(__file__).parents[3]


def test_a_cell_is_printed_as_it_is_and_whole_into_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cells = ("payee:hospital:h1", "settle:" + "0" * 200, "[red]100.00[/red]")
    table = Table("account", "key", "amount", box=None)
    table.add_row(*cells)
    print_tables(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and tuple(lines[1].split()) == cells


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_folds_a_long_cell_and_loses_none_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    number = "01a22e48cd9d78948588151d01077aa4"
    table = Table("number", "state", "why", box=None)
    table.add_row(number, "opened", "it is missing at the provider")
    with contextlib.redirect_stdout(_Terminal()) as said:
        print_tables(table)
    rows = said.getvalue().splitlines()[1:]
    assert len(rows) > 1 and max(map(len, rows)) <= 40
    assert number in "".join(row.split()[0] for row in rows)


def _prints_its_own(file: Path) -> bool:
    text = file.read_text("utf-8")
    return "rich.table" in text and "Console(" in text


def test_every_command_prints_its_tables_so() -> None:
    wings = ("core", "notifications", "payments", "credit", "kinds", "modules", "bff")
    files = [p for wing in wings for p in (ROOT / wing).rglob("*.py") if _prints_its_own(p)]
    assert [str(p.relative_to(ROOT)) for p in files] == ["core/processes/tables.py"]
