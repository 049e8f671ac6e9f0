"""Arguments and variables: graphql-core coerces them, this decides how often it has to."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    coerce_input_value,
    get_nullable_type,
    is_non_null_type,
    specified_scalar_types,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_argument_values,
    get_variable_values,
    input_is_nested_too_deeply,
)

from bff.compiler.inputs import conversion_of
from bff.compiler.plan import Kind
from bff.compiler.schema_facts import strawberry_field

if TYPE_CHECKING:
    from bff.compiler.plan import Field
    from bff.compiler.setting import Setting

_UNCHANGEABLE = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        str,
        bytes,
        datetime.datetime,
        datetime.date,
        datetime.time,
        decimal.Decimal,
        uuid.UUID,
    }
)
MAX_COERCION_ERRORS = 50
"""graphql-core's own default."""


def may_be_shared(arguments: Mapping[str, Any]) -> bool:
    """Whether no resolver can change what another one sees through the same arguments."""
    return all(
        type(value) in _UNCHANGEABLE or isinstance(value, enum.Enum) for value in arguments.values()
    )


def coerce_literals(field: Field, setting: Setting, variables: VariableValues) -> dict[str, Any]:
    """The arguments of a field as graphql-core hands them to a resolver.

    :raises GraphQLError: for a value that does not fit.
    """
    hide_suggestions = setting.hide_suggestions
    return get_argument_values(field.definition, field.nodes[0], variables, None, hide_suggestions)


def coerce_arguments(field: Field, setting: Setting, variables: VariableValues) -> dict[str, Any]:
    """The arguments of a field, by Python name unless its resolver is called as it stands.

    :raises GraphQLError: for a value that does not fit.
    """
    definition = field.definition
    if not definition.args:
        return {}
    values = coerce_literals(field, setting, variables)
    if field.kind is Kind.WRAPPED:
        return values
    inner, strawberry = strawberry_field(definition), setting.strawberry
    assert inner is not None and strawberry is not None
    if field.conversion is None:
        field.conversion = conversion_of(inner.arguments, strawberry)
    converted: dict[str, Any] = field.conversion(values)
    return converted


_SCALAR_CLASS: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: type(value) is str,
    "ID": lambda value: type(value) is str,
    "Boolean": lambda value: type(value) is bool,
    "Int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
}


class Variables:
    """Coerces the variables of one operation.

    The fast path holds when every variable that is given fits its type, and every other has a
    default that nothing can change, or none and is nullable. Signatures are reckoned once, and a
    built-in scalar in its own Python type is what it is. Anything else goes through graphql-core as
    a whole, which says what is wrong.
    """

    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, hide_suggestions: bool
    ) -> None:
        self._schema = schema
        self._definitions = tuple(operation.variable_definitions or ())
        self._hide_suggestions = hide_suggestions
        self._plan = self._planned()

    def coerce(self, inputs: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """Coerced values, or the errors that graphql-core reports for the request."""
        try:
            quick = self._quick(inputs)
        except (GraphQLError, RecursionError):
            quick = None
        if quick is not None:
            return quick
        return get_variable_values(
            self._schema,
            self._definitions,
            dict(inputs),
            max_errors=MAX_COERCION_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )

    def _quick(self, inputs: Mapping[str, Any]) -> VariableValues | None:
        if self._plan is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for name, signature, coerce, absent in self._plan:
            if name in inputs:
                sources[name] = VariableValueSource(signature, inputs[name])
                value = coerced[name] = coerce(inputs[name])
                if value is Undefined:
                    return None
            elif absent is None:
                return None
            else:
                sources[name] = VariableValueSource(signature)
                coerced.update(absent)
        return VariableValues(sources, coerced)

    def _planned(self) -> list[tuple[Any, ...]] | None:
        """Per variable: name, signature, its coercion, what it contributes if absent."""
        plan = []
        for node in self._definitions:
            signature = get_variable_signature(self._schema, node)
            if isinstance(signature, GraphQLError):
                return None
            coerce = _coercion(signature.type)
            plan.append((signature.name, signature, coerce, self._if_absent(node)))
        return plan

    def _if_absent(self, node: VariableDefinitionNode) -> dict[str, Any] | None:
        """What an omitted variable adds to the coerced values, None if that needs deciding."""
        values = get_variable_values(self._schema, [node], {})
        if isinstance(values, list) or not may_be_shared(values.coerced):
            return None
        return values.coerced


def _coercion(type_: GraphQLInputType) -> Callable[[Any], Any]:
    """What makes a given value one of a type, or Undefined where it does not fit."""
    nullable, named = not is_non_null_type(type_), get_nullable_type(type_)
    name = getattr(named, "name", "")
    accepts = _SCALAR_CLASS.get(name)
    if accepts is not None and named is specified_scalar_types[name]:
        return lambda value: value if accepts(value) or (value is None and nullable) else Undefined

    def coerce(value: Any) -> Any:
        is_deep = input_is_nested_too_deeply(value, type_)
        return Undefined if is_deep else coerce_input_value(value, type_)

    return coerce
