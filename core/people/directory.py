"""Who somebody is: the one look-up of a person's own data that wings may use.

The module that owns the accounts gives the `Directory`; nobody else reads its tables.
"""

from calendar import isleap
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from core.context.app import App
from core.database import connection, fetch_all, fetch_one
from core.errors import NotFound
from core.id_documents import Document, DocumentCodes, DocumentKind
from core.ids import resident_birth_date
from core.people.merged_accounts import find_owner
from core.refusal_texts import NOT_FOUND
from core.rooms import ExtensionPoint
from core.security.authentication import PROBE_ID

CHILD_UNTIL_AGE = 14
"""Below it a guardian consents for the child (PIPL Art. 31)."""
ADULT_AGE = 18
"""Guardianship ends with it (Civil Code Art. 17)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an account. Name and document are known from level 2 on.

    A child without a phone is reached at its guardian's; `phone` is empty where nobody is reached.
    `has_phone` says whether the phone is their own.
    """

    id: UUID
    phone: str
    name: str | None
    resident_id: str | None
    level: int
    locale: str
    has_phone: bool = True
    other_document: Document | None = None
    """By what somebody without an ID number is known: a travel permit, an older permanent residence
    card, a birth certificate."""
    birth_certificate_no: str | None = None
    """Of a child who was registered before it had a number; it stays when the number comes."""

    @property
    def born_on(self) -> date | None:
        """The birth date; None below level 2."""
        if self.resident_id is not None:
            return resident_birth_date(self.resident_id)
        return self.other_document.born_on if self.other_document else None

    @property
    def document_kind(self) -> DocumentKind | None:
        """The kind of document by which offices know them; None below level 2."""
        if self.other_document is not None:
            return self.other_document.kind
        return DocumentKind.RESIDENT_ID if self.resident_id else None

    @property
    def document_no(self) -> str | None:
        """The number by which offices know them; None below level 2."""
        return self.other_document.number if self.other_document else self.resident_id

    @property
    def lasting_no(self) -> str | None:
        """The number under which limits and bans count a person: it stays the same when a newborn
        is given an ID number. None below level 2."""
        return self.birth_certificate_no or self.document_no

    def is_known_by(self, documents: Collection[DocumentKind]) -> bool:
        """Whether an office that goes by some documents can know this person."""
        return self.other_document is None or self.other_document.kind in documents

    def members_for(self, documents: DocumentCodes) -> Mapping[str, str] | None:
        """The members of a body by which an office is told of this person; None for whom it cannot
        know."""
        kind, number = self.document_kind, self.document_no
        if kind is None or number is None or kind not in documents.kinds:
            return None
        return documents.members(kind, number, self.born_on)

    def is_child(self, today: date) -> bool:
        """Whether a guardian consents for this person; False while the age is unknown."""
        return self.born_on is not None and age_on(self.born_on, today) < CHILD_UNTIL_AGE


@dataclass(frozen=True, slots=True)
class Directory:
    """Where people are looked up.

    `query` is SQL that gives the row of the open account whose id is $1, so that who asks for more
    than the person asks once; `read(app, row)` is that person.
    """

    query: str
    read: Callable[[App, Mapping[str, Any]], Awaitable[Person]]


_ALL = """
SELECT asked.place AS asked_place, person.*
  FROM unnest($1::uuid[]) WITH ORDINALITY asked (id, place) CROSS JOIN LATERAL ({query}) person
"""

DIRECTORY = ExtensionPoint("people.directory", Directory, key=lambda _: "the directory")


def age_on(born_on: date, today: date) -> int:
    """Whole years of age of whoever was born on a day."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def birthday(born_on: date, age: int) -> date:
    """The day on which somebody reaches an age; on 1 March for who was born on 29 February."""
    year = born_on.year + age
    if (born_on.month, born_on.day) == (2, 29) and not isleap(year):
        return date(year, 3, 1)
    return born_on.replace(year=year)


async def find_person(app: App, person_id: UUID) -> Person | None:
    """A person by account id; None for who has left. Of a merged account it is the owner.

    For jobs and handlers: their work goes on after the account is closed.
    """
    person = await _find(app, person_id)
    owner_id = await find_owner(person_id) if person is None else None
    return person if owner_id is None else await _find(app, owner_id)


async def find_people(app: App, ids: Sequence[UUID]) -> Sequence[Person | None]:
    """The people of open accounts, in the order of their ids; None for who has left or is merged.

    One statement for all, where many come at the same moment.
    """
    directory = directory_of(app)
    rows = await fetch_all(
        connection(), _ALL.format(query=directory.query.replace("$1", "asked.id")), ids
    )
    people: list[Person | None] = [None] * len(ids)
    for row in rows:
        people[row["asked_place"] - 1] = await directory.read(app, row)
    return people


async def get_person(app: App, person_id: UUID) -> Person:
    """A person by account id, for a request of theirs. Raises NotFound for who has none.

    A merged account is closed: what was signed in with it does not open its owner's.
    """
    person = await _find(app, person_id)
    if person is None:
        raise NotFound(NOT_FOUND)
    return person


class Probe:
    """The probe: a person who is nobody, as whom services are asked whether they answer.

    Nothing about it is stored: it has agreed to whatever is read, and as a read of it is of
    nobody's data, it leaves no row in the access log.
    """

    person: Person | None = None
    """As whom outside systems know it; None in a process that does not probe."""


def probe_of(app: App) -> Probe:
    """The process's probe."""
    return app.once(Probe, Probe)


def directory_of(app: App) -> Directory:
    """The one directory of the house."""
    (directory,) = app.extensions(DIRECTORY)
    return directory


async def _find(app: App, person_id: UUID) -> Person | None:
    if person_id == PROBE_ID:
        return probe_of(app).person
    directory = directory_of(app)
    row = await fetch_one(connection(), directory.query, person_id)
    return None if row is None else await directory.read(app, row)
