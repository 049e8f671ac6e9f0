"""How generated code writes a leaf: an inline check for the usual value, a call for the rest."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    GraphQLScalarType,
    Undefined,
    specified_scalar_types,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.schema.types import base_scalars

from bff.compiler.errors import Odd
from core.graphql.scalars import fen_out, moment_out


@dataclass(frozen=True)
class Leaf:
    """Templates over the name of the variable that holds the value.

    Where `usual` is true `convert` is the serialised value: what graphql-core's
    ``coerce_output_value`` would return, or what becomes the same JSON; otherwise `fallback` is
    called and either returns that or raises.
    """

    usual: str | None
    convert: str
    fallback: str
    names: dict[str, Any]

    def expression(self, variable: str, nullable: bool) -> str:
        """One Python expression that serialises the variable."""
        value = f"{self.fallback}({variable})"
        if self.usual:
            value = f"{self.convert.format(variable)} if {self.usual.format(variable)} else {value}"
        if nullable:
            value = f"None if {variable} is None else {value}"
        return value

    def statements(self, variable: str, nullable: bool) -> list[str]:
        """Python lines that replace the variable by its serialised value."""
        present = f"{variable} is not None"
        if self.usual is None:
            call = f"{variable} = {self.fallback}({variable})"
            return [f"if {present}:", f"    {call}"] if nullable else [call]
        usual, call = self.usual.format(variable), f"    {variable} = {self.fallback}({variable})"
        if self.convert == "{0}":
            condition = f"{present} and not ({usual})" if nullable else f"not ({usual})"
            if usual.startswith("type(") and " and " not in usual:
                unusual = usual.replace(" is ", " is not ", 1)
                condition = f"{present} and {unusual}" if nullable else unusual
            return [f"if {condition}:", call]
        return [
            f"if {usual}:",
            f"    {variable} = {self.convert.format(variable)}",
            f"elif {present}:" if nullable else "else:",
            call,
        ]


_ORDINARY = frozenset(
    {str, int, float, bool, list, dict, datetime.datetime, datetime.date, decimal.Decimal}
)
"""Types that are neither null nor exceptions nor awaitable."""


def checked(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A leaf's own coercion, kept away from values that graphql-core treats before it.

    :raises Odd: for null, exceptions and awaitables, and when nothing came out.
    """

    def leaf(value: Any) -> Any:
        if type(value) not in _ORDINARY and (
            value is None
            or value is Undefined
            or isinstance(value, Exception)
            or is_awaitable(value)
        ):
            raise Odd
        coerced = coerce(value)
        if type(coerced) not in _ORDINARY and (
            coerced is None or coerced is Undefined or is_awaitable(coerced)
        ):
            raise Odd
        return coerced

    return leaf


_BUILT_IN = {
    "String": "type({0}) is str",
    "ID": "type({0}) is str",
    "Boolean": "type({0}) is bool",
    "Int": "type({0}) is int and -2147483648 <= {0} <= 2147483647",
    # A finite float is the only one whose difference with itself is zero.
    "Float": "type({0}) is float and {0} - {0} == 0.0",
}
_BY_CLASS: Mapping[tuple[str, Callable[[Any], Any]], tuple[type, str]] = {
    ("DateTime", base_scalars.isoformat): (datetime.datetime, "{0}.isoformat()"),
    ("DateTime", moment_out): (datetime.datetime, "coerce_DateTime({0})"),
    ("Date", base_scalars.isoformat): (datetime.date, "{0}"),
    ("Time", base_scalars.isoformat): (datetime.time, "{0}.isoformat()"),
    ("UUID", str): (uuid.UUID, "{0}"),
    ("Decimal", str): (decimal.Decimal, "str({0})"),
    ("Fen", fen_out): (int, "coerce_Fen({0})"),
}
"""What a scalar's coercion comes to for values of its usual class. Dates and UUIDs stay as they
are: whoever writes the JSON writes the same text, and faster.
"""


def leaf_code(type_: GraphQLLeafType) -> Leaf:
    """The code of a scalar or enum type."""
    fallback = f"leaf_{type_.name}"
    names: dict[str, Any] = {fallback: checked(type_.coerce_output_value)}
    if isinstance(type_, GraphQLEnumType):
        return _enum_code(type_, fallback, names)
    if type_ is specified_scalar_types.get(type_.name):
        if type_.name == "ID":
            names[fallback] = _id_or(names[fallback])
        return Leaf(_BUILT_IN[type_.name], "{0}", fallback, names)
    return _scalar_code(type_, fallback, names)


def _id_or(unusual: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An ID that is no str: almost always a UUID, which the JSON is written from."""
    return lambda value: value if type(value) is uuid.UUID else unusual(value)


def _scalar_code(type_: GraphQLScalarType, fallback: str, names: dict[str, Any]) -> Leaf:
    coerce = type_.coerce_output_value
    known = _BY_CLASS.get((type_.name, coerce))
    if known is None:
        return Leaf(None, "{0}", fallback, names)
    cls, convert = known
    names |= {f"cls_{type_.name}": cls, f"coerce_{type_.name}": coerce}
    return Leaf(f"type({{0}}) is cls_{type_.name}", convert, fallback, names)


def _enum_code(type_: GraphQLEnumType, fallback: str, names: dict[str, Any]) -> Leaf:
    if type(type_) is not CustomGraphQLEnumType:
        return Leaf(None, "{0}", fallback, names)
    table: dict[str, str] = {}
    members: Mapping[str, enum.Enum] = type_.wrapped_cls.__members__
    for member in members.values():
        try:
            table[member.name] = type_.coerce_output_value(member)
        except (GraphQLError, ValueError):
            continue  # a member the schema does not show is refused at run time
    names[f"cls_{type_.name}"] = type_.wrapped_cls
    names[f"names_{type_.name}"] = table
    # By member name, because hashing an enum member is a Python call.
    return Leaf(
        f"type({{0}}) is cls_{type_.name}", f"names_{type_.name}[{{0}}._name_]", fallback, names
    )
