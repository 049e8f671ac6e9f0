"""The real name: compared with the police registry, held by one account each."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from core.assurance import Assurance
from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, Transaction, rate_limit, transaction, violated
from core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from core.id_documents import (
    EVERY_DOCUMENT,
    Document,
    DocumentKind,
    document_of,
    kind_of,
    read_document_no,
)
from core.ids import new_id
from core.people.data_rights import merge_person, name_person
from core.people.directory import CHILD_UNTIL_AGE, age_on
from core.people.personal_read import Access, Purpose, open_access
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.security.authentication import Viewer
from core.typed_text import read_name
from core.upstream.client import UpstreamError
from modules.identity import alarm, claims, death_store, domain, store, texts
from modules.identity.models import BIRTH_CERTIFICATE, NAME, PHONE, RESIDENT_ID, Citizen
from modules.identity.service import assurance_of, lock_account
from modules.identity.upstream import REGISTRY, Match, verify, verify_permit
from notifications import api as notifications

REAL_NAME = Purpose(
    id="identity.real-name",
    upstream=REGISTRY.name,
    fields=("name", "resident_id"),
    text=texts.REAL_NAME_CONSENT,
    text_version="2026-11",
    proves=True,
    documents=EVERY_DOCUMENT,
)


async def verify_real_name(
    call: Call,
    name: str,
    document_no: str,
    claim_code: str | None = None,
    born_on: date | None = None,
) -> str:
    """Compare name and document with the police registry, raise the account to level 2.

    The document is an ID card or any other that `core.id_documents` knows; `born_on` is needed with
    those whose number does not say it.

    Returns a new access token that carries the level. Repeat-safe for the same person, whose name
    is written anew where it has changed. Five tries a day: the registry answers about anybody. A
    child whose guardian has added it goes on with that record, by a code that the guardian gives
    (`claims`); without a guardian a child under 14
    is refused. Raises InvalidInput before anything is asked, Forbidden without consent, Conflict
    for an ID that another account holds, RateLimited, Unavailable where the registry is silent.
    """
    is_proved = call.viewer is None or call.viewer.proved
    call = call.admitting_unproved()
    app, viewer = call.app, call.require_viewer()
    cleaned, document = checked_document(call, name, document_no, born_on)
    number = document.number
    await rate_limit.require(
        app.clock,
        f"real-name:{viewer.user_id}",
        limit=domain.REAL_NAME_TRIES_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.TOO_MANY_FAMILY_LOOKUPS,
    )
    if is_proved:
        await _refuse_other_number(app, viewer.user_id, number)
    if age_on(document.born_on, civil_date(app.clock.now())) < CHILD_UNTIL_AGE:
        await _require_guardian(app, number)
    access = await open_access(call, service="real-name", purpose=REAL_NAME)
    await confirm_document(call, access, cleaned, document)
    citizen_id = await _store(app, replace(viewer, proved=is_proved), cleaned, document, claim_code)
    citizen = await store.find_citizen(citizen_id)
    assurance = assurance_of(citizen) if citizen is not None else None
    proved = replace(viewer, user_id=citizen_id, level=2, proved=True, assurance=assurance)
    return app.tokens.issue(proved)


def checked_number(call: Call, name: str, document_no: str) -> tuple[str, str]:
    """Name and number of a card or permit in one spelling. Raises InvalidInput for what can be
    none."""
    number, cleaned = read_document_no(document_no), read_name(name)
    if cleaned is None:
        raise InvalidInput(texts.REAL_NAME_INVALID, "name")
    if kind_of(number, today=civil_date(call.app.clock.now())) is None:
        raise InvalidInput(texts.RESIDENT_ID_INVALID, "residentId")
    return cleaned, number


def checked_document(
    call: Call, name: str, document_no: str, born_on: date | None
) -> tuple[str, Document]:
    """As `checked_number`, with the birth date; raises InvalidInput too where it is missing and the
    number does not say it."""
    cleaned, number = checked_number(call, name, document_no)
    document = document_of(number, born_on, today=civil_date(call.app.clock.now()))
    if document is None:
        raise InvalidInput(texts.BIRTH_DATE_NEEDED, "bornOn")
    return cleaned, document


async def confirm_identity(call: Call, access: Access, name: str, number: str) -> None:
    """Return where the registry says that name and ID belong together.

    Raises InvalidInput where they do not, or whose they were has died; Unavailable where it does
    not answer.
    """
    await _require_match(
        call, number, lambda: verify(call.app, call.deadline, access, name, number)
    )


async def confirm_document(call: Call, access: Access, name: str, document: Document) -> None:
    """As `confirm_identity`, of any document."""
    if document.kind is DocumentKind.RESIDENT_ID:
        await confirm_identity(call, access, name, document.number)
        return
    await _require_match(
        *(call, document.number),
        lambda: verify_permit(call.app, call.deadline, access, name, document),
    )


async def _require_match(call: Call, number: str, ask: Callable[[], Awaitable[Match]]) -> None:
    if await death_store.has_died(call.app.vault.blind_index(number, RESIDENT_ID)):
        raise InvalidInput(texts.REAL_NAME_MISMATCH, "residentId")
    try:
        match = await ask()
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE) from None
    if match is not Match.MATCH:
        raise InvalidInput(texts.REAL_NAME_MISMATCH, "residentId")


async def _require_guardian(app: App, number: str) -> None:
    record = await store.find_by_resident(app.vault.blind_index(number, RESIDENT_ID))
    if record is None or not await store.list_guardians(record.id, app.clock.now()):
        raise Forbidden(texts.GUARDIAN_REQUIRED)


async def _refuse_other_number(app: App, citizen_id: UUID, number: str) -> None:
    """Raise Conflict where the account carries another number, before anybody is asked about it."""
    citizen = await store.find_citizen(citizen_id)
    held = citizen.resident_index if citizen else None
    if held is not None and held != app.vault.blind_index(number, RESIDENT_ID):
        raise Conflict(texts.ALREADY_VERIFIED)


async def _store(
    app: App, viewer: Viewer, name: str, document: Document, claim_code: str | None
) -> UUID:
    """Write the name into the account, or join it with the record a guardian made; the account."""
    citizen_id, number = viewer.user_id, document.number
    index = app.vault.blind_index(number, RESIDENT_ID)
    try:
        async with transaction() as tx:
            citizen = await lock_account(tx, citizen_id)
            if citizen.resident_index not in (None, index):
                citizen = await take_phone(app, tx, citizen, viewer)
                citizen_id = citizen.id
            if citizen.resident_index is not None:
                if not viewer.proved:  # name and number are known to many
                    raise Forbidden(texts.STRONGER_PROOF)
                # the registry has just confirmed this name: people marry
                citizen.name_sealed = app.vault.encrypt(name, NAME)
                await citizen.save(using_db=tx, update_fields=["name_sealed"])
                return citizen_id
            record = await store.lock_by_resident(tx, index)
            if record is not None and record.phone_index is None:
                if not await claims.use(app, tx, record.id, claim_code):
                    raise Forbidden(texts.CLAIM_REQUIRED)
                await join(app, tx, citizen, record)
                return record.id
            write_document(app, citizen, name, document)
            citizen.level = 2
            citizen.assurance = Assurance.TYPED
            citizen.verified_at = app.clock.now()
            await citizen.save(using_db=tx)
            await count_by_number(app, tx, citizen)
    except IntegrityError as error:
        if violated(error) != "identity_citizen_resident":
            raise
        raise Conflict(texts.ID_IN_USE) from None
    return citizen_id


def write_document(app: App, citizen: Citizen, name: str, document: Document) -> None:
    """Put name and document into an account that is about to be saved."""
    citizen.name_sealed = app.vault.encrypt(name, NAME)
    citizen.resident_sealed = app.vault.encrypt(document.number, RESIDENT_ID)
    citizen.resident_index = app.vault.blind_index(document.number, RESIDENT_ID)
    if document.kind is not DocumentKind.RESIDENT_ID:
        citizen.born_on = document.born_on


async def take_phone(app: App, tx: Transaction, old: Citizen, viewer: Viewer) -> Citizen:
    """A new account for who has the phone of a silent one now, and is somebody else.

    The locked account keeps all else and waits for its owner: on a device that knows it, by a
    passkey, by a strong proof, or at a counter. Raises Conflict where the viewer is its owner.
    """
    if viewer.proved:
        raise Conflict(texts.ALREADY_VERIFIED)
    phone_index, phone_sealed = old.phone_index, old.phone_sealed
    old.phone_index = old.phone_sealed = None
    await old.save(using_db=tx, update_fields=["phone_index", "phone_sealed"])
    new = await Citizen.create(
        using_db=tx,
        id=new_id(),
        phone_index=phone_index,
        phone_sealed=phone_sealed,
        locale=old.locale,
        created_at=app.clock.now(),
    )
    await store.hand_over_session(tx, viewer.session_id, new.id)
    await notifications.forget_devices_of(tx, viewer.session_id)  # it asked for the old account's
    return new


async def join(app: App, tx: Transaction, citizen: Citizen, record: Citizen) -> None:
    """Give the phone and everything else of a nameless account to the record of the same person."""
    await take_over(app, tx, citizen, record)
    for guardian_id in await store.list_guardians(record.id, app.clock.now()):
        await alarm.tell_claimed(app, tx, guardian_id, record.id)


async def take_over(app: App, tx: Transaction, old: Citizen, new: Citizen) -> None:
    """Merge a locked nameless account into another one of the same person and close it."""
    phone_index, phone_sealed = old.phone_index, old.phone_sealed
    old.phone_index = old.phone_sealed = None
    old.closed_at = app.clock.now()
    await old.save(using_db=tx)
    new.phone_index, new.phone_sealed = phone_index, phone_sealed
    await new.save(using_db=tx)
    await merge_person(app, tx, old.id, new.id)
    await count_by_number(app, tx, new)


async def count_by_number(app: App, tx: Transaction, citizen: Citizen) -> None:
    """Have whatever counts for somebody counted by the number that stays the same, or by their
    phone of now while none is known."""
    numbers = (
        (citizen.birth_sealed, BIRTH_CERTIFICATE),
        (citizen.resident_sealed, RESIDENT_ID),
        (citizen.phone_sealed, PHONE),
    )
    for sealed, purpose in numbers:
        if sealed is not None:
            number = app.vault.decrypt(bytes(sealed), purpose)
            await name_person(app, tx, citizen.id, number)
            return
