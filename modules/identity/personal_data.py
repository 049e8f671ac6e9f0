"""What identity holds about a person: handing it out, forgetting it, closing the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.database import Transaction, transaction
from core.database.models import AccessLog, Consent
from core.errors import Conflict
from core.people.consents import end_consents
from core.people.data_rights import (
    Erasure,
    Export,
    Exported,
    Hold,
    SealedColumn,
    Withheld,
    erase_person,
    export_person,
    find_holds,
)
from core.people.directory import get_person
from core.security.mandate import MandateKind
from modules.identity import families, store, texts
from modules.identity.models import Mandate, Session
from modules.identity.service import ADDRESS, NAME, PHONE, RESIDENT_ID, end_sessions
from modules.identity.staff import TOTP

COLUMNS = (
    SealedColumn("identity_citizen", "phone_sealed", PHONE),
    SealedColumn("identity_citizen", "name_sealed", NAME),
    SealedColumn("identity_citizen", "resident_sealed", RESIDENT_ID),
    SealedColumn("identity_session", "address_sealed", ADDRESS),
    SealedColumn("identity_staff", "totp_sealed", TOTP, key="citizen_id"),
)

_LOG_KEPT = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: the wings that forgot, and what the law keeps, by wing."""

    wings: Sequence[str]
    holds: Mapping[str, Sequence[Hold]]


async def export_my_data(call: Call) -> Mapping[str, Exported]:
    """Everything held about the subject, by wing, ready for JSON. Raises LoginRequired."""
    return await export_person(call.app, call.subject_id)


async def erase_my_account(call: Call) -> Erased:
    """Close the viewer's account and forget them, but for what the law keeps. Repeat-safe.

    The phone is free for a new account at once. Raises Conflict for a guardian: a child is not
    left without one by accident.
    """
    app, person_id = call.app, call.require_viewer().user_id
    holds = dict(await find_holds(app, person_id))
    keep_name = _needs_name(holds)
    if keep_name:
        sealed = Hold("name, resident_id", texts.HOLD_IDENTITY)
        holds[ERASURE.name] = (*holds.get(ERASURE.name, ()), sealed)
    async with transaction() as tx:
        for mandate in await store.lock_mandates_of(tx, person_id):
            if mandate.kind == MandateKind.GUARDIAN and mandate.actor_id == person_id:
                raise Conflict(texts.ACCOUNT_NEEDED)
        wings = await erase_person(app, tx, person_id)
        await _close(app, tx, person_id, keep_name=keep_name)
    return Erased(wings, holds)


def _needs_name(holds: Mapping[str, Sequence[Hold]]) -> bool:
    """Whether another wing keeps records that need a name to them."""
    return any(wing != ERASURE.name for wing in holds)


async def finish_erasures(app: App, _payload: Mapping[str, Any]) -> None:
    """Scheduled job: forget the rest of closed accounts whose holds have ended. Repeat-safe."""
    closed = await store.list_closed_with_name()
    await sweep(app, "identity.erasures", closed, partial(_finish_erasure, app))


async def _finish_erasure(app: App, citizen_id: UUID) -> None:
    if _needs_name(await find_holds(app, citizen_id)):
        return
    async with transaction() as tx:
        await erase_person(app, tx, citizen_id)
        await _close(app, tx, citizen_id, keep_name=False)


async def _close(app: App, tx: Transaction, citizen_id: UUID, *, keep_name: bool) -> None:
    citizen = await store.lock_citizen(tx, citizen_id)
    assert citizen is not None
    citizen.closed_at = citizen.closed_at or app.clock.now()
    citizen.phone_index = citizen.resident_index = citizen.phone_sealed = None
    if not keep_name:
        citizen.name_sealed = citizen.resident_sealed = None
    await citizen.save(using_db=tx)


async def _read(app: App, person_id: UUID) -> Exported:
    person = await get_person(app, person_id)
    sessions = await Session.filter(citizen_id=person_id).order_by("id")
    consents = await Consent.filter(subject_id=person_id).order_by("id")
    mandates = await Mandate.filter(store.party(person_id)).order_by("id")
    reads = await AccessLog.filter(subject_id=person_id).order_by("id")
    return Exported(
        {
            "account": {
                "phone": person.phone,
                "name": person.name,
                "resident_id": person.resident_id,
                "level": person.level,
                "locale": person.locale,
            },
            "sessions": [_session(app, row) for row in sessions],
            "consents": [_consent(row) for row in consents],
            "mandates": [_mandate(row, person_id) for row in mandates],
            "access_log": [_access(row) for row in reads],
        },
        withheld=(
            Withheld("codes, devices, indexes", texts.WITHHELD_CODES),
            Withheld("access_log.actor", texts.WITHHELD_STAFF),
        ),
    )


def _session(app: App, row: Session) -> dict[str, Any]:
    address = row.address_sealed
    return {
        "device": row.device_name,
        "address": app.vault.decrypt(address, ADDRESS) if address else None,
        "last_used_at": row.last_used_at.isoformat(),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }


def _consent(row: Consent) -> dict[str, Any]:
    return {
        "purpose": row.purpose,
        "source": row.source,
        "recipient": row.recipient,
        "fields": row.fields_agreed,
        "text_version": row.text_version,
        "granted_at": row.granted_at.isoformat(),
        "until_at": row.until_at.isoformat() if row.until_at else None,
        "withdrawn_at": row.withdrawn_at.isoformat() if row.withdrawn_at else None,
    }


def _mandate(row: Mandate, person_id: UUID) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "side": "actor" if row.actor_id == person_id else "subject",
        "services": row.services,
        "state": row.state,
        "ends_at": row.ends_at.isoformat(),
    }


def _access(row: AccessLog) -> dict[str, Any]:
    return {
        "service": row.service,
        "upstream": row.upstream,
        "purpose": row.purpose,
        "fields": row.fields_read,
        "by": row.actor_role,
        "case_no": row.basis_ref,
        "read_at": row.read_at.isoformat(),
    }


async def _holds(app: App, person_id: UUID) -> Sequence[Hold]:
    last = await AccessLog.filter(subject_id=person_id).order_by("-read_at").first()
    if last is None:
        return ()
    until_on: date = civil_date(last.read_at + _LOG_KEPT)
    return (Hold("access_log", texts.HOLD_ACCESS_LOG, until_on),)


async def _erase(app: App, tx: Transaction, person_id: UUID) -> None:
    now = app.clock.now()
    await end_sessions(app, tx, person_id)
    await end_consents(tx, now, person_id)
    for mandate in await store.lock_mandates_of(tx, person_id):
        await families.end(tx, mandate, now, by=person_id)
    await store.delete_traces(tx, person_id)


EXPORT = Export("identity", _read)
ERASURE = Erasure("identity", _holds, _erase)
