"""Limits hold, cost follows pages, and no text of 64 KB keeps the server busy."""

from __future__ import annotations

import time
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema, get_introspection_query, parse

from bff.limits.document import (
    Costs,
    LimitExceeded,
    Limits,
    ParsedDocument,
    check_document,
    cost,
    parse_and_validate,
)
from tests.bff.attacks import attacks
from tests.machine import in_time

ANSWER_S = 0.05


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Item(Named):
    @strawberry.field(name="self")
    def self_(self, x: int = 0, text: str = "") -> Item:
        return self

    @strawberry.field
    def children(self, first: int = 5) -> list[Item]:
        return []

    @strawberry.field(metadata=cost(7))
    def dear(self) -> int:
        return 1

    @strawberry.field(metadata=cost(2, multiplier_arg="howMany"))
    def counted(self, how_many: int) -> list[Item]:
        return []

    @strawberry.field(metadata=cost(assumed_size=3))
    def few(self) -> list[Item]:
        return []

    @strawberry.field
    def page(self, first: int | None = None, last: int | None = None) -> Page:
        return Page()


@strawberry.type
class Edge:
    node: Item


@strawberry.type
class Page:
    edges: list[Edge]
    nodes: list[Item]


@strawberry.type
class Query:
    item: Item
    items: list[Item]
    other: Named


SCHEMA: GraphQLSchema = strawberry.Schema(Query)._schema


def costs(source: str, variables: dict[str, Any] | None = None, **limits: Any) -> Costs:
    return check_document(SCHEMA, parse(source), variables, Limits(**limits))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{ item { name } }", 1),
        ("{ item { dear name } }", 8),
        ("{ items { self { name } } }", 1 + 10),
        ("{ item { few { self { name } } } }", 1 + 1 + 3),
        ("{ item { children { self { name } } } }", 1 + 1 + 5),
        ("{ item { children(first: 20) { self { name } } } }", 1 + 1 + 20),
        ("{ item { counted(howMany: 4) { dear } } }", 1 + 2 + 4 * 7),
        ("{ item { page(first: 20) { edges { node { dear } } } } }", 1 + 1 + 20 * (1 + 1 + 7)),
        ("{ item { page(last: 3) { nodes { dear } } } }", 1 + 1 + 3 * 8),
        ("{ item { page { nodes { dear } } } }", 1 + 1 + 100 * 8),
        ("{ item { ...F ...F } } fragment F on Item { dear }", 1 + 14),
        ("{ other { ... on Item { dear } } }", 1 + 7),
    ],
)
def test_cost(source: str, expected: int) -> None:
    assert costs(source).cost == expected


def test_page_sizes_come_from_variables_their_defaults_or_the_worst() -> None:
    source = "query ($n: Int = 7) { item { children(first: $n) { dear } } }"
    unknown = "query ($n: Int!) { item { children(first: $n) { dear } } }"
    assert costs(source).cost == 2 + 49
    assert costs(source, {"n": 2}).cost == 2 + 14
    assert costs(unknown).cost == 2 + 700
    assert costs(unknown, {"n": "many"}).cost == 2 + 700


def test_counts_follow_fragments() -> None:
    source = """{ a: item { ...F } item { ...F } }
      fragment F on Item { b: name @skip(if: false) self { ...G } }
      fragment G on Item { name @include(if: true) }"""
    assert costs(source) == Costs(depth=3, fields=8, aliases=3, directives=4, root_fields=2, cost=4)


@pytest.mark.parametrize(
    ("code", "source", "limits"),
    [
        ("TOO_LARGE", "{ item { name } }", {"source_bytes": 5}),
        ("TOO_MANY_TOKENS", "{ item { name } }", {"tokens": 5}),
        ("TOO_MANY_COMMENTS", "#\n#\n{ item { name } }", {"comments": 1}),
        ("TOO_DEEP", "{ item { self { name } } }", {"depth": 2}),
        ("TOO_MANY_ALIASES", "{ a: item { b: name } }", {"aliases": 1}),
        ("TOO_MANY_DIRECTIVES", "{ item @skip(if: true) { name } }", {"directives": 0}),
        ("TOO_MANY_ROOT_FIELDS", "{ ...F } fragment F on Query { item { name } items { name } }",
         {"root_fields": 1}),
        ("TOO_MANY_FIELDS", "{ item { name } }", {"fields": 1}),
        ("TOO_MANY_OPERATIONS", "query A { item { name } } query B { item { name } }",
         {"operations": 1}),
        ("TOO_MANY_DEFINITIONS", "{ item { ...F } } fragment F on Item { name }",
         {"definitions": 1}),
        ("TOO_MANY_SPREADS", "{ item { ...F ...F } } fragment F on Item { name }", {"spreads": 1}),
        ("TOO_COSTLY", "{ item { dear } }", {"cost": 7}),
        ("TOO_MUCH_OVERLAP", "{ item { name name name } }", {"overlap": 2}),
        ("INTROSPECTION", "{ __schema { types { name } } }", {"introspection": False}),
        ("TOO_MANY_VALUES", "{ item { name } }", {"variable_values": 3}),
    ],
)  # fmt: skip
def test_each_limit(code: str, source: str, limits: dict[str, Any]) -> None:
    variables = {"n": [1, [2, 3]]} if code == "TOO_MANY_VALUES" else None
    assert parse_and_validate(SCHEMA, source, Limits(), variables).errors == []
    with pytest.raises(LimitExceeded) as refusal:
        parse_and_validate(SCHEMA, source, Limits(**limits), variables)
    assert refusal.value.code == code
    assert refusal.value.actual > refusal.value.limit == next(iter(limits.values()), 0)


def test_documents_of_every_day_pass() -> None:
    assert parse_and_validate(SCHEMA, get_introspection_query()).errors == []
    syntax = parse_and_validate(SCHEMA, "{ item {")
    assert syntax.document is None and len(syntax.errors) == 1
    wrong = parse_and_validate(SCHEMA, "{ item { " + " ".join(f"x{n}" for n in range(50)) + " } }")
    assert len(wrong.errors) == 5 and "Did you mean" not in str(wrong.errors)


def answer_s(source: str, variables: dict[str, Any] | None = None) -> float:
    """The least processor time of five in which a document is accepted or refused.

    Nothing is waited for, so on an idle core this is the time to the answer.
    """
    times = []
    for _ in range(5):
        began = time.process_time()
        try:
            answer = parse_and_validate(SCHEMA, source, Limits(), variables)
            assert isinstance(answer, ParsedDocument)
        except LimitExceeded:
            pass
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", attacks(0))
def test_attacks_are_answered_in_time(name: str) -> None:
    """Whole, and cut down until the caps let it through to the rules."""
    for size in (65_536, 32_000, 8_000, 4_000, 2_000, 1_000):
        assert in_time(answer_s(attacks(size)[name]), ANSWER_S, time.process_time), size


@pytest.mark.parametrize(
    "variables",
    [{"v": [0] * 30_000}, {f"v{n}": n for n in range(5_000)}, {"v": {"a": [[[]] * 9_000]}}],
    ids=["a long list", "many variables", "nested lists"],
)
def test_huge_variables_are_answered_in_time(variables: dict[str, Any]) -> None:
    took_s = answer_s("query ($v: [Int]) { item { name } }", variables)
    assert in_time(took_s, ANSWER_S, time.process_time)


def test_the_largest_documents_allowed_are_validated_in_time() -> None:
    """At the edge of the limits nothing is refused, so everything is done."""
    fragments = " ".join(f"fragment f{n} on Item {{ name dear }}" for n in range(50))
    spreads = " ".join(f"...f{n}" for n in range(50))
    documents = [
        "{ item { " + " ".join(f"a{n}: name" for n in range(90)) + " name" * 70 + " } }",
        "{ item { " + "self(x: 1) { name dear } " * 40 + " } }",
        f"{{ item {{ {spreads} }} }} {fragments}",
        "{ item { " + "... on Item { self { name } } " * 35 + " } }",
    ]
    for source in documents:
        assert parse_and_validate(SCHEMA, source).errors == []
        assert in_time(answer_s(source), ANSWER_S, time.process_time)
