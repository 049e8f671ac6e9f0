"""The marriage registry: who is married, and whether two people may register."""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.registry import Record, draw_for, find_person, not_found, record_operation

SCHEMA = """
CREATE TABLE marriage_record (
    resident_id TEXT PRIMARY KEY, status TEXT NOT NULL, registered_on TEXT NOT NULL,
    spouse_resident_id TEXT NOT NULL
);
"""
MAN_AGE_MIN, WOMAN_AGE_MIN = 22, 20
DEMO_MARRIED = frozenset({"elder", "sme_owner", "department_officer"})


class Couple(Body):
    """Two people and what they want to register."""

    resident_id: str = Field(min_length=18, max_length=18)
    partner_resident_id: str = Field(min_length=18, max_length=18)
    business: Literal["MARRIAGE", "DIVORCE"]


async def check(request: Request, city: City) -> Response:
    """Whether two people may register, with every reason why not."""
    couple = await read_body(request, Couple)
    reasons = _obstacles(city, couple)
    return reply({"result": "NOT_ELIGIBLE" if reasons else "ELIGIBLE", "reasons": reasons})


async def register(request: Request, city: City) -> Response:
    """The office registers what two people want: 409 NOT_ELIGIBLE."""
    couple = await read_body(request, Couple)
    with city.state.transaction():
        reasons = _obstacles(city, couple)
        if reasons:
            raise Refusal(409, "NOT_ELIGIBLE", ", ".join(reasons))
        status = "MARRIED" if couple.business == "MARRIAGE" else "DIVORCED"
        pair = (couple.resident_id, couple.partner_resident_id)
        for one, other in (pair, pair[::-1]):
            city.state.run(
                "INSERT OR REPLACE INTO marriage_record VALUES (?, ?, ?, ?)",
                (one, status, city.today().isoformat(), other),
            )
    return reply({"status": status}, 201)


def _obstacles(city: City, couple: Couple) -> list[str]:
    pair = [
        find_person(city, number) for number in (couple.resident_id, couple.partner_resident_id)
    ]
    people = [person for person in pair if person is not None]
    if couple.resident_id == couple.partner_resident_id:
        return ["SAME_PERSON"]
    if len(people) < 2:
        return ["NOT_FOUND"]
    if couple.business == "DIVORCE":
        wed = all(
            _state(city, one)[::2] == ("MARRIED", other.resident_id)
            for one, other in (people, people[::-1])
        )
        return [] if wed else ["NOT_MARRIED_TO_EACH_OTHER"]
    reasons = []
    if len({person.is_male for person in people}) < 2:
        reasons.append("SAME_SEX")
    if any(person.age_on(city.today()) < _age_min(person) for person in people):
        reasons.append("UNDER_AGE")
    if any(_state(city, person)[0] == "MARRIED" for person in people):
        reasons.append("ALREADY_MARRIED")
    return reasons


def _record(city: City, person: Person) -> Record:
    status, registered_on, _ = _state(city, person)
    return {"status": status, "registered_on": registered_on}


def _state(city: City, person: Person) -> tuple[str, str | None, str | None]:
    """State, since when, and with whom where it was registered in the sandbox itself."""
    row = city.state.one(
        "SELECT * FROM marriage_record WHERE resident_id = ?", (person.resident_id,)
    )
    if row is not None:
        return row["status"], row["registered_on"], row["spouse_resident_id"]
    age = person.age_on(city.today())
    draw = draw_for(city, "marriage", person)
    married = age >= 24 and draw.random() < 0.75
    if isinstance(person, DemoPerson):
        married = person.key in DEMO_MARRIED
    if not married:
        return "UNMARRIED", None, None
    since = person.born_on + timedelta(days=365 * draw.randint(23, max(23, min(40, age - 1))))
    return "MARRIED", min(since, city.today() - timedelta(days=1)).isoformat(), None


def _age_min(person: Person) -> int:
    return MAN_AGE_MIN if person.is_male else WOMAN_AGE_MIN


_ABSENT = not_found("NOT_FOUND", "no such person in the registry")

SYSTEMS = (
    System(
        name="marriage",
        title_zh="婚姻登记系统",
        title_en="Marriage registry",
        schema=SCHEMA,
        operations=(
            record_operation("query", "/marriage/status/query", _record, _ABSENT),
            Operation("check", "POST", "/marriage/eligibility", check),
        ),
        controls=(Operation("register", "POST", "/_control/marriage/registrations", register),),
    ),
)
