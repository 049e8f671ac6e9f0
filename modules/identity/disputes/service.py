"""Disputes over an account: who holds an ID number, and is it theirs?

A dispute is a recovery that begins before anybody knows who is right: it is opened at a counter, by
an officer who has seen the person and the card, or by the person's own face or network identity.
From then on the account stands still (`core.people.freezes`) and both sides know. A second officer
decides: for who opened it, then the account goes to their phone as by any recovery; or against
them. What nobody decides in time is dismissed.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.context.sweep import sweep_pages
from core.database import IntegrityError, Transaction, transaction, violated
from core.errors import Conflict, NotFound
from core.people import freezes
from core.people.data_rights import Hold, PersonalData
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from modules.identity import domain, recovery_store, store
from modules.identity import texts as identity_texts
from modules.identity.counter import refuse_party, refuse_party_of, seen_at_counter, tell_phone
from modules.identity.disputes import texts
from modules.identity.disputes.messages import DISPUTE_DISMISSED, DISPUTE_OPENED
from modules.identity.models import NAME, PHONE, RESIDENT_ID, Citizen, Recovery
from modules.identity.proofs.service import read_handoff
from modules.identity.real_name import checked_number
from modules.identity.recovery import refuse_taken_phone
from modules.identity.service import checked_phone, own_phone
from notifications.api import Template

DECIDED_WITHIN = timedelta(days=30)
"""Nobody's account stands still for longer because nobody decides."""


async def open_at_counter(
    call: Call, name: str, document_no: str, phone: str, key: str
) -> Recovery:
    """An officer has seen a person and the card, who says that the account of this number is not of
    their making. The same key opens one dispute.

    Raises Forbidden without the scope and for the officer whose own number or phone it is,
    InvalidInput, and Conflict where nobody else holds the number, it is disputed already, or the
    phone is that of somebody else's verified account.
    """
    call.require_scope(Scope.ACCOUNTS_RECOVER)
    cleaned, number = checked_number(call, name, document_no)
    phone = checked_phone(phone)
    await refuse_party(call, number, phone)
    return await _open(call, cleaned, number, phone, key)


async def open_by_proof(call: Call, ticket: str, key: str) -> Recovery:
    """The viewer has just shown face or network identity (`ticket`), and another account holds
    their number by a proof as good. The same key opens one dispute.

    Raises as `proofs.service.read_handoff` and `own_phone`, and Conflict where nobody else holds
    the number, it is disputed already, or the viewer's account carries another name.
    """
    name, document = await read_handoff(call, ticket)
    viewer = call.admitting_unproved().require_viewer()
    own = await store.find_citizen(viewer.user_id)
    assert own is not None
    index = call.app.vault.blind_index(document.number, RESIDENT_ID)
    if own.resident_index is not None and own.resident_index != index:
        raise Conflict(identity_texts.ALREADY_VERIFIED)
    phone = await own_phone(call.admitting_unproved())
    return await _open(call.admitting_unproved(), name, document.number, phone, key)


async def _open(call: Call, name: str, number: str, phone: str, key: str) -> Recovery:
    app, vault = call.app, call.app.vault
    index, phone_index = vault.blind_index(number, RESIDENT_ID), vault.blind_index(phone, PHONE)
    command = seen_at_counter(app, name, number, phone)
    try:
        async with transaction() as tx:
            claim = await claim_key(call, tx, "openDispute", key, command)
            if claim.replayed:
                return await Recovery.get(id=claim.effect_id, using_db=tx)
            holder = await store.lock_by_resident(tx, index)
            if holder is None or holder.phone_index in (None, phone_index):
                raise Conflict(texts.NOTHING_TO_DISPUTE)
            await refuse_taken_phone(tx, phone_index, index)
            row = await Recovery.create(
                using_db=tx,
                id=claim.effect_id,
                name_sealed=vault.encrypt(name, NAME),
                resident_sealed=vault.encrypt(number, RESIDENT_ID),
                resident_index=index,
                phone_sealed=vault.encrypt(phone, PHONE),
                state="disputed",
                proposed_by=call.require_viewer().user_id,
                proposed_at=app.clock.now(),
                disputed_id=holder.id,
            )
            await _tell_both(app, tx, row, holder, DISPUTE_OPENED)
            return row
    except IntegrityError as error:
        if violated(error) != "identity_recovery_disputed":
            raise
        raise Conflict(texts.DISPUTED_ALREADY) from None


async def dismiss(call: Call, dispute_id: UUID) -> Recovery:
    """A second officer decides against who opened a dispute; both sides are told. Repeat-safe.

    Raises Forbidden without the scope, for the officer who opened it and for one of either side,
    NotFound, and Conflict for one that was decided.
    """
    app, viewer = call.app, call.require_scope(Scope.ACCOUNTS_RECOVER)
    async with transaction() as tx:
        row = await recovery_store.lock_recovery(tx, dispute_id)
        if row is None or row.disputed_id is None:
            raise NotFound(NOT_FOUND)
        await refuse_party_of(call, row)
        if row.state != "dismissed":
            row.approved_by = viewer.user_id
            await _end(app, tx, row)
    return row


async def list_disputes(call: Call) -> Sequence[Recovery]:
    """The disputes about the viewer's account and those that the viewer opened, newest first."""
    return await recovery_store.list_disputes(call.require_viewer().user_id)


async def list_undecided(call: Call, *, first: int, after: UUID | None) -> Sequence[Recovery]:
    """For officers: the disputes that wait for a decision, oldest first. Raises Forbidden without
    the scope."""
    call.require_scope(Scope.ACCOUNTS_RECOVER)
    return await recovery_store.list_undecided_disputes(first, after)


@job("identity.lapse_disputes", every="25 * * * *")
async def lapse(app: App) -> None:
    """Dismiss what nobody has decided in time. Repeat-safe."""
    due = partial(recovery_store.list_old_disputes, app.clock.now() - DECIDED_WITHIN)
    each = partial(_lapse, app)
    await sweep_pages(app, "identity.lapse_disputes", due, each, key=lambda row: row)


async def _lapse(app: App, dispute_id: UUID) -> None:
    async with transaction() as tx:
        row = await recovery_store.lock_recovery(tx, dispute_id)
        if row is not None and row.state == "disputed":
            await _end(app, tx, row)


async def _end(app: App, tx: Transaction, row: Recovery) -> None:
    """Dismiss a locked dispute: the account moves again, and both sides are told."""
    row.state = domain.RECOVERY.next_state(row.state, "dismiss")
    row.ended_at = app.clock.now()
    await row.save(using_db=tx)
    assert row.disputed_id is not None
    holder = await store.lock_citizen(tx, row.disputed_id)
    if holder is not None:
        await _tell_both(app, tx, row, holder, DISPUTE_DISMISSED)


async def _tell_both(
    app: App, tx: Transaction, row: Recovery, holder: Citizen, template: Template
) -> None:
    """Tell the phone of the account, and the phone of who disputes it. Neither learns the other's
    number."""
    for side, sealed in (("holder", holder.phone_sealed), ("claimant", row.phone_sealed)):
        key = f"{template.id}:{row.id}:{side}"
        await tell_phone(app, tx, sealed, template, DECIDED_WITHIN.days, key)


async def _is_frozen(_app: App, person_id: UUID) -> bool:
    return await recovery_store.is_disputed(person_id)


async def _holds(app: App, person_id: UUID) -> Sequence[Hold]:
    return [Hold("dispute", texts.HOLD_DISPUTE)] if await _is_frozen(app, person_id) else []


PERSONAL = PersonalData("identity", holds=_holds)
"""What is disputed is not closed meanwhile."""
FREEZES = freezes.Freezes(_is_frozen)
