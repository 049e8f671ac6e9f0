"""The register of births: the certificates that midwifery hospitals have issued, by mother."""

import sqlite3
from datetime import date
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.births import SCHEMA
from sandbox.shared.documents import HEALTH, find_anybody
from sandbox.shared.registry import Record, record_operation


class NewBirth(Body):
    """A child that a hospital delivers today, or has delivered on a day."""

    mother_id: str = Field(min_length=8, max_length=18)
    sex: Literal["MALE", "FEMALE"]
    gestation_days: int = Field(280, ge=154, le=308)
    weight_g: int = Field(3300, ge=300, le=7000)
    born_on: date | None = None
    name: str | None = Field(None, min_length=1, max_length=50)
    father_id: str | None = Field(None, min_length=1, max_length=18)


def _births(city: City, person: Person) -> Record | None:
    """A mother's children, the newest certificate first."""
    rows = city.state.all(
        "SELECT certificate_no, born_on, sex, gestation_days, weight_g FROM birth"
        " WHERE mother_id = ? ORDER BY certificate_no DESC",
        (person.resident_id,),
    )
    return {"births": [dict(row) for row in rows]}


async def _deliver(request: Request, city: City) -> Response:
    """Issue a certificate: 404 for a mother whom the city does not know."""
    birth = await read_body(request, NewBirth)
    mother = find_anybody(city, birth.mother_id)
    if mother is None:
        raise Refusal(404, "NO_PERSON", "no such mother")
    born_on = birth.born_on or city.today()
    issued = len(city.state.all("SELECT certificate_no FROM birth", ()))
    number = f"Z37{issued + 1:07d}"
    try:
        city.state.run(
            "INSERT INTO birth VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                number,
                birth.mother_id,
                born_on.isoformat(),
                birth.sex,
                birth.gestation_days,
                birth.weight_g,
                birth.name or f"{mother.name[0]}小宝",
                birth.father_id,
            ),
        )
    except sqlite3.IntegrityError:
        raise Refusal(409, "BUSY", "another certificate was issued at this moment") from None
    return reply({"certificate_no": number}, 201)


def _nobody(city: City) -> Record:
    return {"births": []}


SYSTEMS = (
    System(
        name="birth_register",
        title_zh="出生医学证明管理系统",
        title_en="Register of births",
        schema=SCHEMA,
        operations=(
            record_operation(
                "find_births", "/birth-register/births/query", _births, _nobody, HEALTH
            ),
        ),
        controls=(Operation("deliver", "POST", "/_control/birth-register/births", _deliver),),
    ),
)
