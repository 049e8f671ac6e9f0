"""Children: whose guardian somebody becomes, by a card or permit or, before there is one, by birth.

A child has one record, however it was found: the birth certificate and the number that the
household registration gave under it lead to the same. The registry knows which belong together, so
a newborn keeps everything when its number comes, and what two parents did apart meets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias
from uuid import UUID

from core.assurance import Assurance
from core.clock import civil_date, start_of_day
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import IntegrityError, Transaction, rate_limit, transaction, violated
from core.errors import Conflict, InvalidInput, Unavailable
from core.id_documents import EVERY_DOCUMENT, Document, read_certificate_no
from core.ids import new_id
from core.people import acts
from core.people.consents import Purpose
from core.people.data_rights import merge_person
from core.people.directory import ADULT_AGE, age_on, birthday
from core.people.personal_read import open_access
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.security.mandate import MandateKind
from core.upstream.client import UpstreamError
from modules.identity import death_store, domain, store, texts
from modules.identity.models import BIRTH_CERTIFICATE, NAME, RESIDENT_ID, Citizen, Mandate
from modules.identity.real_name import checked_document, confirm_document, write_document
from modules.identity.upstream import REGISTRY, verify_birth, verify_family

FAMILY = Purpose(
    id="identity.family",
    upstream=REGISTRY.name,
    fields=("name", "resident_id", "child_name", "child_resident_id"),
    text=texts.FAMILY_CONSENT,
    text_version="2026-12",
    documents=EVERY_DOCUMENT,
)
NEWBORN = Purpose(
    id="identity.newborn",
    upstream=REGISTRY.name,
    fields=("resident_id", "birth_certificate_no", "child_name", "child_born_on"),
    text=texts.NEWBORN_CONSENT,
    text_version="2026-12",
    documents=EVERY_DOCUMENT,
)

_MADE_MEANWHILE = {
    "identity_mandate_live",
    "identity_citizen_resident",
    "identity_citizen_birth",
}

_Request: TypeAlias = tuple[str, str, Mapping[str, str]]
"""Somebody's request to become a guardian: the operation, its key, and what was sent with it."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child as the registry has confirmed it; its document or its certificate is there."""

    name: str
    born_on: date
    document: Document | None
    certificate_no: str | None


async def add_child(
    call: Call, name: str, document_no: str, key: str, born_on: date | None = None
) -> Mandate:
    """Become the guardian of a child, as the registry confirms it. Repeat-safe for one child, and
    once per key: a guardianship that was ended since then stays so.

    `born_on` is needed with every document whose number does not say it. A newborn whom a guardian
    has registered by its birth certificate is given its number thereby. Raises InvalidInput for a
    bad document, a missing birth date, an adult, or where the registry knows of no such child of
    the viewer; Forbidden without the consent `identity.family`; RateLimited after ten questions a
    day; Unavailable.
    """
    call.require_viewer(2)
    app = call.app
    cleaned, document = checked_document(call, name, document_no, born_on)
    _require_minor(call, document.born_on, "residentId")
    command = {
        "name": app.vault.blind_index(cleaned, NAME).hex(),
        "number": app.vault.blind_index(document.number, RESIDENT_ID).hex(),
        "born_on": document.born_on.isoformat(),
    }
    request = "addChild", key, command
    if (known := await _find_made(await recall_key(call, *request))) is not None:
        return known
    await _count(call)
    access = await open_access(call, service="family", purpose=FAMILY)
    await confirm_document(call, access, cleaned, document)
    try:
        kin = await verify_family(app, call.deadline, access, document.number)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE) from None
    if kin is None or await _has_died(app, kin.birth_certificate_no):
        raise InvalidInput(texts.NOT_YOUR_CHILD, "residentId")
    child = Child(cleaned, document.born_on, document, kin.birth_certificate_no)
    return await _become_guardian(call, request, child, kin.request_no)


async def add_newborn(call: Call, certificate_no: str, key: str) -> Mandate:
    """Become the guardian of a child that has no ID number yet, by its birth certificate.

    The certificate gives its name and birth date. Repeat-safe as `add_child` is. Raises
    InvalidInput for what can be no certificate, or for one on which the viewer is not a parent;
    Forbidden without the consent `identity.newborn`; RateLimited and Unavailable as `add_child`.
    """
    call.require_viewer(2)
    app = call.app
    number = read_certificate_no(certificate_no)
    if number is None:
        raise InvalidInput(texts.CERTIFICATE_INVALID, "certificateNo")
    command = {"certificate": app.vault.blind_index(number, BIRTH_CERTIFICATE).hex()}
    request = "addNewborn", key, command
    if (known := await _find_made(await recall_key(call, *request))) is not None:
        return known
    await _count(call)
    if await _has_died(app, number):
        raise InvalidInput(texts.NOT_YOUR_NEWBORN, "certificateNo")
    access = await open_access(call, service="family", purpose=NEWBORN)
    try:
        birth = await verify_birth(app, call.deadline, access, number)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE) from None
    if birth is None:
        raise InvalidInput(texts.NOT_YOUR_NEWBORN, "certificateNo")
    _require_minor(call, birth.born_on, "certificateNo")
    child = Child(birth.name, birth.born_on, None, number)
    return await _become_guardian(call, request, child, birth.request_no)


async def _find_made(made_id: UUID | None) -> Mandate | None:
    """The guardianship that a request has made already, by the effect of its key."""
    return None if made_id is None else await Mandate.get_or_none(id=made_id)


async def _has_died(app: App, certificate_no: str | None) -> bool:
    """Whether a death is recorded by a birth certificate, and stands."""
    if certificate_no is None:
        return False
    return await death_store.has_died(app.vault.blind_index(certificate_no, BIRTH_CERTIFICATE))


def _require_minor(call: Call, born_on: date, field: str) -> None:
    if age_on(born_on, civil_date(call.app.clock.now())) >= ADULT_AGE:
        raise InvalidInput(texts.NOT_A_MINOR, field)


async def _count(call: Call) -> None:
    await rate_limit.require(
        call.app.clock,
        f"child:{call.require_viewer().user_id}",
        limit=domain.CHILD_LOOKUPS_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.TOO_MANY_FAMILY_LOOKUPS,
    )


async def _become_guardian(
    call: Call, request: _Request, child: Child, registry_ref: str
) -> Mandate:
    try:
        return await _store_guardian(call, request, child, registry_ref)
    except IntegrityError as error:
        if violated(error) not in _MADE_MEANWHILE:
            raise
        # two at once: the other one has made what this one wanted
        return await _store_guardian(call, request, child, registry_ref)


async def _store_guardian(
    call: Call, request: _Request, child: Child, registry_ref: str
) -> Mandate:
    """The record of a child and the guardianship over it, together or not at all."""
    app, guardian_id, now = call.app, call.require_viewer().user_id, call.app.clock.now()
    async with transaction() as tx:
        child_id = await _ensure_record(app, tx, child)
        if await store.was_ended_by_others(tx, guardian_id, child_id):
            raise Conflict(texts.GUARDIANSHIP_ENDED)
        known = await Mandate.get_or_none(
            actor_id=guardian_id,
            subject_id=child_id,
            kind=MandateKind.GUARDIAN,
            state="active",
            using_db=tx,
        )
        made_id = new_id() if known is None else known.id
        claim = await claim_key(call, tx, *request, effect_id=made_id)
        if claim.replayed:  # of a child whose records were united since then it may be gone
            known = await Mandate.get_or_none(id=claim.effect_id, using_db=tx) or known
        if known is not None:
            return known
        made = await Mandate.create(
            using_db=tx,
            id=made_id,
            kind=MandateKind.GUARDIAN,
            actor_id=guardian_id,
            subject_id=child_id,
            state="active",
            registry_ref=registry_ref,
            proposed_at=now,
            confirmed_at=now,
            ends_at=start_of_day(birthday(child.born_on, ADULT_AGE)),
        )
        act = acts.Act(guardian_id, child_id, "", texts.BECAME_GUARDIAN, f"guardian:{made.id}")
        await acts.tell(app, tx, act)
        return made


async def _ensure_record(app: App, tx: Transaction, child: Child) -> UUID:
    """The one record of a child, locked: found by either number, or made now."""
    by_number = by_birth = None
    if child.document is not None:
        index = app.vault.blind_index(child.document.number, RESIDENT_ID)
        by_number = await store.lock_by_resident(tx, index)
    if child.certificate_no is not None:
        index = app.vault.blind_index(child.certificate_no, BIRTH_CERTIFICATE)
        by_birth = await store.lock_by_birth(tx, index)
    if by_number is not None and by_birth is not None and by_number.id != by_birth.id:
        # the newborn's stays, unless the child has signed in with the other one
        has_phone = by_number.phone_index is not None
        record, double = (by_number, by_birth) if has_phone else (by_birth, by_number)
        await unite(app, tx, double, record)
    else:
        record = by_number or by_birth or _new_record(app)
    _write(app, record, child)
    await record.save(using_db=tx)
    return record.id


def _new_record(app: App) -> Citizen:
    now = app.clock.now()
    return Citizen(
        id=new_id(),
        level=2,
        assurance=Assurance.GUARDIAN,
        locale="zh",
        created_at=now,
        verified_at=now,
    )


def _write(app: App, record: Citizen, child: Child) -> None:
    """Add what the record does not say yet. Raises Conflict where it has another number."""
    vault = app.vault
    if child.document is not None:
        index = vault.blind_index(child.document.number, RESIDENT_ID)
        if record.resident_index is None:
            write_document(app, record, child.name, child.document)
            record.verified_at = app.clock.now()
        elif record.resident_index != index:
            raise Conflict(texts.CHILD_HAS_NUMBER)
    if child.certificate_no is not None and record.birth_index is None:
        record.name_sealed = record.name_sealed or vault.encrypt(child.name, NAME)
        record.birth_sealed = vault.encrypt(child.certificate_no, BIRTH_CERTIFICATE)
        record.birth_index = vault.blind_index(child.certificate_no, BIRTH_CERTIFICATE)
        record.born_on = child.born_on


async def unite(app: App, tx: Transaction, double: Citizen, kept: Citizen) -> None:
    """Make one record of two locked ones of a child, of which only the registry knew."""
    await store.end_double_guardians(tx, double.id, kept.id, app.clock.now())
    known = {column: getattr(double, column) for column in _KNOWN_BY}
    for column in _KNOWN_BY:
        setattr(double, column, None)
    double.name_sealed, double.closed_at = None, app.clock.now()
    await double.save(using_db=tx)
    for column, value in known.items():
        if getattr(kept, column) is None:
            setattr(kept, column, value)
    await kept.save(using_db=tx)
    await merge_person(app, tx, double.id, kept.id)


_KNOWN_BY = ("resident_sealed", "resident_index", "birth_sealed", "birth_index", "born_on")
