"""Every date and moment of the schema is bounded, so that nothing taken in overflows later."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)

from core.clock import FIRST_DATE, LAST_DATE, parse_date, parse_moment
from tests.bff.test_bad_input import SCHEMA

NO_DATES = [
    *("9999-12-31", "2200-01-01", "1899-12-31", "0001-01-01", "10000-01-01"),
    *("20261130", "2026-W49-1", "2026-334", "２０２６-11-30", "2026-2-3", "2026-11-30\n", ""),
]
NO_MOMENTS = [
    *("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2200-01-01T00:00:00Z"),
    *("2026-11-30T12:00:00", "2026-11-30", "now"),
]


def _inputs() -> Iterator[tuple[str, GraphQLArgument | GraphQLInputField]]:
    """Every argument of every field, and every field of every input."""
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for field_name, field in kind.fields.items():
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name})", argument
        elif isinstance(kind, GraphQLInputObjectType):
            for field_name, input_field in kind.fields.items():
                yield f"{name}.{field_name}", input_field


def test_what_is_a_day_or_a_moment_is_of_a_bounded_scalar() -> None:
    scalars, texts, jsons = set(), {}, set()
    for place, given in _inputs():
        kind = get_named_type(given.type)
        if isinstance(kind, GraphQLScalarType):
            scalars.add(kind.name)
            jsons |= {place} if kind.name == "JSON" else set()
            if kind.name in ("String", "ID"):
                texts[place] = given.description or ""
    assert "Date" in scalars
    # JSON is a passkey's credential alone: what it may hold is the standard's
    assert {place for place in jsons if "Passkey" not in place} == set()
    known = {"Boolean", "Date", "DateTime", "Fen", "Float", "ID", "Int", "JSON", "String"}
    assert scalars <= known
    speaks_of_a_day = re.compile(r"(?i)YYYY|ISO 8601|\b(?:the|which) (?:day|date|moment)\b")
    assert not [place for place, text in texts.items() if speaks_of_a_day.search(text)]


@pytest.mark.parametrize(("scalar", "value"), [("Date", v) for v in NO_DATES])
def test_a_date_out_of_range_or_form_is_refused(scalar: str, value: str) -> None:
    kind = SCHEMA.type_map[scalar]
    assert isinstance(kind, GraphQLScalarType)
    with pytest.raises(GraphQLError):
        kind.parse_value(value)
    with pytest.raises(ValueError, match="a date"):
        parse_date(value)


@pytest.mark.parametrize("value", NO_MOMENTS)
def test_a_moment_out_of_range_or_without_zone_is_refused(value: str) -> None:
    kind = SCHEMA.type_map["DateTime"]
    assert isinstance(kind, GraphQLScalarType)
    with pytest.raises(GraphQLError):
        kind.parse_value(value)


def test_what_is_taken_can_be_calculated_with() -> None:
    for on in (FIRST_DATE, LAST_DATE, date(2028, 2, 29)):
        assert parse_date(on.isoformat()) == on
        assert on - timedelta(days=366 * 1_000) and on + timedelta(days=366 * 1_000)
    assert parse_moment("2026-11-30T12:00:00+08:00").isoformat() == "2026-11-30T04:00:00+00:00"
