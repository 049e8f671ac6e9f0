"""Proving the person: by the phone's carrier, by a bank card, by a hand-off to the network
identity platform. All end in one place: whoever is proved holds the name and number.

A stronger proof wins the account of a number back from who holds it by a weaker one. It also
opens an account whose phone was silent for long, which a typed name and number do not.
"""

from collections.abc import Awaitable
from datetime import date, timedelta
from typing import TypeVar

from core.assurance import Assurance
from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database import Transaction, rate_limit, transaction
from core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from core.id_documents import EVERY_DOCUMENT, Document, DocumentKind
from core.people.directory import CHILD_UNTIL_AGE, age_on
from core.people.personal_read import Access, Purpose, open_access
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from modules.identity import death_store, store, texts
from modules.identity.domain import REAL_NAME_TRIES_PER_DAY
from modules.identity.models import PHONE, RESIDENT_ID, Citizen
from modules.identity.moving import tell_old_phone
from modules.identity.proofs import upstream
from modules.identity.proofs.upstream import Elements, Handoff, TicketState
from modules.identity.real_name import (
    REAL_NAME,
    checked_document,
    confirm_document,
    count_by_number,
    join,
    take_phone,
    write_document,
)
from modules.identity.recovery import move, settle
from modules.identity.service import lock_account, own_phone, signed_in

T = TypeVar("T")

BY_CARRIER = Purpose(
    id="identity.carrier",
    upstream=upstream.CARRIERS.name,
    fields=("name", "resident_id", "phone"),
    text=texts.CARRIER_CONSENT,
    text_version="2026-12",
    proves=True,
    documents=EVERY_DOCUMENT,
)
BY_CARD = Purpose(
    id="identity.bank-card",
    upstream=upstream.CARD_NETWORK.name,
    fields=("name", "resident_id", "phone", "card_no"),
    text=texts.CARD_CONSENT,
    text_version="2026-12",
    proves=True,
    documents=EVERY_DOCUMENT,
)
BY_NETWORK_IDENTITY = Purpose(
    id="identity.network-identity",
    upstream=upstream.NETWORK_IDENTITY.name,
    fields=("name", "resident_id", "born_on"),
    text=texts.NETWORK_CONSENT,
    text_version="2026-12",
    proves=True,
    documents=EVERY_DOCUMENT,
)


async def prove_by_phone(
    call: Call, name: str, document_no: str, born_on: date | None = None
) -> str:
    """The carrier says whether the viewer's phone is under this name and document.

    Of a document whose number does not say the birth date the registry is asked too: carriers and
    banks do not know that date, and it decides who is a child.

    Returns an access token of level 2. Repeat-safe; five tries a day, whatever the way. Raises
    InvalidInput, Conflict for a document that another account holds by as good a proof, Forbidden
    without consent and for children, RateLimited, Unavailable.
    """
    proving, access, cleaned, document = await _begin(call, BY_CARRIER, name, document_no, born_on)
    phone = await own_phone(proving)
    ask = upstream.three_elements(call.app, call.deadline, access, cleaned, document, phone)
    await _require(_reached(ask, texts.CARRIERS))
    return await _hold(call, cleaned, document, Assurance.CARRIER)


async def prove_by_card(
    call: Call, name: str, document_no: str, card_no: str, born_on: date | None = None
) -> str:
    """A bank says whether card and phone are under this name and document. As `prove_by_phone`."""
    digits = "".join(card_no.split())
    if not (digits.isascii() and digits.isdigit() and 16 <= len(digits) <= 19):
        raise InvalidInput(texts.PROOF_MISMATCH, "cardNo")
    proving, access, cleaned, document = await _begin(call, BY_CARD, name, document_no, born_on)
    ask = upstream.four_elements(
        call.app, call.deadline, access, cleaned, document, await own_phone(proving), digits
    )
    await _require(_reached(ask, texts.CARD_NETWORK))
    return await _hold(call, cleaned, document, Assurance.BANK_CARD)


async def begin_handoff(call: Call, key: str) -> Handoff:
    """Where the viewer goes to show face or network identity; the same key is one hand-off.

    Raises Unavailable.
    """
    session = str(call.admitting_unproved().require_viewer().session_id)
    ask = upstream.open_ticket(call.app, call.deadline, f"{session[:23]}:{key}"[:64], session)
    return await _reached(ask, texts.NETWORK_IDENTITY)


async def finish_handoff(call: Call, ticket: str) -> str:
    """The viewer is back from a hand-off that began in this session. As `prove_by_phone`; also
    raises Conflict PROOF_PENDING."""
    name, document = await read_handoff(call, ticket)
    return await _hold(call, name, document, Assurance.NETWORK_ID)


async def read_handoff(call: Call, ticket: str) -> tuple[str, Document]:
    """Who went through a hand-off that began in this session. Raises as `finish_handoff`."""
    proving = call.admitting_unproved()
    await _count(proving)
    access = await open_access(proving, service="real-name", purpose=BY_NETWORK_IDENTITY)
    ask = upstream.read_ticket(call.app, call.deadline, access, ticket)
    passage = await _reached(ask, texts.NETWORK_IDENTITY)
    session = str(proving.require_viewer().session_id)
    if passage is None or passage.session_ref != session or passage.state is TicketState.FAILED:
        raise InvalidInput(texts.PROOF_MISMATCH, "ticket")
    if passage.state is TicketState.PENDING or not (passage.name and passage.number):
        raise Conflict(texts.PROOF_PENDING)
    name, document = checked_document(call, passage.name, passage.number, passage.born_on)
    if document.kind != passage.kind:  # a passport may have the digits of a permit
        raise InvalidInput(texts.RESIDENT_ID_INVALID, "ticket")
    return name, document


async def _begin(
    call: Call, purpose: Purpose, name: str, document_no: str, born_on: date | None
) -> tuple[Call, Access, str, Document]:
    proving = call.admitting_unproved()
    cleaned, document = checked_document(call, name, document_no, born_on)
    await _count(proving)
    access = await open_access(proving, service="real-name", purpose=purpose)
    if document.kind is not DocumentKind.RESIDENT_ID:
        registry = await open_access(proving, service="real-name", purpose=REAL_NAME)
        await confirm_document(proving, registry, cleaned, document)
    return proving, access, cleaned, document


async def _count(call: Call) -> None:
    await rate_limit.require(
        call.app.clock,
        f"real-name:{call.require_viewer().user_id}",
        limit=REAL_NAME_TRIES_PER_DAY,
        window=timedelta(days=1),
        refusal=texts.TOO_MANY_FAMILY_LOOKUPS,
    )


async def _reached(ask: Awaitable[T], system: str) -> T:
    try:
        return await ask
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=system) from None


async def _require(answer: Awaitable[Elements]) -> None:
    if await answer is not Elements.CONSISTENT:
        raise InvalidInput(texts.PROOF_MISMATCH, "residentId")


async def _hold(call: Call, name: str, document: Document, assurance: Assurance) -> str:
    """Write name and document into the viewer's account, whoever held the document before."""
    app = call.app
    if age_on(document.born_on, civil_date(app.clock.now())) < CHILD_UNTIL_AGE:
        raise Forbidden(texts.GUARDIAN_REQUIRED)
    viewer, index = call.viewer, app.vault.blind_index(document.number, RESIDENT_ID)
    assert viewer is not None
    if await death_store.has_died(index):
        raise InvalidInput(texts.PROOF_MISMATCH, "residentId")
    async with transaction() as tx:
        citizen = await lock_account(tx, viewer.user_id)
        if citizen.resident_index not in (None, index):
            citizen = await take_phone(app, tx, citizen, viewer)
        other = await store.lock_by_resident(tx, index)
        if other is not None and other.id != citizen.id:
            if other.phone_index is None:
                await join(app, tx, citizen, other)
            elif assurance.is_stronger_than(other.assurance):
                await _win_back(call, tx, citizen, other)
            else:
                raise Conflict(texts.ID_IN_USE)
            citizen = other
            await settle(app, tx, citizen, before=app.clock.now())
        await _write(app, tx, citizen, name, document, assurance)
        await store.hand_over_session(tx, viewer.session_id, citizen.id)
    return (await signed_in(app, viewer.session_id)).access_token


async def _write(
    app: App, tx: Transaction, citizen: Citizen, name: str, document: Document, assurance: Assurance
) -> None:
    write_document(app, citizen, name, document)
    citizen.level = 2
    if not Assurance(citizen.assurance or Assurance.TYPED).is_stronger_than(assurance):
        citizen.assurance = assurance
    citizen.verified_at = app.clock.now()
    await citizen.save(using_db=tx)
    await count_by_number(app, tx, citizen)


async def _win_back(call: Call, tx: Transaction, citizen: Citizen, held: Citizen) -> None:
    """The account of the name and number goes to the viewer's phone; the one before is told."""
    app, vault = call.app, call.app.vault
    assert citizen.phone_sealed is not None and held.phone_sealed is not None
    before, phone = (
        vault.decrypt(held.phone_sealed, PHONE),
        vault.decrypt(citizen.phone_sealed, PHONE),
    )
    await move(app, tx, held, citizen, phone)
    await tell_old_phone(call, tx, before, phone)
