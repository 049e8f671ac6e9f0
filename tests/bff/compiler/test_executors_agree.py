"""Cases written by hand where executors are prone to differ, and what each must come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import orjson
import pytest
import strawberry
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    build_schema,
    parse,
)
from strawberry.extensions import FieldExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff.compiler import CompiledOperation, compile_document, encode, ordered_errors
from tests.bff.compiler.town import SCHEMA, Later, Person, RefusalError, outcome, town
from tests.bff.compiler.twins import Twins


@strawberry.type
class Leaf:
    value: int
    word: str | None = None


@strawberry.type
class Branch:
    name: str
    leaves: list[Leaf]
    loose: list[Leaf | None] | None = None
    only: Leaf | None = None
    sure: Leaf | None = None

    @strawberry.field
    async def grown(self) -> list[Leaf]:
        await asyncio.sleep(0)
        return self.leaves


@strawberry.type
class Root:
    branch: Branch | None
    branches: list[Branch | None] | None = None
    word: str | None = None

    @strawberry.field
    def picked(self, names: list[str] | None = None) -> list[Branch]:
        return [b for b in self.branches or () if b and (names is None or b.name in names)]


TREE = strawberry.Schema(Root)._schema


async def agree(
    document: str, root: Any, variables: dict[str, Any] | None = None, schema: Any = TREE
) -> dict[str, Any]:
    """The response of both executors; `root` may be a function that makes a fresh root."""
    make = root if callable(root) else lambda: root
    body = await Twins(schema, document).agree(variables or {}, lambda: (make(), None))
    return orjson.loads(body)  # type: ignore[no-any-return]


def odd(*values: Any) -> Branch:
    return Branch(name="b", leaves=[Leaf(value=value) for value in values])


async def test_a_bad_item_of_non_null_items_takes_the_nullable_parent_with_it() -> None:
    response = await agree("{ word branch { leaves { value } } }", Root(branch=odd(1, "x", 3)))
    assert response["data"] == {"word": None, "branch": None}
    assert [error["path"] for error in response["errors"]] == [["branch", "leaves", 1, "value"]]


async def test_a_bad_item_of_nullable_items_is_null_alone() -> None:
    branch = odd(1)
    branch.loose = [Leaf(value=1), Leaf(value=None), None, Leaf(value=2**31)]  # type: ignore[arg-type]
    response = await agree("{ branch { loose { value } } }", Root(branch=branch))
    assert response["data"]["branch"]["loose"] == [{"value": 1}, None, None, None]
    assert len(response["errors"]) == 2


async def test_exceptions_as_values_are_errors_where_they_stand() -> None:
    branch = odd(1)
    branch.only, branch.loose = RefusalError("gone"), [Leaf(value=1), RefusalError("lost")]  # type: ignore[assignment,list-item]
    response = await agree("{ branch { only { value } loose { value } } }", Root(branch=branch))
    assert response["data"]["branch"] == {"only": None, "loose": [{"value": 1}, None]}
    assert {error["extensions"]["code"] for error in response["errors"]} == {"GONE", "LOST"}


async def test_iterables_are_read_once() -> None:
    def make() -> Root:
        leaves: Any = (Leaf(value=n) for n in range(3))
        branch = Branch(name=5, leaves=leaves, loose=iter([Leaf(value="no")]))  # type: ignore[arg-type]
        return Root(branch=branch, word=RefusalError("late"))  # type: ignore[arg-type]

    response = await agree("{ branch { leaves { value } name loose { value } } word }", make)
    assert response["data"]["branch"]["leaves"] == [{"value": 0}, {"value": 1}, {"value": 2}]
    assert response["data"]["branch"]["loose"] == [None]


async def test_a_generator_inside_a_plain_item_is_read_once() -> None:
    def make() -> Root:
        leaves: Any = (Leaf(value=n) for n in range(2))
        return Root(branch=None, branches=[Branch(name="b", leaves=leaves), odd(4)])

    response = await agree("{ branches { leaves { value } name } }", make)
    assert response["data"]["branches"][0] == {"leaves": [{"value": 0}, {"value": 1}], "name": "b"}


async def test_awaitables_in_plain_places_are_awaited() -> None:
    def make() -> Root:
        branch: Any = odd(Later(1, 2), 2)
        branch.only, branch.word = Later(Leaf(value=7), 1), "w"
        branch.loose = [Later(Leaf(value=1), 1), Later(RefusalError("late"), 2), Leaf(value=3)]
        return Root(branch=branch, branches=[branch, None], word=Later("later", 3))  # type: ignore[arg-type]

    fields = "{ name leaves { value } loose { value word } only { value } }"
    response = await agree(f"{{ branch {fields} branches {fields} word }}", make)
    assert response["data"]["branch"]["loose"] == [
        {"value": 1, "word": None}, None, {"value": 3, "word": None}
    ]  # fmt: skip
    assert response["data"]["word"] == "later"


async def test_keys_follow_the_first_included_node() -> None:
    document = """query ($yes: Boolean!) {
      branch { only @include(if: $yes) { word } name only { value } ...More @skip(if: $yes) }
    }
    fragment More on Branch { sure { value } name }"""
    branch = Branch(name="b", leaves=[], only=Leaf(value=1), sure=Leaf(value=2))
    with_it = await agree(document, Root(branch=branch), {"yes": True})
    without = await agree(document, Root(branch=branch), {"yes": False})
    assert list(with_it["data"]["branch"]) == ["only", "name"]
    assert list(with_it["data"]["branch"]["only"]) == ["word", "value"]
    assert list(without["data"]["branch"]) == ["name", "only", "sure"]


async def test_request_errors_of_variables() -> None:
    document = "query ($names: [String!]!, $n: Int = 3) { picked(names: $names) { name } }"
    for variables in ({}, {"names": None}, {"names": [1]}, {"names": ["b"], "n": "3"}):
        response = await agree(document, Root(branch=None, branches=[odd(1)]), variables)
        assert response["data"] is None and "path" not in response["errors"][0]


async def test_a_single_value_is_coerced_to_a_list_argument() -> None:
    root = Root(branch=None, branches=[odd(1), Branch(name="c", leaves=[])])
    response = await agree('{ picked(names: "c") { name } }', root)
    assert response["data"] == {"picked": [{"name": "c"}]}


@strawberry.type
class Strict:
    @strawberry.field
    async def fails(self) -> str:
        await asyncio.sleep(0)
        raise RefusalError("first")

    @strawberry.field
    async def slow(self, info: strawberry.Info) -> str | None:
        for _ in range(5):
            await asyncio.sleep(0)
        info.context.append("finished")
        raise RefusalError("never seen")


@strawberry.type
class Concurrent:
    @strawberry.field
    def strict(self) -> Strict | None:
        return Strict()

    @strawberry.field
    async def one(self, info: strawberry.Info) -> int:
        info.context.append("one")
        await asyncio.sleep(0)
        return len(info.context)


async def test_a_failed_non_null_field_cancels_its_siblings() -> None:
    schema = strawberry.Schema(Concurrent)._schema
    twins = Twins(schema, "{ strict { fails slow } one }")
    contexts: list[list[str]] = []

    def world() -> tuple[None, list[str]]:
        contexts.append([])
        return None, contexts[-1]

    response = orjson.loads(await twins.agree({}, world))
    assert response["data"] == {"strict": None, "one": len(contexts[0])}
    assert [error["message"] for error in response["errors"]] == ["first"]
    assert contexts[0] == contexts[1] == ["one"]


async def test_async_siblings_start_before_any_is_awaited() -> None:
    schema = strawberry.Schema(Concurrent)._schema
    twins = Twins(schema, "{ a: one b: one c: one }")
    body = await twins.agree({}, lambda: (None, []))
    assert orjson.loads(body)["data"] == {"a": 3, "b": 3, "c": 3}


async def test_a_loader_sees_a_whole_level_as_one_list_of_keys() -> None:
    twins = Twins(SCHEMA, "{ everyone { friend { loaded { name } } loaded { loaded { id } } } }")
    contexts = []

    def world() -> tuple[None, Any]:
        contexts.append(town(3, 0.0, 0.0))
        return None, contexts[-1]

    await twins.agree({}, world)
    assert contexts[0].loads == contexts[1].loads
    assert len(contexts[0].loads[0]) >= 5


async def test_permissions_are_asked_by_both() -> None:
    document = "{ everyone { guarded secret secretLater } }"
    for seed in range(6):
        body = await Twins(SCHEMA, document).agree({}, lambda: (None, town(seed, 0.0, 0.0)))  # noqa: B023
        refused = not town(seed, 0.0, 0.0).allowed
        assert (b"not allowed" in body) is refused
        assert (b'"guarded":"guarded"' in body) is not refused


async def test_mutations_run_one_after_the_other() -> None:
    document = """mutation { a: rename(number: 0, name: "x") { name later }
      b: recount(by: 2) c: rename(number: 0, name: "y") { name surely } d: recount }"""
    body = await Twins(SCHEMA, document).agree({}, lambda: (None, town(1, 0.0, 0.0)))
    data = orjson.loads(body)["data"]
    assert (data["a"]["name"], data["c"]["name"]) == ("x", "y")


async def test_a_resolver_runs_once_even_when_its_value_is_odd() -> None:
    calls: list[str] = []

    @strawberry.type
    class Query:
        @strawberry.field
        def number(self) -> int:
            calls.append("number")
            return "no"  # type: ignore[return-value]

        @strawberry.field
        def leaves(self) -> list[Leaf | None]:
            calls.append("leaves")
            return iter([Leaf(value="x")])  # type: ignore[return-value,arg-type]

    operation = compile_document(
        strawberry.Schema(Query)._schema, parse("{ leaves { value } number }")
    )
    assert b'"data":null' in operation.execute()  # type: ignore[operator]
    assert calls == ["leaves", "number"]


class Shouting(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        return str(next_(source, info, **kwargs)).upper()


async def test_extensions_and_wrapped_resolvers_are_called_as_they_stand() -> None:
    @strawberry.type
    class Query:
        word: str = strawberry.field(extensions=[Shouting()], default="word")
        other: str = "other"

        @strawberry.field(extensions=[Shouting()])
        def greet(self, name: str = "you") -> str:
            return f"hello {name}"

    schema = strawberry.Schema(Query)._schema
    field: GraphQLField = schema.query_type.fields["other"]  # type: ignore[union-attr]
    inner: Any = field.resolve
    field.resolve = lambda source, info, **kwargs: inner(source, info, **kwargs) + "!"
    response = await agree('{ word other greet a: greet(name: "a") }', Query, schema=schema)
    assert response["data"] == {
        "word": "WORD", "other": "other!", "greet": "HELLO YOU", "a": "HELLO A"
    }  # fmt: skip


class Telling(FieldExtension):
    """Is merely awaited, as a guard is, and tells what it was given."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def resolve_async(self, next_: Any, source: Any, info: Any, **kwargs: Any) -> Any:
        if kwargs.get("name") == self.name:
            raise GraphQLError(f"{self.name} refuses {info.field_name}")
        return f"{self.name}({await next_(source, info, **kwargs)}; {sorted(kwargs)})"


@strawberry.type
class Greeting:
    @strawberry.field(extensions=[Telling("inner"), Telling("outer")])
    async def greet(self, info: strawberry.Info, name: str = "you", times: int = 1) -> str:
        return f"{info.field_name} {name * times} {self is None}"

    @strawberry.field(extensions=[Telling("a guard")])
    async def plain(self) -> str:
        return "plain"


@pytest.mark.parametrize("name", ["you", "inner", "outer"])
async def test_extensions_that_are_merely_awaited_stand_around_the_function_itself(
    name: str,
) -> None:
    document = f'{{ greet(name: "{name}", times: 2) plain b: greet }}'
    schema = strawberry.Schema(Greeting)._schema
    response = await agree(document, None, schema=schema)
    refused = [error["message"] for error in response.get("errors", ())]
    assert refused == ([] if name == "you" else [f"{name} refuses greet"])
    source = compile_document(schema, parse(document)).source
    assert "run.call(" not in source


async def test_plain_graphql_core_schemas() -> None:
    schema = build_schema("type Query { a: Int b(x: Int = 2): [T!] } type T { c: String! }")
    root = {"a": lambda _info: 3, "b": lambda _info, x: [{"c": "c"}] * x}
    response = await agree("{ a b { c } }", lambda: root, schema=schema)
    assert response["data"] == {"a": 3, "b": [{"c": "c"}, {"c": "c"}]}


async def test_a_subscription_compiles_its_events() -> None:
    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def leaves(self, upto: int) -> AsyncIterator[Leaf]:
            for value in range(upto):
                yield Leaf(value=value)
            yield Leaf(value="bad")  # type: ignore[arg-type]

    schema = strawberry.Schema(Root, subscription=Subscription)._schema
    twins = Twins(schema, "subscription ($n: Int!) { leaves(upto: $n) { value word } }")
    for variables, count in (({"n": 2}, 3), ({}, 1)):
        compiled = [body async for body in twins.compiled.subscribe(variables=variables)]
        assert compiled == [body async for body in twins.core.subscribe(variables=variables)]
        assert len(compiled) == count
    bodies = [body async for body in twins.compiled.subscribe(variables={"n": 2})]
    assert bodies[0] == b'{"data":{"leaves":{"value":0,"word":null}}}'
    assert b'"path":["leaves","value"]' in bodies[2]


async def test_masking_is_the_same_for_both() -> None:
    def mask(error: GraphQLError) -> GraphQLError:
        return GraphQLError("masked", path=error.path, extensions={"id": "E1"})

    twins = Twins(TREE, "{ word branch { name } }")
    root = Root(branch=odd(), word=RefusalError("secret"))  # type: ignore[arg-type]
    bodies = [o.execute(root=root, on_error=mask) for o in (twins.compiled, twins.core)]
    assert bodies[0] == bodies[1]
    assert b"secret" not in bodies[0] and b"masked" in bodies[0]  # type: ignore[operator]


def test_errors_are_ordered_by_path() -> None:
    paths: list[list[str | int] | None] = [["b"], ["a", 10, "x"], ["a", 9], None, ["a", 10]]
    errors = [GraphQLError(str(number), path=path) for number, path in enumerate(paths)]
    assert [error.message for error in ordered_errors(errors)] == ["3", "2", "4", "1", "0"]


def test_what_is_not_json_becomes_an_answer_all_the_same() -> None:
    assert encode(ExecutionResult({"a": "\ud800x"})) == '{"data":{"a":"\ufffdx"}}'.encode()
    for value in (b"bytes", 2**70, {1: object()}):
        assert b'{"data":null,"errors":[{"message"' in encode(ExecutionResult({"a": value}))


def test_nothing_of_graphql_core_is_built_for_plain_answers() -> None:
    built: list[Any] = []

    class Counting(StrawberryGraphQLCoreExecutionContext):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            built.append(self)
            super().__init__(*args, **kwargs)

    schema = strawberry.Schema(Root, execution_context_class=Counting)._schema
    operation = compile_document(
        schema, parse('{ word branch { leaves { value } } picked(names: ["b"]) { name } }')
    )
    operation.execute(root=Root(branch=odd(1), branches=[odd(1)]))
    assert built == []
    operation.execute(root=Root(branch=odd("x")))
    assert len(built) == 1


async def test_cancelling_a_request_cancels_it() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def forever(self) -> int:
            await asyncio.sleep(3600)
            return 1

    operation = compile_document(
        strawberry.Schema(Query)._schema, parse("{ a: forever b: forever }")
    )
    body = operation.execute()
    assert not isinstance(body, bytes)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(body, timeout=0.01)


@strawberry.type
class Refused:
    why: str


Outcome = Annotated[Leaf | Refused, strawberry.union("Outcome")]


async def test_unions_of_results() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def results(self) -> list[Outcome | None]:
            return [Leaf(value=1), Refused(why="no"), Branch(name="b", leaves=[]), None]  # type: ignore[list-item]

    document = "{ results { __typename ... on Leaf { value } ... on Refused { why } } }"
    response = await agree(document, None, schema=strawberry.Schema(Query)._schema)
    assert response["data"]["results"][:2] == [
        {"__typename": "Leaf", "value": 1}, {"__typename": "Refused", "why": "no"}
    ]  # fmt: skip
    assert response["errors"][0]["path"] == ["results", 2]


def sources() -> Iterator[tuple[GraphQLSchema, str]]:
    yield TREE, "{ branch { name leaves { value } } picked { grown { word } } }"
    yield SCHEMA, "{ everyone { name thing { ... on Person { name } ... on Tram { line } } } }"


def test_generated_source_is_the_same_each_time_and_says_what_it_is() -> None:
    for schema, document in sources():
        first, second = (compile_document(schema, parse(document)) for _ in range(2))
        assert first.source == second.source
        assert first.source.startswith('"""The query anonymous')
        compile(first.source, "printed", "exec")
    assert isinstance(first, CompiledOperation) and outcome(1) == 1 and Person
