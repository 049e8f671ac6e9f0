"""This tree: its files, what its tests declare, and copies for tests that change it."""

import importlib
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


def files_of_the_tree() -> list[Path]:
    """What is or will be committed. Skips where git does not tell."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("this tree is no git repository: nothing tells which files are its own")
    names = (Path(name) for name in listed.stdout.split("\0") if name)
    return [name for name in names if (ROOT / name).is_file()]


def modules_named(name: str) -> list[ModuleType]:
    """The files of this name in the tests of modules and services, imported."""
    places = (ROOT / "tests/modules", ROOT / "tests/credit")
    found = sorted(path for place in places for path in place.rglob(f"{name}.py"))
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in found]
    return [importlib.import_module(".".join(each)) for each in parts]


def copy_tree(to: Path) -> Path:
    """A copy of the tree in an empty folder."""
    for name in files_of_the_tree():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, to / name)
    return to
