"""What an owner does with the banks' answers: look at them, accept one, sign."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, transaction
from core.errors import Conflict, NotFound, Unavailable
from core.people.directory import get_person
from core.refusal_texts import NOT_FOUND
from credit.lending.applications import bank_side, cases
from credit.lending.applications.contract import Parties, render, sign_both
from credit.lending.applications.definition import SERVICE
from credit.lending.applications.domain import APPLICATION, ApplicationState
from credit.lending.companies.service import get_company, require_representation
from credit.lending.products import service as products
from credit.lending.records import store, texts
from credit.lending.records.models import CONTRACT, BankApplication, Contract
from kinds.application.engine import take_outside
from kinds.application.service import get_case


async def list_answers(call: Call, case_id: UUID) -> Sequence[BankApplication]:
    """The applications of one of the viewer's cases, by bank. Raises NotFound."""
    case = await get_case(call, case_id)
    if case.service_id != SERVICE:
        raise NotFound(NOT_FOUND)
    return await store.list_of_case(case_id)


async def accept_offer(call: Call, application_id: UUID, key: str) -> BankApplication:
    """Accept one offer and decline the others. The same key accepts once.

    Raises NotFound, IllegalTransition, Conflict LOAN_OFFER_ENDED after its last day.
    """
    app = call.app
    async with transaction() as tx:
        command = {"application": application_id}
        claim = await claim_key(call, tx, "acceptLoanOffer", key, command, effect_id=application_id)
        case, row = await _lock(call, tx, application_id)
        if not claim.replayed:
            APPLICATION.next_state(row.state, "accept")
            if row.valid_until is None or row.valid_until < civil_date(app.clock.now()):
                raise Conflict(texts.OFFER_ENDED)
            for other in await store.lock_of_case(tx, case.id):
                event = "decline" if other.state == ApplicationState.OFFERED else "withdraw"
                if other.id != row.id and APPLICATION.allows(other.state, event):
                    await bank_side.move(app, tx, other, event)
            row = await bank_side.move(app, tx, row, "accept")
            await take_outside(app, tx, case, "choose")
    return row


async def sign_contract(call: Call, application_id: UUID, key: str) -> Contract:
    """Sign the contract of an accepted offer; its bytes and their hash are kept, once.

    Who signs speaks for the company by the register of now. Raises NotFound, IllegalTransition,
    Forbidden as `require_representation` does, Unavailable while the register is silent or where no
    document key is there.
    """
    app = call.app
    row = await _own(call, application_id)
    if (signed := await store.find_contract(row.id)) is None:
        APPLICATION.next_state(row.state, "sign")
        await require_representation(call, await get_company(call, row.company_id))
    person = await get_person(app, row.person_id)
    pdf = b"" if signed is not None else await make_contract(app, row, person.name or "")
    async with transaction() as tx:
        command = {"application": application_id}
        claim = await claim_key(
            call, tx, "signLoanContract", key, command, effect_id=application_id
        )
        case, row = await _lock(call, tx, application_id)
        if not claim.replayed:
            await keep_contract(app, tx, case, row, pdf)
    contract = await store.find_contract(application_id)
    assert contract is not None
    return contract


async def keep_contract(
    app: App, tx: Transaction, case: cases.Case, row: BankApplication, pdf: bytes
) -> None:
    """Keep a signed contract with its hash, and go on; case and application are locked. Raises
    IllegalTransition."""
    row = await bank_side.move(app, tx, row, "sign")
    key_sealed, sealed = app.vault.encrypt_file(pdf, CONTRACT)
    await store.insert(
        tx,
        Contract,
        application_id=row.id,
        key_sealed=key_sealed,
        content=sealed,
        sha256=sha256(pdf).hexdigest(),
        signed_by=row.person_id,
        signed_at=app.clock.now(),
    )
    await take_outside(app, tx, case, "sign")


async def read_contract(call: Call, application_id: UUID) -> tuple[BankApplication, bytes]:
    """The signed PDF of one of the viewer's contracts. Raises NotFound."""
    row = await _own(call, application_id)
    contract = await store.find_contract(row.id)
    if contract is None:
        raise NotFound(NOT_FOUND)
    vault = call.app.vault
    return row, vault.decrypt_file(contract.key_sealed, contract.content, CONTRACT)


async def make_contract(app: App, row: BankApplication, representative: str) -> bytes:
    """The contract, signed for both sides. Outside any transaction: it takes a while.

    Raises Unavailable where no document key is there.
    """
    signing, certificates = app.keys.document_signing, app.keys.document_certificates
    if signing is None or certificates is None:
        raise Unavailable(texts.NO_CONTRACTS)
    offer, company = bank_side.offer_of(row), await store.find_company(row.company_id)
    assert offer is not None and company is not None
    now = app.clock.now()
    made = await bank_side.plan_of(app, row, offer, civil_date(now))
    product = await products.get_version(row.product, row.product_version)
    parties = Parties(row.no, company, representative, product)

    def make() -> bytes:
        plain = render(app.city, parties, offer, made)
        return sign_both(plain, parties, key=signing, certificates=certificates, at=now)

    return await asyncio.to_thread(make)


async def _own(call: Call, application_id: UUID) -> BankApplication:
    person_id = call.require_service(SERVICE).user_id
    row = await store.find_application(application_id)
    if row is None or row.person_id != person_id:
        raise NotFound(NOT_FOUND)
    return row


async def _lock(
    call: Call, tx: Transaction, application_id: UUID
) -> tuple[cases.Case, BankApplication]:
    known = await _own(call, application_id)
    case = await cases.lock(tx, known.case_id)
    row = await store.lock_application(tx, application_id)
    assert row is not None
    return case, row
