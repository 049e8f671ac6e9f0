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
    page = PAGE.read_text("utf-8")
    drawn = redraw(page, read_imports(ROOT))
    if not check:
        PAGE.write_text(drawn, "utf-8")
    elif drawn != page:
        raise StartError("docs/architecture.md is not what the code is: `quancheng architecture`")
