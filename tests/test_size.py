"""Small files and small functions; what is still too large is listed, and the list only shrinks."""

import ast
from functools import cache
from pathlib import Path

from tests.conftest import ROOT
from tests.tree import files_of_the_tree

FUNCTION_LINES_MAX = 50
SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 600

EXCEPTIONS: dict[str, int] = {
    "tests/bff/attacks.py:attacks": 79,
}
"""File, or file:function, and the lines it may have. Never add one: make it smaller."""

_EXEMPT = ("migrations",)
"""Migrations are history: what was applied is not rewritten."""


@cache
def _measured() -> dict[str, tuple[int, int]]:
    """What is measured: its lines and how many it may have."""
    measured: dict[str, tuple[int, int]] = {}
    for name in files_of_the_tree():
        if name.suffix != ".py" or set(_EXEMPT) & set(name.parts):
            continue
        source = (ROOT / name).read_text("utf-8")
        is_test = name.parts[0] == "tests"
        measured[str(name)] = (
            len(source.splitlines()),
            TEST_LINES_MAX if is_test else SOURCE_LINES_MAX,
        )
        measured |= _functions(name, source)
    return measured


def _functions(name: Path, source: str) -> dict[str, tuple[int, int]]:
    return {
        f"{name}:{node.name}": (node.end_lineno - node.lineno + 1, FUNCTION_LINES_MAX)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }


def test_nothing_is_larger_than_it_may_be() -> None:
    measured = _measured()
    assert len(measured) > 500
    too_large = {
        name: lines
        for name, (lines, allowed) in measured.items()
        if lines > EXCEPTIONS.get(name, allowed)
    }
    assert too_large == {}


def test_the_list_of_exceptions_only_shrinks() -> None:
    measured = _measured()
    for name, allowed in EXCEPTIONS.items():
        lines, limit = measured.get(name, (0, 0))
        assert lines > limit, f"{name} is small enough now: take it off the list"
        assert lines == allowed, f"{name} has become smaller: write {lines}"
