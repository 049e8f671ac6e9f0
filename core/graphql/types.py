"""The GraphQL words that every module shares: scalars, refusals, reading states, guards.

A mutation returns its own union of a payload and `Refused`; `mutation()` turns an AppError into
the matching member. A query that depends on an outside system carries status, asOf and reason.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Generic, NewType, TypeAlias, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.schema.types.base_scalars import isoformat
from strawberry.types.scalar import ScalarDefinition

from core import errors
from core.clock import ensure_utc, parse_date, parse_moment
from core.context.call import Call
from core.graphql.guards import Guard, Info, OnBehalfOf, ServiceLevel, parse_id, signed_in, staff
from core.money import FEN_MAX
from core.refusal_texts import INVALID_INPUT
from core.upstream.readings import ReadStatus

__all__ = [
    "SCALARS",
    "After",
    "Connection",
    "Fen",
    "First",
    "Guard",
    "HomeSection",
    "IdempotencyKey",
    "Info",
    "OnBehalfOf",
    "Refused",
    "ServiceLevel",
    "connection",
    "guarded_mutation",
    "guarded_query",
    "mutation",
    "page_size",
    "parse_id",
    "service_mutation",
    "service_query",
    "signed_in",
    "staff",
]

T = TypeVar("T")
R = TypeVar("R")

Fen = NewType("Fen", int)
"""An amount of money in fen (1 yuan = 100 fen)."""

_FIRST_MAX = 100


PUBLIC_KEY = "public"
"""Where a field says in its metadata that its value is the same for everybody."""


@dataclass(frozen=True, slots=True)
class Public:
    """The same for everybody, and so long anybody may keep it."""

    max_age_s: int


def public(max_age_s: int) -> dict[str, Public]:
    """Metadata of a field whose value is the same for everybody but for the language.

    `strawberry.field(metadata=public(60), …)`. The resolver must not look at the viewer.
    """
    return {PUBLIC_KEY: Public(max_age_s)}


def _fen_out(value: object) -> int:
    if type(value) is not int or abs(value) > FEN_MAX:
        raise GraphQLError("not an amount in fen")
    return value


def _fen_in(value: object) -> int:
    amount = _fen_out(value)
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


def _moment_out(value: datetime) -> str:
    return ensure_utc(value).isoformat().replace("+00:00", "Z")


SCALARS: dict[object, ScalarDefinition] = {
    Fen: strawberry.scalar(
        name="Fen",
        description="An amount of money in fen, an integer: 100 fen are 1 yuan.",
        serialize=_fen_out,
        parse_value=_fen_in,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, ISO 8601 with its zone; answers are in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_moment_out,
        parse_value=_moment_in,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A civil day in Shanghai, YYYY-MM-DD; as an argument from 1900 to 2199.",
        serialize=isoformat,
        parse_value=_date_in,
    ),
}

strawberry.enum(
    errors.Missing,
    name="MissingStep",
    description=(
        "What a caller must do before an action is possible. LOGIN: sign in. REAL_NAME: verify "
        "the real name. FRESH_AUTH: confirm once more who is there, with `stepUp`."
    ),
)
strawberry.enum(
    ReadStatus,
    description=(
        "Where a result comes from. LIVE: just now from its source. STALE: the last good answer, "
        "see asOf. UNAVAILABLE: nothing to show, see reason."
    ),
)


@strawberry.interface(description="Why a mutation changed nothing.")
class Refusal:
    """What every refusal tells."""

    code: str = strawberry.field(description="The stable code that an app acts on.")
    message: str = strawberry.field(description="The sentence for the person, in their language.")


@strawberry.type(description="The input breaks a rule.")
class InvalidInput(Refusal):
    """See core.errors.InvalidInput."""

    field: str | None = strawberry.field(description="The argument at fault, where there is one.")


@strawberry.type(description="There is no such thing for this person.")
class NotFound(Refusal):
    """See core.errors.NotFound."""


@strawberry.type(description="The state of things does not allow this, or somebody was faster.")
class Conflict(Refusal):
    """See core.errors.Conflict."""


@strawberry.type(description="Sign in, sign in again, or verify your real name first.")
class LoginRequired(Refusal):
    """See core.errors.LoginRequired."""

    required_level: int = strawberry.field(
        description="The identity level that is needed: 1 phone, 2 real name."
    )
    missing: errors.Missing = strawberry.field(description="What to do first.")
    resume_ticket: str | None = strawberry.field(
        description="Leads back to this action: give it to `resume` after the login, and send it "
        "as `X-Resume-Ticket` when the action is sent again with the same input."
    )


@strawberry.type(description="This person may not do this.")
class Forbidden(Refusal):
    """See core.errors.Forbidden."""


@strawberry.type(description="Too many attempts.")
class RateLimited(Refusal):
    """See core.errors.RateLimited."""

    retry_after_s: int = strawberry.field(description="Seconds to wait before the next attempt.")
    retry_at: datetime = strawberry.field(description="When the next attempt is possible.")


@strawberry.type(description="Something this depends on does not answer; nothing was done.")
class Unavailable(Refusal):
    """See core.errors.Unavailable."""


Refused: TypeAlias = (
    InvalidInput | NotFound | Conflict | LoginRequired | Forbidden | RateLimited | Unavailable
)
"""The refusals of every mutation: `Annotated[Payload | Refused, strawberry.union("XResult")]`."""

First: TypeAlias = Annotated[
    int, strawberry.argument(description=f"How many to return, 1 to {_FIRST_MAX}.")
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Return what comes after this cursor.")
]
IdempotencyKey: TypeAlias = Annotated[
    str,
    strawberry.argument(
        description="Made by the app, 8 to 64 visible characters: sending again with the same key "
        "never does the same thing twice."
    ),
]


def to_refusal(error: errors.AppError, call: Call) -> Refused:
    """The union member for an expected refusal."""
    told = {"code": error.code, "message": error.say(call.locale)}
    match error:
        case errors.InvalidInput():
            return InvalidInput(**told, field=error.field)
        case errors.NotFound():
            return NotFound(**told)
        case errors.Conflict():
            return Conflict(**told)
        case errors.LoginRequired():
            return LoginRequired(
                **told,
                required_level=error.required_level,
                missing=error.missing,
                resume_ticket=error.resume_ticket,
            )
        case errors.Forbidden():
            return Forbidden(**told)
        case errors.RateLimited():
            retry_at = call.app.clock.now() + timedelta(seconds=error.retry_after_s)
            return RateLimited(**told, retry_after_s=error.retry_after_s, retry_at=retry_at)
        case errors.Unavailable():
            return Unavailable(**told)
    raise TypeError(f"no refusal for {type(error).__name__}")


class RefusalsAsData(FieldExtension):
    """Returns an AppError as a member of the mutation's union instead of raising it."""

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Run the resolver; an expected refusal becomes its answer."""
        try:
            return await next_(source, info, **kwargs)
        except errors.AppError as error:
            return to_refusal(error, info.context)


def mutation(*, description: str) -> Any:
    """A mutation field whose refusals are data."""
    return strawberry.mutation(description=description, extensions=[RefusalsAsData()])


def service_query(service_id: str, *, description: str, for_others: bool = False) -> Any:
    """A query field of a catalogue service, guarded by the service's rule.

    With `for_others` it takes `onBehalfOf`; the service's manifest entry says so too.
    """
    return strawberry.field(
        description=description, extensions=[ServiceLevel(service_id, for_others=for_others)]
    )


def service_mutation(service_id: str, *, description: str, for_others: bool = False) -> Any:
    """A mutation field of a catalogue service, guarded by the service's rule."""
    return strawberry.mutation(
        description=description,
        # the last one stands outside: it sees the guard's refusals too
        extensions=[ServiceLevel(service_id, for_others=for_others), RefusalsAsData()],
    )


def guarded_query(guard: Guard, *, description: str) -> Any:
    """A query field that belongs to no catalogue service, behind a rule of its own."""
    return strawberry.field(description=description, extensions=[guard])


def guarded_mutation(guard: Guard, *, description: str) -> Any:
    """A mutation field that belongs to no catalogue service, behind a rule of its own."""
    return strawberry.mutation(description=description, extensions=[guard, RefusalsAsData()])


@strawberry.type(description="Where a page of a list ends.")
class PageInfo:
    """Relay's page info, forwards only."""

    has_next_page: bool = strawberry.field(description="Whether there is more.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last entry, for `after`.")


@strawberry.type(description="An entry of a list.")
class Edge(Generic[T]):
    """A node and its cursor."""

    cursor: str = strawberry.field(description="The entry's cursor, for `after`.")
    node: T = strawberry.field(description="The entry itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Relay's connection, forwards only."""

    edges: list[Edge[T]] = strawberry.field(description="The page's entries.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


def connection(
    rows: Sequence[R], first: int, cursor: Callable[[R], str], node: Callable[[R], T]
) -> Connection[T]:
    """A page from up to `first + 1` rows; the extra row only tells that there is more."""
    edges = [Edge(cursor=cursor(row), node=node(row)) for row in rows[:first]]
    end = edges[-1].cursor if edges else None
    return Connection(
        edges=edges, page_info=PageInfo(has_next_page=len(rows) > first, end_cursor=end)
    )


def page_size(first: int) -> int:
    """`first` when it is 1 to 100. Raises InvalidInput otherwise."""
    if not 1 <= first <= _FIRST_MAX:
        raise errors.InvalidInput(
            INVALID_INPUT, "first", detail=f"first must be between 1 and {_FIRST_MAX}"
        )
    return first


@strawberry.interface(description="A card of the home screen.")
class HomeSection:
    """What every card tells; each module adds its own type with its own fields."""

    id: str = strawberry.field(description="The card's stable name.")
    title: str = strawberry.field(description="The card's title in the viewer's language.")
    status: ReadStatus = strawberry.field(description="Where the card's content comes from.")
    as_of: datetime | None = strawberry.field(description="When the content was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
