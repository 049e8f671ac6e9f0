"""Compiled operations.

There is one plan per choice of an operation's `@skip` and `@include` conditions; the first is
made at once, the others when a request first needs them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

from bff.compiler.arguments import Variables
from bff.compiler.conditions import condition_variables, refuse_directives
from bff.compiler.emit import Emitter
from bff.compiler.errors import CannotCompile
from bff.compiler.executable import CoreOperation, Executable, Result
from bff.compiler.plan import Planner
from bff.compiler.runtime import Run
from bff.compiler.schema_facts import strawberry_schema
from bff.compiler.setting import Setting

MAX_CONDITIONS = 6
"""More condition variables than this could need more than 64 plans."""


@dataclass(frozen=True)
class Variant:
    """The code for one choice of the conditions."""

    source: str
    start: Callable[[Run, Any], Any]


class CompiledOperation(Executable):
    """An operation as generated Python."""

    reason: str | None = None

    def __init__(self, setting: Setting, conditions: tuple[str, ...]) -> None:
        self._setting = setting
        self._conditions = conditions
        self._variables = Variables(setting.schema, setting.operation, setting.hide_suggestions)
        self._variants: dict[tuple[bool, ...], Variant] = {}
        self._first = self._variant(tuple(True for _ in conditions))

    @property
    def source(self) -> str:
        """The generated Python when every condition variable is true."""
        return self._first.source

    def result(
        self, *, root: Any = None, context: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Result:
        """Data and errors, not yet encoded; see `execute`.

        A result without data whose errors have no path is one of the request: its variables.
        """
        coerced = self._variables.coerce(variables or {})
        if isinstance(coerced, list):
            return ExecutionResult(None, coerced)
        run = Run(self._setting, root, context, coerced)
        choice = self._choice(coerced)
        if choice is None:
            return run.core.execute_operation()  # type: ignore[return-value]
        try:
            data = self._variant(choice).start(run, root)
        except GraphQLError as error:
            return self._failed(run, error)
        if type(data) is dict:
            return ExecutionResult(data, run.errors or None)
        return self._finish(run, data)

    async def _finish(self, run: Run, data: Awaitable[dict[str, Any]]) -> ExecutionResult:
        try:
            return ExecutionResult(await data, run.errors or None)
        except GraphQLError as error:
            return self._failed(run, error)

    @staticmethod
    def _failed(run: Run, error: GraphQLError) -> ExecutionResult:
        run.core.collected_errors.add(error, None)
        return ExecutionResult(None, run.errors)

    def _executor(
        self, root: Any, context: Any, variables: Mapping[str, Any]
    ) -> Executor[Any] | list[GraphQLError]:
        coerced = self._variables.coerce(variables)
        if isinstance(coerced, list):
            return coerced
        return self._setting.executor(root, context, coerced)

    def _choice(self, variables: VariableValues) -> tuple[bool, ...] | None:
        """The value of each condition, None if one of them has no boolean value."""
        if not self._conditions:
            return ()
        values = tuple(variables.coerced.get(name) for name in self._conditions)
        return values if all(type(value) is bool for value in values) else None  # type: ignore[return-value]

    def _variant(self, choice: tuple[bool, ...]) -> Variant:
        variant = self._variants.get(choice)
        if variant is None:
            variant = self._variants[choice] = _generate(
                self._setting, dict(zip(self._conditions, choice, strict=True))
            )
        return variant


def compile_document(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    *,
    hide_suggestions: bool = False,
) -> CompiledOperation:
    """Compile one operation of a validated document to Python.

    :param operation_name: may be None if the document has one operation.
    :param hide_suggestions: leave "did you mean" out of errors, as graphql-core's option does.
    :raises CannotCompile: for what only graphql-core executes; its reason says what.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        raise CannotCompile(f"no operation named {operation_name!r} in the document")
    _refuse_middleware(schema)
    fragments = _fragments(document)
    refuse_directives(operation, fragments)
    conditions = condition_variables(operation, fragments)
    if len(conditions) > MAX_CONDITIONS:
        raise CannotCompile(f"more than {MAX_CONDITIONS} variables in @skip and @include")
    setting = Setting(schema, operation, fragments, hide_suggestions)
    return CompiledOperation(setting, conditions)


def prepare_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    *,
    hide_suggestions: bool = False,
) -> CompiledOperation | CoreOperation:
    """The operation compiled, or if that cannot be, as graphql-core executes it."""
    try:
        return compile_document(schema, document, operation_name, hide_suggestions=hide_suggestions)
    except CannotCompile as refusal:
        return CoreOperation(schema, document, operation_name, refusal.reason, hide_suggestions)


def _fragments(document: DocumentNode) -> dict[str, FragmentDetails]:
    found: dict[str, FragmentDetails] = {}
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            if definition.variable_definitions:
                raise CannotCompile("a fragment declares variables")
            found[definition.name.value] = FragmentDetails(definition, None)
    return found


def _refuse_middleware(schema: GraphQLSchema) -> None:
    strawberry = strawberry_schema(schema)
    for extension in strawberry.extensions if strawberry is not None else ():
        implements = getattr(extension, "_implements_resolve", None)
        if implements is None or implements():
            raise CannotCompile("a schema extension may wrap every resolver")


def _conditions(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, bool]
) -> VariableValues:
    sources = {}
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if not isinstance(signature, GraphQLError) and signature.name in values:
            sources[signature.name] = VariableValueSource(signature, values[signature.name])
    return VariableValues(sources, dict(values))


def _generate(setting: Setting, choice: Mapping[str, bool]) -> Variant:
    """Plan, write and load the code for one choice of the conditions."""
    operation = setting.operation
    conditions = _conditions(setting.schema, operation, choice)
    planner = Planner(setting.schema, operation, setting.fragments, conditions)
    try:
        root = planner.root()
    except GraphQLError as error:
        raise CannotCompile(f"its fields cannot be collected: {error.message}") from error
    emitter = Emitter(planner, setting)
    serial = operation.operation is OperationType.MUTATION
    if serial:
        entry = [emitter.step_function(field) for field in root.fields]
    else:
        entry = [emitter.root_function(root)]
    source = f'"""{_title(operation, choice)}"""\n\n\n{emitter.writer.source}\n'
    names = emitter.names.table
    exec(compile(source, f"<graphql {_name(operation)}>", "exec"), names)  # noqa: S102 - our own text
    emitter.finish(names)
    functions = [names[name] for name in entry]
    if serial:
        return Variant(source, lambda run, root_value: run.serially(functions, root_value))
    start = functions[0]
    return Variant(source, lambda run, root_value: start(run, None, root_value))


def _name(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name else "anonymous"


def _title(operation: OperationDefinitionNode, choice: Mapping[str, bool]) -> str:
    title = f"The {operation.operation.value} {_name(operation)}"
    if choice:
        title += " where " + ", ".join(f"${name} is {value}" for name, value in choice.items())
    return f"{title}, generated from its document."
