"""The police's population registry: does this name go with this resident ID, is this a child of
theirs?"""

import unicodedata
from datetime import date

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared import permits
from sandbox.shared.births import Born, find_born, register
from sandbox.shared.documents import find_anybody, is_permit_number
from sandbox.shared.registry import find_person
from sandbox.systems.police_names import name_of

SCHEMA = """
CREATE TABLE death (
    record_no INTEGER PRIMARY KEY, kind TEXT NOT NULL, number TEXT NOT NULL,
    died_on TEXT NOT NULL, withdraws INTEGER
);
"""
_PARENT_AGE_MIN = 18


class Identity(Body):
    """A name and a resident ID to compare."""

    name: str = Field(min_length=1, max_length=100)
    resident_id: str = Field(min_length=1, max_length=32)


async def verify(request: Request, city: City) -> Response:
    """MATCH, MISMATCH, or NOT_FOUND for a number the registry does not hold."""
    identity = await read_body(request, Identity)
    name = name_of(city, identity.resident_id)
    if name is None:
        result = "NOT_FOUND"
    else:
        result = "MATCH" if _normal(identity.name) == _normal(name) else "MISMATCH"
    return reply({"result": result, "request_no": f"PR{city.serial('police_request')}"})


class Family(Body):
    """Two people by the numbers of their documents."""

    parent_resident_id: str = Field(min_length=1, max_length=32)
    child_resident_id: str = Field(min_length=1, max_length=32)


def find_child(city: City, number: str) -> Person | None:
    """Whose ID number or permit this is, or None. Raises Refusal 422 where it is neither."""
    if is_permit_number(number):
        return permits.find_permit_holder(city, number)
    return find_person(city, number)


async def verify_family(request: Request, city: City) -> Response:
    """CONFIRMED for a parent and a child; whoever is unknown is NOT_CONFIRMED.

    In this city a parent is somebody of the child's household who was of age when it was born.
    """
    family = await read_body(request, Family)
    parent = find_anybody(city, family.parent_resident_id)
    child = find_child(city, family.child_resident_id)
    if isinstance(child, Born | permits.PermitHolder):
        confirmed = family.parent_resident_id in child.parents
    else:
        confirmed = (
            parent is not None
            and child is not None
            and parent.household_no == child.household_no
            and parent.age_on(child.born_on) >= _PARENT_AGE_MIN
        )
    answer = _judged(city, confirmed)
    if confirmed and isinstance(child, Born):
        answer["birth_certificate_no"] = child.certificate_no
    return reply(answer)


def _judged(city: City, confirmed: bool) -> dict[str, object]:
    result = "CONFIRMED" if confirmed else "NOT_CONFIRMED"
    return {"result": result, "request_no": _request_no(city)}


class Certificate(Body):
    """A birth certificate, and who says to be a parent on it, by the number of their document."""

    parent_no: str = Field(min_length=1, max_length=32)
    certificate_no: str = Field(min_length=1, max_length=32)


async def verify_birth(request: Request, city: City) -> Response:
    """CONFIRMED with the child's name and birth date for a parent on the certificate."""
    body = await read_body(request, Certificate)
    born = find_born(city, body.certificate_no)
    if born is None or body.parent_no not in born.parents:
        return reply(_judged(city, False))
    child = {"name": born.name, "born_on": born.born_on.isoformat()}
    return reply(_judged(city, True) | child)


async def verify_permit(request: Request, city: City) -> Response:
    """MATCH, MISMATCH for another name or birth date, or NOT_FOUND."""
    body = await read_body(request, permits.Permit)
    holder = permits.find_permit_holder(city, body.number)
    if holder is None or holder.kind != body.kind:
        result = "NOT_FOUND"
    else:
        same = _normal(body.name) == _normal(holder.name) and body.born_on == holder.born_on
        result = "MATCH" if same else "MISMATCH"
    return reply({"result": result, "request_no": _request_no(city)})


async def _issue_permit(request: Request, city: City) -> Response:
    """Issue a permit, or renew it under the same number."""
    permits.issue(city, await read_body(request, permits.NewPermit))
    return Response(status_code=204)


class Household(Body):
    """A newborn who is entered into its household."""

    certificate_no: str = Field(min_length=1, max_length=32)


async def _register_newborn(request: Request, city: City) -> Response:
    """Give a newborn its number: 404 for a certificate that does not exist."""
    body = await read_body(request, Household)
    born = find_born(city, body.certificate_no)
    if born is None:
        raise Refusal(404, "NO_BIRTH", "no such certificate")
    return reply({"resident_id": register(city, born)}, 201)


def _request_no(city: City) -> str:
    return f"PR{city.today():%Y%m%d}{city.state.next_in('police_request'):08d}"


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


class DeathQuery(Body):
    """After which record the caller has read."""

    after: int = Field(ge=0)


class NewDeath(Body):
    """A death that is recorded, or a record that is withdrawn: by an ID number, or by a permit or
    a birth certificate with its kind."""

    resident_id: str = Field("", max_length=18)
    kind: str = Field("RESIDENT_ID", max_length=32)
    number: str = Field("", max_length=32)
    died_on: date | None = None
    withdraws: int | None = None


async def list_deaths(request: Request, city: City) -> Response:
    """The records after a number, at most a hundred, oldest first."""
    query = await read_body(request, DeathQuery)
    rows = city.state.all(
        "SELECT record_no, kind, number, died_on, withdraws FROM death WHERE record_no > ?"
        " ORDER BY record_no LIMIT 100",
        (query.after,),
    )
    return reply({"deaths": [dict(row) for row in rows]})


async def _record_death(request: Request, city: City) -> Response:
    """Record a death, or withdraw a record: 404 for a person or a record that does not exist."""
    death = await read_body(request, NewDeath)
    known = city.state.all("SELECT record_no FROM death", ())
    number = death.resident_id or death.number
    if not _is_held(city, death.kind, number):
        raise Refusal(404, "NO_PERSON", "no such person")
    if death.withdraws is not None and death.withdraws not in {r["record_no"] for r in known}:
        raise Refusal(404, "NO_RECORD", "no such record")
    record_no = len(known) + 1
    died_on = death.died_on or city.today()
    city.state.run(
        "INSERT INTO death VALUES (?, ?, ?, ?, ?)",
        (record_no, death.kind, number, died_on.isoformat(), death.withdraws),
    )
    return reply({"record_no": record_no}, 201)


def _is_held(city: City, kind: str, number: str) -> bool:
    """Whether the registry holds the document of somebody."""
    if kind == "RESIDENT_ID":
        return find_person(city, number) is not None
    if kind == "BIRTH_CERTIFICATE":
        return find_born(city, number) is not None
    holder = permits.find_permit_holder(city, number)
    return holder is not None and holder.kind == kind


SYSTEMS = (
    System(
        name="police",
        title_zh="公安人口库",
        title_en="Police population registry",
        schema=SCHEMA + permits.SCHEMA,
        operations=(
            Operation("verify", "POST", "/police/identity/verify", verify),
            Operation("verify_family", "POST", "/police/family/verify", verify_family),
            Operation("verify_birth", "POST", "/police/births/verify", verify_birth),
            Operation("verify_permit", "POST", "/police/permits/verify", verify_permit),
            Operation("list_deaths", "POST", "/police/deaths/changes", list_deaths),
        ),
        controls=(
            Operation("record_death", "POST", "/_control/police/deaths", _record_death),
            Operation("issue_permit", "PUT", "/_control/police/permits", _issue_permit),
            Operation("register", "POST", "/_control/police/households", _register_newborn),
        ),
    ),
)
