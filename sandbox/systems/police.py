"""The police's population registry: does this name go with this resident ID?"""

import unicodedata

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.ids import is_resident_id
from sandbox.system import Body, City, Operation, Refusal, System, read_body, reply


class Identity(Body):
    """A name and a resident ID to compare."""

    name: str = Field(min_length=1, max_length=100)
    resident_id: str = Field(min_length=1, max_length=32)


async def verify(request: Request, city: City) -> Response:
    """MATCH, MISMATCH, or NOT_FOUND for a number the registry does not hold."""
    identity = await read_body(request, Identity)
    if not is_resident_id(identity.resident_id, today=city.today()):
        raise Refusal(422, "INVALID_RESIDENT_ID", "not a resident ID (GB 11643)")
    person = city.population.find(identity.resident_id)
    if person is None:
        result = "NOT_FOUND"
    else:
        result = "MATCH" if _normal(identity.name) == _normal(person.name) else "MISMATCH"
    return reply({"result": result, "request_no": f"PR{city.serial('police_request')}"})


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


SYSTEMS = (
    System(
        name="police",
        title_zh="公安人口库",
        title_en="Police population registry",
        operations=(Operation("verify", "POST", "/police/identity/verify", verify),),
    ),
)
