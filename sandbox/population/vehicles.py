"""Cars and their plates, well formed and nobody's: plates with 宁Z were never given out."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.population.people import CROWD_SIZE, DemoPerson, Person, Population

PLATE = r"^[一-龥][A-Z][A-Z0-9]{5,6}$"
DRIVING_AGE = 18
OWNERS_PROB = 0.4
_MAKES = ("示范牌轿车", "样例牌越野车", "沙盒牌微型车", "演示牌多用途车")


@dataclass(frozen=True)
class Vehicle:
    """A car as the registry has it; `is_electric` shows in the plate as well."""

    plate: str
    owner: Person
    model_zh: str
    is_electric: bool
    registered_on: date


class Vehicles:
    """Every car of the city, computed from its owner."""

    def __init__(self, seed: int, population: Population, today: date) -> None:
        self._seed = seed
        self._population = population
        self._today = today

    def of(self, person: Person, plate: str | None = None) -> Vehicle | None:
        """A person's car. Demo people of age have an electric one each, 40 % of the others one; who
        is given a plate has one."""
        if person.age_on(self._today) < DRIVING_AGE:
            return None
        draw = random.Random(f"{self._seed}:vehicle:{person.resident_id}")
        years, days, _ = draw.randint(1, 12), draw.randrange(365), draw.random()
        model, owns = draw.choice(_MAKES), draw.random() < OWNERS_PROB
        electric = isinstance(person, DemoPerson)
        if electric:
            plate = f"宁ZD{int(person.resident_id[14:17]):05d}"
        elif plate is None and owns:
            plate = f"宁Z{int(person.phone[3:]):05d}"
        if plate is None:
            return None
        on = date(self._today.year - years, 1, 1) + timedelta(days=days)
        return Vehicle(plate, person, model, electric, on)

    def find(self, plate: str) -> Vehicle | None:
        """The car of a plate, or None."""
        digits = plate.removeprefix("宁Z")
        if digits.startswith("D"):
            owners = [p for p in self._population.demo if plate == self._plate_of(p)]
            return self.of(owners[0]) if owners else None
        if len(digits) != 5 or not (digits.isascii() and digits.isdigit()):
            return None
        if int(digits) >= CROWD_SIZE or plate != f"宁Z{digits}":
            return None
        return self.of(self._population.crowd(int(digits)))

    def _plate_of(self, person: Person) -> str | None:
        vehicle = self.of(person)
        return None if vehicle is None else vehicle.plate
