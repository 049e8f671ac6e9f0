"""Who somebody is: the one look-up of a person's own data that wings may use.

The module that owns the accounts gives the extension "people.directory"; nobody else reads its
tables.
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import NotFound
from core.ids import resident_birth_date
from core.refusal_texts import NOT_FOUND

if TYPE_CHECKING:
    from core.context.app import App

DIRECTORY = "people.directory"

CHILD_UNTIL_AGE = 14
"""Below it a guardian consents for the child (PIPL Art. 31)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account. Name and resident ID are known from level 2 on.

    A child without a phone is reached at its guardian's; `phone` is empty where nobody is reached.
    """

    id: UUID
    phone: str
    name: str | None
    resident_id: str | None
    level: int
    locale: str

    def is_child(self, today: date) -> bool:
        """Whether a guardian consents for this person; False while the age is unknown."""
        return self.resident_id is not None and age_on(self.resident_id, today) < CHILD_UNTIL_AGE


def age_on(resident_id: str, today: date) -> int:
    """Whole years of age of whoever has a (valid) resident ID."""
    born_on = resident_birth_date(resident_id)
    assert born_on is not None
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


async def get_person(app: "App", person_id: UUID) -> Person:
    """A person by account id. Raises NotFound when there is no such account."""
    (directory,) = app.extensions(DIRECTORY)
    person: Person | None = await directory(app, person_id)
    if person is None:
        raise NotFound(NOT_FOUND)
    return person
