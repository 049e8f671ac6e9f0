"""What phones rely on: a refusal leaves the rest of a screen, ids and moments have one form."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_object_type,
    is_union_type,
)

from bff.schema.build import build_schema
from core.clock import ManualClock
from core.graphql import anybody, query, signed_in
from core.graphql.types import connection
from core.manifest import discover
from core.security.authentication import Viewer
from tests.asgi import Client

SCHEMA: GraphQLSchema = build_schema(discover(examples=True))._schema
NEVER_REFUSE = {"home", "services", "consentPurposes", "triageSymptoms"}
"""Open to everybody, and nothing they depend on makes them fail: cards and lists tell it inside."""

NO_OBJECT = {
    "DataExport": "it is a copy for the person, no object of the app",
    "Tokens": "a session's tokens are kept outside any cache",
    "LoginCodeSent": "the code is in a text message",
    "SteppedUp": "a token is kept outside any cache",
    "CaptchaBegun": "a page and a pass for one use, kept outside any cache",
    "ProofBegun": "a ticket and an address for the way there and back, kept outside any cache",
    "AppRequestAnswered": "an address that leads back to the other app, kept outside any cache",
    "QueueTicketWatched": "the ticket is the hospital's, known by its number alone",
    "CheckedIn": "a member of staff sees no more of the appointment",
}
"""Payloads without the changed object, and why. Of what is gone they hold the id."""


_LITERALS = {
    "ID": '"x"',
    "String": '"x"',
    "Int": "1",
    "Fen": "100",
    "Float": "36",
    "Date": '"2026-11-28"',
}


def _literal(type_: GraphQLInputType) -> str:
    """A literal that fits an argument's type."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        return f"{{{_given(named.fields)}}}"
    return _LITERALS.get(named.name) or next(iter(getattr(named, "values", ())), "true")


def _given(arguments: Mapping[str, GraphQLArgument | GraphQLInputField]) -> str:
    """What has to be given, with a value for each."""
    return ", ".join(
        f"{name}: {_literal(one.type)}"
        for name, one in arguments.items()
        if isinstance(one.type, GraphQLNonNull)
    )


def _selection(name: str) -> str:
    assert SCHEMA.query_type is not None
    field = SCHEMA.query_type.fields[name]
    given = _given(field.args)
    below = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
    return f"{name}{f'({given})' if given else ''}{below}"


def _root_fields() -> list[str]:
    assert SCHEMA.query_type is not None
    return list(SCHEMA.query_type.fields)


def test_only_what_never_refuses_is_non_null() -> None:
    assert SCHEMA.query_type is not None
    fields = SCHEMA.query_type.fields
    assert {n for n, f in fields.items() if isinstance(f.type, GraphQLNonNull)} == NEVER_REFUSE
    with pytest.raises(ValueError, match="refuses"):
        query(signed_in(), never_refuses=True, description="Cannot be.")
    query(anybody(), never_refuses=True, description="Can be.")


async def test_a_refusal_leaves_the_rest_of_the_screen(client: Client, clock: ManualClock) -> None:
    """As a stranger, who is refused nearly everywhere, and with ids that nobody has."""
    for name in _root_fields():
        clock.move(timedelta(minutes=1))  # so much from one address would be too much at once
        answer = await client.run(
            f"{{ one: services {{ id }} {_selection(name)} other: services {{ id }} }}"
        )
        data = answer.json["data"]
        assert data is not None, (name, answer.json)
        assert data["one"] and data["one"] == data["other"], name
        assert "INTERNAL_ERROR" not in answer.codes, name
        for error in answer.json.get("errors", ()):
            assert error["path"] == [name]


def _payloads() -> Iterator[tuple[str, GraphQLObjectType]]:
    assert SCHEMA.mutation_type is not None
    for name, field in SCHEMA.mutation_type.fields.items():
        result = get_named_type(field.type)
        assert is_union_type(result), name
        for member in result.types:
            if not any(interface.name == "Refusal" for interface in member.interfaces):
                yield name, member


def test_mutations_return_what_they_changed() -> None:
    """As an object that caches merge by its id; of what is gone, the id that they forget."""
    for name, payload in _payloads():
        if payload.name in NO_OBJECT:
            continue
        types = [get_named_type(field.type) for field in payload.fields.values()]
        has_object = any(is_object_type(type_) for type_ in types)
        has_id = any(type_.name == "ID" for type_ in types)
        assert has_object or has_id, (name, payload.name)


def test_payloads_and_refusals_can_be_asked_for_side_by_side() -> None:
    """Fields of one name in two members of a union must be of one type."""
    refusal = SCHEMA.type_map["Refusal"]
    assert hasattr(refusal, "fields")
    for name, payload in _payloads():
        assert not refusal.fields.keys() & payload.fields.keys(), (name, payload.name)


DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
"""https://scalars.graphql.org/andimarek/date-time.html: three fractional digits, always."""


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 28, 12, 0, tzinfo=UTC),
        datetime(2026, 11, 28, 12, 0, 0, 429_560, tzinfo=UTC),
        datetime(2026, 11, 28, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=8))),
    ],
)
def test_a_moment_has_one_form(moment: datetime) -> None:
    kind = SCHEMA.type_map["DateTime"]
    assert isinstance(kind, GraphQLScalarType)
    text: Any = kind.serialize(moment)
    assert DATE_TIME.fullmatch(text), text
    assert abs(kind.parse_value(text) - moment) < timedelta(milliseconds=1)


def test_a_page_tells_where_it_begins_and_ends() -> None:
    """https://relay.dev/graphql/connections.htm#sec-undefined.PageInfo."""
    first = connection("abc", 2, str, str, after=None).page_info
    assert (first.has_previous_page, first.has_next_page) == (False, True)
    assert (first.start_cursor, first.end_cursor) == ("a", "b")
    last = connection("c", 2, str, str, after="b").page_info
    assert (last.has_previous_page, last.has_next_page) == (True, False)
    none = connection("", 2, str, str, after=None).page_info
    assert (none.start_cursor, none.end_cursor) == (None, None)
    info = SCHEMA.type_map["PageInfo"]
    assert isinstance(info, GraphQLObjectType)
    assert set(info.fields) == {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"}


def test_a_page_takes_its_arguments_where_it_stands() -> None:
    """https://relay.dev/graphql/connections.htm#sec-Arguments: on the connection's own field."""
    connections = 0
    for owner in SCHEMA.type_map.values():
        for name, field in owner.fields.items() if isinstance(owner, GraphQLObjectType) else ():
            kind = get_named_type(field.type)
            if isinstance(kind, GraphQLObjectType) and "pageInfo" in kind.fields:
                assert {"first", "after"} <= set(field.args), (owner.name, name)
                connections += 1
    assert connections > 20


NEVER_REFUSE_BELOW = {"Service.name", "Service.department"}
"""They take a language, which is good or no language at all."""


def test_what_may_refuse_its_arguments_is_nullable_wherever_it_stands() -> None:
    """A cursor of another list, a child whose mandate has ended: the object around it stays."""
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    found = {
        f"{owner.name}.{name}"
        for owner in SCHEMA.type_map.values()
        if isinstance(owner, GraphQLObjectType) and owner not in roots and owner.name[:2] != "__"
        for name, field in owner.fields.items()
        if field.args and isinstance(field.type, GraphQLNonNull)
    }
    assert found == NEVER_REFUSE_BELOW


async def test_a_refusal_below_the_root_leaves_what_is_beside_it(
    client: Client, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    below = 'consents(onBehalfOf: "nobody") { purpose } accessLog(first: 0) { __typename }'
    messages = 'unread messages(first: 1, after: "nothing") { __typename }'
    query = f"{{ viewer {{ id {below} }} inbox {{ {messages} }} }}"
    answer = await client.run(query, viewer=await citizen())
    assert answer.codes == ["NOT_FOUND", "INVALID_INPUT", "NOT_FOUND"]
    viewer, inbox = answer.json["data"]["viewer"], answer.json["data"]["inbox"]
    assert viewer.pop("id") and viewer == {"consents": None, "accessLog": None}
    assert inbox == {"unread": 0, "messages": None}
