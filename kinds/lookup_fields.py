"""The GraphQL query fields of personal lookups: one reading, or a list as a Relay connection."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from core.context.call import Call
from core.errors import InvalidInput
from core.graphql import After, Connection, First, Info, of_service, page_size, query
from core.graphql.types import Edge, PageInfo
from core.refusal_texts import INVALID_INPUT
from core.upstream.readings import Reading, ReadStatus
from kinds.lookup import N, Page, PersonalLookup

T = TypeVar("T")

FIRST = 50
YEAR_MIN, YEAR_MAX = 1949, 2200
AFTER_CHARS_MAX = 64

Year: TypeAlias = Annotated[
    int | None, strawberry.argument(description="Only the records of this calendar year.")
]


@strawberry.type(description="A page of a list out of another system, and how fresh that is.")
class ReadingConnection(Connection[T]):
    status: ReadStatus = strawberry.field(description="Where the page comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    total_count: int | None = strawberry.field(
        description="How many records there are on all pages, of the year where one is asked for."
    )


def lookup_field(
    lookup: PersonalLookup[..., Any], *, returns: type, for_others: bool, description: str
) -> Any:
    """The query field of a lookup without arguments; `returns` is its `reading_view`."""

    async def resolve(info: Info) -> Reading[Any]:
        return await lookup.read(info.context)

    rule = of_service(lookup.service, for_others=for_others)
    return query(rule, description=description, returns=returns)(resolve)


def page_field(
    lookup: PersonalLookup[..., Page[N] | None],
    *,
    node: type[N],
    for_others: bool,
    description: str,
) -> Any:
    """The query field of a lookup that answers pages; it takes `first`, `after` and `year`.

    `node` is a record's type. Where the registry knows no such person the list is empty.
    """

    async def resolve(
        info: Info, first: First = FIRST, after: After = None, year: Year = None
    ) -> Any:
        return await read_page(lookup, info.context, first, after, year)

    rule = of_service(lookup.service, for_others=for_others)
    returns = ReadingConnection[node]  # type: ignore[valid-type]
    return query(rule, description=description, returns=returns)(resolve)


async def read_page(
    lookup: PersonalLookup[..., Page[N] | None],
    call: Call,
    first: int,
    after: str | None,
    year: int | None,
) -> ReadingConnection[N]:
    """A page of a lookup. Raises InvalidInput for a size, a cursor or a year that cannot be."""
    page_size(first)
    if after is not None and not (0 < len(after) <= AFTER_CHARS_MAX and after.isascii()):
        raise InvalidInput(INVALID_INPUT, "after", detail="after is no cursor of this list")
    if year is not None and not YEAR_MIN <= year <= YEAR_MAX:
        detail = f"year must be between {YEAR_MIN} and {YEAR_MAX}"
        raise InvalidInput(INVALID_INPUT, "year", detail=detail)
    reading = await lookup.read(call, first, after, year)
    page = reading.value
    records = page.records if page else ()
    return ReadingConnection(
        edges=[Edge(cursor=record.record_no, node=record) for record in records],
        page_info=PageInfo(
            has_next_page=page is not None and page.next_after is not None,
            end_cursor=records[-1].record_no if records else None,
        ),
        total_count=page.total if page else None,
        **reading.freshness,
    )
