"""What Strawberry makes of a field's arguments, prepared once for the field.

Its own function looks at the type of every value of every request anew, though what it finds
depends on the type alone: a leaf stays what graphql-core made of it, a list is copied, an input
type is called with its fields. Whatever else there is goes through that function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING
from functools import cached_property, partial
from typing import Any

from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.unset import UNSET

Conversion = Callable[[Any], Any]
Member = tuple[str, str, Conversion | None]
"""A name in GraphQL, the one in Python, and the conversion; None where nothing changes."""


def conversion_of(arguments: Sequence[StrawberryArgument], schema: Any) -> Conversion:
    """Makes the arguments by Python name of those that graphql-core has coerced."""
    name_of = schema.config.name_converter.from_argument
    members = [(name_of(one), one.python_name, _conversion(one.type, schema)) for one in arguments]
    return partial(_converted, members)


def _converted(members: Sequence[Member], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        python_name: values[name] if convert is None else convert(values[name])
        for name, python_name, convert in members
        if name in values
    }


def _conversion(type_: Any, schema: Any) -> Conversion | None:
    registry = schema.schema_converter.scalar_registry
    if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
        return _conversion(type_.of_type, schema)
    if isinstance(type_, StrawberryList):
        return partial(_list, _conversion(type_.of_type, schema))
    if isinstance(type_, StrawberryEnumDefinition):
        return None
    if is_scalar(type_, registry) and type_ is not GlobalID:
        return None
    if has_object_definition(type_) and type_.__strawberry_definition__.is_input:
        return _Input(type_, schema)
    return lambda value: convert_argument(value, type_, registry, schema.config)


def _list(convert: Conversion | None, value: Any) -> Any:
    if value is None or value is UNSET:
        return value
    return list(value) if convert is None else [convert(item) for item in value]


class _Input:
    """Calls an input type; its fields are looked at when it is first given, for it may hold itself.

    A type that builds its own value is none of these: its field is called as it stands.
    """

    def __init__(self, type_: Any, schema: Any) -> None:
        self._type = type_
        self._schema = schema

    def __call__(self, value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return self._type(**self._absent | _converted(self._members, value))

    @cached_property
    def _absent(self) -> dict[str, None]:
        """What is left out and has no default is None."""
        return {
            field.python_name: None
            for field in self._type.__strawberry_definition__.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }

    @cached_property
    def _members(self) -> Sequence[Member]:
        definition = self._type.__strawberry_definition__
        name_of = self._schema.config.name_converter.from_field
        return [
            (
                name_of(field),
                field.python_name,
                _conversion(field.resolve_type(type_definition=definition), self._schema),
            )
            for field in definition.fields
        ]
