"""Citizens with accounts, made without walking through log-in. Numbers are fictional and valid."""

from itertools import count
from uuid import UUID

from core.assurance import Assurance
from core.context.app import App
from core.context.call import Call
from core.id_documents import Document, DocumentKind
from core.ids import new_id, resident_id_check_digit
from core.security.authentication import Viewer
from modules.identity.erasure import service as erasure
from modules.identity.models import BIRTH_CERTIFICATE, NAME, PHONE, RESIDENT_ID, Citizen
from modules.identity.real_name import write_document

_NUMBERS = count(1)


def new_key() -> str:
    """A fresh idempotency key."""
    return f"key-{new_id().hex}"


def resident_id(number: int) -> str:
    """A valid resident ID of nobody: born on 1 January 1990, 00x-th of the day."""
    body = f"37010219900101{number % 1000:03d}"
    return body + resident_id_check_digit(body)


async def make_citizen(
    app: App,
    *,
    level: int,
    name: str,
    locale: str,
    number: str | None = None,
    document: Document | None = None,
) -> Viewer:
    """A row of identity's, and the viewer who goes with it. The session is not stored.

    `number` is the resident ID, where it must be that of somebody; `document` another document.
    """
    place, now, vault = next(_NUMBERS), app.clock.now(), app.vault
    phone, verified = f"139{place:08d}", level >= 2
    identity = number or resident_id(place)
    row = await Citizen.create(
        id=new_id(),
        phone_sealed=vault.encrypt(phone, PHONE),
        phone_index=vault.blind_index(phone, PHONE),
        name_sealed=vault.encrypt(name, NAME) if verified else None,
        resident_sealed=vault.encrypt(identity, RESIDENT_ID) if verified else None,
        resident_index=vault.blind_index(identity, RESIDENT_ID) if verified else None,
        level=level,
        locale=locale,
        created_at=now,
        verified_at=now if verified else None,
    )
    if document is not None:
        await _give(app, row, name, document)
    proof = Assurance.NETWORK_ID if verified else None
    return Viewer(row.id, new_id(), level, frozenset(), now, assurance=proof)


async def close_account(app: App, person_id: UUID) -> None:
    """An account is closed at once, as one that was merged or whose owner has died; what its wings
    hold stays as it is."""
    await Citizen.filter(id=person_id).update(
        closed_at=app.clock.now(), phone_index=None, resident_index=None, birth_index=None
    )


async def leave(viewer: Call, *, settle: bool = False) -> erasure.Closing:
    """The viewer asks for the end of the account, and its day has come."""
    closing = await erasure.ask_erasure(viewer, new_key(), settle=settle)
    now = viewer.app.clock.now()
    await Citizen.filter(id=viewer.require_viewer().user_id).update(closes_at=now)
    await erasure.close_accounts(viewer.app)
    return closing


async def _give(app: App, row: Citizen, name: str, document: Document) -> None:
    """Have a citizen known by another document than an ID number."""
    if document.kind is DocumentKind.BIRTH_CERTIFICATE:
        row.resident_sealed = row.resident_index = None
        row.birth_sealed = app.vault.encrypt(document.number, BIRTH_CERTIFICATE)
        row.birth_index = app.vault.blind_index(document.number, BIRTH_CERTIFICATE)
        row.born_on = document.born_on
    else:
        write_document(app, row, name, document)
    await row.save()
