"""What identity holds about a person: handing it out, forgetting it, closing the account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.database import Transaction, transaction
from core.database.models import AccessLog, Consent, MergedAccount
from core.errors import Conflict
from core.people.consents import end_consents
from core.people.data_rights import (
    Exported,
    Hold,
    PersonalData,
    Withheld,
    erase_person,
    export_person,
    find_holds,
    settle_person,
)
from core.people.directory import Person, find_person, get_person
from core.people.personal_table import Held, PersonalTable, Stays, section
from core.queue.jobs import Lane, job
from modules.identity import families, link_store, store, texts
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
_HEIRS_MAY_ASK = timedelta(days=3 * 366)
"""After a death: the next of kin have rights in the data (PIPL Art. 49) and claims to bring, for
which the law gives three years (Civil Code Art. 188)."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: the wings that forgot, and what the law keeps, by wing."""

    wings: Sequence[str]
    holds: Mapping[str, Sequence[Hold]]


async def export_my_data(call: Call) -> Mapping[str, Exported]:
    """Everything held about the subject, by wing, ready for JSON. Raises LoginRequired."""
    return await export_person(call.app, call.subject_id)


class AccountUnsettled(Conflict):
    """Something is still under way; `holds` names it, by wing."""

    def __init__(self, holds: Mapping[str, Sequence[Hold]]) -> None:
        super().__init__(texts.ACCOUNT_UNSETTLED)
        self.holds = holds


async def erase_my_account(call: Call, *, settle: bool = False) -> Erased:
    """Close the viewer's account and forget them, but for what the law keeps. Repeat-safe.

    The phone is free for a new account at once. With `settle` what is under way and can be ended is
    ended first: appointments are given back and their fees returned. Raises Conflict for a
    guardian, so that a child is not left without one by accident, and AccountUnsettled while
    something is under way; then the account stands.
    """
    app, person_id = call.app, call.require_viewer().user_id
    await _refuse_guardian(person_id)
    person = await find_person(app, person_id)
    if person is not None:
        families.refuse_minor(call, person)
    if settle:
        await settle_person(app, person_id)
    holds = dict(await find_holds(app, person_id))
    unsettled = {wing: [h for h in each if h.is_under_way] for wing, each in holds.items()}
    if any(unsettled.values()):
        raise AccountUnsettled({wing: each for wing, each in unsettled.items() if each})
    keep_name = _needs_name(holds)
    if keep_name:
        sealed = Hold("name, resident_id", texts.HOLD_IDENTITY)
        holds[PERSONAL.name] = (*holds.get(PERSONAL.name, ()), sealed)
    async with transaction() as tx:
        await _refuse_guardian(person_id, tx)
        wings = await erase_person(app, tx, person_id)
        await _close(app, tx, person_id, keep_name=keep_name)
    return Erased(wings, holds)


async def _refuse_guardian(person_id: UUID, tx: Transaction | None = None) -> None:
    """Raise Conflict for the guardian of a child."""
    if await store.is_guardian(person_id, tx):
        raise Conflict(texts.ACCOUNT_NEEDED)


def _needs_name(holds: Mapping[str, Sequence[Hold]]) -> bool:
    """Whether another wing keeps records that need a name to them."""
    return any(wing != PERSONAL.name for wing in holds)


@job("identity.finish_erasures", lane=Lane.BULK, timeout_s=600, every="45 19 * * *")
async def finish_erasures(app: App) -> None:
    """Forget the rest of closed accounts whose holds have ended. Repeat-safe."""
    closed = await store.list_closed_with_name(civil_date(app.clock.now()) - _HEIRS_MAY_ASK)
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
    citizen.birth_index = None
    if not keep_name:
        citizen.name_sealed = citizen.resident_sealed = citizen.birth_sealed = None
        citizen.born_on = None
    await citizen.save(using_db=tx)


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
    await end_sessions(app, tx, person_id)
    await link_store.delete_links(tx, person_id)
    await end_consents(tx, now, person_id)
    for mandate in await store.lock_mandates_of(tx, person_id):
        await families.end(tx, mandate, now, by=person_id)
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
