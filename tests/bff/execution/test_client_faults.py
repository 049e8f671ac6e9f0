"""What is wrong with what a client sent is told to it as such, however late it is found.

A nullable variable may stand where an argument has a default, and may then be null: GraphQL finds
that only when the field runs (https://spec.graphql.org/draft/#sec-Coercing-Field-Arguments).
"""

from collections.abc import Iterator, Mapping

import orjson
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
    parse,
    validate,
)

from bff.compiler import CoreOperation, Operation, prepare_operation
from bff.execution.errors import ClientErrors
from bff.schema.build import build_schema
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.manifest import discover
from tests.asgi import Client

SCHEMA: GraphQLSchema = build_schema(discover(examples=True))._schema
_LITERALS = {"Int": "1", "Float": "1.0", "Boolean": "true", "Fen": "1", "Date": '"2026-11-28"'}
_LITERALS |= {"DateTime": '"2026-11-28T12:00:00.000Z"'}

Members = Mapping[str, GraphQLArgument | GraphQLInputField]


def _literal(type_: GraphQLInputType, **nulled: str) -> str:
    """A value that fits."""
    named = get_named_type(type_)
    if is_list_type(get_nullable_type(type_)):
        return "[]"
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    if isinstance(named, GraphQLInputObjectType):
        needed = {n: f for n, f in named.fields.items() if is_required_input_field(f)}
        return f"{{{_written(needed, nulled)}}}"
    return _LITERALS.get(named.name, '"x"')


def _written(needed: Members, nulled: Mapping[str, str]) -> str:
    written = {**{name: _literal(one.type) for name, one in needed.items()}, **nulled}
    return ", ".join(f"{name}: {value}" for name, value in written.items())


def _has_default(one: GraphQLArgument | GraphQLInputField) -> bool:
    required = is_required_argument if isinstance(one, GraphQLArgument) else is_required_input_field
    return isinstance(one.type, GraphQLNonNull) and not required(one)  # type: ignore[operator]


def _arguments(field: GraphQLField) -> Iterator[tuple[str, str]]:
    """The type of a variable, and arguments with it in a place that has a default."""
    needed = {n: a for n, a in field.args.items() if is_required_argument(a)}
    for name, argument in field.args.items():
        named = get_named_type(argument.type)
        if _has_default(argument):
            yield str(get_nullable_type(argument.type)), _written(needed, {name: "$it"})
        if isinstance(named, GraphQLInputObjectType) and not is_list_type(
            get_nullable_type(argument.type)
        ):
            for inner, member in named.fields.items():
                if _has_default(member):
                    value = _literal(argument.type, **{inner: "$it"})
                    yield (
                        str(get_nullable_type(member.type)),
                        _written(needed, {name: value}),
                    )


def _operations() -> Iterator[tuple[str, str]]:
    """Each with the name of its field."""
    roots = {"query": SCHEMA.query_type, "mutation": SCHEMA.mutation_type}
    for kind, root in roots.items():
        for name, field in root.fields.items() if root else ():
            below = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
            for type_, arguments in _arguments(field):
                yield name, f"{kind} Null($it: {type_}) {{ {name}({arguments}){below} }}"


@pytest.mark.parametrize("executor", ["compiled", "graphql-core"])
async def test_null_for_what_has_a_default_is_no_defect_of_ours(app: App, executor: str) -> None:
    drawn = list(_operations())
    assert len(drawn) > 60
    for name, source in drawn:
        document = parse(source)
        assert validate(SCHEMA, document) == [], source
        prepared: Operation = (
            prepare_operation(SCHEMA, document)
            if executor == "compiled"
            else CoreOperation(SCHEMA, document, None, "the other one")
        )
        assert (prepared.reason is None) == (executor == "compiled")
        call = Call(app, Deadline.after(5), "request-1")
        body = prepared.execute(context=call, variables={"it": None}, on_error=ClientErrors(call))
        answer = orjson.loads(body if isinstance(body, bytes) else await body)
        (error,) = answer["errors"]
        assert (error["path"], error["extensions"]) == ([name], {"code": "BAD_REQUEST"}), source
        assert "$it" in error["message"], error


ARRIVALS = '(stopRef: "x", first: $first) { __typename }'


async def test_the_rest_of_the_screen_is_answered(client: Client) -> None:
    query = f"query Q($first: Int) {{ services {{ id }} transitArrivals{ARRIVALS} }}"
    answer = await client.run(query, {"first": None})
    assert (answer.status, answer.codes) == (200, ["BAD_REQUEST"])
    assert len(answer.json["data"]["services"]) > 60
    assert answer.json["data"]["transitArrivals"] is None


async def test_a_stream_says_so_too(client: Client) -> None:
    query = f"subscription S($first: Int) {{ transitArrivalsChanged{ARRIVALS} }}"
    body = orjson.dumps({"query": query, "variables": {"first": None}})
    async with client.events(body) as chunks:
        (said,) = [line for line in (await chunks.get()).splitlines() if line[:5] == b"data:"]
    (error,) = orjson.loads(said[5:])["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
