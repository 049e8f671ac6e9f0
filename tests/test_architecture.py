"""The shape of the tree: no circle, and the handbook's picture of it is the code's."""

import re
from functools import cache
from pathlib import Path

import pytest

from core.processes.imports import BEGIN, END, find_circles, fold, read_imports, redraw
from tests.conftest import ROOT


@cache
def _imports() -> dict[str, set[str]]:
    return read_imports(ROOT)


def _folder(module: str) -> str:
    is_package = (ROOT / module.replace(".", "/")).is_dir()
    return module if is_package else module.rpartition(".")[0]


def test_no_files_need_one_another() -> None:
    assert len(_imports()) > 500
    assert find_circles(_imports()) == []


def test_no_folders_need_one_another() -> None:
    assert find_circles(fold(_imports(), {name: _folder(name) for name in _imports()})) == []


def test_the_picture_in_the_handbook_is_the_code_s() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert redraw(page, _imports()) == page, "draw it anew: quancheng architecture"


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("import core.two", "core.two"),
        ("from core import two", "core.two"),
        ("from core.two import anything", "core.two"),
        ("from core.room import anything", "core.room"),
        ("from . import two", "core.two"),
        ("from .room.three import anything", "core.room.three"),
        ("def later():\n    import core.two", "core.two"),
        ("if TYPE_CHECKING:\n    from core.two import anything", "core.two"),
    ],
)
def test_every_way_to_import_is_read(line: str, needed: str, tmp_path: Path) -> None:
    (tmp_path / "core" / "room").mkdir(parents=True)
    for name in ("__init__", "two", "room/__init__", "room/three"):
        (tmp_path / "core" / f"{name}.py").touch()
    (tmp_path / "core" / "one.py").write_text(f"import os\n{line}\n", "utf-8")
    assert read_imports(tmp_path)["core.one"] == {needed}


def test_circles_are_found_whole() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert find_circles(graph) == [("a", "b", "c"), ("d", "e")]
    assert find_circles(fold(graph, {"a": "A", "b": "A", "c": "A", "d": "D"})) == []


def test_only_arrows_that_follow_from_no_others_are_drawn() -> None:
    page = redraw(
        f"{BEGIN}old{END} after", {"bff": {"core", "kinds"}, "kinds": {"core"}, "core": set()}
    )
    assert "old" not in page and page.endswith(f"{END} after")
    assert re.findall(r"n\d+ --> n\d+", page) == ["n0 --> n2", "n2 --> n1"]
    with pytest.raises(ValueError, match="no place"):
        redraw("a page", {})
