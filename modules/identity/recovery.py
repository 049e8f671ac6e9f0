"""Getting an account back at a counter: for who lost the phone, or whose ID number another account
holds. Two officers have seen the person and the card; some days pass before anything moves.
"""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from core.assurance import Assurance
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.context.sweep import sweep_pages
from core.database import Transaction, transaction
from core.errors import Conflict, NotFound
from core.people.consents import end_consents
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from core.security.mandate import MandateKind
from core.texts import Named
from modules.identity import (
    domain,
    families,
    link_store,
    recovery_store,
    recovery_texts,
    store,
    texts,
)
from modules.identity.counter import (
    phone_of,
    refuse_mismatch,
    refuse_party,
    refuse_party_of,
    seen_at_counter,
    tell_phone,
)
from modules.identity.domain import Ending
from modules.identity.messages import RECOVERY_BEGUN, RECOVERY_STOPPED, RECOVERY_WITHDRAWN
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Citizen, Recovery
from modules.identity.real_name import checked_number, take_over
from modules.identity.service import checked_phone, end_sessions
from notifications import api as notifications
from notifications.api import Template

COOLING_OFF = timedelta(days=3)


async def propose(call: Call, name: str, document_no: str, phone: str, key: str) -> Recovery:
    """An officer has seen a person and the card: their account shall have this phone.

    The same key proposes once. Raises Forbidden without the scope and for the officer whose own
    number or phone it is, InvalidInput, and Conflict PHONE_IN_USE where the phone is that of
    somebody else's verified account.
    """
    app, viewer = call.app, call.require_scope(Scope.ACCOUNTS_RECOVER)
    cleaned, number = checked_number(call, name, document_no)
    phone, index = checked_phone(phone), app.vault.blind_index(number, RESIDENT_ID)
    await refuse_party(call, number, phone)
    command = seen_at_counter(app, cleaned, number, phone)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "proposeRecovery", key, command)
        if claim.replayed:
            return await Recovery.get(id=claim.effect_id, using_db=tx)
        await refuse_taken_phone(tx, app.vault.blind_index(phone, PHONE), index)
        return await Recovery.create(
            using_db=tx,
            id=claim.effect_id,
            name_sealed=app.vault.encrypt(cleaned, NAME),
            resident_sealed=app.vault.encrypt(number, RESIDENT_ID),
            resident_index=index,
            phone_sealed=app.vault.encrypt(phone, PHONE),
            state="proposed",
            proposed_by=viewer.user_id,
            proposed_at=app.clock.now(),
        )


async def approve(
    call: Call, recovery_id: UUID, name: str, document_no: str, phone: str
) -> Recovery:
    """A second officer has seen the person too, or decides a dispute for who opened it: the card
    and the phone that this officer reads must be those that were entered. The phone that the
    account has now is told, and after the cooling-off the account moves. Repeat-safe.

    Raises Forbidden for the officer who proposed it and for one of either side, NotFound,
    InvalidInput, and Conflict for one that ended and where card or phone differ.
    """
    app, viewer = call.app, call.require_scope(Scope.ACCOUNTS_RECOVER)
    async with transaction() as tx:
        row = await recovery_store.lock_recovery(tx, recovery_id)
        if row is None:
            raise NotFound(NOT_FOUND)
        await refuse_party_of(call, row)
        refuse_mismatch(call, row, name, document_no, phone)
        if row.state == "approved":
            return row
        row.state = domain.RECOVERY.next_state(row.state, "approve")
        row.approved_by, row.due_at = viewer.user_id, app.clock.now() + COOLING_OFF
        await row.save(using_db=tx)
        if not await _tell_holder(app, tx, row, RECOVERY_BEGUN):
            raise Conflict(recovery_texts.NOTHING_TO_RECOVER)
    return row


async def withdraw(call: Call, recovery_id: UUID) -> Recovery:
    """Stop a recovery: somebody objects, or an officer erred, who may be the one who proposed it.
    Both sides are told.

    Repeat-safe. Raises Forbidden without the scope and for an officer of either side, NotFound, and
    Conflict for one that ended otherwise.
    """
    app, viewer = call.app, call.require_scope(Scope.ACCOUNTS_RECOVER)
    async with transaction() as tx:
        row = await recovery_store.lock_recovery(tx, recovery_id)
        if row is None:
            raise NotFound(NOT_FOUND)
        if row.proposed_by != viewer.user_id:
            await refuse_party_of(call, row)
        if row.state == "withdrawn":
            return row
        await _end(app, tx, row, "withdraw")
        await _tell_stopped(app, tx, row, recovery_texts.STOPPED_AT_COUNTER)
        await _tell_holder(app, tx, row, RECOVERY_WITHDRAWN)
    return row


@job("identity.recover", every="*/10 * * * *")
async def recover(app: App) -> None:
    """Move the accounts whose cooling-off is over. Repeat-safe."""
    due = partial(recovery_store.list_due_recoveries, app.clock.now())
    await sweep_pages(app, "identity.recover", due, partial(_recover, app), key=lambda row: row)


async def _recover(app: App, recovery_id: UUID) -> None:
    now, vault = app.clock.now(), app.vault
    async with transaction() as tx:
        row = await recovery_store.lock_recovery(tx, recovery_id)
        if row is None or row.state != "approved" or row.due_at is None or now < row.due_at:
            return
        phone = vault.decrypt(row.phone_sealed, PHONE)
        index = vault.blind_index(phone, PHONE)
        holder, other = await _holder(app, tx, row), await store.lock_by_phone(tx, index)
        if holder is None:
            await _end(app, tx, row, "withdraw")
            await _tell_stopped(app, tx, row, recovery_texts.STOPPED_FOR_NOBODY)
        elif other is not None and _is_somebody_else(other, holder.resident_index):
            await _end(app, tx, row, "withdraw")
            await _tell_stopped(app, tx, row, recovery_texts.STOPPED_BY_PHONE)
        else:
            await _end(app, tx, row, "complete")
            await move(app, tx, holder, other, phone)
            await settle(app, tx, holder, before=row.proposed_at)
            holder.name_sealed = row.name_sealed
            holder.assurance, holder.verified_at = Assurance.COUNTER, now
            await holder.save(using_db=tx)


async def _end(app: App, tx: Transaction, row: Recovery, event: str) -> None:
    row.state, row.ended_at = domain.RECOVERY.next_state(row.state, event), app.clock.now()
    await row.save(using_db=tx)


async def _tell_stopped(app: App, tx: Transaction, row: Recovery, why: Named) -> None:
    """Tell the phone that was to have the account."""
    to = await phone_of(app, tx, row.phone_sealed)
    params = {"app": app.city.app_name, "reason": why}
    await notifications.send(app, tx, RECOVERY_STOPPED, to, params, f"recovery-stopped:{row.id}")


async def move(
    app: App, tx: Transaction, holder: Citizen, other: Citizen | None, phone: str
) -> None:
    """Give a locked account to who has another phone, and is proved to be its owner.

    Whoever had it loses it: sessions, passkeys, linked mini-programmes, consents and proxies end,
    and so does a wish to close it.
    What `other`, a nameless account of that phone, has is merged into it.
    """
    now = app.clock.now()
    await end_sessions(app, tx, holder.id, Ending.OWNER_BACK)
    await end_consents(tx, now, holder.id)
    await store.delete_passkeys(tx, holder.id)
    await link_store.delete_links(tx, holder.id)
    for mandate in await store.lock_mandates_of(tx, holder.id):
        if mandate.kind == MandateKind.PROXY:
            await families.end(tx, mandate, now, by=holder.id)
    if other is not None and other.id != holder.id:
        await take_over(app, tx, other, holder)
    holder.closes_at = None  # whoever had it may have wished that
    holder.phone_index = app.vault.blind_index(phone, PHONE)
    holder.phone_sealed = app.vault.encrypt(phone, PHONE)


async def settle(app: App, tx: Transaction, holder: Citizen, *, before: datetime) -> None:
    """End what is open about an account that has just gone to its owner: disputes, and whatever was
    proposed for it up to a moment. Who waits for it on another phone is told."""
    assert holder.resident_index is not None
    for row in await recovery_store.lock_open(tx, holder.id, holder.resident_index, before):
        await _end(app, tx, row, "dismiss" if row.state == "disputed" else "withdraw")
        phone = app.vault.decrypt(row.phone_sealed, PHONE)
        if app.vault.blind_index(phone, PHONE) != holder.phone_index:
            await _tell_stopped(app, tx, row, recovery_texts.STOPPED_BY_PROOF)


async def refuse_taken_phone(tx: Transaction, phone_index: bytes, resident_index: bytes) -> None:
    """Raise Conflict where a phone is that of a verified account with another number."""
    other = await store.lock_by_phone(tx, phone_index)
    if other is not None and _is_somebody_else(other, resident_index):
        raise Conflict(texts.PHONE_IN_USE)


def _is_somebody_else(other: Citizen, resident_index: bytes | None) -> bool:
    return other.resident_index not in (None, resident_index)


async def _holder(app: App, tx: Transaction, row: Recovery) -> Citizen | None:
    number = app.vault.decrypt(row.resident_sealed, RESIDENT_ID)
    return await store.lock_by_resident(tx, app.vault.blind_index(number, RESIDENT_ID))


async def _tell_holder(app: App, tx: Transaction, row: Recovery, template: Template) -> bool:
    """Tell the phone that the account has now; whether anybody holds the number."""
    holder = await _holder(app, tx, row)
    if holder is not None:
        key = f"{template.id}:{row.id}"
        await tell_phone(app, tx, holder.phone_sealed, template, COOLING_OFF.days, key)
    return holder is not None
