"""Who somebody is: the one look-up of a person's own data that wings may use.

The module that owns the accounts gives the extension "people.directory"; nobody else reads its
tables.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import NotFound
from core.texts_common import NOT_FOUND

if TYPE_CHECKING:
    from core.app import App

DIRECTORY = "people.directory"


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account. Name and resident ID are known from level 2 on."""

    id: UUID
    phone: str
    name: str | None
    resident_id: str | None
    level: int
    locale: str


async def get_person(app: "App", person_id: UUID) -> Person:
    """A person by account id. Raises NotFound when there is no such account."""
    (directory,) = app.extensions(DIRECTORY)
    person: Person | None = await directory(app, person_id)
    if person is None:
        raise NotFound(NOT_FOUND)
    return person
