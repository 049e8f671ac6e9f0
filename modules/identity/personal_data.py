"""What identity holds about a person, and handing it out; `erasure` closes the account."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.database import Transaction
from core.database.models import AccessLog, Consent, MergedAccount
from core.people.consents import end_consents
from core.people.data_rights import Exported, PersonalData, Withheld, export_person
from core.people.directory import Person, get_person
from core.people.personal_table import Held, PersonalTable, Stays, section
from modules.identity import families, link_store, store, texts
from modules.identity.domain import Ending
from modules.identity.models import (
    CITIZENS,
    DEATHS,
    MANDATES,
    MINI_PROGRAMME_LINKS,
    PASSKEYS,
    RECOVERIES,
    SESSIONS,
    STAFF,
    Mandate,
)
from modules.identity.service import end_sessions

_LOG_KEPT = timedelta(days=3 * 366)


async def export_my_data(call: Call) -> Mapping[str, Exported]:
    """Everything held about the subject, by wing, ready for JSON. Raises LoginRequired."""
    return await export_person(call.app, call.subject_id)


async def _read(app: App, person_id: UUID) -> Mapping[str, Any]:
    person = await get_person(app, person_id)
    mandates = await Mandate.filter(store.party(person_id)).order_by("id")
    return {
        "account": {
            "phone": person.phone,
            "name": person.name,
            "resident_id": person.resident_id,
            "other_document": _document(person),
            "birth_certificate_no": person.birth_certificate_no,
            "level": person.level,
            "locale": person.locale,
        },
        "mandates": [_mandate(row, person_id) for row in mandates],
    }


def _document(person: Person) -> dict[str, Any] | None:
    document = person.other_document
    if document is None:
        return None
    born_on = document.born_on.isoformat()
    return {"kind": document.kind, "number": document.number, "born_on": born_on}


def _mandate(row: Mandate, person_id: UUID) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "side": "actor" if row.actor_id == person_id else "subject",
        "services": row.services,
        "state": row.state,
        "ends_at": row.ends_at.isoformat(),
    }


async def end_access(app: App, tx: Transaction, person_id: UUID) -> None:
    """End sessions, linked mini-programmes, consents, mandates on either side and codes of a
    person. Repeat-safe."""
    now = app.clock.now()
    await end_sessions(app, tx, person_id, Ending.ACCOUNT_CLOSED)
    await link_store.delete_links(tx, person_id)
    await end_consents(tx, now, person_id)
    for mandate in await store.lock_mandates_of(tx, person_id):
        await families.end(tx, mandate, now, by=None)
    await store.delete_codes_of(tx, person_id)


CONSENTS = PersonalTable(
    Consent,
    owner="subject_id",
    exported=section(
        "consents",
        *("purpose", "source", "recipient", "text_version"),
        *("granted_at", "until_at", "withdrawn_at"),
        fields="fields_agreed",
    ),
    erased=Stays("withdrawn by personal_data.py; the ground of what was read before"),
)
MERGED_ACCOUNTS = PersonalTable(
    MergedAccount,
    owner="owner_id",
    erased=Stays("whose the vouchers of a closed account are: kept as long as they are"),
    merged=False,  # core.people.merged_accounts gives them to the new owner
)
ACCESS_LOG = PersonalTable(
    AccessLog,
    owner="subject_id",
    exported=section(
        "access_log",
        *("service", "upstream", "purpose", "read_at"),
        fields="fields_read",
        by="actor_role",
        case_no="basis_ref",
    ),
    erased=Held(
        "access_log",
        texts.HOLD_ACCESS_LOG,
        since="read_at",
        until=lambda read_on: read_on + _LOG_KEPT,
    ),
)
"""Both are the ground floor's tables; identity answers for them."""

PERSONAL = PersonalData(
    "identity",
    (
        CITIZENS,
        SESSIONS,
        PASSKEYS,
        MINI_PROGRAMME_LINKS,
        MANDATES,
        STAFF,
        RECOVERIES,
        DEATHS,
        CONSENTS,
        MERGED_ACCOUNTS,
        ACCESS_LOG,
    ),
    withheld=(
        Withheld("codes, devices, indexes", texts.WITHHELD_CODES),
        Withheld("access_log.actor", texts.WITHHELD_STAFF),
    ),
    read=_read,
    erase=end_access,
)
