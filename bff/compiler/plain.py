"""Writes the code of plain values: those below which only attributes are read.

It assumes the usual (the right Python types, lists and tuples, nothing awaitable) and stops
with any exception at the first thing unusual. Whoever called it then has graphql-core complete
the same value, from the start and only once.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLOutputType,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from bff.compiler.names import Names, attribute, display, text
from bff.compiler.plan import Field, Kind, Planner, Selection
from bff.compiler.schema_facts import CAST_ATTRIBUTE
from bff.compiler.writer import Function, Writer

MAX_INLINE = 6
"""Objects and lists nested deeper than this get a function of their own."""

_LOCALS = "type=type, str=str"
"""What a loop looks up for every leaf, as local variables: a tenth of its time."""


class PlainCode:
    """Writes plain values of one plan."""

    def __init__(self, planner: Planner, names: Names, writer: Writer) -> None:
        self.planner = planner
        self.names = names
        self.writer = writer
        self.choices: list[tuple[Field, str]] = []
        """Fields of abstract types, and the names under which their `AbstractOf` is expected."""
        self._functions: set[str] = set()

    def object_function(self, selection: Selection) -> str:
        """The name of a function that completes an object, for use inside plain code."""
        name = f"plain_{selection.type.name}_{selection.index}"
        if name not in self._functions:
            self._functions.add(name)
            summary = f"One {selection.type.name}; only attributes are read."
            function = Function(name, "run, path, o", summary)
            # who calls it may have left the parts of the path unmade
            function.line(f"return {self.fields(function, selection, 'Path(*path)', 'o', 0)}")
            self.writer.add(function)
        return name

    def value_function(self, field: Field, type_: GraphQLOutputType) -> None:
        """A function for a flat value that a resolver returned."""
        summary = f"{field.parent.name}.{field.name}: {type_}"
        function = Function(f"value_{field.index}", "run, path, v", summary)
        self.value(function, field, type_, "v", "path", 0)
        function.line("return v")
        self.writer.add(function)

    def list_function(self, field: Field, item_type: GraphQLOutputType) -> None:
        """A function for a list below which nothing is called; odd items are read again."""
        summary = f"{field.parent.name}.{field.name}: {field.return_type}"
        function = Function(f"items_{field.index}", f"run, path, values, {_LOCALS}", summary)
        function.line("items = []")
        function.line("waiting = []")
        with function.block("for item in values:"):
            with function.block("try:"):
                self.value(function, field, item_type, "item", "Path(path, len(items), None)", 0)
            with function.block("except Exception:"):
                kind = self.names.add(f"item_type_{field.index}", item_type)
                known = f"{self.names.field(field)}, path, values, items, waiting"
                function.line(f"item = run.item_again({known}, {kind})")
            function.line("items.append(item)")
        function.line("return run.join_items(items, waiting) if waiting else items")
        self.writer.add(function)

    def fields(
        self, function: Function, selection: Selection, path: str, source: str, depth: int
    ) -> str:
        """Read all fields of a plain selection; the result is a dict display."""
        entries: dict[str, str] = {}
        for field in selection.fields:
            if field.kind is Kind.TYPENAME:
                entries[field.key] = text(field.parent.name)
                continue
            entries[field.key] = variable = function.variable(field.key)
            self.read(function, field, variable, path, source, depth)
        return display(entries)

    def read(
        self, function: Function, field: Field, variable: str, path: str, source: str, depth: int
    ) -> None:
        function.line(f"{variable} = {attribute(source, field.attribute)}")
        if field.is_spoken:
            with function.block(f"if {variable} is not None:"):
                function.line(f"{variable} = {variable}.say(run.context.locale)")
        field_path = f"Path({path}, {text(field.key)}, {text(field.parent.name)})"
        self.value(function, field, field.return_type, variable, field_path, depth)

    def value(
        self,
        function: Function,
        field: Field,
        type_: GraphQLOutputType,
        variable: str,
        path: str,
        depth: int,
    ) -> None:
        """Lines that replace a variable by its completed value."""
        nullable = not is_non_null_type(type_)
        inner: Any = type_ if nullable else type_.of_type  # type: ignore[union-attr]
        if is_leaf_type(inner):
            function.lines(self.names.leaf(inner).statements(variable, nullable))
            return
        if nullable:
            function.enter(f"if {variable} is not None:")
        if is_list_type(inner):
            self._list(function, field, inner.of_type, variable, path, depth)
        elif is_object_type(inner):
            self._object(function, field, inner, variable, path, depth)
        else:
            self._abstract(function, field, inner, variable, path)
        if nullable:
            function.leave()

    def _list(
        self,
        function: Function,
        field: Field,
        item_type: GraphQLOutputType,
        variable: str,
        path: str,
        depth: int,
    ) -> None:
        with function.block(f"if type({variable}) is not list and type({variable}) is not tuple:"):
            function.line("raise Odd")
        nullable = not is_non_null_type(item_type)
        inner: Any = item_type if nullable else item_type.of_type  # type: ignore[union-attr]
        item = function.variable("item")
        if is_leaf_type(inner):
            value = self.names.leaf(inner).expression(item, nullable)
            function.line(f"{variable} = [{value} for {item} in {variable}]")
            return
        items = function.variable("items")
        function.line(f"{items} = []")
        with function.block(f"for {item} in {variable}:"):
            item_path = f"Path({path}, len({items}), None)"
            self.value(function, field, item_type, item, item_path, depth + 1)
            function.line(f"{items}.append({item})")
        function.line(f"{variable} = {items}")

    def _object(
        self,
        function: Function,
        field: Field,
        type_: GraphQLObjectType,
        variable: str,
        path: str,
        depth: int,
    ) -> None:
        guard, known = self.names.guard(type_), function.variable("cls")
        function.before(f"{known} = {guard}.usual")
        check = f"type({variable}) is not {known}"
        if self.names.guard_of(type_).minds_casts:
            check += f" or getattr({variable}, {text(CAST_ATTRIBUTE)}, None) is not None"
        with function.block(f"if {check}:"):
            function.line(
                f"{known} = {guard}.admit(run, {self.names.field(field)}, {path}, {variable})"
            )
        selection = self.planner.below(type_, field.details)
        if depth >= MAX_INLINE:
            name = self.object_function(selection)
            function.line(f"{variable} = {name}(run, {path}, {variable})")
            return
        result = self.fields(function, selection, path, variable, depth + 1)
        function.line(f"{variable} = {result}")

    def _abstract(
        self,
        function: Function,
        field: Field,
        type_: GraphQLAbstractType,
        variable: str,
        path: str,
    ) -> None:
        name = self.names.add(f"choice_{field.index}", None)
        self.choices.append((field, name))
        call = f"{name}.pick(run, {self.names.field(field)}, at, {variable})(run, at, {variable})"
        function.line(f"at = {path.removeprefix('Path')}")  # its parts: a path is seldom needed
        function.line(f"{variable} = {call}")
        for member in (self.planner.members(type_, field.details) or {}).values():
            self.object_function(member)
