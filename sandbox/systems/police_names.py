"""What the police register of names that the population was not born with: people marry, and people
come from abroad."""

from dataclasses import dataclass

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.ids import resident_birth_date
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body
from sandbox.shared.permits import find_permit_holder
from sandbox.shared.registry import find_person

ID_CHARS = 18
SCHEMA = """
CREATE TABLE police_name (resident_id TEXT PRIMARY KEY, name TEXT NOT NULL);
"""


class Registered(Body):
    """A number and the name that it is under from now on."""

    resident_id: str = Field(min_length=18, max_length=18)
    name: str = Field(min_length=1, max_length=100)


def name_of(city: City, resident_id: str) -> str | None:
    """The present name of a number, or None. Raises Refusal 422 where it is no resident ID."""
    person = find_person(city, resident_id)
    row = city.state.one("SELECT name FROM police_name WHERE resident_id = ?", (resident_id,))
    if row is not None:
        return str(row["name"])
    return person.name if person else None


@dataclass(frozen=True)
class Holder:
    """Somebody by a document: a card of GB 11643, or a permit."""

    name: str
    kind: str
    number: str
    born_on: str


def find_holder(city: City, number: str) -> Holder | None:
    """Whose document has this number, or None. Raises Refusal 422 where it can be none."""
    if len(number) < ID_CHARS:
        known = find_permit_holder(city, number)
        if known is None:
            return None
        return Holder(known.name, known.kind, number, known.born_on.isoformat())
    name, born_on = name_of(city, number), resident_birth_date(number)
    if name is None or born_on is None:
        return None
    return Holder(name, "RESIDENT_ID", number, born_on.isoformat())


async def register(request: Request, city: City) -> Response:
    """Register a name: a new one, or of somebody new."""
    registered = await read_body(request, Registered)
    city.state.run(
        "INSERT OR REPLACE INTO police_name VALUES (?, ?)",
        (registered.resident_id, registered.name),
    )
    return Response(status_code=204)


SYSTEMS = (
    System(
        name="police_names",
        title_zh="公安姓名登记",
        title_en="Police register of names",
        schema=SCHEMA,
        operations=(),
        controls=(Operation("register", "PUT", "/_control/police/names", register),),
    ),
)
