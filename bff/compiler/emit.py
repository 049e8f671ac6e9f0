"""Writes the Python of a plan: one function per object selection.

Fields come in the order of the document. Those that are plain and short are read inline;
the others are resolved by a call each, and completed by `bff.compiler.runtime.Run`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
)
from strawberry.types.fields.resolver import StrawberryResolver

from bff.compiler.arguments import coerce_arguments, may_be_shared
from bff.compiler.completions import (
    AbstractOf,
    Completion,
    Core,
    ListOf,
    ObjectOf,
    Plain,
    PlainList,
)
from bff.compiler.names import Names, attribute, display, text
from bff.compiler.plain import PlainCode
from bff.compiler.plan import Field, Kind, Planner, Selection
from bff.compiler.schema_facts import strawberry_field, through_extensions
from bff.compiler.setting import Setting
from bff.compiler.writer import Function, Writer


class Emitter:
    """Turns one plan into source text and the names that the text refers to."""

    def __init__(self, planner: Planner, setting: Setting) -> None:
        self.planner = planner
        self.setting = setting
        self.writer = Writer()
        self.names = Names()
        self.plain = PlainCode(planner, self.names, self.writer)
        self._functions: set[str] = set()
        self._called_fields: list[Field] = []

    # Functions.

    def root_function(self, selection: Selection) -> str:
        """The name of the function that runs the root fields of a query."""
        function = Function(f"root_{selection.type.name}", "run, path, o", "The root fields.")
        at_once = all(map(_begins_when_awaited, selection.fields))
        self._body(function, selection.fields, f"run.join(result, waiting, {at_once})")
        return self._add(function)

    def object_function(self, selection: Selection) -> str:
        """The name of the function that completes an object of the selection's type."""
        name = f"one_{selection.type.name}_{selection.index}"
        if name not in self._functions:
            self._functions.add(name)
            summary = f"One {selection.type.name}; some fields are called."
            function = Function(name, "run, path, o", summary)
            self._body(function, selection.fields)
            self.writer.add(function)
        return name

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

    def _body(
        self,
        function: Function,
        fields: Sequence[Field],
        join: str = "run.join(result, waiting)",
    ) -> None:
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
        function.line(f"result = {display(entries)}")
        function.line(f"return {join} if waiting else result")

    def _is_inline(self, field: Field) -> bool:
        return field.kind is Kind.TYPENAME or (
            field.kind is Kind.READ and self.planner.is_flat(field.return_type, field.details)
        )

    def _plain_run(
        self, function: Function, fields: Sequence[Field], entries: dict[str, str]
    ) -> None:
        read = [field for field in fields if field.kind is not Kind.TYPENAME]
        variables = {field.key: function.variable(field.key) for field in read}
        if read:
            with function.block("try:"):
                for field in read:
                    self.plain.read(function, field, variables[field.key], "path", "o", 0)
            with function.block("except Exception:"):
                targets = ", ".join(variables[field.key] for field in read)
                constant = self.names.add(f"fields_{read[0].index}", tuple(read))
                function.line(f"[{targets}] = run.again({constant}, path, o, waiting)")
        for field in fields:
            entries[field.key] = variables.get(field.key) or text(field.parent.name)

    # Fields that are called.

    def _called(self, function: Function, field: Field, entries: dict[str, str]) -> None:
        entries[field.key] = variable = function.variable(field.key)
        of = self.names.field(field)
        self._prepare_completion(field)
        function.line(f"# {field.parent.name}.{_one_line(field)}: {field.return_type}")
        with function.block("try:"):
            function.line(f"{variable} = {self._resolution(field)}")
        with function.block("except Exception as error:"):
            failed = f"run.failed({of}, path, error)"
            if field.resolver is not None and field.resolver.is_async:
                failed = f"run.failed_later({of}, path, error, waiting)"
            function.line(f"{variable} = {failed}")
        with function.block("else:"):
            completed = f"{variable} = run.completed({of}, path, {variable}, waiting)"
            inner, bare = get_named_type(field.return_type), get_nullable_type(field.return_type)
            leaf = self.names.leaf(inner) if is_leaf_type(inner) else None
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
            return attribute("o", field.attribute)
        if field.kind is Kind.WRAPPED:
            return f"run.call({self.names.field(field)}, path, o)"
        resolver = field.resolver
        assert resolver is not None
        if field.kind is Kind.EXTENDED:
            return self._extended(field, resolver)
        arguments = ["o"] if resolver.self_parameter else []
        parents = (resolver.parent_parameter, resolver.root_parameter)
        arguments += sorted({f"{parameter.name}=o" for parameter in parents if parameter})
        if resolver.info_parameter:
            arguments.append(f"{resolver.info_parameter.name}={self._info(field)}")
        if field.definition.args:
            arguments.append(self._arguments(field))
        name = f"resolve_{field.index}_{resolver.name}"
        if not name.isidentifier():
            name = f"resolve_{field.index}"  # a lambda
        return f"{self.names.add(name, resolver.wrapped_func)}({', '.join(arguments)})"

    def _extended(self, field: Field, resolver: StrawberryResolver[Any]) -> str:
        arguments = ["o", self._info(field)]
        if field.definition.args:
            arguments.append(self._arguments(field))
        resolve = through_extensions(field.definition, resolver)
        return f"{self.names.add(f'extended_{field.index}', resolve)}({', '.join(arguments)})"

    def _info(self, field: Field) -> str:
        self.names.add("Info", self.setting.info_class)
        self.names.add("raw_info", self.setting.raw_info)
        inner = self.names.add(f"strawberry_{field.index}", strawberry_field(field.definition))
        return f"Info(raw_info(run, {self.names.field(field)}, path), {inner})"

    def _arguments(self, field: Field) -> str:
        constant = self._constant_arguments(field)
        if constant is None:
            return f"**run.arguments({self.names.field(field)})"
        return f"**{self.names.add(f'arguments_{field.index}', constant)}"

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
            self.plain.value_function(field, type_)
        elif is_list_type(nullable):
            if self.planner.is_plain(type_, field.details):
                self.plain.list_function(field, nullable.of_type)
            else:
                self._prepare(field, nullable.of_type)
        else:
            for selection in self.planner.selections(type_, field.details) or ():
                self.object_function(selection)

    def finish(self, loaded: dict[str, Any]) -> None:
        """Connect fields to their functions, once the source has been loaded."""
        for field, name in self.plain.choices:
            type_: Any = get_named_type(field.return_type)
            name_of = self.plain.object_function
            loaded[name] = self._abstract(field, type_, loaded, name_of, nullable=False)
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
            name = self.object_function(self.planner.below(inner, field.details))
            return ObjectOf(self.names.guard_of(inner), loaded[name], nullable)
        return self._abstract(field, inner, loaded, self.object_function, nullable)

    def _abstract(
        self,
        field: Field,
        type_: GraphQLAbstractType,
        loaded: dict[str, Any],
        name_of: Callable[[Selection], str],
        nullable: bool,
    ) -> Completion:
        members = self.planner.members(type_, field.details)
        if members is None:
            return Core()
        functions = {name: loaded[name_of(member)] for name, member in members.items()}
        guards = {name: self.names.guard_of(member.type) for name, member in members.items()}
        return AbstractOf(type_, functions, guards, nullable)


def _begins_when_awaited(field: Field) -> bool:
    """Whether nothing of a field runs before it is awaited, not even a loader."""
    asynchronous = field.resolver is not None and field.resolver.is_async
    return asynchronous or field.kind is Kind.TYPENAME


def _one_line(field: Field) -> str:
    """A field with its arguments, for a comment."""
    node = field.nodes[0]
    arguments = ", ".join(print_ast(argument) for argument in node.arguments or ())
    text = field.name + (f"({arguments})" if arguments else "")
    return " ".join(text.split())[:80]
