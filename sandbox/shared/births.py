"""The children born in this city since it was set up: by birth certificate, and by the number that
the household registration gives them later."""

from dataclasses import dataclass
from datetime import date

from core.ids import resident_id_check_digit
from sandbox.population.people import AREA, Person
from sandbox.server.system import City

SCHEMA = """
CREATE TABLE birth (
    certificate_no TEXT PRIMARY KEY, mother_id TEXT NOT NULL, born_on TEXT NOT NULL,
    sex TEXT NOT NULL, gestation_days INTEGER NOT NULL, weight_g INTEGER NOT NULL,
    name TEXT NOT NULL, father_id TEXT, resident_id TEXT UNIQUE
);
"""
_PROVINCE = "54"
"""Where nobody of the population was born."""


@dataclass(frozen=True)
class Born(Person):
    """A child of this city. `resident_id` is empty until the household registration."""

    certificate_no: str
    birth: date
    male: bool
    parents: frozenset[str]

    @property
    def born_on(self) -> date:
        """The birth date on the certificate."""
        return self.birth

    @property
    def is_male(self) -> bool:
        """The sex on the certificate."""
        return self.male


def find_born(city: City, number: str) -> Born | None:
    """Whose birth certificate or ID number this is, of the children born here."""
    row = city.state.one(
        "SELECT * FROM birth WHERE certificate_no = ?1 OR resident_id = ?1", (number,)
    )
    if row is None:
        return None
    mother = city.population.find(row["mother_id"])
    return Born(
        name=row["name"],
        phone="",
        resident_id=row["resident_id"] or "",
        household_no=mother.household_no if mother else 0,
        certificate_no=row["certificate_no"],
        birth=date.fromisoformat(row["born_on"]),
        male=row["sex"] == "MALE",
        parents=frozenset(filter(None, (row["mother_id"], row["father_id"]))),
    )


def register(city: City, born: Born) -> str:
    """Enter a child into its household; returns its number, the same when repeated."""
    if born.resident_id:
        return born.resident_id
    sequence = 2 * (city.state.next_in("household") % 500) + born.is_male
    body = f"{_PROVINCE}{AREA}{born.born_on:%Y%m%d}{sequence:03d}"
    number = body + resident_id_check_digit(body)
    city.state.run(
        "UPDATE birth SET resident_id = ? WHERE certificate_no = ?", (number, born.certificate_no)
    )
    return number
