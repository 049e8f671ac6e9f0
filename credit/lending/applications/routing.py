"""From the form to the banks: the company and its consents checked, facts pulled, advice taken.

Runs as jobs when a case begins to wait; everything is decided anew under the case's lock, so a job
that runs twice places an application once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, transaction
from core.errors import InvalidInput
from core.ids import new_id
from core.queue.events import on
from core.texts import Text
from credit.api import Outcome, add_entry
from credit.lending.applications import bank_side, cases
from credit.lending.applications.assess import Assessment, assess, gather
from credit.lending.applications.definition import SERVICE, amount_of, products_of
from credit.lending.applications.domain import APPLICATION, ApplicationState
from credit.lending.companies.service import STAFF
from credit.lending.products import service as products
from credit.lending.products.domain import Product, plan
from credit.lending.records import store, texts
from credit.lending.records.events import BankApplicationChanged
from credit.lending.records.models import PURPOSE, BankApplication, Company
from credit.lending.terms.money_terms import RepaymentForm
from kinds.application.engine import take_outside
from kinds.application.events import CaseAwaits, CaseEnded
from kinds.application.opening import open_form

_POLICY = "POLICY"
"""What the bank's own rules refuse; the assessment says which."""
_CHECKING, _ROUTING = "checking", "routing"


@dataclass(frozen=True, slots=True)
class Placement:
    """An application that is to be placed at a bank."""

    version: int
    product: Product
    company: Company
    assessment: Assessment


@on("applications.CaseAwaits", kinds=SERVICE)
async def case_awaits(app: App, event: CaseAwaits) -> None:
    """Check a case that was submitted, or place one that a person has passed on. Repeat-safe."""
    if event.state in (_CHECKING, _ROUTING):
        await place(app, event.case_id, event.state)


@on("applications.CaseEnded", kinds=SERVICE)
async def case_ended(app: App, event: CaseEnded) -> None:
    """What banks still hold of an ended case ends too. Repeat-safe."""
    step = {"declined": "decline", "expired": "expire"}.get(event.state, "withdraw")
    async with transaction() as tx:
        await cases.lock(tx, event.case_id)
        for row in await store.lock_of_case(tx, event.case_id):
            for one in (step, "withdraw"):
                if APPLICATION.allows(row.state, one):
                    await bank_side.move(app, tx, row, one)
                    break


async def place(app: App, case_id: UUID, state: str) -> None:
    """Check a case and send it to its banks, back to its owner, or to a person."""
    case = await cases.find(case_id)
    form = open_form(app, case)
    company = await store.find_by_uscc(form["uscc"])
    current = await products.list_current()
    chosen = [current[code] for code in products_of(form) if code in current]
    problem = await _problem(app, case.citizen_id, company, form, chosen)
    placements: list[Placement] = []
    if problem is None:
        assert company is not None
        for version, product in chosen:
            facts = await gather(app, company, product)
            key = f"{case_id}:{case.sequence}"  # in the bank's own log
            advice = assess(app, key, company, product, amount_of(form), facts)
            placements.append(Placement(version, product, company, advice))
    async with transaction() as tx:
        case = await cases.lock(tx, case_id)
        if case.state != state:
            return
        if problem is None:
            await _go_on(app, tx, case, form, placements)
            return
        # what a bank has had of it is as it was applied for: its form is changed no more
        had = await store.lock_of_case(tx, case.id)
        note = f"{problem.zh} / {problem.en}"
        await take_outside(app, tx, case, "not_sent" if had else "send_back", note)


async def _go_on(
    app: App,
    tx: Transaction,
    case: cases.Case,
    form: dict[str, str],
    placements: Sequence[Placement],
) -> None:
    for one in sorted(placements, key=lambda one: one.product.bank):  # each locks its bank's log
        if one.assessment.draft is not None:
            await add_entry(
                tx, app.vault, one.assessment.draft, app.clock.now(), person_id=case.citizen_id
            )
    outcomes = [one.assessment.outcome for one in placements]
    by_person = case.state == _ROUTING
    if not by_person and Outcome.REFER in outcomes:
        await take_outside(app, tx, case, "refer")
        return
    existing = {row.bank: row for row in await store.lock_of_case(tx, case.id)}
    for one in placements:
        row = existing.get(one.product.bank)
        if row is None:
            row = await _insert(app, tx, case, form, one)
        elif APPLICATION.allows(row.state, "reopen"):
            known = _knowledge(app, one.assessment)
            row = await bank_side.move(app, tx, row, "reopen", refusal=None, **known)
        if not by_person and one.assessment.outcome is Outcome.DECLINE:
            await bank_side.move(app, tx, row, "refuse", refusal=_POLICY)
    if not by_person and set(outcomes) == {Outcome.DECLINE}:
        await take_outside(app, tx, case, "decline_by_rule")
    else:
        await take_outside(app, tx, case, "route")


def _knowledge(app: App, assessment: Assessment) -> dict[str, object]:
    """What its sources say of a company, and the advice on that, as an application keeps them."""
    facts = bank_side.seal_facts(app, assessment.facts)
    return {"facts_sealed": facts, "assessment": assessment.plain()}


async def _insert(
    app: App, tx: Transaction, case: cases.Case, form: dict[str, str], one: Placement
) -> BankApplication:
    now, product = app.clock.now(), one.product
    application_id = new_id()
    serial = products_of(form).index(product.code) + 1
    await store.insert(
        tx,
        BankApplication,
        id=application_id,
        no=f"{case.no}-{serial}",
        case_id=case.id,
        company_id=one.company.id,
        person_id=case.citizen_id,
        bank=product.bank,
        product=product.code,
        product_version=one.version,
        amount_fen=amount_of(form),
        months=int(form["months"]),
        form=form["form"],
        purpose_sealed=app.vault.encrypt(form["purpose"], PURPOSE),
        **_knowledge(app, one.assessment),
        state=ApplicationState.RECEIVED,
        created_at=now,
        changed_at=now,
    )
    news = BankApplicationChanged(application_id, product.bank, ApplicationState.RECEIVED, 1)
    await app.events.publish(tx, news)
    row = await store.lock_application(tx, application_id)
    assert row is not None
    return row


async def _problem(
    app: App,
    person_id: UUID,
    company: Company | None,
    form: dict[str, str],
    chosen: Sequence[tuple[int, Product]],
) -> Text | None:
    """What keeps an application from its banks; None where nothing does."""
    member = None if company is None else await store.find_member(company.id, person_id)
    if company is None or member is None:
        return texts.COMPANY_UNKNOWN
    if member.role == STAFF and amount_of(form) > (member.limit_fen or 0):
        return texts.LIMIT_EXCEEDED
    if len(chosen) < len(products_of(form)):
        return texts.PRODUCT_UNKNOWN
    if len({product.bank for _, product in chosen}) < len(chosen):
        return texts.SAME_BANK
    today = civil_date(app.clock.now())
    for _, product in chosen:
        if not await store.list_live_consents(company.id, product.bank):
            return texts.CONSENT_MISSING
        rate = app.city.rate_bps(product.reference, today) + product.margin_most_bps
        try:
            form_, months = RepaymentForm(form["form"]), int(form["months"])
            plan(product, amount_of(form), months, form_, rate, today, app.city.calendar)
        except InvalidInput as refused:
            return refused.text
    return None
