"""The GraphQL types that every module shares: refusals, lists, arguments, cards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from core import errors
from core.assurance import Assurance
from core.context.call import Call
from core.graphql.views import view
from core.refusal_texts import INVALID_INPUT
from core.upstream.readings import ReadStatus

T = TypeVar("T")
R = TypeVar("R")

_FIRST_MAX = 100

view(errors.Missing, name="MissingStep")
view(Assurance, name="Assurance")


@strawberry.interface(description="Why a mutation changed nothing.")
class Refusal:
    code: str = strawberry.field(description="The stable code that an app acts on.")
    message: str = strawberry.field(description="The sentence for the person, in their language.")


@strawberry.type(description="The input breaks a rule.")
class InvalidInput(Refusal):
    field: str | None = strawberry.field(description="The argument at fault, where there is one.")


@strawberry.type(description="There is no such thing for this person.")
class NotFound(Refusal):
    """See core.errors.NotFound."""


@strawberry.type(description="The state of things does not allow this, or somebody was faster.")
class Conflict(Refusal):
    """See core.errors.Conflict."""


@strawberry.type(description="Sign in, sign in again, or verify your real name first.")
class LoginRequired(Refusal):
    required_level: int = strawberry.field(
        description="The identity level that is needed: 1 phone, 2 real name."
    )
    missing: errors.Missing = strawberry.field(description="What to do first.")
    assurance: Assurance | None = strawberry.field(
        description="Where a PROOF is missing: by what the person has to be proved, or by more."
    )
    proofs: list[str] = strawberry.field(
        description="Where a PROOF is missing: the mutations that give one, the easiest first."
    )
    resume_ticket: str | None = strawberry.field(
        description="Leads back to this action: give it to `resume` after the login, and send it "
        "as `X-Resume-Ticket` when the action is sent again with the same input."
    )


@strawberry.type(description="This person may not do this.")
class Forbidden(Refusal):
    """See core.errors.Forbidden."""


@strawberry.type(description="Too many attempts.")
class RateLimited(Refusal):
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
    members = {"code": error.code, "message": error.say(call.locale)}
    match error:
        case errors.InvalidInput():
            return InvalidInput(**members, field=error.field)
        case errors.NotFound():
            return NotFound(**members)
        case errors.Conflict():
            return Conflict(**members)
        case errors.LoginRequired():
            return LoginRequired(
                **members,
                required_level=error.required_level,
                missing=error.missing,
                assurance=error.assurance,
                proofs=list(error.proofs),
                resume_ticket=error.resume_ticket,
            )
        case errors.Forbidden():
            return Forbidden(**members)
        case errors.RateLimited():
            retry_at = call.app.clock.now() + timedelta(seconds=error.retry_after_s)
            return RateLimited(**members, retry_after_s=error.retry_after_s, retry_at=retry_at)
        case errors.Unavailable():
            return Unavailable(**members)
    raise TypeError(f"no refusal for {type(error).__name__}")


@strawberry.type(description="Where a page of a list begins and ends.")
class PageInfo:
    """Relay's page info; lists are read forwards."""

    has_next_page: bool = strawberry.field(description="Whether there is more.")
    has_previous_page: bool = strawberry.field(description="Whether something came before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first entry.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last entry, for `after`.")


@strawberry.type(description="An entry of a list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The entry's cursor, for `after`.")
    node: T = strawberry.field(description="The entry itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page's entries.")
    page_info: PageInfo = strawberry.field(description="Where the page begins and ends.")


def connection(
    rows: Sequence[R],
    first: int,
    cursor: Callable[[R], str],
    node: Callable[[R], T],
    *,
    after: str | None,
) -> Connection[T]:
    """The page after a cursor, from up to `first + 1` rows; the extra one tells there is more."""
    edges = [Edge(cursor=cursor(row), node=node(row)) for row in rows[:first]]
    return Connection(edges=edges, page_info=page_info(edges, after, has_more=len(rows) > first))


def page_info(edges: Sequence[Edge[T]], after: str | None, *, has_more: bool) -> PageInfo:
    """Where a page that came after a cursor begins and ends."""
    return PageInfo(
        has_next_page=has_more,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


def page_size(first: int) -> int:
    """`first` when it is 1 to 100. Raises InvalidInput otherwise."""
    if not 1 <= first <= _FIRST_MAX:
        raise errors.InvalidInput(
            INVALID_INPUT, "first", detail=f"first must be between 1 and {_FIRST_MAX}"
        )
    return first


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSection:
    """A card of the home screen."""

    id: Annotated[str, "The card's stable name."]
    title: Annotated[str, "The card's title in the viewer's language."]
    status: Annotated[ReadStatus, "Where the card's content comes from."]
    as_of: Annotated[datetime | None, "When the content was true."]
    reason: Annotated[str | None, "Why it is not LIVE, a stable code."]


view(HomeSection, is_interface=True)
