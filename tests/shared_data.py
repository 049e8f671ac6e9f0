"""Published files that are too large or not ours to keep in this tree: the folder beside it."""

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT

SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))


def shared(path: str) -> Path:
    """A file or folder below `data` of the shared folder. Skips where it is absent."""
    found = SHARED / "data" / path
    if not found.exists():
        pytest.skip(f"shared data absent: {path} (set SHARED_DIR)")
    return found
