"""What a bank does with its applications, each in the caller's transaction.

The owner's case is locked before the application, everywhere, so that two banks and the owner
take turns. A bank finds nothing of another: its applications do not exist for it.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.json import to_json
from core.refusal_texts import NOT_FOUND
from credit.lending.applications import cases
from credit.lending.applications.answers import log_answer
from credit.lending.applications.assess import ANSWERED, NONE
from credit.lending.applications.domain import (
    APPLICATION,
    REASONS,
    ApplicationState,
    ApplicationView,
    Approval,
    Decision,
    Facts,
    Offer,
)
from credit.lending.loans.events import Disbursed
from credit.lending.loans.service import open_loan
from credit.lending.products import service as products
from credit.lending.products.domain import MOST_FEN, Plan, Product, plan
from credit.lending.records import store, texts
from credit.lending.records.events import BankApplicationChanged
from credit.lending.records.models import FACTS, PURPOSE, BankApplication, LoanRow
from credit.lending.terms.money_terms import RepaymentForm

_OFFER = TypeAdapter(Offer)
_FACTS = TypeAdapter(list[Facts])
_VALID_DAYS_MOST = 90


async def list_views(
    app: App, bank: str, *, first: int, after: UUID | None = None, state: str | None = None
) -> list[ApplicationView]:
    """A bank's applications, oldest first."""
    rows = await store.list_of_bank(bank, first=first, after=after, state=state)
    return [await to_view(app, row) for row in rows]


async def get_view(app: App, bank: str, application_id: UUID) -> ApplicationView:
    """One of a bank's applications. Raises NotFound for every other."""
    row = await store.find_application(application_id)
    if row is None or row.bank != bank:
        raise NotFound(NOT_FOUND)
    return await to_view(app, row)


async def lock_view(app: App, tx: Transaction, bank: str, application_id: UUID) -> ApplicationView:
    """The same, which nobody else changes before `tx` ends. Raises NotFound."""
    _, row = await _lock(tx, bank, application_id)
    return await to_view(app, row)


async def decide(
    app: App, tx: Transaction, bank: str, application_id: UUID, decision: Decision, by: str = ""
) -> BankApplication:
    """Approve or refuse an application that waits for it. `by` is the bank's officer who does, the
    bank's own system unless given; what a model advised on it is answered for in the log.

    Raises NotFound, IllegalTransition, Conflict LOAN_CONSENT_WITHDRAWN where the company lets the
    bank have nothing any more, InvalidInput for terms outside the product and unknown reasons.
    """
    case, row = await _lock(tx, bank, application_id)
    APPLICATION.next_state(row.state, "offer" if isinstance(decision, Approval) else "refuse")
    if not await store.list_live_consents(row.company_id, bank, tx):
        raise Conflict(texts.CONSENT_WITHDRAWN)
    if isinstance(decision, Approval):
        offer = await _offer(app, row, decision)
        row = await move(
            app, tx, row, "offer", offer=write_offer(offer), valid_until=decision.valid_until,
            wanted=None,
        )  # fmt: skip
    else:
        if decision.reason not in REASONS:
            raise InvalidInput(texts.REASON_UNKNOWN, "reason")
        row = await move(app, tx, row, "refuse", refusal=decision.reason, wanted=None)
    await log_answer(app, tx, row, decision, by or bank)
    await cases.follow_banks(app, tx, case)
    return row


async def ask_document(
    app: App, tx: Transaction, bank: str, application_id: UUID, document: str
) -> BankApplication:
    """Ask the owner for a document by its name; the application waits on. Raises NotFound,
    Conflict where it does not wait for the bank."""
    _, row = await _lock(tx, bank, application_id)
    if row.state != ApplicationState.RECEIVED:
        raise Conflict(texts.APPLICATION_STATE)
    return await _changed(app, tx, row, wanted=document.strip()[:64])


async def confirm_disbursement(
    app: App,
    tx: Transaction,
    bank: str,
    application_id: UUID,
    *,
    on: date,
    amount_fen: int,
    ref: str,
) -> LoanRow:
    """The bank has paid out a signed contract: the loan begins, once.

    Raises NotFound, Conflict LOAN_ALREADY_DISBURSED, IllegalTransition, InvalidInput
    LOAN_AMOUNT_WRONG (Civil Code art. 670: all of it, nothing kept back) and LOAN_DAY_WRONG.
    """
    case, row = await _lock(tx, bank, application_id)
    if row.state == ApplicationState.DISBURSED:
        raise Conflict(texts.ALREADY_DISBURSED)
    APPLICATION.next_state(row.state, "disburse")
    offer = offer_of(row)
    assert offer is not None
    if amount_fen != offer.amount_fen:
        raise InvalidInput(texts.AMOUNT_WRONG, "amount_fen")
    contract = await store.find_contract(row.id)
    assert contract is not None
    if not civil_date(contract.signed_at) <= on <= civil_date(app.clock.now()):
        raise InvalidInput(texts.DAY_WRONG, "on")
    made = await plan_of(app, row, offer, on)
    no = f"{case.no}-{row.no.rpartition('-')[2]}"
    loan = await open_loan(app, tx, row, made.terms, Disbursed(ref[:64], on, amount_fen), no)
    await move(app, tx, row, "disburse")
    await cases.end_disbursed(app, tx, case)
    return loan


async def plan_of(app: App, row: BankApplication, offer: Offer, on: date) -> Plan:
    """The terms and schedule of an offer if it is paid out on a day."""
    product = await products.get_version(row.product, row.product_version)
    return plan(
        *(product, offer.amount_fen, offer.months, offer.form, offer.rate_bps),
        *(on, app.city.calendar),
    )


async def move(
    app: App, tx: Transaction, row: BankApplication, event: str, **values: object
) -> BankApplication:
    """Take a step of an application's state machine. Raises IllegalTransition."""
    state = APPLICATION.next_state(row.state, event)
    return await _changed(app, tx, row, state=state, **values)


async def _changed(
    app: App, tx: Transaction, row: BankApplication, **values: object
) -> BankApplication:
    row = await store.move_application(tx, row, app.clock.now(), **values)
    news = BankApplicationChanged(row.id, row.bank, row.state, row.sequence)
    await app.events.publish(tx, news)
    return row


async def _lock(
    tx: Transaction, bank: str, application_id: UUID
) -> tuple[cases.Case, BankApplication]:
    known = await store.find_application(application_id)
    if known is None or known.bank != bank:
        raise NotFound(NOT_FOUND)
    case = await cases.lock(tx, known.case_id)
    row = await store.lock_application(tx, application_id)
    assert row is not None
    return case, row


async def _offer(app: App, row: BankApplication, approval: Approval) -> Offer:
    """The offer that an approval makes. Raises InvalidInput."""
    today = civil_date(app.clock.now())
    product = await products.get_version(row.product, row.product_version)
    _refuse_outside(product, row, approval, today)
    reference = app.city.rate_bps(product.reference, today)
    rate = reference + approval.margin_bps
    made = plan(
        *(product, approval.amount_fen, approval.months, approval.form, rate),
        *(today, app.city.calendar),
    )
    return Offer(
        approval.amount_fen,
        approval.months,
        approval.form,
        product.reference,
        reference,
        approval.margin_bps,
        approval.valid_until,
        len(made.rows),
        made.rows[0].due_fen,
        made.rows[-1].due_fen,
        made.sheet,
    )


def _refuse_outside(
    product: Product, row: BankApplication, approval: Approval, today: date
) -> None:
    days = (approval.valid_until - today).days
    if not 0 < approval.amount_fen <= min(row.amount_fen, MOST_FEN):
        raise InvalidInput(texts.AMOUNT_WRONG, "amount_fen")
    if not 0 <= days <= _VALID_DAYS_MOST:
        raise InvalidInput(texts.DAY_WRONG, "valid_until")
    if not product.margin_least_bps <= approval.margin_bps <= product.margin_most_bps:
        raise InvalidInput(products.TERMS_OUTSIDE, "margin_bps")


def write_offer(offer: Offer) -> str:
    """An offer as it is kept."""
    return to_json(_OFFER.dump_python(offer, mode="json"), sort_keys=True).decode()


def offer_of(row: BankApplication) -> Offer | None:
    """The offer that a bank has made."""
    return None if row.offer is None else _OFFER.validate_json(row.offer)


def seal_facts(app: App, facts: Sequence[Facts]) -> bytes:
    """What sources said, as it is kept."""
    text = to_json(_FACTS.dump_python(list(facts), mode="json")).decode()
    return app.vault.encrypt(text, FACTS)


def facts_of(app: App, row: BankApplication) -> list[Facts]:
    """What sources said of the company when it applied."""
    if row.facts_sealed is None:
        return []
    return _FACTS.validate_python(orjson.loads(app.vault.decrypt(bytes(row.facts_sealed), FACTS)))


async def to_view(app: App, row: BankApplication) -> ApplicationView:
    """An application for its bank: facts only of sources that are consented to now, and advice only
    while each source that it drew on is."""
    company = await store.find_company(row.company_id)
    assert company is not None
    live = {one.source for one in await store.list_live_consents(row.company_id, row.bank)}
    facts = facts_of(app, row)
    drawn_on = {one.source for one in facts if one.status in (ANSWERED, NONE)}
    assessment = row.assessment if drawn_on <= live else None
    loan = await store.find_loan_of(row.id)
    return ApplicationView(
        id=row.id,
        no=row.no,
        state=ApplicationState(row.state),
        sequence=row.sequence,
        company_name=company.name,
        uscc=company.uscc,
        product=row.product,
        product_version=row.product_version,
        amount_fen=row.amount_fen,
        months=row.months,
        form=RepaymentForm(row.form),
        purpose=app.vault.decrypt(bytes(row.purpose_sealed), PURPOSE),
        facts=[one for one in facts if one.source in live],
        wanted=row.wanted,
        refusal=row.refusal,
        offer=offer_of(row),
        loan_id=None if loan is None else loan.id,
        created_at=row.created_at,
        changed_at=row.changed_at,
        advice=None if assessment is None else orjson.loads(assessment),
    )
