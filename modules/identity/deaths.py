"""Death, as the police registry tells it: the account is closed, what was under way ends gently.

Sessions, consents and mandates end at once; who acted for the person, or for whom the person acted,
is told. Then each wing ends what the person had under way: appointments are given back and their
fees returned, autopay stops. Name and number stay sealed for the next of kin. A record that the
registry withdraws opens the account again; its phone comes back at a counter.
"""

from functools import partial
from uuid import UUID

import structlog

from core.assurance import Assurance
from core.context.app import App
from core.context.gauges import GaugeSource
from core.context.sweep import sweep, sweep_pages
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict
from core.id_documents import DocumentKind, read_certificate_no, read_document_no
from core.people.data_rights import settle_person
from core.people.directory import find_person
from core.queue.jobs import job
from core.security.vault import mask_name
from core.upstream.client import UpstreamError
from modules.identity import alarm, death_store, staff, store, texts
from modules.identity.children import unite
from modules.identity.domain import Ending
from modules.identity.messages import PERSON_DIED
from modules.identity.models import BIRTH_CERTIFICATE, NAME, RESIDENT_ID, Citizen, Death
from modules.identity.personal_data import end_access
from modules.identity.upstream import DeathRecord, list_deaths
from notifications import api as notifications

_CALL_S = 5.0
_PAGES_MAX = 50
_GAPS_MAX = 20

GAPS = GaugeSource(
    "deaths_unread", "Recorded deaths that cannot be read.", "upstream", death_store.count_gaps
)

log = structlog.get_logger(__name__)


@job("identity.deaths", timeout_s=300, every="*/20 * * * *")
async def read_deaths(app: App, after_no: int | None = None) -> None:
    """Read what the registry has recorded since the last time, or after a record, close the
    accounts, and open those again that were closed by mistake. Repeat-safe.

    A record that cannot be read is asked for again each time and holds up none after it, nor does
    an account that stands in the way; while the registry is silent what is known already goes on.
    """
    gaps = [gap.after_no for gap in await death_store.list_gaps(_GAPS_MAX)]
    await sweep(app, "identity.death_gaps", gaps, partial(_read_page, app))
    try:
        await _read_on(app, after_no)
    except UpstreamError as error:
        log.warning("deaths not read", reason=error.reason)
    close = partial(_close, app)
    await sweep_pages(
        app, "identity.deaths", death_store.list_open, close, key=lambda no: UUID(int=no)
    )
    pages, again = death_store.list_mistaken, partial(_open_again, app)
    await sweep_pages(app, "identity.mistaken_deaths", pages, again, key=lambda row: row)


async def _read_on(app: App, after_no: int | None) -> None:
    """Page by page behind a record; without one, behind the last that was met."""
    if after_no is None:
        after_no = await death_store.newest_record()
    for _ in range(_PAGES_MAX):
        last_no = await _read_page(app, after_no)
        if last_no <= after_no:
            return
        after_no = last_no


async def _read_page(app: App, after_no: int) -> int:
    """Note the next records behind one, and where among them some cannot be read. Returns the
    number of the last; that of the one before where there is none."""
    page = await list_deaths(app, Deadline.after(_CALL_S), after_no)
    places, gaps, last_no = {after_no}, set(), after_no
    ordered = sorted(page.places(after_no), key=lambda place: place[1].number or place[0])
    for before_no, entry in ordered:  # what was met is behind the newest: in their order
        if entry.item is None:
            log.warning("death not readable", after_no=before_no, record_no=entry.number)
            await death_store.keep_gap(before_no, entry.number, app.clock.now())
            gaps.add(before_no)
        else:
            async with transaction() as tx:
                await _note(app, tx, entry.item)
        places.add(before_no)
        last_no = max(last_no, entry.number or last_no)
    await death_store.close_gaps(places - gaps)
    return last_no


async def _note(app: App, tx: Transaction, record: DeathRecord) -> None:
    """Write a record down. It may come after the one that withdraws it."""
    now = app.clock.now()
    known = await death_store.lock_death(tx, record.record_no)
    if known is None:
        is_mistake = await death_store.is_withdrawn(tx, record.record_no)
        await Death.create(
            using_db=tx,
            record_no=record.record_no,
            resident_index=_index(app, record),
            died_on=record.died_on,
            read_at=now,
            withdrawn_at=now if is_mistake or record.withdraws is not None else None,
            withdraws=record.withdraws,
        )
    elif known.withdraws != record.withdraws:
        known.withdraws = record.withdraws
        await known.save(using_db=tx, update_fields=["withdraws"])
    if record.withdraws is not None:
        await death_store.withdraw(tx, record.withdraws, now)


def _index(app: App, record: DeathRecord) -> bytes:
    """As the account keeps the number of the document, without what changes by renewal."""
    if record.kind not in set(DocumentKind):
        log.warning("death by an unknown document", record_no=record.record_no, kind=record.kind)
    if record.kind == DocumentKind.BIRTH_CERTIFICATE:
        number = read_certificate_no(record.number) or record.number
        return app.vault.blind_index(number, BIRTH_CERTIFICATE)
    return app.vault.blind_index(read_document_no(record.number), RESIDENT_ID)


async def _close(app: App, record_no: int) -> None:
    """Close the account of who died and end what was under way."""
    async with transaction() as tx:
        death = await death_store.lock_death(tx, record_no)
        assert death is not None
        if death.citizen_id is None:
            index = bytes(death.resident_index)
            citizen = await store.lock_by_resident(tx, index) or await store.lock_by_birth(
                tx, index
            )
            if citizen is not None:
                await _close_account(app, tx, citizen, death)
    if death.citizen_id is not None:
        await settle_person(app, death.citizen_id)
    await death_store.note_ended(record_no, app.clock.now())


async def _close_account(app: App, tx: Transaction, citizen: Citizen, death: Death) -> None:
    now = app.clock.now()
    others = {
        party
        for mandate in await store.lock_mandates_of(tx, citizen.id)
        for party in (mandate.actor_id, mandate.subject_id)
        if mandate.state == "active" and mandate.ends_at > now
        if party not in (None, citizen.id)
    }
    await end_access(app, tx, citizen.id)
    await staff.retire(tx, citizen.id, now)
    citizen.died_on, citizen.closed_at = death.died_on, citizen.closed_at or now
    citizen.phone_index = citizen.phone_sealed = citizen.closes_at = None
    citizen.resident_index = citizen.birth_index = None
    await citizen.save(using_db=tx)
    death.citizen_id = citizen.id
    await death.save(using_db=tx, update_fields=["citizen_id"])
    for person_id in sorted(other for other in others if other is not None):
        await tell.enqueue(app, tx, person_id, citizen.id)


async def _open_again(app: App, citizen_id: UUID) -> None:
    """Open an account that a withdrawn record closed, unless another record says the same.

    What guardians registered meanwhile of the same child is united with it. Raises Conflict where
    another account has come to hold a number of it: whose it is, is not for a job to decide.
    """
    async with transaction() as tx:
        citizen = await store.lock_citizen(tx, citizen_id)
        assert citizen is not None
        resident_index = _index_again(app, citizen.resident_sealed, RESIDENT_ID)
        birth_index = _index_again(app, citizen.birth_sealed, BIRTH_CERTIFICATE)
        indexes = [index for index in (resident_index, birth_index) if index is not None]
        standing = await death_store.find_standing(tx, indexes)
        if standing is not None:
            citizen.died_on = standing.died_on
            await citizen.save(using_db=tx, update_fields=["died_on"])
            return
        doubles = await store.lock_holders(tx, indexes)
        if not all(_is_double(one, resident_index, birth_index) for one in doubles):
            raise Conflict(texts.ID_IN_USE)
        closed_at = citizen.closed_at
        citizen.died_on = citizen.closed_at = None
        citizen.resident_index, citizen.birth_index = resident_index, birth_index
        for double in doubles:
            await unite(app, tx, double, citizen)
        await citizen.save(using_db=tx)
        if closed_at is not None:
            ended = await store.list_sessions_ended(tx, citizen_id, since=closed_at)
            await alarm.tell_signed_out(app, tx, ended, Ending.MISTAKEN_DEATH)


def _is_double(other: Citizen, resident_index: bytes | None, birth_index: bytes | None) -> bool:
    """Whether a record is of a child that guardians alone know, and has no other number."""
    pairs = ((other.resident_index, resident_index), (other.birth_index, birth_index))
    is_guardians = other.assurance == Assurance.GUARDIAN and other.phone_index is None
    return is_guardians and not any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _index_again(app: App, sealed: bytes | None, purpose: str) -> bytes | None:
    if sealed is None:
        return None
    return app.vault.blind_index(app.vault.decrypt(bytes(sealed), purpose), purpose)


@job("identity.tell_death")
async def tell(app: App, person_id: UUID, died_id: UUID) -> None:
    """Job: tell somebody that a person has died with whom a mandate joined them, once."""
    person, died = await find_person(app, person_id), await store.find_citizen(died_id)
    if person is None or died is None or died.name_sealed is None or died.died_on is None:
        return
    name = mask_name(app.vault.decrypt(bytes(died.name_sealed), NAME))
    async with transaction() as tx:
        await notifications.send(
            app, tx, PERSON_DIED, person, {"name": name}, f"{PERSON_DIED.id}:{died_id}"
        )
