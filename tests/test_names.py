"""Things have nouns: what somebody told, asked or heard is named by what it is."""

import ast

from tests.conftest import ROOT
from tests.tree import files_of_the_tree

NO_NOUNS = {"told", "asked", "heard", "whoever"}


def _names(tree: ast.AST) -> set[str]:
    """What a file gives a name to: variables, parameters, fields, functions, classes."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                names.add(name.lower())
    return {name.strip("_") for name in names}


def test_nothing_is_named_by_a_participle() -> None:
    files = [
        file
        for file in files_of_the_tree()
        if file.suffix == ".py" and file.parts[0] not in ("tests", "bench")
    ]
    assert len(files) > 500
    found = {
        str(file): names
        for file in files
        if (names := _names(ast.parse((ROOT / file).read_text("utf-8"))) & NO_NOUNS)
    }
    assert found == {}
