"""Who somebody is, out of their account: what identity gives to all wings."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from core.context.app import App
from core.database import read_model
from core.id_documents import Document, DocumentKind, kind_of
from core.people.directory import Directory, Person
from modules.identity import store
from modules.identity.models import BIRTH_CERTIFICATE, NAME, PHONE, RESIDENT_ID, Citizen

_ID_CHARS = 18


async def _read(app: App, row: Mapping[str, Any]) -> Person:
    """A citizen's own data, unsealed; who has no phone is reached at a present guardian's."""
    citizen = read_model(Citizen, row)
    reached = citizen
    if citizen.phone_sealed is None:
        guardians = await store.list_guardians(citizen.id, app.clock.now())
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


DIRECTORY = Directory(store.OPEN_ACCOUNT, _read)
