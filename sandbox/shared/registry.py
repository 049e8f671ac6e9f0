"""Records of a person by their document: how a registry is asked, refuses, and answers by pages.

A registry names an address and a function from a person to a record; the rest is here.
"""

import random
from collections.abc import Callable

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.ids import is_resident_id
from sandbox.population.people import Person
from sandbox.server.system import City, Operation
from sandbox.server.wire import Refusal, read_body, reply
from sandbox.shared.births import find_born
from sandbox.shared.documents import ID_NUMBERS, Types, Whom, find_whom

PAGE_SIZE, PAGE_SIZE_MAX = 50, 100

Record = dict[str, object]
Absent = Callable[[City], Record]
"""What is answered about somebody without a record: an empty one, or a Refusal."""


class PersonQuery(Whom):
    """Whose record, and the citizen's consent under which it is read."""

    consent_ref: str = Field(min_length=1, max_length=64)


class PageQuery(PersonQuery):
    """One page of a person's records, perhaps of one year, from behind the record `after`."""

    year: int | None = Field(None, ge=1949, le=2200)
    after: str | None = Field(None, min_length=1, max_length=64)
    limit: int = Field(PAGE_SIZE, ge=1, le=PAGE_SIZE_MAX)


def find_person(city: City, resident_id: str) -> Person | None:
    """Whose number this is, or None. Raises Refusal 422 where it is no resident ID."""
    if not is_resident_id(resident_id, today=city.today()):
        raise Refusal(422, "INVALID_RESIDENT_ID", "not a resident ID (GB 11643)")
    return city.population.find(resident_id) or find_born(city, resident_id)


def draw_for(city: City, subject: str, person: Person) -> random.Random:
    """The random numbers behind a person's record on a subject: the same whenever asked."""
    return random.Random(f"{city.settings.seed}:{subject}:{person.resident_id}")


def not_found(code: str, message: str) -> Absent:
    """The answer 404 with this code."""

    def refuse(city: City) -> Record:
        raise Refusal(404, code, message)

    return refuse


def record_operation(
    name: str,
    path: str,
    record: Callable[[City, Person], Record | None],
    absent: Absent,
    types: Types = ID_NUMBERS,
) -> Operation:
    """An operation that answers one record of a person.

    `POST path` with a `PersonQuery`, documents by the code list `types`: the record; 400 for a
    malformed body, 422 for a malformed number, and what `absent` says where `record` has none or
    nobody has the number.
    """

    async def handle(request: Request, city: City) -> Response:
        query = await read_body(request, PersonQuery)
        person = find_whom(city, query, types)
        content = None if person is None else record(city, person)
        return reply(absent(city) if content is None else content)

    return Operation(name, "POST", path, handle)


def page_operation(
    name: str,
    path: str,
    records: Callable[[City, Person], list[Record] | None],
    absent: Absent,
    types: Types = ID_NUMBERS,
) -> Operation:
    """An operation that answers a person's records by pages, newest first.

    Each record has a `record_no`, unique for the person, that begins with its year and sorts by
    time. `POST path` with a `PageQuery`, documents by the code list `types`: `{records, total,
    next_after}`, where `next_after` leads to the following page and is null on the last.
    """

    async def handle(request: Request, city: City) -> Response:
        query = await read_body(request, PageQuery)
        person = find_whom(city, query, types)
        content = None if person is None else records(city, person)
        return reply(absent(city) if content is None else _page(content, query))

    return Operation(name, "POST", path, handle)


def _page(records: list[Record], query: PageQuery) -> Record:
    by_no = {str(record["record_no"]): record for record in records}
    assert len(by_no) == len(records)
    numbers = [
        number
        for number in sorted(by_no, reverse=True)
        if query.year is None or int(number[:4]) == query.year
    ]
    rest = [number for number in numbers if query.after is None or number < query.after]
    shown = rest[: query.limit]
    return {
        "records": [by_no[number] for number in shown],
        "total": len(numbers),
        "next_after": shown[-1] if len(rest) > len(shown) else None,
    }
