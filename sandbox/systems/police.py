"""The police's population registry: does this name go with this resident ID, is this a child of
theirs?"""

import unicodedata

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body, reply
from sandbox.shared.registry import find_person
from sandbox.systems.police_names import name_of

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
    """Two people by resident ID."""

    parent_resident_id: str = Field(min_length=1, max_length=32)
    child_resident_id: str = Field(min_length=1, max_length=32)


async def verify_family(request: Request, city: City) -> Response:
    """CONFIRMED for a parent and a child; whoever is unknown is NOT_CONFIRMED.

    In this city a parent is somebody of the child's household who was of age when it was born.
    """
    family = await read_body(request, Family)
    parent = find_person(city, family.parent_resident_id)
    child = find_person(city, family.child_resident_id)
    confirmed = (
        parent is not None
        and child is not None
        and parent.household_no == child.household_no
        and parent.age_on(child.born_on) >= _PARENT_AGE_MIN
    )
    result = "CONFIRMED" if confirmed else "NOT_CONFIRMED"
    return reply({"result": result, "request_no": _request_no(city)})


def _request_no(city: City) -> str:
    return f"PR{city.today():%Y%m%d}{city.state.next_in('police_request'):08d}"


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


SYSTEMS = (
    System(
        name="police",
        title_zh="公安人口库",
        title_en="Police population registry",
        operations=(
            Operation("verify", "POST", "/police/identity/verify", verify),
            Operation("verify_family", "POST", "/police/family/verify", verify_family),
        ),
    ),
)
