"""A service that answers a question out of what an outside system holds, about a person or a city.

A service declares what is asked, on which consent and how old an answer may be; asking it leaves
the access log's trace, keeps to the deadline and falls back on the last good answer. Its GraphQL
field is a `lookup_field`, or a `page_field` for a list by pages.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Concatenate, Generic, ParamSpec, Protocol, TypeAlias, TypeVar

import strawberry
import structlog

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import InvalidInput
from core.graphql import (
    AccessRule,
    After,
    Connection,
    First,
    GeoPointInput,
    Info,
    of_service,
    page_size,
    query,
    radius_within,
)
from core.graphql.types import Edge, page_info
from core.people.personal_read import Access, Purpose, about_person, personal_read
from core.refusal_texts import INVALID_INPUT
from core.rooms import ExtensionPoint
from core.standards.coordinates import Place, at_distance, nearest
from core.upstream.client import UpstreamRejected
from core.upstream.operation import Answer, Operation, Request, System
from core.upstream.readings import Reading, ReadStatus
from core.upstream.records import Records, each_once

log = structlog.get_logger(__name__)

FIRST = 50
"""How many records a page has where nobody says."""

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class PersonalLookup(Generic[P, T]):
    """A question about a person. `ask` is an upstream operation, or a function that calls some.

    `ask(app, deadline, access, …)` takes what is asked for beside the person (a year, a cursor) as
    further arguments with defaults, which must be hashable: the last good answer is kept for each.
    """

    service: str
    purpose: Purpose
    ask: Callable[Concatenate[App, Deadline, Access, P], Awaitable[T]]
    part: str = ""
    """Which of the service's lookups it is, where there are several."""
    max_stale: timedelta = timedelta(days=1)

    async def read(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Reading[T]:
        """The answer about the viewer, or about whom they act for.

        Raises LoginRequired below level 2 and Forbidden CONSENT_REQUIRED; nothing is asked then. A
        silent system gives a STALE or UNAVAILABLE reading.
        """

        async def fetch(access: Access) -> T:
            return await self.ask(call.app, call.deadline, access, *args, **kwargs)

        return await personal_read(
            call,
            service=self.service,
            purpose=self.purpose,
            fetch=fetch,
            max_stale=self.max_stale,
            part=(self.service, self.part, *args, *sorted(kwargs.items())),
        )


@dataclass(frozen=True, slots=True)
class CityLookup(Generic[P, T]):
    """A question about the city, the same for everybody. `ask(app, deadline, …)` as above."""

    service: str
    ask: Callable[Concatenate[App, Deadline, P], Awaitable[T]]
    part: str = ""
    max_stale: timedelta = timedelta(hours=1)
    fresh: timedelta = timedelta(seconds=30)
    """How long an answer is shown to everybody before the system is asked again."""

    async def read(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Reading[T]:
        """The answer. A system that is silent, or takes no such question, gives a STALE or
        UNAVAILABLE reading."""
        try:
            return await call.app.last_good.read_through(
                ("city", self.service, self.part, *args, *sorted(kwargs.items())),
                lambda: self.ask(call.app, call.deadline, *args, **kwargs),
                clock=call.app.clock,
                max_stale=self.max_stale,
                fresh=self.fresh,
            )
        except UpstreamRejected as error:
            log.warning("city lookup rejected", upstream=error.upstream, status=error.status)
            return Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)


async def both(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """Two answers, asked for at once. Raises what fails first; the other is given up then."""
    tasks = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        return await asyncio.gather(*tasks)
    finally:
        if left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


class Numbered(Protocol):
    """A record of a list."""

    @property
    def record_no(self) -> str:
        """Its number: unique for the person, it never changes."""
        ...


N = TypeVar("N", bound=Numbered)
L = TypeVar("L", bound=Place)


@dataclass(frozen=True, slots=True)
class Page(Generic[N]):
    """A page of a person's records, as a registry answers it, newest first."""

    records: Sequence[N]
    total: int
    """How many there are on all pages, of the year where one is asked for."""
    next_after: str | None
    """Behind which record the next page begins; None on the last."""


def record_operation(
    system: System, name: str, path: str, answers: Answer[T]
) -> Operation[[Access], T]:
    """Asks a registry for the record of the person in an access, by their document.

    In the body: its number never stands in an address.
    """

    def make(access: Access) -> Request:
        return Request(json=about_person(access), access=access)

    declare = system.operation(
        "POST", path, answers=answers, name=name, safe=True, personal=True, hedged=True
    )
    return declare(make)


def page_operation(system: System, name: str, path: str, answers: Answer[T]) -> Operation[..., T]:
    """Asks a registry for a page of the records of the person in an access, perhaps of one year."""

    def make(
        access: Access, first: int = FIRST, after: str | None = None, year: int | None = None
    ) -> Request:
        page = {"limit": first, "after": after, "year": year}
        return Request(json={**about_person(access), **page}, access=access)

    declare = system.operation("POST", path, answers=answers, name=name, safe=True, personal=True)
    return declare(make)


PERSONAL_LOOKUPS: ExtensionPoint[PersonalLookup[Any, Any]] = ExtensionPoint(
    "lookup", PersonalLookup, key=lambda lookup: (lookup.service, lookup.part)
)
CITY_LOOKUPS: ExtensionPoint[CityLookup[Any, Any]] = ExtensionPoint(
    "city lookup", CityLookup, key=lambda lookup: (lookup.service, lookup.part)
)

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
        description="How many there are on all pages, of what was asked for."
    )


def lookup_field(
    lookup: PersonalLookup[..., Any],
    *,
    returns: type,
    description: str,
    for_others: bool = False,
    rule: AccessRule | None = None,
) -> Any:
    """The query field of a lookup without arguments; `returns` is its `reading_view`.

    A `rule` stands in the place of the service's own where looking asks less than what else the
    service does: to see what is due, nobody proves again who they are.
    """

    async def resolve(info: Info) -> Reading[Any]:
        return await lookup.read(info.context)

    rule = rule or of_service(lookup.service, for_others=for_others)
    return query(rule, description=description, returns=returns)(resolve)


async def read_near(
    lookup: CityLookup[..., Records[L]],
    call: Call,
    at: GeoPointInput,
    radius_m: int,
    *,
    fits: Callable[[L], bool] = lambda _: True,
    show: Callable[[L, int | None], L] = at_distance,
) -> Reading[Sequence[L]]:
    """The places of a lookup around a point that fit, nearest first, each as `show` makes it.

    The whole city is asked for and kept, so that the last good answer serves every point. Raises
    InvalidInput for a point that is not in the city.
    """
    here = at.within(call.app.city, "at")
    radius = radius_within(radius_m)
    reading = await lookup.read(call)

    def shown(places: Records[L]) -> Sequence[L]:
        return [show(*pair) for pair in nearest(filter(fits, places.items), here, radius)]

    return reading.map(shown)


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
    check_year(year)
    reading = await lookup.read(call, first, after, year)
    page = reading.value
    records = page.records if page else ()
    edges = [Edge(cursor=record.record_no, node=record) for record in records]
    has_more = page is not None and page.next_after is not None
    return ReadingConnection(
        edges=edges,
        page_info=page_info(edges, after, has_more=has_more),
        total_count=page.total if page else None,
        **reading.freshness,
    )


def check_year(year: int | None) -> None:
    """Raises InvalidInput for a year that cannot be."""
    if year is not None and not YEAR_MIN <= year <= YEAR_MAX:
        detail = f"year must be between {YEAR_MIN} and {YEAR_MAX}"
        raise InvalidInput(INVALID_INPUT, "year", detail=detail)


def page_of(
    reading: Reading[Sequence[T]], first: int, after: str | None, cursor: Callable[[T], str]
) -> ReadingConnection[T]:
    """A page of a list that is read whole; of two with one cursor the first is in it. An empty one,
    which says why, where nothing was read. Raises InvalidInput for a size or a cursor that is none.
    """
    page_size(first)
    items = each_once(reading.items, cursor)
    cursors = [cursor(item) for item in items]
    if after is not None and reading.value is not None and after not in cursors:
        raise InvalidInput(INVALID_INPUT, "after", detail="after is no cursor of this list")
    start = cursors.index(after) + 1 if after in cursors else 0
    shown = list(zip(cursors, items, strict=True))[start : start + first]
    edges = [Edge(cursor=text, node=item) for text, item in shown]
    return ReadingConnection(
        edges=edges,
        page_info=page_info(edges, after, has_more=start + first < len(cursors)),
        total_count=None if reading.value is None else len(cursors),
        **reading.freshness,
    )
