"""People without an ID number: the permits that the police have issued, and their holders' cars."""

import random
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import Field

from sandbox.population.people import Person
from sandbox.population.vehicles import Vehicle, Vehicles
from sandbox.server.system import City
from sandbox.server.wire import Body

SCHEMA = """
CREATE TABLE police_permit (
    place INTEGER PRIMARY KEY, kind TEXT NOT NULL, number TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    born_on TEXT NOT NULL, parents TEXT NOT NULL
);
"""
_HOUSEHOLDS = 700_000
"""Above those of the population."""
_PLATE = "宁ZP"


@dataclass(frozen=True)
class PermitHolder(Person):
    """Somebody with a travel permit or an older residence card; its number stands in the place of
    `resident_id`, and says neither age nor sex."""

    kind: str
    birth: date
    place: int
    parents: frozenset[str]
    """By the numbers of their documents."""

    @property
    def born_on(self) -> date:
        """The birth date on the permit."""
        return self.birth

    @property
    def is_male(self) -> bool:
        """The sex on the permit, drawn by its number."""
        return random.Random(f"sex:{self.resident_id}").random() < 0.5


class Permit(Body):
    """A document of somebody from elsewhere: its kind and number, name and birth date on it."""

    kind: Literal["FOREIGN_RESIDENT", "HK_MACAO_PERMIT", "TAIWAN_PERMIT"]
    number: str = Field(min_length=8, max_length=18)
    name: str = Field(min_length=1, max_length=100)
    born_on: date


class NewPermit(Permit):
    """A permit that is issued, perhaps to a child, whose parents the police know."""

    parents: tuple[str, ...] = ()


def issue(city: City, permit: NewPermit) -> None:
    """Issue a permit, or renew it under the same number."""
    city.state.run(
        "INSERT INTO police_permit (kind, number, name, born_on, parents) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (number) DO UPDATE SET kind = excluded.kind, name = excluded.name, "
        "born_on = excluded.born_on, parents = excluded.parents",
        (permit.kind, permit.number, permit.name, permit.born_on.isoformat(),
         " ".join(permit.parents)),
    )  # fmt: skip


def find_permit_holder(city: City, number: str) -> PermitHolder | None:
    """Whose permit has this number, or None."""
    return _find(city, "number", number)


def find_in_place(city: City, place: str) -> PermitHolder | None:
    """The holder of the permit that was issued in this place, or None."""
    return _find(city, "place", int(place)) if place.isascii() and place.isdigit() else None


def vehicle_of(city: City, person: Person) -> Vehicle | None:
    """A person's car. The holder of a permit who may drive has one."""
    if not isinstance(person, PermitHolder):
        return _vehicles(city).of(person)
    return _vehicles(city).of(person, f"{_PLATE}{person.place:04d}")


def find_vehicle(city: City, plate: str) -> Vehicle | None:
    """The car of a plate, or None."""
    if not plate.startswith(_PLATE):
        return _vehicles(city).find(plate)
    owner = find_in_place(city, plate.removeprefix(_PLATE))
    vehicle = None if owner is None else vehicle_of(city, owner)
    return vehicle if vehicle is not None and vehicle.plate == plate else None


def _find(city: City, column: str, value: str | int) -> PermitHolder | None:
    query = f"SELECT * FROM police_permit WHERE {column} = ?"  # noqa: S608 - our own names
    row = city.state.one(query, (value,))
    if row is None:
        return None
    return PermitHolder(
        name=row["name"],
        phone="",
        resident_id=row["number"],
        household_no=_HOUSEHOLDS + row["place"],
        kind=row["kind"],
        birth=date.fromisoformat(row["born_on"]),
        place=row["place"],
        parents=frozenset(row["parents"].split()),
    )


def _vehicles(city: City) -> Vehicles:
    return Vehicles(city.settings.seed, city.population, city.today())
