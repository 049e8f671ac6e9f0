"""The education bureau's registry: schools with their hours, terms and keys, pupils, leaves."""

import base64
import hashlib
import random
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.institutions import schools
from sandbox.population.people import Person
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.registry import Record

SCHEMA = """
CREATE TABLE school_day (school TEXT NOT NULL, on_day TEXT NOT NULL, arrive_by TEXT,
    PRIMARY KEY (school, on_day));
CREATE TABLE school_leave (leave_id TEXT PRIMARY KEY, school TEXT NOT NULL, pupil_ref TEXT NOT NULL,
    from_on TEXT NOT NULL, until_on TEXT NOT NULL);
"""
_STAGES = {"kindergarten": ("08:30", range(3, 6)), "primary": ("08:10", range(6, 12)),
           "secondary": ("07:40", range(12, 18))}  # fmt: skip
"""By when pupils are there, and the years of age of those who go there."""
_ENGLISH = {"kindergarten": "Kindergarten", "primary": "Primary School", "secondary": "High School"}


class Day(Body):
    """A day on which a school has other hours; null: no school."""

    school: str
    on: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    arrive_by: str | None = Field(None, pattern=r"^\d\d:\d\d$")


class Leave(Body):
    """That a pupil stays away on some days."""

    school: str
    pupil_ref: str
    from_on: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    until_on: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")


def gate_key(seed: int, code: str) -> Ed25519PrivateKey:
    """What the gates of a school sign with. Known to everybody who knows the seed."""
    secret = hashlib.sha256(f"{seed}:gate:{code}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(secret)


async def list_registry(request: Request, city: City) -> Response:
    """Every school."""
    return reply({"schools": [_school(city, school) for school in schools()]})


def _school(city: City, school: Record) -> Record:
    code, stage = str(school["code"]), str(school["stage"])
    number = "".join(filter(str.isdigit, str(school["name_zh"])))
    year, public = city.today().year, gate_key(city.settings.seed, code).public_key()
    days = city.state.all("SELECT * FROM school_day WHERE school = ? ORDER BY on_day", (code,))
    return {
        "code": code,
        "name_zh": school["name_zh"],
        "name_en": f"City {_ENGLISH[stage]} No. {number}",
        "gate_key": base64.b64encode(public.public_bytes_raw()).decode(),
        "arrive_by": _STAGES[stage][0],
        "terms": [
            {"first": str(date(start, month, 1)), "last": str(date(end, last, day))}
            for start, month, end, last, day in (
                (year - 1, 9, year, 1, 20), (year, 3, year, 7, 5), (year, 9, year + 1, 1, 20),
            )
        ],
        "days": [{"on": day["on_day"], "arrive_by": day["arrive_by"]} for day in days],
    }  # fmt: skip


def enrolment(city: City, person: Person) -> Record | None:
    """Where a child of age for it goes to school, by chance but always the same."""
    age = person.age_on(city.today())
    stage = next((name for name, (_, ages) in _STAGES.items() if age in ages), None)
    if stage is None:
        return None
    draw = random.Random(f"{city.settings.seed}:school:{person.resident_id}")
    school = draw.choice([school for school in schools() if school["stage"] == stage])
    grade = age - _STAGES[stage][1].start + 1
    return {
        "school_code": school["code"],
        "pupil_ref": f"P{draw.randrange(10**9):09d}",
        "class_zh": f"{grade}年级{draw.randint(1, 8)}班",
    }


async def take_leave(request: Request, city: City) -> Response:
    """Note a leave; the same id again changes nothing."""
    leave = await read_body(request, Leave)
    city.state.run(
        "INSERT OR REPLACE INTO school_leave VALUES (?, ?, ?, ?, ?)",
        (request.path_params["leave_id"], leave.school, leave.pupil_ref, leave.from_on,
         leave.until_on),
    )  # fmt: skip
    return Response(status_code=204)


async def drop_leave(request: Request, city: City) -> Response:
    """Forget a leave; one that is unknown is no error."""
    leave_id = request.path_params["leave_id"]
    city.state.run("DELETE FROM school_leave WHERE leave_id = ?", (leave_id,))
    return Response(status_code=204)


async def list_leaves(request: Request, city: City) -> Response:
    """Every leave that a school knows of."""
    return reply([dict(row) for row in city.state.all("SELECT * FROM school_leave")])


async def set_day(request: Request, city: City) -> Response:
    """Give a school other hours on a day."""
    day = await read_body(request, Day)
    if day.school not in {school["code"] for school in schools()}:
        raise Refusal(404, "NO_SUCH_SCHOOL", "no such school")
    city.state.run(
        "INSERT OR REPLACE INTO school_day VALUES (?, ?, ?)", (day.school, day.on, day.arrive_by)
    )
    return Response(status_code=204)
