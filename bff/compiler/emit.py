"""Writes the Python of a plan: one function per object selection, plain values inline.

A *plain* value is one below which only attributes are read. Its code assumes the usual (right
Python types, lists and tuples, nothing awaitable) and stops with any exception at the first
thing unusual; whoever called it then has graphql-core complete the same value again.
Everything else is a call of `bff.compiler.runtime.Run`, in the order of the document.
"""

from __future__ import annotations

import json
import keyword
from collections.abc import Sequence
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
)
from graphql.pyutils import Path

from bff.compiler.arguments import coerce_arguments, may_be_shared
from bff.compiler.completions import (
    AbstractOf,
    Completion,
    Core,
    Guard,
    ListOf,
    ObjectOf,
    Plain,
    PlainList,
)
from bff.compiler.errors import CannotCompile, Odd
from bff.compiler.leaves import Leaf, leaf_code
from bff.compiler.plan import Field, Kind, Planner, Selection
from bff.compiler.runtime import Setting
from bff.compiler.schema_facts import CAST_ATTRIBUTE
from bff.compiler.writer import Function, Writer

MAX_INLINE = 6
"""Objects and lists nested deeper than this get a function of their own."""


class Emitter:
    """Turns one plan into source text and the names that the text refers to."""

    def __init__(self, planner: Planner, setting: Setting) -> None:
        self.planner = planner
        self.setting = setting
        self.writer = Writer()
        self.names: dict[str, Any] = {"Path": Path, "Odd": Odd}
        self._guards: dict[str, str] = {}
        self._leaves: dict[str, Leaf] = {}
        self._functions: set[str] = set()
        self._called_fields: list[Field] = []
        self._choices: list[tuple[Field, str]] = []

    # Functions.

    def root_function(self, selection: Selection) -> str:
        """The name of the function that runs the root fields of a query."""
        function = Function(f"root_{selection.type.name}", "run, path, o", "The root fields.")
        self._body(function, selection.fields)
        return self._add(function)

    def object_function(self, selection: Selection, *, plain: bool) -> str:
        """The name of the function that completes an object of the selection's type.

        :param plain: for use where the caller reads again whatever is not plain.
        """
        name = f"{'plain' if plain else 'one'}_{selection.type.name}_{selection.index}"
        if name in self._functions:
            return name
        self._functions.add(name)
        manner = "only attributes are read" if plain else "some fields are called"
        function = Function(name, "run, path, o", f"One {selection.type.name}; {manner}.")
        if plain:
            result = self._plain_fields(function, selection, "path", "o", 0)
            function.line(f"return {result}")
        else:
            self._body(function, selection.fields)
        return self._add(function)

    def step_function(self, field: Field) -> str:
        """The name of a function that runs one root field, for mutations."""
        function = Function(
            f"step_{field.index}", "run, path, o", f"{field.parent.name}.{field.name}, alone."
        )
        self._body(function, [field])
        return self._add(function)

    def _add(self, function: Function) -> str:
        self.writer.add(function)
        return function.name

    def _body(self, function: Function, fields: Sequence[Field]) -> None:
        """Fields in order: runs of plain ones together, the others one by one."""
        function.line("waiting = {}")
        entries: dict[str, str] = {}
        with function.block("try:"):
            run: list[Field] = []
            for field in fields:
                if self._is_inline(field):
                    run.append(field)
                    continue
                self._plain_run(function, run, entries)
                run = []
                self._called(function, field, entries)
            self._plain_run(function, run, entries)
        with function.block("except Exception:"):
            with function.block("if waiting:"):
                function.line("run.abandon(waiting)")
            function.line("raise")
        function.line(f"result = {self._dict(entries)}")
        function.line("return run.join(result, waiting) if waiting else result")

    def _is_inline(self, field: Field) -> bool:
        return field.kind is Kind.TYPENAME or (
            field.kind is Kind.READ and self.planner.is_flat(field.return_type, field.details)
        )

    # Plain fields, inline.

    def _plain_run(
        self, function: Function, fields: Sequence[Field], entries: dict[str, str]
    ) -> None:
        read = [field for field in fields if field.kind is not Kind.TYPENAME]
        variables = {field.key: function.variable(field.key) for field in read}
        if read:
            with function.block("try:"):
                for field in read:
                    self._read(function, field, variables[field.key], "path", "o", 0)
            with function.block("except Exception:"):
                targets = ", ".join(variables[field.key] for field in read)
                constant = self._name(f"fields_{read[0].index}", tuple(read))
                function.line(f"[{targets}] = run.again({constant}, path, o, waiting)")
        for field in fields:
            entries[field.key] = variables.get(field.key) or _text(field.parent.name)

    def _plain_fields(
        self, function: Function, selection: Selection, path: str, source: str, depth: int
    ) -> str:
        """Read all fields of a plain selection; the result is a dict display."""
        entries: dict[str, str] = {}
        for field in selection.fields:
            if field.kind is Kind.TYPENAME:
                entries[field.key] = _text(field.parent.name)
                continue
            entries[field.key] = variable = function.variable(field.key)
            self._read(function, field, variable, path, source, depth)
        return self._dict(entries)

    def _read(
        self, function: Function, field: Field, variable: str, path: str, source: str, depth: int
    ) -> None:
        function.line(f"{variable} = {_attribute(source, field.attribute)}")
        field_path = f"Path({path}, {_text(field.key)}, {_text(field.parent.name)})"
        self._plain_value(function, field, field.return_type, variable, field_path, depth)

    def _plain_value(
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
            function.lines(self._leaf(inner).statements(variable, nullable))
            return
        if nullable:
            function.enter(f"if {variable} is not None:")
        if is_list_type(inner):
            self._plain_list(function, field, inner.of_type, variable, path, depth)
        elif is_object_type(inner):
            self._plain_object(function, field, inner, variable, path, depth)
        else:
            self._plain_abstract(function, field, inner, variable, path)
        if nullable:
            function.leave()

    def _plain_list(
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
            value = self._leaf(inner).expression(item, nullable)
            function.line(f"{variable} = [{value} for {item} in {variable}]")
            return
        items, index = function.variable("items"), function.variable("i")
        function.line(f"{items} = []")
        with function.block(f"for {index}, {item} in enumerate({variable}):"):
            item_path = f"Path({path}, {index}, None)"
            self._plain_value(function, field, item_type, item, item_path, depth + 1)
            function.line(f"{items}.append({item})")
        function.line(f"{variable} = {items}")

    def _list_function(self, field: Field, item_type: GraphQLOutputType) -> None:
        """A function for a list below which nothing is called; odd items are read again."""
        summary = f"{field.parent.name}.{field.name}: {field.return_type}"
        function = Function(f"items_{field.index}", "run, path, values", summary)
        function.line("items = []")
        function.line("waiting = []")
        with function.block("for i, item in enumerate(values):"):
            with function.block("try:"):
                self._plain_value(function, field, item_type, "item", "Path(path, i, None)", 0)
            with function.block("except Exception:"):
                known = f"{self._field(field)}, path, values, items, waiting"
                function.line(f"item = run.item_again({known}, {self._item_type(item_type)})")
            function.line("items.append(item)")
        function.line("return run.join_items(items, waiting) if waiting else items")
        self._add(function)

    def _plain_object(
        self,
        function: Function,
        field: Field,
        type_: GraphQLObjectType,
        variable: str,
        path: str,
        depth: int,
    ) -> None:
        guard, known = self._guard(type_), function.variable("cls")
        function.before(f"{known} = None")
        check = f"type({variable}) is not {known}"
        if self.names[guard].minds_casts:
            check += f" or getattr({variable}, {_text(CAST_ATTRIBUTE)}, None) is not None"
        with function.block(f"if {check}:"):
            function.line(f"{known} = {guard}.admit(run, {self._field(field)}, {path}, {variable})")
        selection = self.planner.below(type_, field.details)
        if depth >= MAX_INLINE:
            name = self.object_function(selection, plain=True)
            function.line(f"{variable} = {name}(run, {path}, {variable})")
            return
        result = self._plain_fields(function, selection, path, variable, depth + 1)
        function.line(f"{variable} = {result}")

    def _plain_abstract(
        self,
        function: Function,
        field: Field,
        type_: GraphQLAbstractType,
        variable: str,
        path: str,
    ) -> None:
        name = self._name(f"choice_{field.index}", None)
        self._choices.append((field, name))
        call = f"{name}.pick(run, {self._field(field)}, at, {variable})(run, at, {variable})"
        function.line(f"at = {path}")
        function.line(f"{variable} = {call}")
        for member in (self.planner.members(type_, field.details) or {}).values():
            self.object_function(member, plain=True)

    # Fields that are called.

    def _called(self, function: Function, field: Field, entries: dict[str, str]) -> None:
        entries[field.key] = variable = function.variable(field.key)
        of = self._field(field)
        self._prepare_completion(field)
        function.line(f"# {field.parent.name}.{_one_line(field)}: {field.return_type}")
        with function.block("try:"):
            function.line(f"{variable} = {self._resolution(field)}")
        with function.block("except Exception as error:"):
            function.line(f"{variable} = run.failed({of}, path, error)")
        with function.block("else:"):
            completed = f"{variable} = run.completed({of}, path, {variable}, waiting)"
            inner, bare = get_named_type(field.return_type), get_nullable_type(field.return_type)
            leaf = self._leaf(inner) if is_leaf_type(inner) else None
            if leaf and leaf.usual and leaf.convert == "{0}" and inner is bare:
                with function.block(f"if not ({leaf.usual.format(variable)}):"):
                    function.line(completed)
            else:
                function.line(completed)

    def _resolution(self, field: Field) -> str:
        """The expression that gives a field its value, from the parent `o`."""
        if field.kind is Kind.EVENT:
            return "o"
        if field.kind is Kind.READ:
            return _attribute("o", field.attribute)
        if field.kind is Kind.WRAPPED:
            return f"run.call({self._field(field)}, path, o)"
        resolver = field.resolver
        assert resolver is not None
        arguments = ["o"] if resolver.self_parameter else []
        for parameter in (resolver.parent_parameter, resolver.root_parameter):
            if parameter:
                arguments.append(f"{parameter.name}=o")
        if resolver.info_parameter:
            info = f"run.strawberry_info({self._field(field)}, path)"
            arguments.append(f"{resolver.info_parameter.name}={info}")
        if field.definition.args:
            arguments.append(self._arguments(field))
        name = f"resolve_{field.index}_{resolver.name}"
        if not name.isidentifier():
            name = f"resolve_{field.index}"  # a lambda
        return f"{self._name(name, resolver.wrapped_func)}({', '.join(arguments)})"

    def _arguments(self, field: Field) -> str:
        constant = self._constant_arguments(field)
        if constant is None:
            return f"**run.arguments({self._field(field)})"
        return f"**{self._name(f'arguments_{field.index}', constant)}"

    def _constant_arguments(self, field: Field) -> dict[str, Any] | None:
        """The arguments of a field that no variable can change, coerced now."""
        nodes = field.nodes[0].arguments or ()
        if any("$" in print_ast(node.value) for node in nodes):
            return None
        try:
            values = coerce_arguments(field, self.setting, self.planner.conditions)
        except Exception:
            return None  # an error of the request: reported where it occurs
        return values if may_be_shared(values) else None

    # Completions.

    def _prepare_completion(self, field: Field) -> None:
        """Write the functions that a field's completion will need."""
        if field not in self._called_fields:
            self._called_fields.append(field)
            self._prepare(field, field.return_type)

    def _prepare(self, field: Field, type_: GraphQLOutputType) -> None:
        nullable = get_nullable_type(type_)
        if self.planner.is_flat(type_, field.details):
            summary = f"{field.parent.name}.{field.name}: {type_}"
            function = Function(f"value_{field.index}", "run, path, v", summary)
            self._plain_value(function, field, type_, "v", "path", 0)
            function.line("return v")
            self._add(function)
        elif is_list_type(nullable):
            if self.planner.is_plain(type_, field.details):
                self._list_function(field, nullable.of_type)
            else:
                self._prepare(field, nullable.of_type)
        else:
            for selection in self.planner.selections(type_, field.details) or ():
                self.object_function(selection, plain=False)

    def finish(self, loaded: dict[str, Any]) -> None:
        """Connect fields to their functions, once the source has been loaded."""
        for field, name in self._choices:
            type_: Any = get_named_type(field.return_type)
            loaded[name] = self._abstract(field, type_, loaded, nullable=False, plain=True)
        for field in self._called_fields:
            field.completion = self._completion(field, field.return_type, loaded)

    def _completion(
        self, field: Field, type_: GraphQLOutputType, loaded: dict[str, Any]
    ) -> Completion:
        nullable = not is_non_null_type(type_)
        inner: Any = type_ if nullable else type_.of_type  # type: ignore[union-attr]
        if self.planner.is_flat(type_, field.details):
            return Plain(loaded[f"value_{field.index}"])
        if is_list_type(inner):
            if self.planner.is_plain(type_, field.details):
                return PlainList(loaded[f"items_{field.index}"], nullable)
            return ListOf(self._completion(field, inner.of_type, loaded), inner.of_type, nullable)
        if is_object_type(inner):
            name = self.object_function(self.planner.below(inner, field.details), plain=False)
            return ObjectOf(self.names[self._guard(inner)], loaded[name], nullable)
        return self._abstract(field, inner, loaded, nullable, plain=False)

    def _abstract(
        self,
        field: Field,
        type_: GraphQLAbstractType,
        loaded: dict[str, Any],
        nullable: bool,
        plain: bool,
    ) -> Completion:
        members = self.planner.members(type_, field.details)
        if members is None:
            return Core()
        functions = {
            name: loaded[self.object_function(member, plain=plain)]
            for name, member in members.items()
        }
        guards = {name: self.names[self._guard(member.type)] for name, member in members.items()}
        return AbstractOf(type_, functions, guards, nullable)

    # Names.

    def _name(self, name: str, value: Any) -> str:
        self.names[name] = value
        return name

    def _field(self, field: Field) -> str:
        return self._name(f"field_{field.index}", field)

    def _guard(self, type_: GraphQLObjectType) -> str:
        if type_.name not in self._guards:
            self._guards[type_.name] = self._name(f"a_{type_.name}", Guard(type_))
        return self._guards[type_.name]

    def _item_type(self, type_: GraphQLOutputType) -> str:
        words = str(type_).replace("[", "list_of_").replace("]", "").replace("!", "_not_null")
        return self._name(f"type_{words}", type_)

    def _leaf(self, type_: Any) -> Leaf:
        if type_.name not in self._leaves:
            self._leaves[type_.name] = leaf = leaf_code(type_)
            self.names.update(leaf.names)
        return self._leaves[type_.name]

    def _dict(self, entries: dict[str, str]) -> str:
        return "{" + ", ".join(f"{_text(key)}: {value}" for key, value in entries.items()) + "}"


def _text(value: str) -> str:
    return json.dumps(value)


def _attribute(source: str, name: str) -> str:
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{source}.{name}"
    return f"getattr({source}, {_text(name)})"


def _one_line(field: Field) -> str:
    """A field with its arguments, for a comment."""
    node = field.nodes[0]
    arguments = ", ".join(print_ast(argument) for argument in node.arguments or ())
    text = field.name + (f"({arguments})" if arguments else "")
    return " ".join(text.split())[:80]


__all__ = ["CannotCompile", "Emitter"]
