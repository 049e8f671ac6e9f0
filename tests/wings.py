"""Wings that a test writes, to see what the house says of them."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.ids import new_id
from core.manifest import Manifest

Plant = Callable[..., Manifest]


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Writes a wing: modules by name, with their source. All are its rooms, unless its manifest,
    for which what else is given is meant, says otherwise."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, sources: dict[str, str], **manifest: Any) -> Manifest:
        package = f"planted_{new_id().hex}"
        folder = tmp_path / package
        for room, source in {"__init__": "", **sources}.items():
            file = folder / f"{room.replace('.', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(source), encoding="utf-8")
        return Manifest(**{"name": name, "package": package, "rooms": tuple(sources), **manifest})

    return write
