"""The vehicle registry: whose car it is, and when its inspection is due."""

from datetime import date

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.people import Person
from sandbox.population.vehicles import PLATE, Vehicle
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import read_body, reply
from sandbox.shared.documents import TRAFFIC, Whom, find_whom
from sandbox.shared.permits import find_vehicle, vehicle_of
from sandbox.shared.registry import Record, record_operation

STATION_YEARS = (6, 10)
"""Years of age at which a private car is inspected at a station; from the tenth on, each year."""
MARK_YEARS = (2, 4, 8)
"""Years at which the inspection mark is issued online, without a station."""


class Ownership(Whom):
    """A plate and a person to compare."""

    plate: str = Field(pattern=PLATE)


async def verify(request: Request, city: City) -> Response:
    """OWNER, NOT_OWNER, or NOT_FOUND for a plate that the registry does not hold."""
    body = await read_body(request, Ownership)
    person = find_whom(city, body, TRAFFIC)
    vehicle = find_vehicle(city, body.plate)
    if vehicle is None:
        return reply({"result": "NOT_FOUND"})
    owns = vehicle.owner == person
    return reply({"result": "OWNER" if owns else "NOT_OWNER"})


def inspection_due(registered_on: date, today: date) -> tuple[date, str]:
    """The next inspection not before today: its day, and STATION or ONLINE."""
    age = 1
    while True:
        on = _years_later(registered_on, age)
        station = age in STATION_YEARS or age > max(STATION_YEARS)
        if on >= today and (station or age in MARK_YEARS):
            return on, "STATION" if station else "ONLINE"
        age += 1


def _years_later(day: date, years: int) -> date:
    leap = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year + years, day=28 if leap else day.day)


def _cars(city: City, person: Person) -> Record | None:
    """The car of a person, if there is one."""
    vehicle = vehicle_of(city, person)
    return None if vehicle is None else {"vehicles": [_describe(vehicle, city.today())]}


def _nothing(city: City) -> Record:
    return {"vehicles": []}


def _describe(vehicle: Vehicle, today: date) -> Record:
    due_on, where = inspection_due(vehicle.registered_on, today)
    return {
        "plate": vehicle.plate,
        "plate_colour": "GREEN" if vehicle.is_electric else "BLUE",
        "model_zh": vehicle.model_zh,
        "use": "NON_COMMERCIAL",
        "registered_on": vehicle.registered_on.isoformat(),
        "inspection_due_on": due_on.isoformat(),
        "inspection_at": where,
        "status": "NORMAL",
    }


SYSTEMS = (
    System(
        name="vehicle_registry",
        title_zh="机动车登记系统",
        title_en="Vehicle registry",
        operations=(
            record_operation("query", "/vehicles/query", _cars, _nothing, TRAFFIC),
            Operation("verify", "POST", "/vehicles/verify", verify),
        ),
    ),
)
