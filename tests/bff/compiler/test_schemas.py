"""What Strawberry schemas can hold besides the town's: each kind of field in both executors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import pytest
import strawberry
from graphql import build_schema, parse
from strawberry import relay
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exception_handlers import ExceptionHandler
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff.compiler import (
    CannotCompile,
    compile_document,
    prepare_operation,
)
from bff.compiler import schema_facts as facts
from bff.compiler.plan import MAX_POSSIBLE_TYPES
from core.graphql import SCALARS, Fen
from tests.bff.compiler.town import RefusalError
from tests.bff.compiler.twins import Twins

T = TypeVar("T")


async def agree(
    schema: strawberry.Schema, document: str, variables: dict[str, Any] | None = None
) -> dict[str, Any]:
    body = await Twins(schema._schema, document).agree(variables or {}, lambda: (None, None))
    response: dict[str, Any] = orjson.loads(body)
    return response


def test_the_code_of_strawberry_is_recognised() -> None:
    """After an upgrade that moves it, everything still works, but slowly: better to know."""
    for name in ("READ_ATTRIBUTE", "CALL_RESOLVER", "CALL_ASYNC_RESOLVER", "RETURN_EVENT",
                 "INSTANCE_CHECK", "INTERFACE_TYPE", "UNION_TYPE", "SAY_NAME"):  # fmt: skip
        assert getattr(facts, name) is not None, name


@strawberry.type
class Fruit(relay.Node):
    code: relay.NodeID[int]
    name: str

    @classmethod
    def resolve_nodes(
        cls, *, info: strawberry.Info, node_ids: Iterable[str], required: bool = False
    ) -> Any:
        return [Fruit(code=int(node_id), name=f"fruit {node_id}") for node_id in node_ids]


@strawberry.type
class Orchard:
    node: relay.Node = relay.node()
    nodes: list[relay.Node] = relay.node()

    @relay.connection(relay.ListConnection[Fruit])
    def fruits(self) -> list[Fruit]:
        return [Fruit(code=n, name=f"fruit {n}") for n in range(5)]


ORCHARD = strawberry.Schema(Orchard)


async def test_relay() -> None:
    document = """query ($id: ID!) {
      fruits(first: 2) { edges { cursor node { id name } } pageInfo { hasNextPage endCursor } }
      node(id: $id) { id ... on Fruit { name } } nodes(ids: [$id]) { __typename id }
    }"""
    identity = relay.to_base64("Fruit", 3)
    response = await agree(ORCHARD, document, {"id": identity})
    assert response["data"]["node"] == {"id": identity, "name": "fruit 3"}
    assert (await agree(ORCHARD, document, {"id": "nonsense"}))["errors"]


@strawberry.type
class Page(Generic[T]):
    items: list[T]
    total: int


@strawberry.type
class A:
    a: int


@strawberry.type
class B:
    b: str


async def test_generics_and_casts() -> None:
    @dataclasses.dataclass
    class Row:
        a: int
        b: str

    @strawberry.type
    class Query:
        @strawberry.field
        def page(self) -> Page[A]:
            return Page(items=[A(a=1)], total=1)

        @strawberry.field
        def either(self) -> list[A | B]:
            row: Any = Row(1, "one")
            return [A(a=1), B(b="b"), strawberry.cast(B, row)]

        @strawberry.field
        def pages(self) -> list[Page[A] | Page[B]]:
            return [Page(items=[A(a=1)], total=1), Page(items=[B(b="b")], total=2)]

        @strawberry.field
        def rows(self) -> list[A]:
            return [Row(1, "x"), {"a": 2}, Row(3, "y")]  # type: ignore[list-item]

    document = """{ page { items { a } total } rows { a }
      either { __typename ... on A { a } ... on B { b } }
      pages { ... on APage { total items { a } } ... on BPage { __typename items { b } } } }"""
    response = await agree(strawberry.Schema(Query), document)
    assert response["data"] is None and response["errors"][0]["path"] == ["rows", 1, "a"]
    response = await agree(strawberry.Schema(Query), document.replace("rows { a }", ""))
    assert [each["__typename"] for each in response["data"]["either"]] == ["A", "B", "B"]
    assert response["data"]["pages"][1] == {"__typename": "BPage", "items": [{"b": "b"}]}


@strawberry.type
class Refusal:
    code: str


async def test_exceptions_handled_by_the_schema() -> None:
    class Handler(ExceptionHandler[RefusalError, Refusal]):
        def handle(self, exception: RefusalError, *, field: Any, info: Any) -> Any:
            return Refusal(code=exception.extensions["code"])

    @strawberry.type
    class Query:
        @strawberry.field
        def sync(self) -> A | Refusal:
            raise RefusalError("no")

        @strawberry.field
        async def later(self) -> A | Refusal:
            raise RefusalError("later")

        @strawberry.field
        def other(self) -> A | None:
            raise RefusalError("other")

    schema = strawberry.Schema(Query, exception_handlers=[Handler()])
    fields = "{ ... on Refusal { code } ... on A { a } }"
    response = await agree(schema, f"{{ sync {fields} later {fields} other {{ a }} }}")
    assert response["data"] == {"sync": {"code": "NO"}, "later": {"code": "LATER"}, "other": None}


async def test_a_default_resolver_of_the_schema() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def rows(self) -> list[A]:
            return [{"a": 1}, {"a": "x"}]  # type: ignore[list-item]

    config = StrawberryConfig(default_resolver=lambda source, name: source[name])
    response = await agree(strawberry.Schema(Query, config=config), "{ rows { a } }")
    assert response["errors"][0]["path"] == ["rows", 1, "a"]


@strawberry.input(one_of=True)
class Choice:
    number: int | None = strawberry.UNSET
    word: strawberry.Maybe[str]


async def test_inputs() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def chosen(self, choice: Choice, rest: list[Choice] | None = None) -> str:
            return f"{choice} {rest}"

        @strawberry.field
        def named(self, class_: int = 3, from_: strawberry.Maybe[int | None] = None) -> str:
            return f"{class_} {from_}"

    document = """query ($c: Choice!, $n: Int) {
      a: chosen(choice: $c) b: chosen(choice: {number: 1}, rest: [$c])
      named c: named(class_: $n) d: named(from_: null) e: named(from_: $n) }"""
    schema = strawberry.Schema(Query, config=StrawberryConfig(auto_camel_case=False))
    for variables in ({"c": {"word": "w"}}, {"c": {"number": 2}, "n": None}, {"c": {}, "n": 5}):
        await agree(schema, document, variables)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{ __schema { types { name } } }", "introspection"),
        ('{ a: __type(name: "A") { name } }', "introspection"),
        ("query A { node(id: 1) { id } }", "no operation named"),
        ("{ ...F @defer } fragment F on Orchard { nodes(ids: []) { id } }", "@defer"),
        ("query @mine { nodes(ids: []) { id } }", "@mine"),
        ("{ nonsense }", "no field nonsense"),
        ("mutation { a }", "no mutation type"),
        ("query (" + "".join(f"$v{n}: Boolean!" for n in range(7)) + ") { nodes(ids: []) "
         + "".join(f"@skip(if: $v{n})" for n in range(7)) + " { id } }", "variables in @skip"),
        ("{ nodes(ids: []) { ...F } } fragment F on Node { ... on Fruit { fruit: nosuch } }",
         "no field nosuch"),
    ],
)  # fmt: skip
def test_what_is_left_to_graphql_core(document: str, reason: str) -> None:
    schema = ORCHARD._schema
    name = "B" if "query A" in document else None
    with pytest.raises(CannotCompile, match=reason):
        compile_document(schema, parse(document), name)
    assert reason in str(prepare_operation(schema, parse(document), name).reason)


def test_depth_has_an_end() -> None:
    schema = build_schema("type Query { q: Query a: Int }")
    deep = "{ q " * 59 + "{ a }" + " }" * 59
    assert prepare_operation(schema, parse(deep)).reason is None
    assert "nest deeper" in str(prepare_operation(schema, parse(f"{{ q {{ q {deep} }} }}")).reason)


async def test_interfaces_with_very_many_members() -> None:
    names = [f"T{n}" for n in range(MAX_POSSIBLE_TYPES + 1)]
    members = " ".join(f"type {name} implements I {{ id: Int! }}" for name in names)
    schema = build_schema(f"interface I {{ id: Int! }} {members} type Query {{ one: I all: [I!] }}")
    rows = [{"__typename": name, "id": n} for n, name in enumerate(names)]
    twins = Twins(schema, "{ one { __typename id } all { id ... on T7 { __typename } } }")
    body = await twins.agree({}, lambda: ({"one": rows[3], "all": rows}, None))
    assert orjson.loads(body)["data"]["all"][7] == {"id": 7, "__typename": "T7"}


@strawberry.interface
class Part:
    id: int
    below: list[Part]


@strawberry.type
class Box(Part):
    pass


@strawberry.type
class Screw(Part):
    pass


async def test_types_are_asked_at_the_place_of_their_value() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def parts(self) -> list[Part]:
            inner = [Box(id=3, below=[]), Screw(id=4, below=[])]
            return [Box(id=1, below=[Box(id=2, below=inner)]), Screw(id=5, below=inner)]

    schema = strawberry.Schema(Query, types=[Box, Screw])._schema
    asked: list[list[str | int]] = []

    def kind_of(value: Any, info: Any, _type: Any) -> str:
        asked.append(info.path.as_list())
        return type(value).__name__

    schema.type_map["Part"].resolve_type = kind_of  # type: ignore[attr-defined]
    twins = Twins(schema, "{ parts { id below { id below { __typename } } } }")
    places = []
    for operation in (twins.compiled, twins.core):
        assert isinstance(operation.execute(), bytes)
        places.append(sorted(asked, key=str))
        asked.clear()
    assert places[0] == places[1]
    assert ["parts", 0, "below", 0, "below"] in places[0] and len(places[0]) == 7


_REF = UUID(int=2**100)
_RECEIPT: dict[str, Any] = {
    "id": _REF,
    "ref": _REF,
    "at": datetime(2026, 11, 23, 4, 0, 0, 123_456, UTC),
    "day": date(2026, 11, 23),
    "amount": 12_340,
    "refs": [_REF, UUID(int=0)],
    "days": [date(987, 1, 2), None],
}


@strawberry.type
class Receipt:
    id: strawberry.ID
    ref: UUID
    at: datetime
    day: date | None
    amount: Fen | None
    refs: list[UUID]
    days: list[date | None]


@pytest.mark.parametrize(
    "unusual",
    [{}, {"id": "text"}, {"id": 7}, {"ref": "no id"}, {"at": datetime(2026, 1, 1)},
     {"day": datetime(2026, 1, 1, tzinfo=UTC)}, {"day": None}, {"day": "2026-01-01"},
     {"amount": None}, {"amount": 10**17}, {"amount": True}, {"refs": [None]}, {"days": "no"}],
)  # fmt: skip
async def test_the_scalars_of_the_city(unusual: dict[str, Any]) -> None:
    values = _RECEIPT | unusual

    @strawberry.type
    class Query:
        @strawberry.field
        def receipts(self) -> list[Receipt]:
            return [Receipt(**_RECEIPT), Receipt(**values)]

        @strawberry.field
        def ref(self) -> UUID | None:
            found: UUID = values["ref"]
            return found

        @strawberry.field
        async def day(self) -> date | None:
            found: date = values["day"]
            return found

        @strawberry.field
        async def at(self) -> datetime | None:
            found: datetime = values["at"]
            return found

    schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))
    await agree(schema, "{ ref day at }")
    response = await agree(schema, "{ receipts { id ref at day amount refs days } }")
    if not unusual:
        assert response["data"]["receipts"][0] == {
            "id": str(_REF),
            "ref": str(_REF),
            "at": "2026-11-23T04:00:00.123Z",
            "day": "2026-11-23",
            "amount": 12_340,
            "refs": [str(_REF), str(UUID(int=0))],
            "days": ["0987-01-02", None],
        }


def test_extensions_that_wrap_resolvers_are_left_to_graphql_core() -> None:
    class Wrapping(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            return _next(root, info, *args, **kwargs)

    class Watching(SchemaExtension):
        pass

    for extension, compiles in ((Wrapping, False), (Watching, True)):
        schema = strawberry.Schema(A, extensions=[extension])._schema
        operation = prepare_operation(schema, parse("{ a }"))
        assert (operation.reason is None) is compiles


@strawberry.type
class Picky:
    @strawberry.field
    async def needs(self, x: int | None) -> int:
        return x or 0

    @strawberry.field
    async def needs_maybe(self, x: strawberry.Maybe[int]) -> int:
        return 1

    @strawberry.field
    def needs_now(self, x: int | None) -> int | None:
        return x

    @strawberry.field
    def fails(self) -> int | None:
        raise RefusalError("sibling")


async def test_arguments_that_only_fail_in_the_resolver() -> None:
    """Of an asynchronous resolver they fail when it is awaited, which siblings can tell."""

    @strawberry.type
    class Query:
        @strawberry.field
        def inner(root) -> Picky | None:  # noqa: N805
            return Picky()

        @strawberry.field
        def parent(root: strawberry.Parent[Any]) -> str:  # noqa: N805
            return str(root)

    schema = strawberry.Schema(Query)
    document = "query ($n: Int) { parent inner { %s a: needsNow b: needsNow(x: 2) fails } }"
    for field in ("needs", "needs(x: $n)", "needsMaybe", "needsMaybe(x: $n)", "needs(x: 1)"):
        for variables in ({}, {"n": None}, {"n": 4}):
            response = await agree(schema, document % field, variables)
            assert "sibling" in [error["message"] for error in response["errors"]]


class OwnExecutor(StrawberryGraphQLCoreExecutionContext):
    """An executor that makes its own infos."""

    def build_resolve_info(self, *args: Any, **kwargs: Any) -> Any:
        return super().build_resolve_info(*args, **kwargs)._replace(context="its own")


async def test_info_tells_everything() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def told(self, info: strawberry.Info, n: int = 0) -> list[str]:
            raw = info._raw_info
            name, nodes, *_ = raw
            return [
                *(name, raw[0], str(len(nodes)), str(len(raw)), str(raw == tuple(raw))),
                *(info.field_name, info.python_name, str(info.path), str(info.context)),
                *(str(info.root_value), str(info.variable_values), str(info.operation.name)),
                *(str(info.query), str(info.return_type), type(info.schema).__name__),
                *(str(info.input_extensions), str(info.selected_fields), type(info).__name__),
                *(str(raw.parent_type), str(info.get_argument_definition("n") is not None)),
            ]

    class OwnInfo(strawberry.Info):
        pass

    document = "query Q($n: Int = 2) { a: told told @include(if: true) b: told(n: $n) }"
    told = []
    for executor in (None, OwnExecutor):
        schema = strawberry.Schema(
            Query, config=StrawberryConfig(info_class=OwnInfo), execution_context_class=executor
        )
        body = await Twins(schema._schema, document).agree({"n": 1}, lambda: ("root", "context"))
        told.append(orjson.loads(body)["data"]["b"])
    assert told[0][0] == "told" and "context" in told[0] and "OwnInfo" in told[0]
    assert "its own" in told[1]
