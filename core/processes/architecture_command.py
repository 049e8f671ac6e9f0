"""Draws who imports whom into docs/architecture.md."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import StartError
from core.processes.imports import read_imports, redraw

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"

app = typer.Typer()


@app.command()
def architecture(
    check: Annotated[bool, typer.Option("--check", help="Only tell whether it is so.")] = False,
) -> None:
    """Draw who imports whom into docs/architecture.md."""
    if not check:
        draw_page()
    elif _drawn() != PAGE.read_text("utf-8"):
        raise StartError("docs/architecture.md is not what the code is: `quancheng architecture`")


def draw_page() -> None:
    """Write the page with the pictures anew."""
    PAGE.write_text(_drawn(), "utf-8")


def _drawn() -> str:
    return redraw(PAGE.read_text("utf-8"), read_imports(ROOT))
