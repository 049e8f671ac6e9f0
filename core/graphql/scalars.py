"""The scalars of the schema."""

from datetime import date, datetime
from typing import NewType

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.schema.types.base_scalars import isoformat
from strawberry.types.scalar import ScalarDefinition

from core.clock import ensure_utc, parse_date, parse_moment
from core.money import FEN_MAX

Fen = NewType("Fen", int)
"""An amount of money in fen (1 yuan = 100 fen)."""


def fen_out(value: object) -> int:
    """An amount as answers have it. Raises GraphQLError for what is none."""
    if type(value) is not int or abs(value) > FEN_MAX:
        raise GraphQLError("not an amount in fen")
    return value


def _fen_in(value: object) -> int:
    amount = fen_out(value)
    if amount < 0:
        raise GraphQLError("an amount in fen is not negative")
    return amount


def _moment_in(value: object) -> datetime:
    try:
        return parse_moment(str(value))
    except ValueError:
        raise GraphQLError("a DateTime is ISO 8601 with its zone, from 1900 to 2199") from None


def _date_in(value: object) -> date:
    try:
        return parse_date(str(value))
    except ValueError:
        raise GraphQLError("a Date is YYYY-MM-DD, from 1900 to 2199") from None


def moment_out(value: datetime) -> str:
    """A moment as answers have it. Raises ValueError for one without its zone."""
    moment = ensure_utc(value)
    to_the_second = orjson.dumps(moment)[1:20].decode()  # `isoformat` takes longer
    return f"{to_the_second}.{moment.microsecond // 1000:03}Z"


SCALARS: dict[object, ScalarDefinition] = {
    Fen: strawberry.scalar(
        name="Fen",
        description="An amount of money in fen, an integer: 100 fen are 1 yuan.",
        serialize=fen_out,
        parse_value=_fen_in,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, RFC 3339 with its zone; answers are in UTC, to the millisecond.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=moment_out,
        parse_value=_moment_in,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A civil day in Shanghai, YYYY-MM-DD; as an argument from 1900 to 2199.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=isoformat,
        parse_value=_date_in,
    ),
}
