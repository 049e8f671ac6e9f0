"""Who somebody is, out of their account: what identity gives to all wings."""

from datetime import date
from uuid import UUID

from core.context.app import App
from core.id_documents import Document, DocumentKind, kind_of
from core.people.directory import Directory, Person
from modules.identity import store
from modules.identity.models import BIRTH_CERTIFICATE, NAME, PHONE, RESIDENT_ID, Citizen

_ID_CHARS = 18


async def find_person(app: App, citizen_id: UUID) -> Person | None:
    """The extension "people.directory": a citizen's own data, unsealed.

    A child without a phone is reached at a present guardian's. A closed account is nobody.
    """
    citizen = await store.find_citizen(citizen_id)
    if citizen is None or citizen.closed_at is not None:
        return None
    reached = citizen
    if citizen.phone_sealed is None:
        guardians = await store.list_guardians(citizen_id, app.clock.now())
        reached = (guardians and await store.find_citizen(guardians[0])) or citizen
    name, phone = citizen.name_sealed, reached.phone_sealed
    number, certificate = _numbers_of(app, citizen)
    other = _other_document(number, certificate, citizen.born_on)
    return Person(
        id=citizen.id,
        phone=app.vault.decrypt(phone, PHONE) if phone else "",
        name=app.vault.decrypt(name, NAME) if name else None,
        resident_id=None if other else number,
        level=citizen.level,
        locale=citizen.locale,
        has_phone=reached is citizen and phone is not None,
        other_document=other,
        birth_certificate_no=certificate,
    )


def _numbers_of(app: App, citizen: Citizen) -> tuple[str | None, str | None]:
    """The number of the card or permit, and that of the birth certificate."""
    number, certificate = citizen.resident_sealed, citizen.birth_sealed
    return (
        app.vault.decrypt(number, RESIDENT_ID) if number else None,
        app.vault.decrypt(certificate, BIRTH_CERTIFICATE) if certificate else None,
    )


def _other_document(
    number: str | None, certificate: str | None, born_on: date | None
) -> Document | None:
    """What somebody without an ID number has instead, as the account keeps it."""
    if born_on is None or len(number or "") == _ID_CHARS:
        return None
    if number is not None:
        kind = kind_of(number, today=born_on)
        return None if kind is None else Document(kind, number, born_on)
    if certificate is None:
        return None
    return Document(DocumentKind.BIRTH_CERTIFICATE, certificate, born_on)


DIRECTORY = Directory(find_person)
