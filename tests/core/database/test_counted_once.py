"""A request that is sent again under its key is not counted again: of every function that is given
an idempotency key, over the whole tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT
from tests.tree import files_of_the_tree

_WINGS = {"core", "kinds", "payments", "notifications", "credit", "modules", "bff"}

Function = ast.AsyncFunctionDef | ast.FunctionDef


def _functions() -> dict[tuple[str, str], Function]:
    """By the name of its file and its own."""
    return {
        (_stem(path), node.name): node
        for path in files_of_the_tree()
        if path.suffix == ".py" and path.parts[0] in _WINGS
        for node in ast.parse((ROOT / path).read_text("utf-8")).body
        if isinstance(node, Function)
    }


def _stem(path: Path) -> str:
    return str(path.with_suffix(""))


def _calls(node: ast.AST, *, is_conditional: bool = False) -> Iterator[tuple[str, bool]]:
    """The calls under a node by name, in order, and whether each is under a condition."""
    for child in ast.iter_child_nodes(node):
        inside = is_conditional or (isinstance(node, ast.If) and child is not node.test)
        yield from _calls(child, is_conditional=inside)
        if isinstance(child, ast.Call):
            yield ast.unparse(child.func), inside


def _counts(function: Function, counting: set[str]) -> bool:
    """Whether it counts whatever was sent before under the same key."""
    for name, is_conditional in _calls(function):
        if name in ("recall_key", "idempotency.recall", "sent.had_effect"):
            return False
        if name in counting and not is_conditional:
            return True
    return False


def _names_in(file: str, counted: set[tuple[str, str]]) -> set[str]:
    """What those functions are called in a file."""
    return {
        name if where == file else f"{where.rpartition('/')[2]}.{name}" for where, name in counted
    }


def _counting(functions: dict[tuple[str, str], Function]) -> set[tuple[str, str]]:
    """The functions that count, by themselves or by one that they call."""
    found = {("core/database/rate_limit", "require")}
    while True:
        more = {
            place
            for place, function in functions.items()
            if place not in found and _counts(function, _names_in(place[0], found))
        }
        if not more:
            return found
        found |= more


def test_what_has_a_key_is_counted_once() -> None:
    functions = _functions()
    counting = _counting(functions)
    assert len(counting) > 10
    with_a_key = [place for place in counting if _has_a_key(functions[place])]
    assert with_a_key == []


def _has_a_key(function: Function) -> bool:
    names = [each.arg for each in function.args.args]
    return names[0] == "call" and "key" in names
