"""The names that generated source refers to, and what they stand for."""

from __future__ import annotations

import json
import keyword
from typing import Any

from graphql import GraphQLObjectType
from graphql.pyutils import Path

from bff.compiler.completions import Guard
from bff.compiler.errors import Odd
from bff.compiler.leaves import Leaf, leaf_code
from bff.compiler.plan import Field


class Names:
    """The globals of one generated module."""

    def __init__(self) -> None:
        self.table: dict[str, Any] = {"Path": Path, "Odd": Odd}
        self._guards: dict[str, str] = {}
        self._leaves: dict[str, Leaf] = {}

    def add(self, name: str, value: Any) -> str:
        """Give a value a name; return the name."""
        self.table[name] = value
        return name

    def field(self, field: Field) -> str:
        return self.add(f"field_{field.index}", field)

    def guard(self, type_: GraphQLObjectType) -> str:
        """The name of a type's guard, one for all places."""
        if type_.name not in self._guards:
            self._guards[type_.name] = self.add(f"a_{type_.name}", Guard(type_))
        return self._guards[type_.name]

    def guard_of(self, type_: GraphQLObjectType) -> Guard:
        guard = self.table[self.guard(type_)]
        assert isinstance(guard, Guard)
        return guard

    def leaf(self, type_: Any) -> Leaf:
        """The code of a leaf type, whose own names are added."""
        if type_.name not in self._leaves:
            self._leaves[type_.name] = leaf = leaf_code(type_)
            self.table.update(leaf.names)
        return self._leaves[type_.name]


def text(value: str) -> str:
    """A Python string literal."""
    return json.dumps(value)


def attribute(source: str, name: str) -> str:
    """An expression that reads an attribute of a variable."""
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{source}.{name}"
    return f"getattr({source}, {text(name)})"


def display(entries: dict[str, str]) -> str:
    """A dict display of response keys and the expressions of their values."""
    return "{" + ", ".join(f"{text(key)}: {value}" for key, value in entries.items()) + "}"
