"""Who is party to an affair: whom it is about, the guardians of a minor, and who made it for them.

An affair is a thing of one person that another may have made: a booking, a payment, a case.
"""

from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.people.directory import Person, find_person
from core.people.mandates import find_mandate, list_guardians
from core.security.mandate import MandateKind


@dataclass(frozen=True, slots=True)
class Affair:
    """A thing of a person: who made it, whom it is about, of which service."""

    made_by: UUID
    subject_id: UUID
    service_id: str


async def is_party(app: App, affair: Affair, person_id: UUID) -> bool:
    """Whether somebody sees an affair and may act in it now.

    Whom it is about; a guardian of theirs, whoever made it; who made it, as long as a mandate
    covers the service.
    """
    if person_id == affair.subject_id:
        return True
    mandate = await find_mandate(app, person_id, affair.subject_id)
    if mandate is None or not mandate.covers(affair.service_id):
        return False
    return mandate.kind is MandateKind.GUARDIAN or person_id == affair.made_by


async def list_reached(app: App, person: Person, service_id: str) -> list[Person]:
    """Whom a message about somebody goes to: a child without a phone is told through its guardians,
    all of them."""
    if person.has_phone:
        return [person]
    return await list_readers(app, Affair(person.id, person.id, service_id))


async def list_readers(app: App, affair: Affair) -> list[Person]:
    """Who is told of an affair: every party with an account of their own; who has left is not.

    A child without a phone is told through the guardians.
    """
    ids = [affair.subject_id, *await list_guardians(app, affair.subject_id)]
    if affair.made_by not in ids and await is_party(app, affair, affair.made_by):
        ids.append(affair.made_by)
    people = [await find_person(app, person_id) for person_id in ids]
    found = [person for person in people if person is not None]
    return [person for person in found if person.has_phone or len(found) == 1]
