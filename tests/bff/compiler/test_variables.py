"""The quick way of coercing variables gives what graphql-core gives, value for value."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values

from bff.compiler.arguments import Variables

SCHEMA = build_schema("""
  enum Mood { SAD }
  scalar Any
  input Box { a: Int = 3, b: [String!], c: Box }
  type Query { q(i: Int, f: Float, s: String, b: Boolean, d: ID, m: Mood, x: Box, a: Any): Int }
""")
TYPES = ["Int", "Float", "String", "Boolean", "ID", "Mood", "Any", "Box", "[Int!]"]
VALUES: list[Any] = [
    *(None, 0, 1, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 1.0, 1.5, float("nan"), True),
    *(
        "",
        "text",
        "SAD",
        "1",
        b"bytes",
        [],
        [1],
        ["a"],
        {},
        {"a": 1},
        {"a": "x"},
        {"c": {}},
        object,
    ),
]


class Text(str):
    """A string that is not quite a str."""


class Number(int):
    """An integer that is not quite an int."""


def coerce_both(
    declaration: str, inputs: dict[str, Any]
) -> tuple[VariableValues | list[GraphQLError], VariableValues | list[GraphQLError]]:
    operation = parse(f"query ({declaration}) {{ q }}").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    ours = Variables(SCHEMA, operation, hide_suggestions=False).coerce(inputs)
    theirs = get_variable_values(
        SCHEMA, operation.variable_definitions or (), inputs, max_errors=50
    )
    return ours, theirs


def assert_same(declaration: str, inputs: dict[str, Any]) -> None:
    ours, theirs = coerce_both(declaration, inputs)
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        assert [error.formatted for error in ours] == [error.formatted for error in theirs]
        return
    assert isinstance(ours, VariableValues)
    assert repr(ours.coerced) == repr(theirs.coerced)
    assert list(ours.coerced) == list(theirs.coerced)
    assert sources_of(ours) == sources_of(theirs)


def sources_of(values: VariableValues) -> list[tuple[str, str, str]]:
    """Names, types and values as given, with absence told from null."""
    return [
        (name, str(source.signature.type), repr(source.value))
        for name, source in values.sources.items()
    ]


@pytest.mark.parametrize("type_", TYPES)
def test_each_type_with_each_value(type_: str) -> None:
    for value, mark in product([*VALUES, Text("t"), Number(3)], ("", "!")):
        assert_same(f"$v: {type_}{mark}", {"v": value})


@pytest.mark.parametrize(
    ("type_", "default"),
    [("Int", "3"), ("Float", "3"), ("String", '"x"'), ("Boolean!", "true"), ("ID", "7"),
     ("Mood", "SAD"), ("Int", "null"), ("[Int!]", "[1]"), ("Box", "{a: 1}"), ("Any", "{a: [1]}")],
)  # fmt: skip
def test_defaults(type_: str, default: str) -> None:
    for inputs in ({}, {"v": None}, {"v": 3}, {"v": "x"}, {"v": True}, {"other": 1}):
        assert_same(f"$v: {type_} = {default}", inputs)


def test_several_together() -> None:
    declaration = '$a: Int!, $b: String = "b", $c: Boolean, $d: ID!'
    for inputs in (
        {"a": 1, "d": "x"}, {"d": "x", "c": None, "a": 2}, {"a": "no", "d": 4}, {"c": True}, {},
        {"a": 1, "b": None, "c": False, "d": "y", "e": "unknown"},
    ):  # fmt: skip
        assert_same(declaration, inputs)


def test_a_default_is_not_shared_between_requests() -> None:
    operation = parse("query ($v: [Int!] = [1]) { q }").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    variables = Variables(SCHEMA, operation, hide_suggestions=False)
    first = variables.coerce({})
    assert isinstance(first, VariableValues)
    first.coerced["v"] = "changed"
    second = variables.coerce({})
    assert isinstance(second, VariableValues) and second.coerced == {"v": [1]}
