"""Runs an operation through both executors, and draws operations to run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_non_null_type,
    parse,
)

from bff.compiler import CompiledOperation, CoreOperation, compile_document

MakeWorld = Callable[[], tuple[Any, Any]]
"""Makes the root value and the context of one execution, the same ones each time."""


class Twins:
    """One operation, compiled and not."""

    def __init__(self, schema: GraphQLSchema, document: str | DocumentNode) -> None:
        parsed = parse(document) if isinstance(document, str) else document
        self.document = parsed
        self.compiled: CompiledOperation = compile_document(schema, parsed)
        self.core = CoreOperation(schema, parsed, None, "the other one")

    async def bodies(self, variables: dict[str, Any], make_world: MakeWorld) -> tuple[bytes, bytes]:
        """The response bodies of the compiled operation and of graphql-core."""
        bodies = []
        for operation in (self.compiled, self.core):
            root, context = make_world()
            body = operation.execute(root=root, context=context, variables=variables)
            bodies.append(body if isinstance(body, bytes) else await body)
            await settle()
        return bodies[0], bodies[1]

    async def agree(self, variables: dict[str, Any], make_world: MakeWorld) -> bytes:
        """Assert that both give the same bytes, and return them."""
        compiled, core = await self.bodies(variables, make_world)
        assert compiled == core
        return compiled


async def settle() -> None:
    """Let work that nobody awaits any more come to its end."""
    for _ in range(12):
        await asyncio.sleep(0)


class Drawer:
    """Draws valid operations over a schema."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)

    def operation(self) -> DocumentNode:
        """A document with one operation, valid by the way it is drawn."""
        return parse(self._text())

    def variables(self) -> dict[str, Any]:
        """Values for the variables of any drawn operation, now and then unfit ones."""
        rng = self.random
        values: dict[str, Any] = {"yes": rng.random() < 0.5, "number": rng.randrange(9)}
        if rng.random() < 0.5:
            values["no"] = rng.random() < 0.5
        if rng.random() < 0.5:
            values["text"] = rng.choice(["you", "", None, "名字"])
        if rng.random() < 0.5:
            values["mood"] = rng.choice(["SAD", "STRANGE", None])
        if rng.random() < 0.5:
            values["filter"] = rng.choice([{}, {"name": "f", "ages": [1]}, {"mood": "HAPPY"}])
        if rng.random() < 0.05:
            values[rng.choice(list(values))] = rng.choice(["wrong", -1.5, [], None, {"x": 1}])
        return values

    def _text(self) -> str:
        self._aliases = 0
        self._fragments: dict[str, str] = {}
        self._used: set[str] = set()
        rng = self.random
        root = "Mutation" if rng.random() < 0.1 else "Query"
        selections = self._selection(root, 3)
        fragments = " ".join(self._fragments.values())
        declared = {
            "yes": "Boolean!",
            "no": "Boolean! = false",
            "number": "Int!",
            "text": 'String = "text"',
            "mood": "Mood",
            "filter": 'Filter! = {name: "default"}',
        }
        variables = ", ".join(f"${name}: {declared[name]}" for name in sorted(self._used))
        head = f"({variables})" if variables else ""
        return f"{root.lower()} Drawn{head} {selections} {fragments}"

    def _selection(self, type_name: str, depth: int) -> str:
        type_: Any = self.schema.get_type(type_name)
        parts = []
        for _ in range(self.random.randrange(1, 7 if depth > 1 else 5)):
            roll = self.random.random()
            if roll < 0.08:
                parts.append(f"{self._alias()}: __typename")
            elif roll < 0.22 or (is_abstract_type(type_) and roll < 0.75):
                parts.append(self._fragment(type_, depth))
            elif getattr(type_, "fields", None):
                parts.append(self._field(self.random.choice(list(type_.fields.items())), depth))
        return "{ " + " ".join(part for part in parts if part) + " __typename }"

    def _field(self, item: tuple[str, GraphQLField], depth: int) -> str:
        name, definition = item
        named = get_named_type(definition.type)
        below = ""
        if not is_leaf_type(named):
            if depth == 0:
                return ""
            below = self._selection(named.name, depth - 1)
        arguments = self._arguments(definition)
        alias = f"{self._alias()}: " if arguments or self.random.random() < 0.2 else ""
        return f"{alias}{name}{arguments}{self._condition()} {below}"

    def _fragment(self, type_: Any, depth: int) -> str:
        on = type_.name
        if is_abstract_type(type_):
            on = self.random.choice([t.name for t in self.schema.get_possible_types(type_)])
        elif type_.interfaces and self.random.random() < 0.3:
            on = type_.interfaces[0].name
        condition = self._condition()
        if self.random.random() < 0.5:
            return f"... on {on}{condition} {self._selection(on, depth)}"
        name = f"F{len(self._fragments)}"
        self._fragments[name] = ""
        self._fragments[name] = f"fragment {name} on {on} {self._selection(on, max(depth - 1, 0))}"
        return f"...{name}{condition}" + (f" ...{name}" if self.random.random() < 0.2 else "")

    def _arguments(self, definition: GraphQLField) -> str:
        given = []
        for name, argument in definition.args.items():
            if is_non_null_type(argument.type) or self.random.random() < 0.6:
                given.append(f"{name}: {self._argument(str(argument.type))}")
        return f"({', '.join(given)})" if given else ""

    def _argument(self, type_: str) -> str:
        choices = {
            "Int": ["$number", "0", "1", "5", "-3"],
            "String": ["$text", '"literal"', "null", '"a\\"b"'],
            "Boolean": ["$yes", "true", "false"],
            "Mood": ["$mood", "SAD", "STRANGE"],
            "Filter": ["$filter", '{name: "x", ages: [1, $number]}', "{}"],
            "[Filter!]": ["[$filter]", "[]", "[{mood: SAD}, {ages: 3}]", "null"],
        }
        choice = self.random.choice(choices[type_.removesuffix("!")])
        if type_.endswith("!") and choice in ("null", "$text"):
            choice = '"sure"'
        if type_ == "Boolean!" and choice == "$no":
            choice = "$yes"
        self._used.update(
            name for name in ("yes", "number", "text", "mood", "filter") if f"${name}" in choice
        )
        return choice

    def _condition(self) -> str:
        if self.random.random() > 0.2:
            return ""
        name = self.random.choice(["skip", "include"])
        value = self.random.choice(["$yes", "$no", "true", "false"])
        if value.startswith("$"):
            self._used.add(value[1:])
        return f" @{name}(if: {value})"

    def _alias(self) -> str:
        self._aliases += 1
        return f"a{self._aliases}"
